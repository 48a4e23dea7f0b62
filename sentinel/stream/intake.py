"""Intake on Kafka: `tickets` in; the routed log, or a dead letter, out. One partition, one owner."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import faust

from sentinel.intake import Door, Intake, Refusal
from sentinel.pipeline import intake_settings
from sentinel.records import ConfigChange, Routed, RoutedTicket, of_one_street
from sentinel.settings import ConfigDocument
from sentinel.shared import EncoderUnusableError, OtherEncoderError, Shared
from sentinel.stream import envelope
from sentinel.stream.codec import encode_batch
from sentinel.stream.configurations import Configurations
from sentinel.stream.envelope import Message, Outgoing, PoisonError
from sentinel.stream.faust_source import follow, raw_topic
from sentinel.stream.inbox import ClockPassed, ConfigApplied, FeedbackGiven, StreamEnded, TickWanted, control, receive
from sentinel.stream.metrics import FALSE_ALARM, REAL, Metrics
from sentinel.stream.slot import Unit
from sentinel.stream.stage import Stage
from sentinel.tickets import TicketEvent

HELD_RECORDS: Final = 1000
"""Records that wait at most for others of their partition: what travels together is cheaper than what comes alone."""
HELD_SECONDS: Final = 0.25
"""For so long a ticket waits for others while more are known to have arrived; with none it goes at once."""
TICKS_HELD_SECONDS: Final = 0.5
"""How long a tick waits, in a partition that gets no ticket which would take it along."""
BATCH_RECORDS: Final = 200
BATCH_CHARACTERS: Final = 100_000
"""Of texts in one batch, so that it fits into a message."""
SILENT_SECONDS: Final = 30.0
"""Without a record for so long after a boundary has passed, the wall clock moves ours."""
NEAR_SECONDS: Final = 600.0
"""The wall clock has no say in a clock that is further from it: that is history being replayed."""


class Routing(NamedTuple):
    """What intake remembers of what it has sent."""

    document: ConfigDocument
    """the configuration in force"""
    last: dict[int, int]
    """partition -> number of its last record"""


class IntakeUnit(Unit):
    """Intake's state: the core's `Intake`, and per partition what waits to be sent.

    Parameters
    ----------
    door_of
        From what is shared to what intake does to a ticket's fields.
    objects
        A snapshot's; None to begin, with the configuration `document`, which becomes the log's first record.
    """

    def __init__(
        self,
        configurations: Configurations,
        door_of: Callable[[Shared], Door],
        document: ConfigDocument,
        topic: str,
        source: str,
        metrics: Metrics,
        objects: Mapping[str, Any] | None,
    ) -> None:
        self._configurations = configurations
        self._door_of = door_of
        self._topic = topic
        self._source = source
        self._metrics = metrics
        self._held: dict[int, list[Routed]] = {}
        self._records = 0
        self._ticks_since = 0.0
        self._sent = 0.0
        self._appended = 0.0
        self._touched = {"intake", "routing"}
        self.missing = self.records = 0
        if objects is not None:
            self._intake: Intake = objects["intake"]
            self._routing: Routing = objects["routing"]
            self._shared = configurations.of(self._routing.document).shared
            self._intake.attach(door_of(self._shared), intake_settings(self._shared.settings))
            return
        self._shared = configurations.of(document).shared
        self._intake = Intake(door_of(self._shared), intake_settings(self._shared.settings))
        self._routing = Routing(document, {})
        self._to_all(ConfigChange(0, 0.0, document), self._shared.partitions)

    @property
    def applied(self) -> int:
        """Number of the last record made."""
        return self._intake.seq

    @property
    def document(self) -> ConfigDocument:
        """The configuration in force."""
        return self._routing.document

    @property
    def clock(self) -> float:
        """The log's time, POSIX seconds."""
        return self._intake.clock

    @property
    def issues(self) -> int:
        """None: they are the streets'."""
        return 0

    @property
    def cells(self) -> int:
        """None either."""
        return 0

    @property
    def tick(self) -> float:
        """Seconds between ticks."""
        return self._intake.settings.tick

    def objects(self) -> Mapping[str, object]:
        """The state."""
        return {"intake": self._intake, "routing": self._routing}

    def touched(self) -> frozenset[str]:
        """What may have changed since this was last asked."""
        touched, self._touched = frozenset(self._touched), set()
        return touched

    def take(self, message: Message) -> list[Outgoing]:
        """Apply one message. Raises `PoisonError`."""
        self._touched |= {"intake", "routing"}
        self._appended = message.appended
        self.records += 1
        try:
            received = receive(message)
            outcome = self._event(message, received) if isinstance(received, TicketEvent) else self._control(received)
        except PoisonError:
            self._metrics.tickets.labels("refused").inc()
            raise
        self._metrics.tickets.labels(outcome).inc()
        return self.flush() if self._records >= HELD_RECORDS or isinstance(received, TickWanted) else []

    def flush(self) -> list[Outgoing]:
        """Send everything that waits."""
        return self._send(sorted(self._held))

    def ripe(self, more: bool, /) -> list[Outgoing]:
        """Send what waits where there is a ticket, and ticks that have waited long enough."""
        if not self._held:
            return []
        now = time.monotonic()
        if self._ticks_since and now - self._ticks_since >= TICKS_HELD_SECONDS:
            return self.flush()
        if more and now - self._sent < HELD_SECONDS:
            return []
        return self._send(sorted(p for p, held in self._held.items() if of_one_street(held[-1])))

    def _event(self, message: Message, event: TicketEvent) -> str:
        taken = self._intake.take(message.offset, event, message.appended)
        for record in taken.records:
            if isinstance(record, RoutedTicket):
                self._metrics.late.inc(record.at < record.clock - self.tick)
                self._hold(self._shared.streets.partition(record.street), record)
            else:
                self._to_all(record, self._shared.partitions)
        if taken.refused is Refusal.FUTURE:
            raise PoisonError("lies too far ahead of its arrival: the sender's clock is wrong")
        return taken.refused or "routed"

    def _control(self, received: FeedbackGiven | ClockPassed | TickWanted | StreamEnded | ConfigApplied) -> str:
        partitions = self._shared.partitions
        if isinstance(received, FeedbackGiven):
            street, scope, subject, real = received
            self._metrics.feedback.labels(REAL if real else FALSE_ALARM).inc()
            if street and self._shared.streets.partition(street) not in partitions:
                raise PoisonError("is feedback about a street that is none")
            for record in self._intake.feedback(street, scope, subject, real=real):
                if street:
                    self._hold(self._shared.streets.partition(street), record)
                else:
                    self._to_all(record, partitions)
            return "feedback"
        if isinstance(received, ClockPassed):
            for record in self._intake.pass_time(received.clock):
                self._to_all(record, partitions)
            return "clock"
        if isinstance(received, TickWanted):
            if near(self._appended, self.clock):  # else history is replayed, or nothing was taken yet
                for record in self._intake.tick(received.after, min(received.clock, self._appended)):
                    self._to_all(record, partitions)
            return "tick"
        if isinstance(received, StreamEnded):
            for record in self._intake.end():
                self._to_all(record, partitions)
            return "end"
        try:
            document, shared = self._configurations.of(received.document)
            shared.require(self._shared.encoder.identity)
        except (ValueError, KeyError, TypeError) as error:
            raise PoisonError(f"holds no configuration ({type(error).__name__})") from None
        except (EncoderUnusableError, OtherEncoderError) as error:
            raise PoisonError(f"names an encoder that cannot take over: {error}") from None
        changes = self._intake.change(document, self._door_of(shared), intake_settings(shared.settings))
        self._shared = shared
        self._routing = self._routing._replace(document=document)
        for change in changes:
            self._to_all(change, sorted({*partitions, *shared.partitions}))
        return "config"

    def _hold(self, partition: int, record: Routed) -> None:
        self._held.setdefault(partition, []).append(record)
        self._records += 1

    def _to_all(self, record: Routed, partitions: list[int]) -> None:
        self._ticks_since = self._ticks_since or time.monotonic()
        for partition in partitions:
            self._held.setdefault(partition, []).append(record)
        self._records += 1

    def _send(self, partitions: list[int]) -> list[Outgoing]:
        self._sent = time.monotonic()
        sent: list[Outgoing] = []
        for partition in partitions:
            sent += [self._batch(partition, records) for records in _batches(self._held.pop(partition))]
        self._records = sum(map(len, self._held.values()))
        if not self._held:
            self._ticks_since = 0.0
        return sent

    def _batch(self, partition: int, records: list[Routed]) -> Outgoing:
        before = self._routing.last.get(partition, -1)
        self._routing.last[partition] = records[-1].seq
        street = next((record.street for record in records if isinstance(record, RoutedTicket)), "")
        return Outgoing(
            self._topic,
            partition,
            street.encode(),
            encode_batch(before, records),
            (
                *envelope.envelope(envelope.ROUTED, f"{partition}/{records[0].seq}-{records[-1].seq}", self._source),
                (envelope.APPENDED, str(round(1000 * self._appended)).encode()),
            ),
        )


def _batches(records: list[Routed]) -> Iterator[list[Routed]]:
    batch: list[Routed] = []
    characters = 0
    for record in records:
        size = len(record.text) + len(record.title) if isinstance(record, RoutedTicket) else 0
        if isinstance(record, ConfigChange):
            size = BATCH_CHARACTERS  # travels alone
        if batch and (len(batch) == BATCH_RECORDS or characters + size > BATCH_CHARACTERS):
            yield batch
            batch, characters = [], 0
        batch.append(record)
        characters += size
    if batch:
        yield batch


def near(now: float, clock: float) -> bool:
    """Whether the log has come close to the wall clock, which then has a say in it."""
    return now - clock <= NEAR_SECONDS


def wall_clock(unit: IntakeUnit, now: float) -> float | None:
    """The boundary that the wall clock has passed in silence, None if it has no say."""
    boundary = (now - SILENT_SECONDS) // unit.tick * unit.tick
    return boundary if near(now, unit.clock) and boundary > unit.clock else None


def tick_record(application: str, topic: str, after: int, clock: float) -> Outgoing:
    """The record by which delivery asks for a tick; see `TickWanted`."""
    data = {"after": after, "clock": clock}
    key, value, headers = control(application, envelope.TICK, f"tick-{after}-{clock:.3f}", data)
    return Outgoing(topic, 0, key, value, headers)


def clock_record(application: str, topic: str, clock: float) -> Outgoing:
    """The record by which the wall clock moves ours: it goes through the log, so that it moves it only once."""
    key, value, headers = control(application, envelope.CLOCK, f"clock-{clock:.0f}", {"clock": clock})
    return Outgoing(topic, 0, key, value, headers)


def agent(app: faust.App, stage: Stage) -> None:
    """Register the agent that reads `tickets`."""

    @app.agent(raw_topic(app, stage.source), name="intake")
    async def intake(stream: Any) -> None:
        await follow(stream, stage)
