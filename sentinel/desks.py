"""Handlers across the city: tickets past their limit that pile up, closings that callers contradict."""

from collections import deque
from math import inf
from typing import NamedTuple

from alerts.detection import Facts
from detectors.base import Decision
from detectors.daytypes import after_working_time
from detectors.overdue import OverdueDetector
from detectors.unsatisfied import CONTRADICTED, UnsatisfiedDetector
from sentinel.handling import LONGEST_LIMIT, UTC_OFFSET
from sentinel.records import HandlerDigest
from sentinel.settings import Settings

HOUR, DAY = 3600.0, 86400.0
UNSATISFIED_SHARE = 0.2  # of the city stage's own false alarms


class _Callback(NamedTuple):
    at: float
    ticket_id: str
    contradicted: bool
    withheld: bool


class Desks:
    """Watches every handler."""

    def __init__(self, settings: Settings) -> None:
        rules, budget = settings.handling, settings.budget
        self._window = rules.unsatisfied.within
        self._close = rules.overdue.close
        self._memory = settings.memory.tickets
        self._overdue = OverdueDetector(min_tickets=rules.overdue.tickets)
        self._unsatisfied = UnsatisfiedDetector(
            budget.false_alarms_per_week * budget.city_share * UNSATISFIED_SHARE,
            window_days=self._window / DAY,
            min_bad=rules.unsatisfied.callbacks,
        )
        self._heard: dict[str, float] = {}
        self._bad: dict[str, deque[_Callback]] = {}
        self._spoke: dict[str, Decision] = {}
        self._withheld: dict[str, set[str]] = {}
        """by handler the tickets with a limit that are about the conduct of an office"""
        self._hour = 0.0

    def configure(self, settings: Settings) -> None:
        """Let other settings hold from now on; what was learned stays."""
        fresh = Desks(settings)
        self._window, self._close, self._memory = fresh._window, fresh._close, fresh._memory
        self._overdue.retune(fresh._overdue)
        self._unsatisfied.retune(fresh._unsatisfied)

    def take(self, digest: HandlerDigest) -> None:
        """Note what happened to a ticket at a handler."""
        handler, ticket = digest.handler, digest.ticket_id
        self._heard[handler] = digest.clock
        if digest.left:
            self._overdue.close(handler, ticket, digest.clock)
            self._withheld.get(handler, set()).discard(ticket)
        elif digest.clock - self._memory < digest.due_at < digest.clock + LONGEST_LIMIT:  # else kept for ever
            self._overdue.open(handler, ticket, digest.due_at)
            if digest.withheld:
                self._withheld.setdefault(handler, set()).add(ticket)
        if digest.bad is not None:
            if digest.bad:
                bad = self._bad.setdefault(handler, deque(maxlen=200))
                bad.append(_Callback(digest.at, ticket, digest.contradicted, digest.withheld))
            decision = self._unsatisfied.update(handler, digest.at, digest.bad, digest.contradicted)
            if decision is not None and decision.fired:
                self._spoke[handler] = decision

    def hourly(self, clock: float) -> list[str]:
        """Return, once an hour, the handlers whose piles may be too large though nothing happened there, by name."""
        if clock < self._hour:
            return []
        self._hour = (clock // HOUR + 1) * HOUR
        self._forget(clock - self._memory)
        return self._overdue.large(clock)

    def judge(self, handler: str, clock: float) -> list[tuple[Decision, Facts]]:
        """Return what is wrong at a handler now, with the facts to tell."""
        found = []
        decision = self._spoke.pop(handler, None)
        if decision is not None:
            since = clock - decision.evidence.window
            recent = [c for c in self._bad.get(handler, ()) if c.at > since]
            belied = decision.evidence.statistic == CONTRADICTED
            found.append((decision, self._callback_facts(handler, recent, belied)))
        piled = self._overdue.update(handler, clock)
        if piled is not None and piled.fired:
            found.append((piled, self._pile_facts(handler, piled.evidence.window, clock)))
        return found

    def _forget(self, before: float) -> None:
        """Drop tickets past their limit, and handlers not heard of, since a time."""
        self._overdue.give_up(before)
        held = {h: {t for t in tickets if self._overdue.holds(h, t)} for h, tickets in self._withheld.items()}
        self._withheld = {handler: tickets for handler, tickets in held.items() if tickets}
        silent = [h for h, at in self._heard.items() if at <= before and not self._overdue.holds(h)]
        for handler in silent:
            del self._heard[handler]
            self._bad.pop(handler, None)
            self._spoke.pop(handler, None)
            self._overdue.forget(handler)
            self._unsatisfied.forget(handler)

    def _callback_facts(self, handler: str, bad: list[_Callback], belied: bool) -> Facts:
        """Tell of bad call-backs; if those that contradict a closing made it news, the tickets are theirs."""
        recent = [c for c in bad if c.contradicted] if belied else bad
        ids = tuple(c.ticket_id for c in recent)
        return Facts(
            headline="",
            place=handler,
            ticket_ids=ids,
            ticket_count=len(ids),
            representative_ticket_id=ids[-1] if ids else "",
            first_ticket_at=recent[0].at if recent else 0.0,
            unsatisfied=len(bad),
            contradicted=sum(c.contradicted for c in recent),
            withheld=tuple(c.ticket_id for c in recent if c.withheld),
            withheld_count=sum(c.withheld for c in recent),
        )

    def _pile_facts(self, handler: str, window: float, clock: float) -> Facts:
        """Tell of the tickets that made the pile news; older ones that lie there too are only counted."""
        burst = self._overdue.burst(handler, clock, window)
        ids = tuple(ticket for _, ticket in burst[-200:])
        withheld = self._withheld.get(handler, set())
        return Facts(
            headline="",
            place=handler,
            ticket_ids=ids,
            ticket_count=len(burst),
            representative_ticket_id=ids[0] if ids else "",
            first_ticket_at=burst[0][0] if burst else 0.0,
            overdue=self._overdue.due(handler, -inf, clock),
            due_soon=self._overdue.due(handler, clock, after_working_time(clock, self._close, UTC_OFFSET)),
            withheld=tuple(ticket for ticket in ids if ticket in withheld),
            withheld_count=sum(ticket in withheld for _, ticket in burst),
        )
