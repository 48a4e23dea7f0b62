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
from detectors.unsatisfied import UnsatisfiedDetector
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
        large.open("desk", f"t{n}", due=2 * DAY)
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
    assert dict(overdue.limits("desk")) == {"t0": 30.0, "t2": 20.0}
    assert overdue.large(50.0) == ["desk"]
    overdue.close("desk", "t1", 50.0)
    assert dict(overdue.limits("nobody")) == {}


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
