"""Who called when: the distinct callers of a series or issue in trailing windows."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from math import inf

from river import base

from detectors.base import DAY

Caller = str | int
UNKNOWN: Caller = ""
"""Stands for a caller nobody knows; each such ticket is counted, none as a distinct caller."""


class RecentCallers:
    """Distinct callers of one subject within a horizon.

    Each caller is kept with the time of the last call only: a caller is in the window ``(now - w, now]``
    exactly if the last call is, so counting is one bisection whatever the window. Memory is about 0.5 KB
    and 0.13 KB a caller within the horizon.

    Attributes
    ----------
    first, last
        Event time of the earliest and latest call ever, POSIX seconds; infinite before the first.
    total
        Callers ever, each counted again when the horizon had forgotten them. Unknown ones not included.
    tickets
        All calls ever.
    previous
        Event time of the latest call before the one counted last; minus infinity if it was the first.
    fresh
        Whether the call counted last brought a known caller that is new within the horizon.
    before
        Event time of the last call before of the known caller counted last, ``None`` if none is remembered.

    Examples
    --------
    >>> callers = RecentCallers()
    >>> calls = ((0.0, "a"), (60.0, "b"), (90.0, "a"), (95.0, ""))
    >>> [callers.add(t, who, horizon=86400.0) for t, who in calls]
    [True, True, False, False]
    >>> callers.distinct(90.0, 3600.0), callers.unknown(95.0, 3600.0), callers.tickets
    (2, 1, 4)
    """

    __slots__ = ("_last", "_times", "_unknown", "before", "first", "fresh", "last", "previous", "tickets", "total")

    def __init__(self) -> None:
        self.first = inf
        self.last = -inf
        self.total = 0
        self.tickets = 0
        self.previous = -inf
        self.fresh = False
        self.before: float | None = None
        self._last: dict[Caller, float] = {}
        self._times: list[float] = []
        self._unknown: list[float] | None = None

    def add(self, t: float, caller: Caller, horizon: float) -> bool:
        """Count a call; whether its caller is known and new within the horizon (seconds)."""
        self.fresh = False
        self.tickets += 1
        self.previous = last = self.last
        if t < self.first:
            self.first = t
        if t > last:
            self.last = last = t
        oldest = last - horizon
        if caller == UNKNOWN:
            if t > oldest:
                self._add_unknown(t, oldest)
            return False
        self.before = before = self._last.get(caller)
        if t <= oldest:
            return False
        times = self._times
        if before is not None:
            if before >= t:
                return False
            del times[bisect_left(times, before)]
        elif times and times[len(times) // 4] <= oldest:
            self._prune(oldest)
        self._last[caller] = t
        if not times or t >= times[-1]:
            times.append(t)
        else:
            insort(times, t)
        if before is None or before <= oldest:
            self.total += 1
            self.fresh = True
        return self.fresh

    def __len__(self) -> int:
        """How many calls are kept: those within the horizon, and a few older ones."""
        return len(self._times) if self._unknown is None else len(self._times) + len(self._unknown)

    def distinct(self, now: float, window: float) -> int:
        """Known callers in ``(now - window, now]``, each once; calls after ``now`` count too."""
        return len(self._times) - bisect_right(self._times, now - window)

    def count(self, now: float, window: float) -> int:
        """Known callers in ``(now - window, now]``, each once, and tickets of unknown ones."""
        begin = now - window
        count = len(self._times) - bisect_right(self._times, begin)
        if self._unknown is not None:
            count += len(self._unknown) - bisect_right(self._unknown, begin)
        return count

    def reach(self, now: float, windows: Sequence[float], fewest: Sequence[int]) -> bool:
        """Whether the ``count`` in any of the windows (s) is at least its number in ``fewest``, 1 or more."""
        times, unknown = self._times, self._unknown
        kept = len(times)
        for window, least in zip(windows, fewest, strict=True):
            if unknown is not None:
                least -= len(unknown) - bisect_right(unknown, now - window)
            # The n-th call from the end is in the window exactly if the window holds n or more.
            if least <= kept and (least <= 0 or times[-least] > now - window):
                return True
        return False

    def unknown(self, now: float, window: float) -> int:
        """Tickets of unknown callers in ``(now - window, now]``."""
        return 0 if self._unknown is None else len(self._unknown) - bisect_right(self._unknown, now - window)

    def absorb(self, other: RecentCallers, horizon: float) -> None:
        """Count what another subject has counted too: the two have turned out to be one."""
        tickets = self.tickets + other.tickets
        calls = [(t, caller) for caller, t in other._last.items()]
        calls += [(t, UNKNOWN) for t in other._unknown or ()]
        last, first = max(self.last, other.last), min(self.first, other.first)
        for t, caller in sorted(calls, key=lambda call: (call[0], str(call[1]))):
            self.add(t, caller, horizon)
        self.tickets, self.last, self.first = tickets, last, first

    def _add_unknown(self, t: float, oldest: float) -> None:
        if self._unknown is None:
            self._unknown = []
        elif self._unknown and self._unknown[0] <= oldest:
            del self._unknown[: bisect_right(self._unknown, oldest)]
        insort(self._unknown, t)

    def _prune(self, before: float) -> None:
        """Drop what is at or before a time; done once it is a quarter of all, so that a call's cost stays flat."""
        del self._times[: bisect_right(self._times, before)]
        self._last = {caller: t for caller, t in self._last.items() if t > before}


class CallerLedger(base.Base):
    """The recent callers of every live issue, kept once for all detectors that ask for them.

    Parameters
    ----------
    horizon_days
        How long a caller is remembered, in days; at least the longest window of the detectors.

    Examples
    --------
    >>> ledger = CallerLedger()
    >>> callers = ledger.add("issue-1", 0.0, "a")
    >>> ledger.add("issue-1", 5.0, "b").distinct(5.0, 3600.0)
    2
    >>> ledger.forget("issue-1"); len(ledger)
    0
    """

    def __init__(self, horizon_days: float = 14.0) -> None:
        self.horizon_days = horizon_days
        self._issues: dict[str, RecentCallers] = {}

    def add(self, key: str, t: float, caller: Caller) -> RecentCallers:
        """Count one call on an issue and give its callers."""
        callers = self._issues.get(key)
        if callers is None:
            callers = self._issues[key] = RecentCallers()
        callers.add(t, caller, self.horizon_days * DAY)
        return callers

    def get(self, key: str) -> RecentCallers | None:
        """The callers of an issue, ``None`` if it is not known."""
        return self._issues.get(key)

    def merge(self, key: str, into: str) -> None:
        """Let the issue ``into`` take over the callers of ``key``; an unknown ``key`` is no error."""
        old = self._issues.pop(key, None)
        if old is not None:
            self._issues.setdefault(into, RecentCallers()).absorb(old, self.horizon_days * DAY)

    def forget(self, key: str) -> None:
        """Drop an issue; an unknown one is no error."""
        self._issues.pop(key, None)

    def __len__(self) -> int:
        """How many issues are kept."""
        return len(self._issues)
