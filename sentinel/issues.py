"""What a street knows of one issue beside its place among the others: people, tickets, handling, texts."""

from bisect import bisect_right, insort
from dataclasses import dataclass, field

from alerts.detection import HandlerLoad
from sentinel.records import RoutedTicket

MAX_TICKETS = 200
MAX_TIMES = 1000
TEXTS_FIRST, TEXTS_LAST = 2, 4
TEXT_KEPT = 200
UNDISPATCHED = ""


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
    ticket_ids: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    """event times of the last tickets, ascending"""
    texts: list[tuple[str, str, str]] = field(default_factory=list)
    """(ticket id, title, text) of the first and the last few tickets"""
    closed_at: float = 0.0
    """when the last ticket of it was closed, 0 while any is open"""
    open_tickets: int = 0

    def add(self, ticket: RoutedTicket, topic: str, copied: bool) -> None:
        """Count a new ticket."""
        self.count += 1
        self.open_tickets += 1
        self.closed_at = 0.0
        self.first_at = min(self.first_at, ticket.at)
        self.last_at = max(self.last_at, ticket.at)
        if ticket.caller:
            self.callers[ticket.caller] = ticket.at
        else:
            self.unknown_callers += 1
        self.copied += copied
        if len(self.ticket_ids) == MAX_TICKETS:
            del self.ticket_ids[0]
        self.ticket_ids.append(ticket.ticket_id)
        if len(self.times) == MAX_TIMES:
            del self.times[0]
        insort(self.times, ticket.at)
        if topic:
            self.topics[topic] = self.topics.get(topic, 0) + 1
        for tag in ticket.tags:
            self.tags[tag] = self.tags.get(tag, 0) + 1
        self.load(ticket.handler, 1, 0)
        if len(self.texts) == TEXTS_FIRST + TEXTS_LAST:
            del self.texts[TEXTS_FIRST]
        self.texts.append((ticket.ticket_id, ticket.title, ticket.text[:TEXT_KEPT]))

    def load(self, handler: str, opened: int, closed: int) -> None:
        """Move tickets between a handler's open and closed ones."""
        load = self.handlers.setdefault(handler, [0, 0])
        load[0] += opened
        load[1] += closed
        if load == [0, 0]:
            del self.handlers[handler]

    def tickets_within(self, window: float) -> int:
        """Tickets in the `window` seconds up to the last one; at most 1,000 are known."""
        return len(self.times) - bisect_right(self.times, self.last_at - window)

    @property
    def topic(self) -> str:
        """The topic most tickets have, the first by name on a tie; "" if none has any."""
        return min(self.topics, key=lambda t: (-self.topics[t], t), default="")

    def loads(self) -> tuple[HandlerLoad, ...]:
        """Where the tickets stand, the busiest handler first."""
        order = sorted(self.handlers.items(), key=lambda item: (-sum(item[1]), item[0]))
        return tuple(HandlerLoad(handler, *load) for handler, load in order)
