"""What a street knows of one issue beside its place among the others: people, tickets, handling, texts."""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass, field

from alerts.detection import HandlerLoad
from sentinel.records import RoutedTicket

MAX_TICKETS = 200
MAX_TIMES = 1000
TEXTS_FIRST, TEXTS_LAST = 2, 4
TEXT_KEPT = 200
NAMED = 0.5  # of what tickets that join usually share: 19 of 20 that name one thing share more
ROUNDING = 1e-3  # seconds: a window may be the very age of the issue, and a difference of times is rounded


@dataclass(slots=True)
class Issue:
    """The facts of one live issue of one street. Times are POSIX seconds of event time."""

    id: str
    street: str
    seq: int
    """number of the record that opened it"""
    first_at: float
    last_at: float
    count: int = 0
    unknown_callers: int = 0
    copied: int = 0
    callers: dict[str, float] = field(default_factory=dict)
    """each distinct caller's last ticket"""
    topics: dict[str, int] = field(default_factory=dict)
    tags: dict[str, int] = field(default_factory=dict)
    handlers: dict[str, list[int]] = field(default_factory=dict)
    """handler -> [open tickets, closed tickets]; "" for tickets not dispatched"""
    tickets: list[tuple[int, str]] = field(default_factory=list)
    """(number of the record, ticket id) of the last tickets, in order of arrival"""
    times: list[float] = field(default_factory=list)
    """event times of the last tickets, ascending"""
    texts: list[tuple[str, str, str]] = field(default_factory=list)
    """(ticket id, title, text) of the first and the last few tickets"""
    open_tickets: int = 0
    companies: dict[str, int] = field(default_factory=dict)
    withheld: list[str] = field(default_factory=list)
    """the last tickets about the conduct of an office, in order of arrival"""
    withheld_count: int = 0
    joined: int = 0
    """tickets that joined it"""
    names: float = 0.0
    """what the names are worth, over what is usual, that these shared with one before them, in sum"""
    odds: float = 0.0
    """the log odds that these were about the same thing as those before them, in sum"""

    def join(self, names: float, odds: float) -> None:
        """Note of a ticket that joins what the names are worth, over what is usual, that it shares with one of the
        issue's, and the log odds that it is about the same thing.
        """
        self.joined += 1
        self.names += names
        self.odds += odds

    def add(self, ticket: RoutedTicket, topic: str, copied: bool, withheld: bool = False) -> None:
        """Count a new ticket; `withheld` says that it is about the conduct of an office."""
        at = ticket.at
        self.count += 1
        self.open_tickets += 1
        if at < self.first_at:
            self.first_at = at
        if at > self.last_at:
            self.last_at = at
        if ticket.caller:
            self.callers[ticket.caller] = at
        else:
            self.unknown_callers += 1
        self.copied += copied
        if len(self.tickets) == MAX_TICKETS:
            del self.tickets[0]
        self.tickets.append((ticket.seq, ticket.ticket_id))
        if len(self.times) == MAX_TIMES:
            del self.times[0]
        insort(self.times, at)
        if topic:
            self.topics[topic] = self.topics.get(topic, 0) + 1
        for tag in ticket.tags:
            self.tags[tag] = self.tags.get(tag, 0) + 1
        if ticket.company:
            self.companies[ticket.company] = self.companies.get(ticket.company, 0) + 1
        if withheld:
            self.withheld_count += 1
            self.withheld = [*self.withheld[1 - MAX_TICKETS :], ticket.ticket_id]
        self.load(ticket.handler, 1, 0)
        if len(self.texts) == TEXTS_FIRST + TEXTS_LAST:
            del self.texts[TEXTS_FIRST]
        self.texts.append((ticket.ticket_id, ticket.title, ticket.text[:TEXT_KEPT]))

    def absorb(self, other: Issue) -> None:
        """Take over all of another issue, which has turned out to be this one."""
        self.first_at = min(self.first_at, other.first_at)
        self.last_at = max(self.last_at, other.last_at)
        self.count += other.count
        self.unknown_callers += other.unknown_callers
        self.copied += other.copied
        self.joined += other.joined
        self.names += other.names
        self.odds += other.odds
        self.open_tickets += other.open_tickets
        for caller, at in other.callers.items():
            self.callers[caller] = max(at, self.callers.get(caller, at))
        for topic, count in other.topics.items():
            self.topics[topic] = self.topics.get(topic, 0) + count
        for tag, count in other.tags.items():
            self.tags[tag] = self.tags.get(tag, 0) + count
        for company, count in other.companies.items():
            self.companies[company] = self.companies.get(company, 0) + count
        self.withheld = (other.withheld + self.withheld)[-MAX_TICKETS:]
        self.withheld_count += other.withheld_count
        for handler, (opened, closed) in other.handlers.items():
            self.load(handler, opened, closed)
        self.tickets = sorted(self.tickets + other.tickets)[-MAX_TICKETS:]
        self.times = sorted(self.times + other.times)[-MAX_TIMES:]
        texts = self.texts + other.texts
        self.texts = texts[:TEXTS_FIRST] + texts[TEXTS_FIRST:][-TEXTS_LAST:]

    @property
    def ticket_ids(self) -> tuple[str, ...]:
        """The last tickets' ids, in order of arrival."""
        return tuple(ticket_id for _, ticket_id in self.tickets)

    def load(self, handler: str, opened: int, closed: int) -> None:
        """Move tickets between a handler's open and closed ones."""
        load = self.handlers.setdefault(handler, [0, 0])
        load[0] += opened
        load[1] += closed
        if load == [0, 0]:
            del self.handlers[handler]

    def tickets_within(self, window: float) -> int:
        """Tickets in the `window` seconds up to the last one, both ends included; at most 1,000 are known."""
        return len(self.times) - bisect_left(self.times, self.last_at - window - ROUNDING)

    @property
    def named(self) -> bool:
        """Whether its tickets name the same thing; else they only tell of the same kind of thing."""
        return self.names >= NAMED * self.joined

    @property
    def doubt(self) -> float:
        """How far the log odds that its tickets are about one thing lie below even on average, 0 or more."""
        return max(0.0, -self.odds / self.joined) if self.joined else 0.0

    @property
    def topic(self) -> str:
        """The topic most tickets have, the first by name on a tie; "" if none has any."""
        return min(self.topics, key=lambda t: (-self.topics[t], t), default="")

    def loads(self) -> tuple[HandlerLoad, ...]:
        """Where the tickets stand, the busiest handler first."""
        order = sorted(self.handlers.items(), key=lambda item: (-sum(item[1]), item[0]))
        return tuple(HandlerLoad(handler, opened, closed) for handler, (opened, closed) in order)
