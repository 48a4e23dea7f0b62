"""The three units over a log in memory, their messages mixed in any way and each crashing at any point."""

import pickle
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from sentinel.intake import Door
from sentinel.partitions import InlinePartitions
from sentinel.pipeline import Pipeline, Said
from sentinel.records import Tick
from sentinel.settings import Settings, load_document
from sentinel.shared import Shared
from sentinel.stream import envelope, snapshot
from sentinel.stream.city import CityUnit
from sentinel.stream.codec import decode_batch
from sentinel.stream.configurations import Configurations
from sentinel.stream.envelope import Message, Outgoing, header
from sentinel.stream.inbox import control
from sentinel.stream.intake import IntakeUnit, tick_record, wall_clock
from sentinel.stream.journal import Follower
from sentinel.stream.metrics import Metrics
from sentinel.stream.produce import event_to_json
from sentinel.stream.slot import Unit
from sentinel.stream.snapshot import Manifest, Place, Snapshot
from sentinel.stream.street import StreetUnit
from sentinel.tickets import TicketEvent

Make = Callable[[Mapping[str, Any] | None], Unit]


@dataclass
class Kept:
    """What survives a crash: the last snapshot and every segment ever written."""

    last: Snapshot | None = None
    segments: dict[tuple[Place, int], bytes] = field(default_factory=dict)


class Actor:
    """One unit with its source, and what it keeps of itself."""

    def __init__(self, source: list[Message], make: Make) -> None:
        self.source = source
        self.make = make
        self.kept = Kept()
        self.unit = make(None)
        self.position = 0
        self.crashes = 0

    @property
    def busy(self) -> bool:
        """Whether there is anything to do."""
        return self.unit.unfinished or self.position < len(self.source)

    def step(self) -> list[Outgoing]:
        """Go on with the last message, or take the next."""
        if self.unit.unfinished:
            return self.unit.go_on()
        message = self.source[self.position]
        self.position += 1
        return self.unit.take(message)

    def save(self) -> list[Outgoing]:
        """Send what is held back, and take a snapshot."""
        sent = self.unit.flush()
        before = self.kept.last.manifest if self.kept.last else None
        snap = snapshot.take(self.unit.objects(), before, "me", self.position, self.unit.applied, self.unit.touched())
        self.kept.segments |= {(place, snap.manifest.version): part for place, part in snap.changed.items()}
        self.kept.last = snap
        return sent

    def crash(self) -> None:
        """Lose everything and begin again from what is kept."""
        self.crashes += 1
        if self.kept.last is None:
            self.unit, self.position = self.make(None), 0
            return
        manifest = Manifest.from_bytes(self.kept.last.manifest.to_bytes())
        segments = {place: self.kept.segments[place, s.version] for place, s in manifest.segments.items()}
        self.unit, self.position = self.make(snapshot.restore(manifest, segments)), manifest.offset


class World:
    """All units of an application, and its topics as lists."""

    def __init__(self, shared: Shared, door: Door, messages: list[Message], seed: int, *, crashes: bool) -> None:
        self.topics: dict[tuple[str, int], list[Message]] = {("tickets", 0): messages}
        self.chance = random.Random(seed)
        self.crashes = crashes
        metrics = Metrics()
        configurations = Configurations(lambda: shared)
        document = load_document()

        def street(number: int) -> Make:
            return lambda o: StreetUnit(number, configurations, "alerts", "digests", "dead", "routed", metrics, o)

        self.intake = Actor(
            self.topic("tickets", 0),
            lambda o: IntakeUnit(configurations, lambda _: door, document, "routed", "tickets", metrics, o),
        )
        self.streets = [Actor(self.topic("routed", n), street(n)) for n in range(64)]
        self.city = Actor(
            self.topic("digests", 0), lambda o: CityUnit(configurations, "alerts", "digests", "journal", metrics, o)
        )

    def topic(self, name: str, partition: int) -> list[Message]:
        """One partition."""
        return self.topics.setdefault((name, partition), [])

    def send(self, messages: list[Outgoing]) -> None:
        """Append to the topics."""
        for out in messages:
            log = self.topic(out.topic, out.partition)
            log.append(Message(out.topic, out.partition, len(log), 0.0, out.key, out.value, out.headers))

    def run(self) -> None:
        """Let everybody work in any order until nothing is left."""
        actors = [self.intake, *self.streets, self.city]
        while True:
            busy = [actor for actor in actors if actor.busy]
            if not busy:
                self.send(self.intake.unit.flush())
                if not any(actor.busy for actor in actors):
                    return
                continue
            actor = self.chance.choice(busy)
            for _ in range(self.chance.choice([1, 5, 40])):
                if actor.busy:
                    self.send(actor.step())
            rest = self.chance.random()
            self.send(actor.unit.flush() if rest < 0.3 else actor.unit.ripe(rest < 0.6))
            if self.chance.random() < 0.05:
                self.send(actor.save())
            # the only intake and the only city have few turns, and how many depends on how busy the machine is
            if self.crashes and self.chance.random() < (0.15 if actor in (self.intake, self.city) else 0.02):
                actor.crash()

    def alerts(self) -> dict[str, bytes]:
        """Transitions by id; the same id must always mean the same bytes."""
        found: dict[str, bytes] = {}
        for message in self.topic("alerts", 0):
            assert message.value is not None
            assert found.setdefault(header(message.headers, "ce_id"), message.value) == message.value
        return found

    def pushes(self, settings: Settings) -> list[bytes]:
        """What delivery makes of the journal, of which every entry may come more than once."""
        follower, pushes = Follower(settings), []
        for message in self.topic("journal", 0):
            if self.crashes and self.chance.random() < 0.1:
                objects = {name: pickle.loads(pickle.dumps(part)) for name, part in follower.objects().items()}
                follower = Follower(settings, objects)
            pushes += follower.take(message)
        return [push.to_json_line(settings.timezone).encode() for push in pushes]


def messages_of(events: list[TicketEvent], *, finish: bool = True) -> list[Message]:
    found = [
        Message("tickets", 0, n, 2e9, event.ticket_id.encode(), event_to_json(event)) for n, event in enumerate(events)
    ]
    if finish:
        key, value, headers = control("a", envelope.END, "end", {})
        found.append(Message("tickets", 0, len(found), 2e9, key, value, headers))
    return found


@pytest.fixture(scope="module")
def replayed(events: list[TicketEvent], shared: Shared, door: Door) -> list[Said]:
    """All that a replay says."""
    pipeline = Pipeline(shared, door)
    said: list[Said] = []
    for position, event in enumerate(events):
        pipeline.take(position, event)
        said += pipeline.said()
    return [*said, *pipeline.finish()]


@pytest.fixture(scope="module")
def expected(replayed: list[Said], settings: Settings) -> list[bytes]:
    """The lines of a replay."""
    lines = [alert.to_json_line(settings.timezone).encode() for said in replayed for alert in said.alerts]
    assert any(b'"street":""' in line for line in lines), "the city speaks too"
    assert len(lines) > 10
    return lines


@pytest.fixture(scope="module")
def pushed(replayed: list[Said], settings: Settings) -> list[bytes]:
    """What a replay delivers."""
    lines = [push.to_json_line(settings.timezone).encode() for said in replayed for push in said.pushes]
    assert len(lines) > 20
    return lines


def test_the_units_say_what_a_replay_says(
    events: list[TicketEvent],
    shared: Shared,
    door: Door,
    settings: Settings,
    expected: list[bytes],
    pushed: list[bytes],
) -> None:
    world = World(shared, door, messages_of(events), 1, crashes=False)
    world.run()
    assert sorted(world.alerts().values()) == sorted(expected)
    assert len(world.topic("alerts", 0)) == len(expected), "nothing is said twice"
    assert world.pushes(settings) == pushed
    assert world.topic("dead", 0) == []


@pytest.mark.parametrize("seed", [2, 3, 4])
def test_whoever_crashes_when_the_same_is_said(
    seed: int,
    events: list[TicketEvent],
    shared: Shared,
    door: Door,
    settings: Settings,
    expected: list[bytes],
    pushed: list[bytes],
) -> None:
    world = World(shared, door, messages_of(events), seed, crashes=True)
    world.run()
    assert world.intake.crashes
    assert world.city.crashes
    assert sum(actor.crashes for actor in world.streets) > 10
    assert sorted(world.alerts().values()) == sorted(expected)
    assert world.pushes(settings) == pushed
    assert world.topic("dead", 0) == []


@pytest.mark.parametrize("crashes", [False, True])
def test_ticks_that_were_asked_for_stand_in_the_log_and_its_replay_delivers_the_same(
    crashes: bool, events: list[TicketEvent], shared: Shared, door: Door, settings: Settings
) -> None:
    chance = random.Random(9)
    messages: list[Message] = []
    for plain in messages_of(events[:1500]):
        messages.append(plain._replace(offset=len(messages)))
        if chance.random() < 0.05:
            now = events[min(plain.offset, 1499)].arrival.timestamp() + chance.choice([0.0, 5.0, 500.0, 9000.0])
            clock = now + chance.choice([-60.0, 0.0, 1.0, 400.0])
            out = tick_record("a", "tickets", chance.randrange(3000), clock)
            messages.append(Message("tickets", 0, len(messages), now, out.key, out.value, out.headers))
    world = World(shared, door, messages, 8, crashes=crashes)
    world.run()
    routed = [message for (topic, _), log in world.topics.items() if topic == "routed" for message in log]
    records = {r.seq: r for message in routed for r in decode_batch(message.value or b"").records}
    pipeline, said = Pipeline(shared, door, InlinePartitions(shared, shared.partitions)), []
    for seq in sorted(records.keys() - {0}):
        pipeline.route(records[seq])
        said += pipeline.said()
    said += pipeline.rest()
    lines = [alert.to_json_line(settings.timezone).encode() for one in said for alert in one.alerts]
    assert sorted(world.alerts().values()) == sorted(lines)
    pushed = [push.to_json_line(settings.timezone).encode() for one in said for push in one.pushes]
    assert world.pushes(settings) == pushed
    assert len(pushed) > 5
    assert any(isinstance(record, Tick) and record.clock % 300 for record in records.values()), "some were written"
    assert world.topic("dead", 0) == []


def test_records_that_are_missing_are_waited_for(events: list[TicketEvent], shared: Shared, door: Door) -> None:
    """A batch is lost between intake and a street; what follows is not applied until it has been sent again."""
    world = World(shared, door, messages_of(events[:300]), 5, crashes=False)
    world.run()
    street = max(world.streets, key=lambda actor: len(actor.source))
    whole = street.source
    lost = 3
    again = street.make(None)
    sent: list[Outgoing] = []
    for message in [*whole[:lost], *whole[lost + 1 :]]:
        sent += again.take(message)
    applied_before_the_gap = again.applied
    assert again.missing
    for message in whole[lost:]:
        sent += again.take(message)
    assert not again.missing
    assert again.applied == street.unit.applied > applied_before_the_gap
    number = whole[0].partition
    answers = [m.value for m in world.topic("digests", 0) if m.key == str(number).encode()]
    assert [out.value for out in sent if out.topic == "digests"] == answers


def test_the_wall_clock_moves_time_in_silence_and_only_then(
    events: list[TicketEvent], shared: Shared, door: Door
) -> None:
    world = World(shared, door, messages_of(events[:50], finish=False), 6, crashes=False)
    world.run()
    unit = world.intake.unit
    assert isinstance(unit, IntakeUnit)
    boundary = unit.clock // 300 * 300 + 300
    assert wall_clock(unit, boundary - 1) is None, "no boundary has passed"
    assert wall_clock(unit, boundary + 10) is None, "what is on its way may still come"
    assert wall_clock(unit, boundary + 40) == boundary
    assert wall_clock(unit, boundary + 3600) is None, "history is being replayed"
    assert wall_clock(unit, unit.clock - 3600) is None, "the machine's clock is wrong"
    key, value, headers = control("a", envelope.CLOCK, "c", {"clock": boundary})
    before = unit.applied
    message = Message("tickets", 0, 50, 0.0, key, value, headers)
    assert unit.take(message) == []
    assert (unit.applied, unit.clock) == (before + 1, boundary)
    assert {out.partition for out in unit.flush()} == set(shared.partitions)
    assert unit.take(message) == []
    assert unit.applied == before + 1, "the same time twice is one tick"


def test_an_event_without_arrival_far_ahead_of_its_append_is_refused(
    events: list[TicketEvent], shared: Shared, door: Door
) -> None:
    world = World(shared, door, messages_of(events[:5], finish=False), 7, crashes=False)
    world.run()
    at = events[4].at.timestamp()
    value = b'{"ticket_id":"X","created_at":"2031-01-01T00:00:00","text":"\xe5\x81\x9c\xe6\xb0\xb4"}'
    with pytest.raises(envelope.PoisonError, match="ahead"):
        world.intake.unit.take(Message("tickets", 0, 5, at + 60, b"X", value))
    assert world.intake.unit.clock < at + 1  # type: ignore[attr-defined]
