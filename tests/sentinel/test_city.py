"""The city: waits for all, takes digests by number, and finds what spans streets whoever answers first."""

from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sentinel.city import City
from sentinel.intake import Door, Intake, IntakeSettings
from sentinel.partitions import InlinePartitions
from sentinel.records import Digest, Feedback, HandlerDigest, Heartbeat, IssueDigest, RoutedTicket
from sentinel.shared import Shared
from sentinel.tickets import TicketEvent

SOURCES = 3


@pytest.fixture(scope="module")
def beats(events: list[TicketEvent], shared: Shared, door: Door) -> list[list[Heartbeat]]:
    """Rounds of heartbeats, one of each source, with the digests of a third of the streets each."""
    intake = Intake(door, IntakeSettings(tick=4 * 3600.0))
    records = [record for n, event in enumerate(events) for record in intake.take(n, event).records]
    records += intake.end()
    partitions = InlinePartitions(shared, shared.partitions)
    for record in records:
        if isinstance(record, RoutedTicket):
            partitions.ticket(shared.streets.partition(record.street), record)
        else:
            partitions.tick(record)
    whole = [said.heartbeat for outputs in partitions.finish() for said in outputs if said.heartbeat]
    return [[split(beat, source) for source in range(SOURCES)] for beat in whole]


def split(beat: Heartbeat, source: int) -> Heartbeat:
    mine = tuple(d for d in beat.digests if sum(map(ord, d.street)) % SOURCES == source)
    return Heartbeat(beat.seq, beat.clock, source, mine)


def lines(city: City, beats: Sequence[Heartbeat]) -> list[str]:
    return [alert.model_dump_json() for beat in beats for alert in city.take(beat)]


def in_turn(beats: list[list[Heartbeat]]) -> list[Heartbeat]:
    return [beat for answers in beats for beat in answers]


@pytest.fixture(scope="module")
def in_order(beats: list[list[Heartbeat]], shared: Shared) -> list[str]:
    return lines(City(shared, SOURCES), in_turn(beats))


def spreading(streets: Sequence[str], seq: int, beats: list[list[Heartbeat]]) -> tuple[Digest, ...]:
    """The same question, asked in several streets by people of their own."""
    model = next(d for answers in beats for b in answers for d in b.digests if isinstance(d, IssueDigest))
    reading = model.reading
    return tuple(
        model._replace(
            seq=seq + n,
            clock=model.clock + n,
            street=street,
            issue_id=f"iss-{street}",
            caller=f"{n + 1:016x}",
            nature="投诉举报",
            tags=(),
            reading=reading._replace(
                ticket_id=f"S{n}", fields=reading.fields._replace(at=model.clock + n, caller=n + 1)
            ),
        )
        for n, street in enumerate(streets)
    )


def alerts_of_issue(shared: Shared, digests: tuple[Digest, ...]) -> list[str]:
    last = digests[-1]
    said = City(shared, 1).take(Heartbeat(last.seq + 1, last.clock + 1, 0, digests))
    return [alert.scope for alert in said if alert.scope == "issue"]


def test_one_problem_in_many_streets_is_a_city_wide_alert(beats: list[list[Heartbeat]], shared: Shared) -> None:
    streets = [street.code for street in shared.settings.streets.streets][:12]
    assert alerts_of_issue(shared, spreading(streets, 1, beats))


def test_what_stays_in_one_street_is_that_streets_own(beats: list[list[Heartbeat]], shared: Shared) -> None:
    assert alerts_of_issue(shared, spreading(["310115103"] * 12, 1, beats)) == []


def test_touching_streets_add_up_what_they_hear_of_a_topic(beats: list[list[Heartbeat]], shared: Shared) -> None:
    """川沙新镇 touches 唐镇 and 合庆镇; not so 高桥镇, 大团镇 and 三林镇."""
    topic = "公用事业/供水"
    found = {}
    for streets in (["310115103", "310115114", "310115110"], ["310115104", "310115134", "310115130"]):
        digests = tuple(
            digest._replace(topic=topic, issue_id=f"iss-{digest.street}-{n}", level=(0.05, 20.0, 1.2))
            for n, digest in enumerate(spreading(streets * 4, 1, beats))
            if isinstance(digest, IssueDigest)
        )
        city = City(shared, 1)
        city.take(Heartbeat(1, digests[0].clock - 30 * 86400.0, 0, ()))
        said = city.take(Heartbeat(99, digests[-1].clock + 1, 0, digests))
        found[streets[0]] = [alert for alert in said if alert.scope == "area"]
        assert not found[streets[0]] or found[streets[0]][0].topic == topic
    assert found["310115104"] == []
    alert = found["310115103"][0]
    assert alert.title.startswith("高发｜浦东新区｜")
    assert {street.street_name for street in alert.streets} == {"川沙新镇", "唐镇", "合庆镇"}
    assert "一带供水类诉求" in alert.title
    assert (alert.kind, alert.reason, alert.issue_id) == ("rising", "opened", "")
    assert set(alert.ticket_ids) <= {f"S{n}" for n in range(12)}


def test_an_area_that_people_confirm_is_no_work_of_chance(shared: Shared) -> None:
    city = City(shared, 1)
    city._areas.calibrator.observe("公用事业/供水", 86400.0, 3.0)
    feedback = Feedback(1, 86400.0, "", "area", "公用事业/供水@310115103", False)
    city.feedback(feedback)
    assert city._areas.calibrator._open
    city.feedback(feedback._replace(real=True))
    assert not city._areas.calibrator._open


def test_nothing_is_said_until_every_source_has_answered(beats: list[list[Heartbeat]], shared: Shared) -> None:
    streets = [street.code for street in shared.settings.streets.streets][:12]
    digests = spreading(streets, 1, beats)
    beat = Heartbeat(50, digests[-1].clock + 1, 0, digests)
    city = City(shared, 2)
    assert city.take(beat) == []
    assert city.clock == 0.0
    assert city.take(beat._replace(source=1, digests=()))
    assert city.clock == beat.clock


def test_a_digest_past_the_lowest_answer_is_held(beats: list[list[Heartbeat]], shared: Shared) -> None:
    streets = [street.code for street in shared.settings.streets.streets][:12]
    digests = spreading(streets, 100, beats)
    clock = digests[-1].clock + 1
    city = City(shared, 2)
    assert city.take(Heartbeat(200, clock, 0, digests)) == []
    assert city.take(Heartbeat(50, digests[0].clock, 1, ())) == []
    assert city.take(Heartbeat(200, clock, 1, ()))


def test_a_heartbeat_again_says_nothing_more(beats: list[list[Heartbeat]], shared: Shared) -> None:
    once = in_turn(beats)
    again = [beat for answers in beats for beat in (*answers, *answers)]
    assert lines(City(shared, SOURCES), again) == lines(City(shared, SOURCES), once)


def test_piles_at_a_handler_are_found_across_streets(shared: Shared) -> None:
    hour = 3600.0
    start = 1_741_000_000.0
    digests = tuple(
        HandlerDigest(
            n + 1, start + n, f"31011500{n % 4}", "区水务局", f"T{n}", start + n, start + hour, False, None, False
        )
        for n in range(40)
    )
    city = City(shared, 1)
    assert city.take(Heartbeat(41, start + 60, 0, digests)) == []
    alerts = city.take(Heartbeat(42, start + 3 * hour, 0, ()))
    assert [(alert.kind, alert.scope, alert.street) for alert in alerts] == [("overdue", "handler", "")]
    assert "区水务局" in alerts[0].title


@settings(max_examples=4, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 10_000))
def test_whoever_answers_first_the_city_says_the_same(
    beats: list[list[Heartbeat]], shared: Shared, in_order: list[str], seed: int
) -> None:
    """Answers to one tick in any order, and digests inside an answer in any order."""
    random = Random(seed)
    shuffled = []
    for answers in beats:
        for beat in random.sample(answers, len(answers)):
            digests = tuple(random.sample(beat.digests, len(beat.digests)))
            shuffled.append(beat._replace(digests=tuple(sorted(digests, key=lambda d: (d.seq, d.street)))))
    assert lines(City(shared, SOURCES), shuffled) == in_order
