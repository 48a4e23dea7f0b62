"""Rounds: the partitions' answers to ticks, gathered until the city may take them in the order of their numbers.

A round is over when every partition with a street has answered its tick. So what the city sees, and says, does
not depend on which worker has which partition, nor on which of them is fast.
"""

from collections.abc import Iterable, Sequence
from heapq import heappop, heappush
from typing import Generic, TypeVar

from sentinel.records import ConfigChange, Digest, Feedback, ForAll, Heartbeat

Item = TypeVar("Item")


class Waiting(Generic[Item]):
    """What waits until a number is reached: out in the order of the numbers, and of coming in."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Item]] = []
        self._came = 0

    def put(self, number: int, item: Item) -> None:
        """Let it wait."""
        heappush(self._heap, (number, self._came, item))
        self._came += 1

    def up_to(self, number: int) -> list[Item]:
        """Let go of what waits for this number or one before."""
        items = []
        while self._heap and self._heap[0][0] <= number:
            items.append(heappop(self._heap)[2])
        return items


class Rounds:
    """State machine that gathers answers. What a partition has answered already is a repeat and is skipped.

    Parameters
    ----------
    partitions
        Those that answer. A change of the configuration may name others.
    """

    def __init__(self, partitions: Iterable[int]) -> None:
        self.answered = dict.fromkeys(partitions, -1)
        """partition -> number of the last tick it answered"""
        self.applied = -1
        self._waiting = set(self.answered)
        self._ticks: dict[int, ForAll] = {}
        self._order: list[int] = []
        """a heap of their numbers"""
        self._held = Waiting[Digest]()

    def take(self, partition: int, ticks: Sequence[ForAll], digests: Sequence[Digest]) -> None:
        """Take a partition's answer to some ticks: all that its streets had to tell up to the last of them."""
        before = self.answered.get(partition, -1)
        self.answered[partition] = max(before, ticks[-1].seq)
        for tick in ticks:
            if tick.seq > self.applied and tick.seq not in self._ticks:
                self._ticks[tick.seq] = tick
                heappush(self._order, tick.seq)
        for digest in digests:
            if digest.seq > before:
                self._held.put(digest.seq, digest)

    @property
    def over(self) -> bool:
        """Whether a round is over that `next` has not returned."""
        return bool(self._order) and self._order[0] <= min(self.answered[partition] for partition in self._waiting)

    def next(self) -> Heartbeat | None:
        """Return the next round that is over, with all digests up to its number; None if there is none."""
        if not self.over:
            return None
        self.applied = seq = heappop(self._order)
        tick = self._ticks.pop(seq)
        return Heartbeat(
            seq,
            tick.clock,
            0,
            tuple(self._held.up_to(seq)),
            tick if isinstance(tick, ConfigChange | Feedback) else None,
        )

    def wait_for(self, partitions: Iterable[int]) -> None:
        """Wait for these partitions from now on; a new one has answered what is over already."""
        self._waiting = set(partitions)
        for partition in sorted(self._waiting):
            self.answered[partition] = max(self.answered.get(partition, -1), self.applied)
