"""One source partition as a worker has it: the state machine over its messages, and how far that is written."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Protocol

from sentinel.stream.envelope import Message, Outgoing
from sentinel.stream.snapshot import Manifest


class Unit(Protocol):
    """The state of one source partition: a state machine over the messages of that partition."""

    missing: int
    """number of a record that should have come and has not; 0 if none"""
    records: int
    """tickets applied since it was made or loaded"""

    @property
    def applied(self) -> int:
        """Number of the last record applied."""

    @property
    def clock(self) -> float:
        """The log's time here, POSIX seconds; 0 before the first message."""

    @property
    def issues(self) -> int:
        """Issues alive."""

    @property
    def cells(self) -> int:
        """Series of counts that are kept."""

    def take(self, message: Message) -> list[Outgoing]:
        """Apply a message; return what to send. A `PoisonError` makes the message a dead letter."""

    @property
    def unfinished(self) -> bool:
        """Whether there is more to do about what was taken, by `go_on`; the state holds it until then."""
        return False

    def go_on(self) -> list[Outgoing]:
        """Do a part of it, so short that everything else may wait; return what to send."""
        return []

    def flush(self) -> list[Outgoing]:
        """Return everything that is held back for company."""
        return []

    def ripe(self, more: bool, /) -> list[Outgoing]:
        """Return what has been held back for long enough, given whether more of its source is there already."""
        del more
        return []

    def objects(self) -> Mapping[str, object]:
        """The state, in pieces that share nothing."""

    def touched(self) -> frozenset[str]:
        """Which of them may have changed since this was last asked."""


class Slot:
    """One source partition that this worker owns."""

    def __init__(self, partition: int, unit: Unit, owner: str, position: int | None, generation: int) -> None:
        self.partition = partition
        self.unit = unit
        self.owner = owner
        self.position = position
        """offset of the next message; None if any may be the first"""
        self.generation = generation
        self.manifest: Manifest | None = None
        self.others: list[bytes] = []
        self.committed = position or 0
        self.messages = 0
        """applied since the last snapshot"""
        self.records = 0
        """of the unit, at the last snapshot"""
        self.worked = 0.0
        """seconds spent since then"""
        self.cost = 0.0
        """seconds that the last snapshot took"""
        self.since = time.monotonic()
        self.first = position is None
        """whether its first message is still to come: with that it is settled under which configuration all begins"""
        self.halted = ""
        self.more = False
        """whether its source is known to hold more"""
        self.writing = False
        self.closed = False
