"""What happens to tickets after they are taken: where each stands, and the rules about handling that fails."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from detectors.base import Decision
from detectors.bounced import BouncedDetector
from detectors.daytypes import after_working_time, working_time
from detectors.repeat_call import RepeatCallDetector
from sentinel.cited import cited_numbers
from sentinel.heard import silent
from sentinel.issues import Issue
from sentinel.records import HandlerDigest, RoutedTicket
from sentinel.settings import Settings

DAY = 86400.0
UTC_OFFSET = 8.0  # days of work are Shanghai's
LONGEST_LIMIT = 366 * DAY  # a limit further ahead is a typing error


class Counts(NamedTuple):
    """What an alert about handling tells."""

    returns: int = 0
    hands: int = 0
    repeats: int = 0


class Finding(NamedTuple):
    """A rule about handling that fired."""

    decision: Decision
    counts: Counts


@dataclass(slots=True)
class _Ticket:
    issue: str
    caller: str
    handler: str
    due_at: float
    last: float
    closed_at: float = 0.0
    """0 while it is open"""
    claimed: bool | None = None
    """what the closing said of being solved"""
    returns: int = 0
    hands: tuple[str, ...] = ()
    withheld: bool = False
    suspended_at: float = 0.0
    """0 while it is not"""

    @property
    def settled_at(self) -> float:
        """When it was closed, 0 if it was not, or as unsolved: that is honest, and calling again is no surprise."""
        return 0.0 if self.claimed is False else self.closed_at


class HandlingWatch:
    """Follows every ticket of a street from dispatch to call-back."""

    def __init__(self, settings: Settings) -> None:
        rules = settings.handling
        self._bounced = BouncedDetector(rules.bounced.returns, rules.bounced.handlers)
        self._repeat = RepeatCallDetector(
            min_repeats=rules.repeat_call.calls,
            min_callers=rules.repeat_call.callers,
            memory_days=rules.repeat_call.within / DAY,
        )
        self._tickets: dict[str, _Ticket] = {}
        self._heard: dict[int, list[str]] = {}
        """tickets by the day of an event of theirs, not after that of the last one"""
        self._merged: dict[str, str] = {}
        self.digests: list[HandlerDigest] = []

    def configure(self, settings: Settings) -> None:
        """Let other settings hold from now on; what was learned stays."""
        fresh = HandlingWatch(settings)
        self._bounced.retune(fresh._bounced)
        self._repeat.retune(fresh._repeat)

    def issue_of(self, ticket_id: str) -> str:
        """Return the issue of a ticket, "" if it is not known."""
        known = self._tickets.get(ticket_id)
        if known is None:
            return ""
        while known.issue in self._merged:
            known.issue = self._merged[known.issue]
        return known.issue

    def at_handlers(self, ticket_ids: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """Return which of these tickets each handler has, those not dispatched under ""."""
        found: dict[str, list[str]] = {}
        for ticket_id in ticket_ids:
            known = self._tickets.get(ticket_id)
            if known is not None:
                found.setdefault(known.handler, []).append(ticket_id)
        return {handler: tuple(ids) for handler, ids in found.items()}

    def withheld(self, ticket_id: str) -> bool:
        """Whether a ticket is about the conduct of an office, as far as it is known."""
        known = self._tickets.get(ticket_id)
        return known is not None and known.withheld

    def cited(self, ticket: RoutedTicket) -> str:
        """Return the id of a known ticket that a new one cites by its number, "" if it cites none."""
        numbers = cited_numbers(ticket.title, ticket.text)
        return next((n for n in numbers if n in self._tickets and n != ticket.ticket_id), "")

    def merge(self, issue: str, into: str) -> None:
        """Follow a merge of issues."""
        self._merged[issue] = into
        self._repeat.forget(issue)

    def created(self, ticket: RoutedTicket, issue: str, withheld: bool = False, cited: str = "") -> list[Finding]:
        """Take a new ticket of an issue; it may be a repeat call. `cited` is the ticket that it cites."""
        known = self._tickets.get(cited)
        settled = 0.0 if known is None else known.settled_at
        self._tickets[ticket.ticket_id] = _Ticket(
            issue, ticket.caller, ticket.handler, ticket.due_at or 0.0, ticket.clock, withheld=withheld
        )
        self._heard.setdefault(int(ticket.clock // DAY), []).append(ticket.ticket_id)
        self._tell(ticket, ticket.handler, due_at=ticket.due_at)
        decision = self._repeat.update(issue, ticket.at, ticket.caller, settled)
        if decision is None or not decision.fired:
            return []
        return [Finding(decision, Counts(repeats=int(decision.evidence.observed)))]

    def take(self, ticket: RoutedTicket, issue: Issue | None) -> list[Finding]:
        """Take a later event; `issue` is the one its ticket belongs to, if both are still known."""
        known = self._tickets.get(ticket.ticket_id)
        if known is None:
            return []
        known.last = ticket.clock
        due_at = ticket.due_at or known.due_at
        match ticket.event:
            case "dispatched":
                if issue is not None:
                    issue.load(known.handler, -1, 0)
                    issue.load(ticket.handler, 1, 0)
                self._tell(ticket, known.handler, left=True)
                known.handler, known.due_at = ticket.handler, due_at
                self._tell(ticket, ticket.handler, due_at=due_at)
                return self._moved(known, ticket, self._bounced.update(ticket.ticket_id, ticket.at, ticket.handler))
            case "returned":
                known.returns += 1
                self._tell(ticket, known.handler, left=True)
                return self._moved(known, ticket, self._bounced.update(ticket.ticket_id, ticket.at, returned=True))
            case "closed":
                self._close(known, ticket, issue)
            case "suspended":
                known.suspended_at = known.suspended_at or ticket.at
                self._tell(ticket, known.handler, left=True)
            case "resumed":
                known.due_at = ticket.due_at or _resumed(known, ticket.at)
                known.suspended_at = 0.0
                self._tell(ticket, known.handler, due_at=known.due_at)
            case "callback":
                if ticket.satisfied is not None or ticket.solved is not None:
                    denied = ticket.satisfied is False or ticket.solved is False
                    bad = denied and known.settled_at > 0.0
                    self._tell(
                        ticket,
                        known.handler,
                        bad=bad,
                        contradicted=bad and known.claimed is True and ticket.solved is False,
                    )
        return []

    def drain(self) -> list[HandlerDigest]:
        """Return what the city has not been told yet."""
        digests, self.digests = self.digests, []
        return digests

    def forget(self, before: float) -> None:
        """Drop tickets last heard of at or before a time."""
        for ticket_id in silent(self._heard, int(before // DAY), before, self._last_of):
            del self._tickets[ticket_id]
            self._bounced.forget(ticket_id)

    def _last_of(self, ticket_id: str) -> float | None:
        known = self._tickets.get(ticket_id)
        return None if known is None else known.last

    def forget_issue(self, issue: str) -> None:
        """Drop what is known of an issue's closings."""
        self._repeat.forget(issue)
        self._merged = {old: into for old, into in self._merged.items() if into != issue}

    def _moved(self, known: _Ticket, ticket: RoutedTicket, decision: Decision | None) -> list[Finding]:
        if ticket.handler and ticket.handler not in known.hands:
            known.hands += (ticket.handler,)
        if decision is None or not decision.fired:
            return []
        return [Finding(decision, Counts(returns=known.returns, hands=len(known.hands)))]

    def _close(self, known: _Ticket, ticket: RoutedTicket, issue: Issue | None) -> None:
        self._tell(ticket, known.handler, left=True)
        known.claimed = ticket.solved
        if known.closed_at:
            return
        known.closed_at = ticket.at
        self._bounced.forget(ticket.ticket_id)
        if known.settled_at:
            self._repeat.close(self.issue_of(ticket.ticket_id), ticket.at, known.caller)
        if issue is not None:
            issue.load(known.handler, -1, 1)
            issue.open_tickets -= 1

    def _tell(
        self,
        ticket: RoutedTicket,
        handler: str,
        *,
        due_at: float | None = None,
        left: bool = False,
        bad: bool | None = None,
        contradicted: bool = False,
    ) -> None:
        """Note what the city must know about a handler, if there is anything."""
        if handler and (left or due_at or bad is not None):
            self.digests.append(
                HandlerDigest(
                    ticket.seq, ticket.clock, ticket.street, handler, ticket.ticket_id, ticket.at,
                    due_at or 0.0, left, bad, contradicted, self.withheld(ticket.ticket_id),
                )
            )  # fmt: skip


def _resumed(known: _Ticket, at: float) -> float:
    """The limit of a ticket that is worked on again: what was left of its time when it was suspended still is."""
    if not known.suspended_at or known.due_at <= known.suspended_at:
        return known.due_at
    if known.due_at - known.suspended_at > LONGEST_LIMIT:
        return known.due_at + at - known.suspended_at
    return after_working_time(at, working_time(known.suspended_at, known.due_at, UTC_OFFSET), UTC_OFFSET)
