"""Tickets past their time limit piling up at a handler: ``overdue``."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Mapping
from math import exp
from typing import ClassVar, Final

from detectors.base import DAY, Basis, Decision, Detector, Evidence, Kind
from detectors.tails import interval, score_of, upper_tail

# Overdue tickets come and go together (one stuck matter, one absent clerk).
_DISPERSION: Final = 2.0


class _Desk:
    """What lies open at one handler: limits by ticket, the limits sorted, the usual pile."""

    __slots__ = ("due", "limits", "measured_at", "usual")

    def __init__(self, usual: float) -> None:
        self.due: dict[str, float] = {}
        self.limits: list[float] = []
        self.usual = usual
        self.measured_at: float | None = None


class OverdueDetector(Detector):
    """Fires when the pile of overdue tickets at a handler is well above that handler's own past.

    Parameters
    ----------
    min_tickets
        Fewest overdue tickets that may fire.
    least_p
        Fires below this probability of such a pile, given the usual one.
    usual
        Usual pile of a handler not seen before, in tickets.
    memory_days
        Days after which the past's weight in the usual pile has fallen to 1/e.

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
    An exponentially weighted mean and a negative binomial tail: a rule, outside the budget.
    """

    kind: ClassVar[Kind] = "overdue"
    basis: ClassVar[Basis] = "rule"

    def __init__(
        self,
        min_tickets: int = 5,
        least_p: float = 0.001,
        usual: float = 1.0,
        memory_days: float = 30.0,
    ) -> None:
        self.min_tickets = min_tickets
        self.least_p = least_p
        self.usual = usual
        self.memory_days = memory_days
        self._desks: dict[str, _Desk] = {}
        self._passed = self._weight = 0.0

    def open(self, key: str, ticket: str, due: float) -> None:
        """A ticket due at ``due`` came to the handler ``key``; a second call moves its limit."""
        self.close(key, ticket)
        desk = self._desks.get(key)
        if desk is None:
            desk = self._desks[key] = _Desk(self.usual)
        desk.due[ticket] = due
        insort(desk.limits, due)

    def close(self, key: str, ticket: str) -> None:
        """A ticket left the handler: closed, returned, suspended or passed on; unknown ones are no error."""
        desk = self._desks.get(key)
        if desk is not None and (due := desk.due.pop(ticket, None)) is not None:
            del desk.limits[bisect_left(desk.limits, due)]

    def limits(self, key: str) -> Mapping[str, float]:
        """The limits of the tickets that lie open at a handler, by ticket; not to be changed."""
        desk = self._desks.get(key)
        return {} if desk is None else desk.due

    def pass_time(self, t: float) -> list[str]:
        """Let the piles at ``t`` become usual; return the handlers, by name, whose pile is for ``update`` to judge."""
        large = []
        for key, desk in self._desks.items():
            if desk.limits:
                pile = bisect_right(desk.limits, t)
                if pile >= self.min_tickets:
                    large.append(key)
                else:
                    self._measure(desk, t, pile)
        return sorted(large)

    def give_up(self, before: float) -> None:
        """Drop the tickets whose limit lies at or before a time: that they were never closed is no news."""
        for desk in self._desks.values():
            if desk.limits and desk.limits[0] <= before:
                desk.due = {ticket: due for ticket, due in desk.due.items() if due > before}
                del desk.limits[: bisect_right(desk.limits, before)]

    def update(self, key: str, t: float) -> Decision | None:
        """Judge a handler's pile at ``t``; ``None`` if it is small."""
        desk = self._desks.get(key)
        if desk is None:
            return None
        pile = bisect_right(desk.limits, t)
        usual = desk.usual
        self._measure(desk, t, pile)
        if pile < self.min_tickets:
            return None
        chance = upper_tail(pile, usual, _DISPERSION)
        low, high = interval(usual, _DISPERSION)
        evidence = Evidence(
            statistic="pile",
            observed=float(pile),
            expected=usual,
            low=low,
            high=high,
            score=score_of(chance),
            p_value=chance,
        )
        return Decision(self.kind, chance < self.least_p, self.basis, evidence)

    def forget(self, key: str) -> None:
        """Drop a handler."""
        self._desks.pop(key, None)

    def _measure(self, desk: _Desk, t: float, pile: int) -> None:
        """Move the usual pile towards the present one, by the time that has passed."""
        before = desk.measured_at
        if before is None:
            desk.measured_at = t
        elif t > before:
            if t - before != self._passed:
                # The same for nearly all desks when time passes for all.
                self._passed = t - before
                self._weight = 1.0 - exp(-self._passed / DAY / self.memory_days)
            desk.usual += self._weight * (pile - desk.usual)
            desk.measured_at = t
