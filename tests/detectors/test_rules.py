"""Urgent and the rules about handling."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.base import Decision
from detectors.bounced import BouncedDetector
from detectors.overdue import OverdueDetector
from detectors.repeat_call import RepeatCallDetector
from detectors.unsatisfied import CONTRADICTED, UnsatisfiedDetector
from detectors.urgent import DangerCue, UrgentDetector
from tests.detectors.streams import DAY, HOUR


@pytest.mark.parametrize(
    ("cues", "fired"),
    [
        ([DangerCue(0.8)], True),
        ([DangerCue(0.7)], True),
        ([DangerCue(0.4)], False),
        ([DangerCue(0.4), DangerCue(0.5)], True),
        ([DangerCue(0.9, negated=True)], None),
        ([DangerCue(0.9, past=True), DangerCue(0.3)], False),
        ([DangerCue(1.0, drill=True)], None),
        ([], None),
    ],
)
def test_urgent_by_its_standing_cues(cues: list[DangerCue], fired: bool | None) -> None:
    decision = UrgentDetector().update(cues)
    assert (None if decision is None else decision.fired) is fired


def test_the_same_caller_again_after_closing() -> None:
    repeat = RepeatCallDetector()
    assert repeat.update("i", 0.0, "a") is None
    repeat.close("i", DAY, "a")
    early = repeat.update("i", DAY - HOUR, "a")
    again = repeat.update("i", 2 * DAY, "a")
    assert early is not None
    assert again is not None
    assert (early.fired, again.fired, again.evidence.statistic) == (False, True, "same caller")


def test_enough_callers_after_closing() -> None:
    repeat = RepeatCallDetector()
    repeat.close("i", 0.0, "a")
    said = [repeat.update("i", HOUR * n, f"c{n}") for n in range(1, 4)]
    assert [decision is not None and decision.fired for decision in said] == [False, False, True]


def test_whoever_cites_a_closed_ticket_calls_again() -> None:
    repeat = RepeatCallDetector()
    known = repeat.update("i", 2 * DAY, "b", cited=DAY)
    assert known is not None
    assert (known.fired, known.evidence.statistic) == (True, "closed ticket cited")
    assert repeat.update("j", 40 * DAY, "b", cited=DAY) is None


def test_a_closing_long_ago_is_forgotten() -> None:
    repeat = RepeatCallDetector()
    repeat.close("i", 0.0, "a")
    assert repeat.update("i", 31 * DAY, "a") is None


def test_returned_three_times_or_three_handlers() -> None:
    bounced = BouncedDetector()
    assert [bounced.update("t", float(n), returned=True) is not None for n in range(3)] == [
        False,
        False,
        True,
    ]
    said = [bounced.update("u", float(n), handler) is not None for n, handler in enumerate("aabac")]
    assert said == [False, False, False, False, True]
    assert bounced.update("v", 0.0) is None


def run_a_desk(overdue: OverdueDetector, days: range, late_one_in: int, key: str = "desk") -> list[Decision]:
    """Eight tickets a day with a limit of one day, of which one in so many is closed three days too late."""
    said = []
    to_close: list[tuple[float, str]] = []
    for n in range(days.start * 8, days.stop * 8):
        t = n * DAY / 8
        overdue.open(key, f"t{n}", due=t + DAY)
        to_close.append((t + (4 * DAY if n % late_one_in == 0 else HOUR), f"t{n}"))
        for at, ticket in sorted(to_close):
            if at <= t:
                overdue.close(key, ticket, at)
                to_close.remove((at, ticket))
        said.append(overdue.update(key, t))
    return [decision for decision in said if decision is not None]


def test_a_pile_above_the_desks_own_past() -> None:
    overdue = OverdueDetector()
    slow = run_a_desk(overdue, range(120), late_one_in=2)
    assert slow
    assert not any(decision.fired for decision in slow[-100:])  # that half run over is what this desk always does
    for n in range(20):
        overdue.open("desk", f"x{n}", due=120 * DAY)
    piled = overdue.update("desk", 121 * DAY)
    assert piled is not None
    assert piled.fired
    assert piled.evidence.observed > piled.evidence.high > piled.evidence.expected
    for n in range(20):
        overdue.close("desk", f"x{n}", 121 * DAY)
    relieved = overdue.update("desk", 121 * DAY)
    assert relieved is not None  # they ran over all the same


def test_five_late_tickets_are_news_at_a_small_desk_and_none_at_a_large_one() -> None:
    small, large = OverdueDetector(), OverdueDetector()
    for n in range(5):
        for overdue in (small, large):
            overdue.open("desk", f"late{n}", due=DAY)
    for n in range(100):
        large.open("desk", f"t{n}", due=DAY)
        large.close("desk", f"t{n}", HOUR)
    told = [overdue.update("desk", 1.5 * DAY) for overdue in (small, large)]
    assert [decision is not None and decision.fired for decision in told] == [True, False]


def test_a_desk_that_closes_nothing_is_soon_no_news() -> None:
    """A source that never says what became of its tickets."""
    overdue = OverdueDetector()
    said = []
    for day in range(200):
        for n in range(3):
            overdue.open("desk", f"{day}-{n}", due=(day + 1) * DAY)
        overdue.give_up((day - 30) * DAY)
        said.append(overdue.update("desk", day * DAY))
    assert not any(decision is not None and decision.fired for decision in said[60:])


def test_a_moved_limit_counts_once() -> None:
    overdue = OverdueDetector(min_tickets=1)
    overdue.open("desk", "t", due=10.0)
    overdue.open("desk", "t", due=100.0)
    assert overdue.update("desk", 50.0) is None
    late = overdue.update("desk", 150.0)
    assert late is not None
    assert late.evidence.observed == 1.0


def test_only_large_piles_are_for_looking_at() -> None:
    overdue = OverdueDetector()
    for handler, tickets in (("small", 4), ("none due", 0), ("large", 9), ("also", 5)):
        for n in range(tickets):
            overdue.open(handler, f"t{n}", due=10.0)
        overdue.open(handler, "later", due=1e12)
    assert overdue.large(9.0) == []
    assert overdue.large(10.0) == ["also", "large"]
    for handler in ("small", "none due"):
        assert overdue.update(handler, 10.0) is None


def test_the_past_is_the_same_however_often_it_was_looked_at() -> None:
    often, seldom = OverdueDetector(), OverdueDetector()
    for n in range(2000):
        t = n * HOUR
        for overdue in (often, seldom):
            overdue.open("desk", f"t{n}", due=t + DAY)
            if n >= 100:
                overdue.close("desk", f"t{n - 100}", t)
        often.update("desk", t)
    told = often.update("desk", 2000 * HOUR), seldom.update("desk", 2000 * HOUR)
    assert told[0] == told[1]


def test_what_was_never_closed_is_given_up() -> None:
    overdue = OverdueDetector(min_tickets=1)
    for n, due in enumerate([30.0, 10.0, 20.0, 10.0]):
        overdue.open("desk", f"t{n}", due)
    overdue.open("other", "o", due=10.0)
    overdue.give_up(10.0)
    assert overdue.burst("desk", 50.0, 50.0) == [(20.0, "t2"), (30.0, "t0")]
    assert overdue.holds("desk", "t0")
    assert not overdue.holds("desk", "t1")
    assert not overdue.holds("other")
    assert overdue.large(50.0) == ["desk"]
    overdue.close("desk", "t1", 50.0)


def test_what_lies_there_on_days_off_is_held_against_earlier_days_off() -> None:
    used, fresh = OverdueDetector(), OverdueDetector()
    for week in range(20):
        saturday = (2 + 7 * week) * DAY  # 1970-01-03 was one
        for n in range(6):
            used.open("desk", f"{week}-{n}", due=saturday + n * HOUR)
            used.close("desk", f"{week}-{n}", saturday + 2 * DAY + HOUR)
    saturday = (2 + 7 * 20) * DAY
    for overdue in (used, fresh):
        for n in range(6):
            overdue.open("desk", f"t{n}", due=saturday + n * HOUR)
    for later in (DAY, 2 * DAY):  # Sunday, and Monday at eight in Shanghai
        told = [overdue.update("desk", saturday + later) for overdue in (used, fresh)]
        assert [decision is not None and decision.fired for decision in told] == [False, True]
        decision = told[1]
        assert decision is not None
        assert len(fresh.burst("desk", saturday + later, decision.evidence.window)) == decision.evidence.observed == 6


def ordinary_desk(overdue: OverdueDetector, days: int, a_day: int) -> None:
    """Every ticket has a limit of two days; one in twenty is closed three hours too late, the others in time."""
    for day in range(days):
        for n in range(a_day):
            due = (day + 2) * DAY + n * DAY / a_day
            late = n % 20 == 0
            overdue.open("desk", f"{day}-{n}", due)
            overdue.close("desk", f"{day}-{n}", due + 3 * HOUR if late else due - DAY)


def test_the_tickets_of_a_burst_at_a_large_desk_are_told_apart_from_old_leftovers() -> None:
    overdue = OverdueDetector()
    friday = 57 * DAY + 2 * HOUR
    ordinary_desk(overdue, 55, a_day=40)
    for n in range(3):
        overdue.open("desk", f"old{n}", due=friday - 30 * DAY + n)
    assert overdue.update("desk", friday) is None
    for n in range(8):
        overdue.open("desk", f"new{n}", due=friday - 10 * HOUR + n)
    decision = overdue.update("desk", friday)
    assert decision is not None
    assert decision.fired
    assert decision.evidence.observed == 8.0
    burst = overdue.burst("desk", friday, decision.evidence.window)
    assert [ticket for _, ticket in burst] == [f"new{n}" for n in range(8)]
    assert overdue.due("desk", 0.0, friday) == 11


@given(
    st.lists(st.tuples(st.integers(0, 60 * 24), st.integers(-72, 200)), min_size=1, max_size=80),
    st.integers(40 * 24, 80 * 24),
)
@settings(max_examples=40, deadline=None)
def test_what_is_observed_is_what_is_listed(tickets: list[tuple[int, int]], at: int) -> None:
    overdue = OverdueDetector(min_tickets=2)
    for n, (due, over) in enumerate(sorted(tickets, key=lambda ticket: sum(ticket))):
        overdue.open("desk", f"t{n}", due * HOUR)
        if due + over <= at:
            overdue.close("desk", f"t{n}", (due + over) * HOUR)
    decision = overdue.update("desk", at * HOUR)
    if decision is not None:
        listed = overdue.burst("desk", at * HOUR, decision.evidence.window)
        assert len(listed) == decision.evidence.observed
        assert all(overdue.holds("desk", ticket) and due <= at * HOUR for due, ticket in listed)
        assert 0.0 < decision.evidence.p_value <= 1.0


def test_small_numbers_of_bad_call_backs_are_shrunk() -> None:
    unsatisfied = UnsatisfiedDetector()
    assert not any(
        decision is not None and decision.fired
        for decision in (unsatisfied.update("desk", HOUR * n, bad=True) for n in range(3))
    )


def test_a_desk_that_is_always_bad_is_no_news() -> None:
    unsatisfied = UnsatisfiedDetector(alarms_per_week=0.05)
    for n in range(600):
        unsatisfied.update("desk", n * DAY / 4, bad=n % 2 == 0)
    late = [unsatisfied.update("desk", n * DAY / 4, bad=n % 2 == 0) for n in range(600, 800)]
    assert not any(decision is not None and decision.fired for decision in late)


def test_contradicted_closings_are_news_where_as_many_bad_call_backs_are_none() -> None:
    told = []
    for contradicts in (False, True):
        unsatisfied = UnsatisfiedDetector(alarms_per_week=0.05)
        for n in range(800):
            unsatisfied.update("desk", n * DAY / 8, bad=n % 4 == 0)
        said = [unsatisfied.update("desk", (800 + n) * DAY / 8, n % 2 == 0, contradicts) for n in range(10)]
        told.append({d.evidence.statistic for d in said if d is not None and d.fired})
    assert told == [set(), {CONTRADICTED}]


def test_a_bad_day_does_not_drown_in_the_week() -> None:
    found = []
    for parts in ((1.0,), (0.25, 0.5, 1.0)):
        unsatisfied = UnsatisfiedDetector(alarms_per_week=0.05, window_days=5.0, parts=parts)
        for n in range(1600):
            unsatisfied.update("desk", n * DAY / 20, bad=n % 10 == 0)
        said = [unsatisfied.update("desk", (1600 + n) * DAY / 20, bad=n % 10 < 7) for n in range(14)]
        found.append([decision.evidence.window for decision in said if decision is not None and decision.fired])
    assert found[0] == []
    assert found[1]
    assert max(found[1]) < 5 * DAY


def test_a_share_that_rises_too_slowly_for_the_window_climbs() -> None:
    unsatisfied = UnsatisfiedDetector(alarms_per_week=0.05, window_days=4.0)
    for n in range(400):
        unsatisfied.update("desk", n * DAY / 4, bad=n % 10 == 0)
    said = [unsatisfied.update("desk", n * DAY / 4, bad=n % 10 < 3) for n in range(400, 500)]
    fired = [decision for decision in said if decision is not None and decision.fired]
    assert fired
    assert {decision.evidence.statistic for decision in fired} == {"Page-Hinkley"}
    assert fired[0].evidence.window > 4 * DAY
    assert fired[0].evidence.observed > 2 * fired[0].evidence.expected


@given(st.integers(0, 1000), st.floats(0.02, 0.4))
@settings(max_examples=20, deadline=None)
def test_a_steady_share_does_not_climb(seed: int, share: float) -> None:
    rng = random.Random(seed)
    unsatisfied = UnsatisfiedDetector(alarms_per_week=0.002)
    said = [unsatisfied.update("desk", n * DAY / 8, bad=rng.random() < share) for n in range(1500)]
    late = [decision for decision in said[700:] if decision is not None and decision.fired]
    assert len(late) <= 1
