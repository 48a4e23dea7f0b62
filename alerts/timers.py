"""Timers: what falls due next, in (due time, id) order."""

from __future__ import annotations

import heapq
from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class Timers(Generic[Key]):
    """At most one timer a key, cheap to move later, as nearly every ticket of an open alert does.

    A moved timer keeps its place in the heap and is put where it belongs only when it comes to the top; so
    the heap holds an entry for each key, and a few that are out of date.
    """

    def __init__(self) -> None:
        """Start with no timer set."""
        self._due: dict[Key, tuple[float, str]] = {}
        self._queued: dict[Key, tuple[float, str]] = {}
        self._heap: list[tuple[float, str, Key]] = []

    def set(self, key: Key, due: float, owner: str) -> None:
        """Let ``key`` fall due at ``due`` only; ``owner`` orders those due at the same time."""
        self._due[key] = (due, owner)
        if key not in self._queued or (due, owner) < self._queued[key]:
            self._queue(key)

    def set_if_none(self, key: Key, due: float, owner: str) -> None:
        """As `set`, where ``key`` has no timer yet."""
        if key not in self._due:
            self.set(key, due, owner)

    def drop(self, key: Key) -> None:
        """Forget the timer of ``key``, if there is one."""
        self._due.pop(key, None)
        self._queued.pop(key, None)

    def first(self) -> tuple[float, str] | None:
        """Return when the next timer falls due, and its owner; None if there is none."""
        while self._heap:
            due, owner, key = self._heap[0]
            if self._queued.get(key) == (due, owner):
                if self._due[key] == (due, owner):
                    return due, owner
                heapq.heappop(self._heap)
                self._queue(key)
            else:
                heapq.heappop(self._heap)
        return None

    def next_due(self) -> float | None:
        """Return when the next timer falls due, None if there is none."""
        first = self.first()
        return None if first is None else first[0]

    def pop(self) -> Key:
        """Take the timer that falls due next; raises `LookupError` if there is none."""
        if self.first() is None:
            raise LookupError("no timer is set")
        key = heapq.heappop(self._heap)[2]
        self.drop(key)
        return key

    def __getstate__(self) -> dict[Key, tuple[float, str]]:
        """When each falls due; the heap follows from that."""
        return self._due

    def __setstate__(self, due: dict[Key, tuple[float, str]]) -> None:
        """Order them again."""
        self._due, self._queued = due, dict(due)
        self._heap = [(*when, key) for key, when in due.items()]
        heapq.heapify(self._heap)

    def _queue(self, key: Key) -> None:
        self._queued[key] = self._due[key]
        heapq.heappush(self._heap, (*self._due[key], key))
