"""Tickets past their time limit piling up at a handler: ``overdue``."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Mapping
from math import exp
from typing import ClassVar

from detectors.base import DAY, HOUR, Basis, Decision, Detector, Evidence, Kind
from detectors.tails import beta_binomial_tail, interval, score_of


class _Desk:
    """What lies open at one handler, what left it lately, and the decayed past before."""

    __slots__ = ("due", "late", "left_late", "limits", "seen", "total", "within")

    def __init__(self) -> None:
        self.due: dict[str, float] = {}
        """limit of every ticket that lies open"""
        self.limits: list[float] = []
        """the same, sorted"""
        self.left_late: list[float] = []
        """limits in the window of tickets that ran over and have left since, sorted"""
        self.within: dict[int, int] = {}
        """tickets that left before their limit, by hour"""
        self.late = self.total = 0.0
        """tickets of the past that ran over, and all"""
        self.seen = float("-inf")


class OverdueDetector(Detector):
    """Fires when more of a handler's tickets run over their limits than that handler's own past explains.

    A desk of a thousand tickets always has some past their limit, one of ten seldom has three: what is tested is the
    share of the tickets whose time ended lately, beta-binomial given the handler's decayed past and a shipped prior.

    Parameters
    ----------
    min_tickets
        Fewest tickets past their limit and still open that may fire.
    least_p
        Fires below this probability of so large a share.
    window_days
        What counts as lately.
    share, weight
        Shipped share of tickets that run over, 0 to 1, and what it is worth in tickets.
    most
        Tickets that the past is worth at most: what makes desks late comes in bouts, so more of it proves less.
    memory_days
        Days after which the past's weight has fallen to 1/e.

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
        least_p: float = 0.001,
        window_days: float = 5.0,
        share: float = 0.05,
        weight: float = 20.0,
        most: float = 100.0,
        memory_days: float = 60.0,
    ) -> None:
        self.min_tickets = min_tickets
        self.least_p = least_p
        self.window_days = window_days
        self.share = share
        self.weight = weight
        self.most = most
        self.memory_days = memory_days
        self._desks: dict[str, _Desk] = {}

    def open(self, key: str, ticket: str, due: float) -> None:
        """A ticket due at ``due`` came to the handler ``key``; a second call moves its limit."""
        desk = self._desks.get(key)
        if desk is None:
            desk = self._desks[key] = _Desk()
        self._take_away(desk, ticket)
        desk.due[ticket] = due
        insort(desk.limits, due)

    def close(self, key: str, ticket: str, t: float) -> None:
        """A ticket left the handler: closed, returned, suspended or passed on; unknown ones are no error."""
        desk = self._desks.get(key)
        if desk is None:
            return
        due = self._take_away(desk, ticket)
        if due is None:
            return
        if due > t:
            hour = int(t // HOUR)
            desk.within[hour] = desk.within.get(hour, 0) + 1
        else:
            insort(desk.left_late, due)
        self._age(desk, t)

    def limits(self, key: str) -> Mapping[str, float]:
        """The limits of the tickets that lie open at a handler, by ticket; not to be changed."""
        desk = self._desks.get(key)
        return {} if desk is None else desk.due

    def large(self, t: float) -> list[str]:
        """Return the handlers, by name, whose pile at ``t`` is for ``update`` to judge."""
        most = self.min_tickets - 1
        return sorted(key for key, desk in self._desks.items() if len(desk.limits) > most and desk.limits[most] <= t)

    def give_up(self, before: float) -> None:
        """Drop the tickets whose limit lies at or before a time: that they were never closed is no news."""
        for desk in self._desks.values():
            if desk.limits and desk.limits[0] <= before:
                desk.due = {ticket: due for ticket, due in desk.due.items() if due > before}
                gone = bisect_right(desk.limits, before)
                desk.left_late[:0] = desk.limits[:gone]
                desk.left_late.sort()
                del desk.limits[:gone]

    def update(self, key: str, t: float) -> Decision | None:
        """Judge a handler's pile at ``t``; ``None`` if it is small."""
        desk = self._desks.get(key)
        if desk is None:
            return None
        pile = bisect_right(desk.limits, t)
        if pile < self.min_tickets:
            return None
        self._age(desk, t)
        late = len(desk.left_late) + pile - bisect_right(desk.limits, self._oldest(t))
        count = late + sum(desk.within.values())
        past = min(1.0, self.most / desk.total) if desk.total else 0.0
        alpha = self.weight * self.share + past * desk.late
        beta = self.weight * (1.0 - self.share) + past * (desk.total - desk.late)
        chance = beta_binomial_tail(late, count, alpha, beta)
        usual = alpha / (alpha + beta)
        low, high = interval(count * usual, (1.0 - usual) * (1.0 + count / (alpha + beta)))
        evidence = Evidence(
            statistic="share past the limit",
            observed=float(late),
            expected=count * usual,
            low=low,
            high=high,
            window=self.window_days * DAY,
            score=score_of(chance),
            p_value=chance,
        )
        return Decision(self.kind, chance < self.least_p, self.basis, evidence)

    def forget(self, key: str) -> None:
        """Drop a handler."""
        self._desks.pop(key, None)

    def _oldest(self, t: float) -> float:
        return (t // HOUR) * HOUR - self.window_days * DAY

    def _take_away(self, desk: _Desk, ticket: str) -> float | None:
        due = desk.due.pop(ticket, None)
        if due is not None:
            del desk.limits[bisect_left(desk.limits, due)]
        return due

    def _age(self, desk: _Desk, t: float) -> None:
        """Move what is no longer lately into the past."""
        if t <= desk.seen:
            return
        keep = exp(-(t - desk.seen) / DAY / self.memory_days)
        desk.late *= keep
        desk.total *= keep
        desk.seen = t
        oldest = self._oldest(t)
        gone = bisect_right(desk.left_late, oldest)
        if gone:
            del desk.left_late[:gone]
            desk.late += gone
            desk.total += gone
        first = int(oldest // HOUR)
        while desk.within and (hour := next(iter(desk.within))) < first:
            desk.total += desk.within.pop(hour)
