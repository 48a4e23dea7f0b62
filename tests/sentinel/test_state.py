"""State: whatever is loaded from its own pickle goes on as if nothing had happened."""

import pickle
from collections.abc import Sequence
from datetime import tzinfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sentinel.intake import Door, Intake, IntakeSettings
from sentinel.partition import Partition
from sentinel.pipeline import Pipeline, Said
from sentinel.records import Routed
from sentinel.shared import Shared
from sentinel.tickets import TicketEvent

AGAIN = 200
few = settings(
    max_examples=3, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow], database=None
)


def lines(rounds: Sequence[Said], zone: tzinfo) -> list[str]:
    return [
        line
        for said in rounds
        for line in (
            *(alert.to_json_line(zone) for alert in said.alerts),
            *(push.to_json_line(zone) for push in said.pushes),
            *map(repr, said.assigned),
            *map(repr, said.issues),
        )
    ]


def restarted(pipeline: Pipeline, shared: Shared, door: Door) -> Pipeline:
    loaded: Pipeline = pickle.loads(pickle.dumps(pipeline))
    loaded.attach(shared, door)
    return loaded


def replayed(events: Sequence[TicketEvent], shared: Shared, door: Door, restart_at: frozenset[int]) -> list[str]:
    """All that is said; at some positions the pipeline is loaded anew and hears the last events again."""
    zone = shared.settings.timezone
    pipeline = Pipeline(shared, door)
    said: list[str] = []
    for position, event in enumerate(events):
        if position in restart_at:
            pipeline = restarted(pipeline, shared, door)
            for again in range(max(0, position - AGAIN), position):
                assert pipeline.take(again, events[again]).records == []
            assert pipeline.said() == []
        pipeline.take(position, event)
        said += lines(pipeline.said(), zone)
    return said + lines(pipeline.finish(), zone)


@pytest.fixture(scope="module")
def uninterrupted(events: list[TicketEvent], shared: Shared, door: Door) -> list[str]:
    return replayed(events, shared, door, frozenset())


def test_the_stream_opens_alerts_of_streets_and_city_to_compare(uninterrupted: list[str]) -> None:
    alerts = [line for line in uninterrupted if line.startswith("{")]
    assert len(alerts) >= 5
    assert any('"resolved"' in line for line in alerts)


@few
@given(data=st.data())
def test_a_pipeline_loaded_from_its_state_goes_on_byte_for_byte(
    data: st.DataObject, events: list[TicketEvent], shared: Shared, door: Door, uninterrupted: list[str]
) -> None:
    points = st.frozensets(st.integers(1, len(events) - 1), min_size=1, max_size=4)
    assert replayed(events, shared, door, data.draw(points)) == uninterrupted


@pytest.fixture(scope="module")
def routed(events: list[TicketEvent], door: Door) -> list[Routed]:
    intake = Intake(door, IntakeSettings())
    records = [record for n, event in enumerate(events) for record in intake.take(n, event).records]
    return [*records, *intake.end()]


@pytest.fixture(scope="module")
def busiest(routed: list[Routed], shared: Shared) -> tuple[int, list[Routed]]:
    """The partition with the most records, and its part of the log."""
    parts: dict[int, list[Routed]] = {number: [] for number in shared.partitions}
    for record in routed:
        street = getattr(record, "street", None)
        for number in parts if street is None else [shared.streets.partition(street)]:
            parts[number].append(record)
    return max(parts.items(), key=lambda item: (len(item[1]), item[0]))


@few
@given(data=st.data())
def test_a_partition_loaded_from_an_old_checkpoint_says_the_same_again(
    data: st.DataObject, busiest: tuple[int, list[Routed]], shared: Shared
) -> None:
    number, records = busiest
    partition = Partition(number, shared)
    checkpoint = data.draw(st.integers(1, len(records) - 1))
    for record in records[:checkpoint]:
        partition.take(record)
    kept = pickle.dumps(partition)
    after = [repr(partition.take(record)) for record in records[checkpoint:]]
    loaded: Partition = pickle.loads(kept)
    loaded.attach(shared)
    assert [repr(loaded.take(record)) for record in records[checkpoint:]] == after


def test_a_partition_drops_records_it_has_applied(busiest: tuple[int, list[Routed]], shared: Shared) -> None:
    number, records = busiest
    partition = Partition(number, shared)
    for record in records:
        partition.take(record)
    state = pickle.dumps(partition)
    for record in records[-AGAIN:]:
        again = partition.take(record)
        assert [*again.alerts, *again.digests, *again.issues] == []
        assert again.assigned is None
    assert pickle.dumps(partition) == state


def test_no_state_holds_the_callers_key_or_the_configuration(
    events: list[TicketEvent], shared: Shared, door: Door
) -> None:
    pipeline = Pipeline(shared, door)
    for position, event in enumerate(events[:50]):
        pipeline.take(position, event)
    state = pickle.dumps(pipeline)
    for caller in {event.caller for event in events[:50]} - {""}:
        assert caller.encode() not in state
    for name in (b"CallerHasher", b"StreetResolver", b"Lexicon", b"sentinel.settings"):
        assert name not in state
