"""Handlers across the city: tickets past their limit that pile up, closings that callers contradict."""

from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

from alerts.detection import Facts
from detectors.base import Decision
from detectors.daytypes import after_working_time
from detectors.overdue import OverdueDetector
from detectors.unsatisfied import UnsatisfiedDetector
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
        self._withheld: set[tuple[str, str]] = set()
        """(handler, ticket) of those with a limit that are about the conduct of an office"""
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
            self._withheld.discard((handler, ticket))
        elif digest.clock - self._memory < digest.due_at < digest.clock + LONGEST_LIMIT:  # else kept for ever
            self._overdue.open(handler, ticket, digest.due_at)
            if digest.withheld:
                self._withheld.add((handler, ticket))
        if digest.bad is not None:
            if digest.bad:
                bad = self._bad.setdefault(handler, deque(maxlen=200))
                bad.append(_Callback(digest.at, ticket, digest.contradicted, digest.withheld))
            decision = self._unsatisfied.update(handler, digest.at, bad=digest.bad)
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
            since = clock - max(self._window, decision.evidence.window)
            recent = [c for c in self._bad.get(handler, ()) if c.at > since]
            found.append((decision, self._callback_facts(handler, recent)))
        limits = self._overdue.limits(handler)
        if limits:
            piled = self._overdue.update(handler, clock)
            if piled is not None and piled.fired:
                found.append((piled, self._pile_facts(handler, limits, clock)))
        return found

    def _forget(self, before: float) -> None:
        """Drop tickets past their limit, and handlers not heard of, since a time."""
        self._overdue.give_up(before)
        self._withheld = {(h, t) for h, t in self._withheld if t in self._overdue.limits(h)}
        silent = [h for h, at in self._heard.items() if at <= before and not self._overdue.limits(h)]
        for handler in silent:
            del self._heard[handler]
            self._bad.pop(handler, None)
            self._spoke.pop(handler, None)
            self._overdue.forget(handler)
            self._unsatisfied.forget(handler)

    def _callback_facts(self, handler: str, recent: list[_Callback]) -> Facts:
        ids = tuple(c.ticket_id for c in recent)
        return Facts(
            headline="",
            place=handler,
            ticket_ids=ids,
            ticket_count=len(ids),
            representative_ticket_id=ids[-1] if ids else "",
            first_ticket_at=recent[0].at if recent else 0.0,
            unsatisfied=len(recent),
            contradicted=sum(c.contradicted for c in recent),
            withheld=tuple(c.ticket_id for c in recent if c.withheld),
            withheld_count=sum(c.withheld for c in recent),
        )

    def _pile_facts(self, handler: str, limits: Mapping[str, float], clock: float) -> Facts:
        past = sorted((due, ticket) for ticket, due in limits.items() if due <= clock)
        close = after_working_time(clock, self._close, UTC_OFFSET)
        soon = sum(clock < due <= close for due in limits.values())
        ids = tuple(ticket for _, ticket in past)[-200:]
        return Facts(
            headline="",
            place=handler,
            ticket_ids=ids,
            ticket_count=len(past),
            representative_ticket_id=ids[0] if ids else "",
            first_ticket_at=past[0][0] if past else 0.0,
            overdue=len(past),
            due_soon=soon,
            withheld=tuple(ticket for ticket in ids if (handler, ticket) in self._withheld),
            withheld_count=sum((handler, ticket) in self._withheld for _, ticket in past),
        )
