"""Tickets past their time limit piling up at a handler: ``overdue``."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Sequence
from functools import lru_cache
from math import exp, inf
from operator import attrgetter
from typing import ClassVar, Final, NamedTuple, TypeVar

from detectors.base import DAY, HOUR, Basis, Decision, Detector, Evidence, Kind
from detectors.daytypes import before_working_time, day_class, day_start, is_day_off, local_day, working_time
from detectors.tails import beta_binomial_tail, interval, score_of

T = TypeVar("T")

_LAST: Final = "\U0010ffff"  # sorts behind every ticket of the same limit
# After days off desks are back at work, and what fell due meanwhile is through their hands, by noon.
_RESUMES: Final = 12 * HOUR


class _Desk:
    """What lies open at one handler, what left it lately, and the decayed past before."""

    __slots__ = ("due", "limits", "lying", "ran_over", "rested", "resting", "seen", "total", "within")

    def __init__(self, windows: int) -> None:
        self.due: dict[str, float] = {}
        """limit of every ticket that lies open"""
        self.limits: list[tuple[float, str]] = []
        """the same, sorted by limit"""
        self.ran_over: list[tuple[float, float]] = []
        """limit in the longest window, and days of work it lay there after it, of tickets that have left; sorted"""
        self.within: list[float] = []
        """limit, from the begin of the longest window on, of tickets that left before it; sorted"""
        self.lying = [0.0] * windows
        """for each window the tickets of the past, each as the part of the window that it lay past its limit"""
        self.total = 0.0
        """tickets of the past"""
        self.rested = self.resting = 0.0
        """those of them whose limit fell on a day off, and how many of these lay there when work went on"""
        self.seen = -inf


class _Window(NamedTuple):
    """How many of the tickets of a window lie there, and what of that is usual."""

    chance: float
    lying: int
    tickets: int
    alpha: float
    known: float
    length: float
    """until now, seconds"""


class OverdueDetector(Detector):
    """Fires when more of a handler's tickets lie past their limits than that handler's own past explains.

    A desk of a thousand tickets always has some past their limit, one of ten seldom has three: what is tested is how
    many of the tickets whose limit fell into a window lie there still, beta-binomial given the handler's decayed past
    and a shipped prior. What usually runs over is closed soon after, so the longer the window, the smaller a share lies
    there still by chance. Windows are days of work, and what fell due on a day off is not in them before noon of the
    next day of work. Until then it is a window of its own, held against what lay there after the desk's days off of the
    past. The best of all windows counts, times their number (Bonferroni).

    Parameters
    ----------
    min_tickets
        Fewest tickets past their limit and still open, of one window, that may fire.
    least_p
        Fires below this probability of so large a share.
    windows
        Days of work, ascending.
    share, lasts, weight
        Shipped share of tickets that run over, 0 to 1, the days of work after which 1/e of these still lie there, and
        what both are worth in tickets.
    most
        Tickets that the past is worth at most: what makes desks late comes in bouts, so more of it proves less.
    memory_days
        Days after which the past's weight has fallen to 1/e.
    utc_offset
        Of the days, in hours.

    Examples
    --------
    >>> overdue = OverdueDetector()
    >>> for n in range(12):
    ...     overdue.open("城管中队", f"t{n}", due=100.0)
    >>> overdue.update("城管中队", 50.0) is None
    True
    >>> overdue.update("城管中队", 200.0).fired
    True

    References
    ----------
    Beta-binomial prediction: Gelman et al., Bayesian Data Analysis, 3rd ed., sections 2.4 and 5.3. A rule, outside the
    budget.
    """

    kind: ClassVar[Kind] = "overdue"
    basis: ClassVar[Basis] = "rule"

    def __init__(
        self,
        min_tickets: int = 5,
        least_p: float = 0.005,
        windows: Sequence[float] = (1.0, 2.0, 5.0),
        share: float = 0.05,
        lasts: float = 2.0,
        weight: float = 20.0,
        most: float = 300.0,
        memory_days: float = 60.0,
        utc_offset: float = 8.0,
    ) -> None:
        self.min_tickets = min_tickets
        self.least_p = least_p
        self.windows = tuple(windows)
        self.share = share
        self.lasts = lasts
        self.weight = weight
        self.most = most
        self.utc_offset = utc_offset
        self.memory_days = memory_days
        self._desks: dict[str, _Desk] = {}

    def open(self, key: str, ticket: str, due: float) -> None:
        """A ticket due at ``due`` came to the handler ``key``; a second call moves its limit."""
        desk = self._desks.get(key)
        if desk is None:
            desk = self._desks[key] = _Desk(len(self.windows))
        self._take_away(desk, ticket)
        desk.due[ticket] = due
        insort(desk.limits, (due, ticket))

    def close(self, key: str, ticket: str, t: float) -> None:
        """A ticket left the handler: closed, returned, suspended or passed on; unknown ones are no error."""
        desk = self._desks.get(key)
        if desk is None:
            return
        due = self._take_away(desk, ticket)
        if due is None:
            return
        if due > t:
            insort(desk.within, due)
        else:
            insort(desk.ran_over, (due, working_time(due, t, self.utc_offset) / DAY))
        self._age(desk, t)

    def burst(self, key: str, t: float, window: float) -> list[tuple[float, str]]:
        """Limit and name of the tickets that ``update`` found lying there in a window of seconds, oldest first."""
        desk = self._desks.get(key)
        if desk is None:
            return []
        until, _ = self._edges(t)
        since = t - window
        last = t if since >= until else until
        return desk.limits[bisect_right(desk.limits, (since, _LAST)) : bisect_right(desk.limits, (last, _LAST))]

    def due(self, key: str, since: float, until: float) -> int:
        """How many tickets that lie open at a handler have a limit after one time and not after another."""
        desk = self._desks.get(key)
        return 0 if desk is None else _between(desk.limits, since, until, _LAST)

    def holds(self, key: str, ticket: str = "") -> bool:
        """Whether a ticket lies open at a handler; without a name, whether any does."""
        desk = self._desks.get(key)
        return desk is not None and (ticket in desk.due if ticket else bool(desk.due))

    def large(self, t: float) -> list[str]:
        """Return the handlers, by name, whose pile at ``t`` is for ``update`` to judge."""
        most = self.min_tickets - 1
        return sorted(key for key, desk in self._desks.items() if len(desk.limits) > most and desk.limits[most][0] <= t)

    def give_up(self, before: float) -> None:
        """Drop the tickets whose limit lies at or before a time: that they were never closed is no news."""
        for desk in self._desks.values():
            if desk.limits and desk.limits[0][0] <= before:
                gone = bisect_right(desk.limits, (before, _LAST))
                for due, ticket in desk.limits[:gone]:
                    del desk.due[ticket]
                    insort(desk.ran_over, (due, inf))
                del desk.limits[:gone]

    def update(self, key: str, t: float) -> Decision | None:
        """Judge a handler's pile at ``t``; ``None`` if it is small."""
        desk = self._desks.get(key)
        if desk is None or len(desk.limits) < self.min_tickets or desk.limits[self.min_tickets - 1][0] > t:
            return None
        self._age(desk, t)
        found = min(self._windows(desk, t), key=attrgetter("chance"))
        usual, lying, count, known = found.alpha / found.known, found.lying, found.tickets, found.known
        chance = min(1.0, found.chance * (len(self.windows) + 1.0))
        low, high = interval(count * usual, (1.0 - usual) * (1.0 + count / known))
        evidence = Evidence(
            statistic="share past the limit",
            observed=float(lying),
            expected=count * usual,
            low=low,
            high=high,
            window=found.length,
            score=score_of(chance),
            p_value=chance,
        )
        return Decision(self.kind, chance < self.least_p, self.basis, evidence)

    def forget(self, key: str) -> None:
        """Drop a handler."""
        self._desks.pop(key, None)

    def _windows(self, desk: _Desk, t: float) -> Iterator[_Window]:
        """Test what lies there in every window."""
        until, begins = self._edges(t)
        past = min(1.0, self.most / desk.total) if desk.total else 0.0
        for days, since, lay in zip(self.windows, begins, desk.lying, strict=True):
            alpha = self.weight * self._usual(days) + past * lay
            yield self._tested(desk, since, until, t - since, alpha, self.weight + past * desk.total)
        if until < t:
            alpha = self.weight * self.share + past * desk.resting
            yield self._tested(desk, until, t, t - until, alpha, self.weight + past * desk.rested)

    def _tested(self, desk: _Desk, since: float, until: float, length: float, alpha: float, known: float) -> _Window:
        """Test the tickets with a limit between two times; usually a share of ``alpha / known`` lies there."""
        lying = _between(desk.limits, since, until, _LAST)
        count = lying + _between(desk.ran_over, since, until, inf)
        count += bisect_right(desk.within, until) - bisect_right(desk.within, since)
        unusual = lying >= self.min_tickets and lying * known > count * alpha
        chance = beta_binomial_tail(lying, count, alpha, known - alpha) if unusual else 1.0
        return _Window(chance, lying, count, alpha, known, length)

    def _edges(self, t: float) -> tuple[float, tuple[float, ...]]:
        """The last limit that is late by now, and after which limit each window begins."""
        last, begins = _edges_of(int(t // HOUR), self.windows, self.utc_offset)
        return min(t, last), begins

    def _off(self, t: float) -> bool:
        """Whether a time lies on a day off."""
        return is_day_off(day_class(local_day(t, self.utc_offset)))

    def _usual(self, days: float) -> float:
        """Shipped share of the tickets whose limit fell into so many days that lie there still."""
        return self.share * self.lasts / days * (1.0 - exp(-days / self.lasts))

    def _take_away(self, desk: _Desk, ticket: str) -> float | None:
        due = desk.due.pop(ticket, None)
        if due is not None:
            del desk.limits[bisect_left(desk.limits, (due, ticket))]
        return due

    def _age(self, desk: _Desk, t: float) -> None:
        """Move what is no longer lately into the past."""
        if t <= desk.seen:
            return
        keep = exp(-(t - desk.seen) / DAY / self.memory_days)
        desk.total *= keep
        desk.rested *= keep
        desk.resting *= keep
        for n in range(len(self.windows)):
            desk.lying[n] *= keep
        desk.seen = t
        oldest = self._edges(t)[1][-1]
        gone = bisect_right(desk.ran_over, (oldest, inf))
        if gone:
            for due, over in desk.ran_over[:gone]:
                if self._off(due):
                    desk.rested += 1.0
                    desk.resting += over > 0.0
                for n, days in enumerate(self.windows):
                    desk.lying[n] += min(1.0, over / days)
            del desk.ran_over[:gone]
            desk.total += gone
        gone = bisect_right(desk.within, oldest)
        if gone:
            desk.rested += sum(map(self._off, desk.within[:gone]))
            del desk.within[:gone]
            desk.total += gone


def _between(limits: Sequence[tuple[float, T]], since: float, until: float, last: T) -> int:
    """How many limits lie after one time and not after another."""
    return bisect_right(limits, (until, last)) - bisect_right(limits, (since, last))


@lru_cache(maxsize=16)
def _edges_of(hour: int, windows: tuple[float, ...], utc_offset: float) -> tuple[float, tuple[float, ...]]:
    """The last limit that is late in an hour, ``inf`` if no days off matter, and where each window begins."""
    t, last = hour * HOUR, inf
    day = local_day(t - _RESUMES, utc_offset)
    while is_day_off(day_class(day)):
        day -= 1
    if is_day_off(day_class(day + 1)) and day_start(day + 1, utc_offset) < t:
        t = last = day_start(day + 1, utc_offset)
    return last, tuple(before_working_time(t, days * DAY, utc_offset) for days in windows)
