"""Intake: numbers, the clock, ticks, duplicates, streets, and what it does to callers and texts."""

import pickle
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.intake import DAY, Door, Intake, IntakeSettings, Refusal
from sentinel.records import UNKNOWN_STREET, End, RoutedTicket, Tick
from sentinel.tickets import TicketEvent

Build = Callable[..., TicketEvent]
CHUANSHA = "310115103"


@pytest.fixture
def intake(door: Door) -> Intake:
    return Intake(door, IntakeSettings())


def the_ticket(intake: Intake, position: int, event: TicketEvent) -> RoutedTicket:
    last = intake.take(position, event).records[-1]
    assert isinstance(last, RoutedTicket)
    return last


def test_records_are_numbered_from_one_without_gaps(intake: Intake, event: Build) -> None:
    seqs = [r.seq for n in range(5) for r in intake.take(n, event(7 * n, ticket_id=f"T{n}")).records]
    seqs += [record.seq for record in intake.end()]
    assert seqs == list(range(1, len(seqs) + 1))


def test_the_clock_is_the_highest_arrival_and_an_early_event_keeps_its_own_time(intake: Intake, event: Build) -> None:
    first = the_ticket(intake, 0, event(0))
    late = the_ticket(intake, 1, event(-180, ticket_id="T2"))
    assert late.clock == first.clock
    assert late.at == first.at - 3 * 3600


def test_an_arrival_time_moves_the_clock_and_not_the_events_own_time(intake: Intake, event: Build) -> None:
    record = the_ticket(intake, 0, event(0, arrived_at="2025-03-03T13:00:00"))
    assert record.clock - record.at == 3600


def test_a_tick_comes_before_the_first_record_at_or_past_its_boundary(intake: Intake, event: Build) -> None:
    intake.take(0, event(1))
    assert intake.take(1, event(4.9, ticket_id="T2")).records[0].clock == event(4.9).at.timestamp()
    tick, ticket = intake.take(2, event(5, ticket_id="T3")).records
    assert isinstance(tick, Tick)
    assert tick.clock == ticket.clock == event(5).at.timestamp()


def test_every_boundary_of_a_quiet_hour_has_its_tick(intake: Intake, event: Build) -> None:
    intake.take(0, event(0))
    *ticks, _ = intake.take(1, event(61, ticket_id="T2")).records
    assert [tick.clock - event(0).at.timestamp() for tick in ticks] == [300.0 * n for n in range(1, 13)]


def test_a_gap_of_months_is_crossed_a_day_at_a_time(intake: Intake, event: Build) -> None:
    intake.take(0, event(0))
    *ticks, last = intake.take(1, event(100 * 1440, ticket_id="T2")).records
    clocks = [tick.clock for tick in ticks]
    assert 100 <= len(ticks) < 100 + 2 * DAY / 300
    assert clocks == sorted(set(clocks))
    assert max(b - a for a, b in pairwise(clocks)) <= DAY
    assert clocks[-1] == last.clock // 300 * 300


def test_the_same_event_twice_counts_once(intake: Intake, event: Build) -> None:
    intake.take(0, event(0))
    assert intake.take(1, event(0, text="换了一种说法")) == ([], Refusal.DUPLICATE)
    assert intake.take(2, event(0, ticket_id="T2")).refused is None
    assert intake.take(3, event(1, event="urged")).refused is None
    assert intake.take(4, event(2, event="urged")).refused is None
    assert intake.take(5, event(1, event="urged")).refused is Refusal.DUPLICATE


@pytest.mark.parametrize("year", [1990, 2025, 2100])
def test_events_a_microsecond_apart_are_two(year: int, intake: Intake, event: Build) -> None:
    first = event(0).at.replace(year=year, second=59, microsecond=999_900)
    events = [event(event="urged", event_at=first + timedelta(microseconds=n)) for n in range(200)]
    assert {intake.take(n, made).refused for n, made in enumerate(events)} == {None}
    assert {intake.take(200 + n, made).refused for n, made in enumerate(events)} == {Refusal.DUPLICATE}


def test_every_field_of_a_record_comes_from_its_own(intake: Intake, event: Build) -> None:
    names = ("ticket_id", "title", "text", "address", "topic", "channel", "handler", "company", "nature", "returned_by")
    fields = {name: f"{name} of it" for name in names}
    due = event(90).at
    made = event(source_tags="110", due_at=due, satisfied="否", solved="是", arrived_at=event(3).at, **fields)
    record = the_ticket(intake, 0, made)
    assert {name: getattr(record, name) for name in names} == fields
    assert record._replace(**dict.fromkeys(names, "")) == RoutedTicket(
        seq=1, clock=event(3).at.timestamp(), street=CHUANSHA, event="created", at=event(0).at.timestamp(),
        tags=("110",), due_at=due.timestamp(), satisfied=False, solved=True, **dict.fromkeys(names, ""),
    )  # fmt: skip


def test_an_event_from_the_future_is_refused_and_does_not_move_the_clock(intake: Intake, event: Build) -> None:
    now = the_ticket(intake, 0, event(0)).clock
    ahead = event(11, ticket_id="T2", arrived_at=event(0).at)
    assert intake.take(1, ahead) == ([], Refusal.FUTURE)
    assert intake.clock == now
    a_little = event(10, ticket_id="T3", arrived_at=event(0).at)
    assert intake.take(2, a_little).refused is None


def test_a_later_event_inherits_the_street_of_its_ticket(intake: Intake, event: Build) -> None:
    assert the_ticket(intake, 0, event(0)).street == CHUANSHA
    assert the_ticket(intake, 1, event(9, event="closed", street="")).street == CHUANSHA
    assert the_ticket(intake, 2, event(10, event="callback", street="张江镇")).street == CHUANSHA


def test_a_street_that_cannot_be_resolved_is_unknown(intake: Intake, event: Build) -> None:
    assert the_ticket(intake, 0, event(0, street="", text="有人吵闹")).street == UNKNOWN_STREET


def test_a_street_is_remembered_only_for_a_bounded_time(door: Door, event: Build) -> None:
    intake = Intake(door, IntakeSettings(remember=10 * DAY))
    intake.take(0, event(0))
    intake.take(1, event(9 * 1440, event="urged"))
    assert the_ticket(intake, 2, event(18 * 1440, event="urged")).street == CHUANSHA
    intake.take(3, event(40 * 1440, ticket_id="T2"))
    assert the_ticket(intake, 4, event(40 * 1440 + 9, event="urged", street="")).street == UNKNOWN_STREET


def test_it_is_the_last_event_from_which_a_ticket_is_remembered(door: Door, event: Build) -> None:
    intake = Intake(door, IntakeSettings(remember=10 * DAY))
    for day in range(20):
        intake.take(2 * day, event(day * 1440, ticket_id=f"T{day}"))
        if day in (2, 8):
            intake.take(2 * day + 1, event(day * 1440, ticket_id="T0", event="urged"))
    assert the_ticket(intake, 100, event(19 * 1440 + 9, ticket_id="T9", event="urged", street="")).street == CHUANSHA
    assert the_ticket(intake, 101, event(19 * 1440 + 9, ticket_id="T0", event="urged", street="")).street != CHUANSHA


def test_texts_are_masked_and_callers_hashed(intake: Intake, event: Build) -> None:
    phone = "13917654321"
    fields = dict.fromkeys(("title", "text", "address", "handler", "company"), f"川沙 {phone}")
    record = the_ticket(intake, 0, event(0, caller=phone, **fields))
    assert phone not in repr(record)
    assert len(record.caller) == 16
    assert record.caller == the_ticket(intake, 1, event(1, ticket_id="T2", caller=phone)).caller
    assert the_ticket(intake, 2, event(2, ticket_id="T3")).caller == ""


def test_a_redelivered_position_gives_nothing_and_changes_nothing(intake: Intake, event: Build) -> None:
    intake.take(0, event(0))
    intake.take(1, event(6, ticket_id="T2"))
    before = pickle.dumps(intake)
    assert intake.take(0, event(0)) == ([], None)
    assert intake.take(1, event(6, ticket_id="T2")) == ([], None)
    assert pickle.dumps(intake) == before


def test_the_end_stops_the_clock_where_it_is(intake: Intake, event: Build) -> None:
    ticket = the_ticket(intake, 0, event(0))
    assert intake.end() == [End(ticket.seq + 1, ticket.clock)]


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(st.integers(-3000, 3000), st.integers(0, 3000)), min_size=1, max_size=40),
    st.sampled_from([300.0, 3600.0]),
)
def test_whatever_comes_the_log_never_goes_back(
    door: Door, event: Build, moments: list[tuple[int, int]], tick: float
) -> None:
    """Events some minutes around noon, each arriving so many minutes after its own time."""
    intake = Intake(door, IntakeSettings(tick=tick))
    log = [
        record
        for n, (minutes, late) in enumerate(moments)
        for record in intake.take(n, event(minutes, ticket_id=f"T{n}", arrived_at=event(minutes + late).at)).records
    ]
    assert [record.seq for record in log] == list(range(1, len(log) + 1))
    assert [record.clock for record in log] == sorted(record.clock for record in log)
    ticks = [record.clock for record in log if isinstance(record, Tick)]
    assert ticks == sorted(set(ticks))
    assert all(clock % tick == 0 for clock in ticks)


@given(
    minutes=st.lists(st.tuples(st.integers(0, 200_000), st.integers(1, 12)), min_size=1, max_size=40),
    cut=st.integers(0, 40),
    remember=st.sampled_from([2 * DAY, 60 * DAY]),
)
@settings(max_examples=150)
def test_an_intake_goes_on_after_the_records_of_another(
    door: Door, event: Build, minutes: list[tuple[int, int]], cut: int, remember: float
) -> None:
    """Whatever comes then, it says what the other would have said."""
    numbers = IntakeSettings(remember=remember)
    one, other = Intake(door, numbers), Intake(door, numbers)
    events = [
        event(at, ticket_id=f"T{who}", street="" if at % 3 else CHUANSHA, address="" if at % 2 else "川沙路1号")
        for at, who in minutes
    ]
    for position, each in enumerate(events[:cut]):
        asked = one.tick(0, one.clock + 1.0) if position % 3 == 1 else []
        for record in (*asked, *one.take(position, each).records):
            other.go_on_after(record)
    other.position = one.position
    for position, each in enumerate(events[cut:], start=cut):
        assert one.take(position, each) == other.take(position, each)
    assert one.tick(0, 0.0) == other.tick(0, 0.0)
    later = one.clock + DAY
    assert one.pass_time(later) == other.pass_time(later)
    assert list(one._known) == list(other._known)


def test_a_tick_that_is_asked_for_comes_once(door: Door) -> None:
    intake = Intake(door, IntakeSettings(tick=300.0))
    first = intake.pass_time(1000.0)
    assert first == []
    (asked,) = intake.tick(0, 900.0)
    assert asked == Tick(1, 1000.0), "the clock does not go back"
    assert intake.tick(0, 1000.0) == [], "what it asks for is decided by the tick before"
    assert intake.tick(1, 0.0) == [Tick(2, 1000.0)]
    assert intake.tick(1, 1001.0) == [Tick(3, 1001.0)]
    assert intake.tick(3, 1300.0) == [Tick(4, 1200.0), Tick(5, 1300.0)], "boundaries keep their own"
    assert intake.tick(4, 1500.0) == [Tick(6, 1500.0)], "and are enough where one comes at that time"
