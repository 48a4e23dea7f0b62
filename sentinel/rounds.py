"""Rounds: the partitions' answers to ticks, gathered until the city may take them in the order of their numbers.

A round is over when every partition with a street has answered its tick. So what the city sees, and says, does
not depend on which worker has which partition, nor on which of them is fast.
"""

from collections.abc import Iterable, Sequence

from sentinel.records import ConfigChange, Digest, Feedback, ForAll, Heartbeat


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
        self._held: list[Digest] = []

    def take(self, partition: int, ticks: Sequence[ForAll], digests: Sequence[Digest]) -> None:
        """Take a partition's answer to some ticks: all that its streets had to tell up to the last of them."""
        before = self.answered.get(partition, -1)
        self.answered[partition] = max(before, ticks[-1].seq)
        self._ticks |= {tick.seq: tick for tick in ticks if tick.seq > self.applied}
        self._held += [digest for digest in digests if digest.seq > before]

    def next(self) -> Heartbeat | None:
        """Return the next round that is over, with all digests up to its number; None if there is none."""
        seq = min(self._ticks, default=None)
        if seq is None or seq > min(self.answered[partition] for partition in self._waiting):
            return None
        tick = self._ticks.pop(seq)
        self.applied = seq
        ready = tuple(digest for digest in self._held if digest.seq <= seq)
        self._held = [digest for digest in self._held if digest.seq > seq]
        return Heartbeat(seq, tick.clock, 0, ready, tick if isinstance(tick, ConfigChange | Feedback) else None)

    def wait_for(self, partitions: Iterable[int]) -> None:
        """Wait for these partitions from now on; a new one has answered what is over already."""
        self._waiting = set(partitions)
        for partition in sorted(self._waiting):
            self.answered[partition] = max(self.answered.get(partition, -1), self.applied)
