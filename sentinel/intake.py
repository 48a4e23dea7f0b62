"""The first stage: validated ticket events in; numbered, stamped, masked and routed records out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple, get_args

from sentinel.heard import silent
from sentinel.records import UNKNOWN_STREET, ConfigChange, End, Feedback, Routed, RoutedTicket, Tick
from sentinel.tickets import EventName, TicketEvent
from sentinel.times import posix_seconds

DAY = 86400.0
_CLEAN_NAMES_MAX = 10_000
_EVENT_NUMBERS: Final = {name: number for number, name in enumerate(get_args(EventName))}


class Refusal(StrEnum):
    """Why intake did not route an event."""

    DUPLICATE = "duplicate"
    FUTURE = "future"


class Taken(NamedTuple):
    """What intake made of one event: records to route, or why there is none."""

    records: list[Routed]
    refused: Refusal | None = None


@dataclass(frozen=True)
class IntakeSettings:
    """Intake's own numbers, in seconds."""

    tick: float = 300.0
    future: float = 600.0
    remember: float = 60 * DAY
    """how long a ticket's street and its events are remembered after its last event"""


@dataclass(frozen=True)
class Door:
    """What intake does to a ticket's fields. Pure functions, made from the configuration."""

    street_of: Callable[[str, str, str, str], str]
    """(street, address, text, title) -> street code or `unknown`"""
    mask: Callable[[str], str]
    hash_caller: Callable[[str], str]


class _Known:
    """What is remembered of a ticket."""

    __slots__ = ("events", "last", "street")

    def __init__(self, street: str) -> None:
        self.street = street
        self.events: list[int] = []
        self.last = 0.0


class Intake:
    """State machine of the intake stage.

    Inputs carry their position in the source; one at or below the last position taken is a redelivery and
    is skipped. The clock is the highest arrival so far. Before the first record at or past a multiple of
    `settings.tick` a tick is written for that boundary; across more than a day without records, one a day
    until the last day. Others are written where somebody asks for them.
    """

    _ticked = (0, 0.0)
    """number and clock of the last tick; here, since older state does not have it"""

    def __init__(self, door: Door, settings: IntakeSettings) -> None:
        self.door = door
        self.settings = settings
        self.position = -1
        self.seq = 0
        self.clock = 0.0
        self._boundary = 0.0
        self._known: dict[str, _Known] = {}
        self._heard: dict[int, list[str]] = {}
        """tickets by the day of an event of theirs, not after that of the last one"""
        self._clean_names: set[str] = set()

    def take(self, position: int, event: TicketEvent, appended: float | None = None) -> Taken:
        """Take one event; see the class for redeliveries.

        `appended` is when the source got it, if it knows: it stands in for an arrival that is not given when an
        event is judged to come from the future.
        """
        if position <= self.position:
            return Taken([])
        self.position = position
        at = posix_seconds(event.at)
        arrival = at if event.arrived_at is None else posix_seconds(event.arrived_at)
        heard = arrival if event.arrived_at is not None or appended is None else appended
        if at > max(heard, self.clock) + self.settings.future:
            return Taken([], Refusal.FUTURE)
        ticket_id = event.ticket_id
        identity = _identity(event.event, at)
        known = self._known.get(ticket_id)
        if known is not None and identity in known.events:
            return Taken([], Refusal.DUPLICATE)
        clock = max(self.clock, arrival)
        records = self._ticks(clock)
        self.clock = clock
        mask = self.door.mask
        title, text, address = mask(event.title), mask(event.text), mask(event.address)
        known = self._known.get(ticket_id)  # again, since the ticks may have made it forgotten
        if known is None:
            known = self._known[ticket_id] = _Known(UNKNOWN_STREET)
            self._heard.setdefault(int(clock // DAY), []).append(ticket_id)
        if known.street == UNKNOWN_STREET:
            known.street = self.door.street_of(event.street, address, text, title)
        known.events.append(identity)
        known.last = clock
        self.seq += 1
        records.append(
            RoutedTicket(  # by place, which takes half the time of keywords
                self.seq,
                clock,
                known.street,
                event.event,
                ticket_id,
                at,
                title,
                text,
                event.topic,
                event.nature,
                self._masked_name(event.handler),
                self._masked_name(event.company),
                address,
                event.channel,
                event.source_tags,
                self.door.hash_caller(event.caller),
                None if event.due_at is None else posix_seconds(event.due_at),
                event.satisfied,
                event.solved,
                event.returned_by,
            )
        )
        return Taken(records)

    def pass_time(self, clock: float) -> list[Routed]:
        """Let the clock reach a time though nothing has arrived; return the ticks."""
        clock = max(self.clock, clock)
        records = self._ticks(clock)
        self.clock = clock
        return records

    def tick(self, after: int, clock: float) -> list[Routed]:
        """Write a tick, though no boundary has passed, for whoever waits for a round to be over.

        There is none where the last one comes after the record `after`, and is not before `clock`.
        """
        records = self.pass_time(clock)
        if after < self._ticked[0] and clock <= self._ticked[1]:
            return records
        self.seq += 1
        self._ticked = (self.seq, self.clock)
        return [*records, Tick(self.seq, self.clock)]

    def change(self, document: Mapping[str, dict[str, object]], door: Door, settings: IntakeSettings) -> list[Routed]:
        """Let another configuration hold from here on."""
        self.seq += 1
        self.attach(door, settings)
        return [ConfigChange(self.seq, self.clock, document)]

    def feedback(self, street: str, scope: str, subject: str, *, real: bool) -> list[Routed]:
        """Number what people found out about an alert."""
        self.seq += 1
        return [Feedback(self.seq, self.clock, street, scope, subject, real)]

    def end(self) -> list[Routed]:
        """Close the input: the clock stops where it is."""
        self.seq += 1
        return [End(self.seq, self.clock)]

    def go_on_after(self, record: Routed) -> None:
        """Take a record of another intake, in the order of their numbers, as if this one had made it.

        So an intake goes on where another ended, though it has seen nothing of what that was given: what it must
        remember stands in the records.
        """
        self.seq, self.clock = record.seq, max(self.clock, record.clock)
        if isinstance(record, Tick):
            self._ticked = (record.seq, record.clock)
            on_boundary = record.clock % self.settings.tick == 0 or record.clock % DAY == 0
            if on_boundary:  # one that was asked for moves no boundary
                self._boundary = record.clock
                self._forget(record.clock)
            elif self._boundary == 0.0:
                self._boundary = record.clock // self.settings.tick * self.settings.tick
        elif isinstance(record, RoutedTicket):
            if self._boundary == 0.0:
                self._boundary = record.clock // self.settings.tick * self.settings.tick
            known = self._known.get(record.ticket_id)
            if known is None:
                known = self._known[record.ticket_id] = _Known(record.street)
                self._heard.setdefault(int(record.clock // DAY), []).append(record.ticket_id)
            known.street = record.street
            known.events.append(_identity(record.event, record.at))
            known.last = record.clock

    def __getstate__(self) -> dict[str, object]:
        """State without what belongs to the configuration, the callers' key above all."""
        state = self.__dict__.copy()
        del state["door"], state["settings"], state["_clean_names"]
        return state

    def attach(self, door: Door, settings: IntakeSettings) -> None:
        """Give a restored intake what its state leaves out."""
        self.door = door
        self.settings = settings
        self._clean_names = set()

    def _masked_name(self, name: str) -> str:
        """The name masked. Those that hold nothing to mask recur, and are known by then."""
        if not name or name in self._clean_names:
            return name
        masked = self.door.mask(name)
        if masked == name:
            if len(self._clean_names) >= _CLEAN_NAMES_MAX:
                self._clean_names.clear()
            self._clean_names.add(name)
        return masked

    def _ticks(self, clock: float) -> list[Routed]:
        tick = self.settings.tick
        last = clock // tick * tick
        if self._boundary == 0.0:
            self._boundary = last
            return []
        records: list[Routed] = []
        while self._boundary < last:
            self._boundary += tick
            if last - self._boundary > DAY:
                self._boundary = min(self._boundary // DAY * DAY + DAY, last)
            self.seq += 1
            records.append(Tick(self.seq, self._boundary))
        if records:
            self._ticked = (self.seq, self._boundary)
            self._forget(last)
        return records

    def _forget(self, clock: float) -> None:
        horizon = clock - self.settings.remember
        over = int(horizon // DAY) - 1  # whole days only, since this is asked at every tick
        for ticket_id in silent(self._heard, over, horizon, lambda ticket_id: self._known[ticket_id].last):
            del self._known[ticket_id]


def _identity(event: EventName, at: float) -> int:
    """One number for an event of a ticket: its microsecond and its kind."""
    return round(at * 1e6) * len(_EVENT_NUMBERS) + _EVENT_NUMBERS[event]
