"""Urgent and the rules about handling."""

from __future__ import annotations

import pytest

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


def test_a_pile_above_the_desks_own_past() -> None:
    overdue = OverdueDetector()
    for n in range(6):
        overdue.open("slow desk", f"s{n}", due=0.0)
    said = [overdue.update("slow desk", day * DAY) for day in range(1, 120)]
    assert said[-1] is not None
    assert not said[-1].fired  # six is what this desk always has
    for n in range(20):
        overdue.open("slow desk", f"x{n}", due=120 * DAY)
    piled = overdue.update("slow desk", 121 * DAY)
    assert piled is not None
    assert piled.fired
    for n in range(20):
        overdue.close("slow desk", f"x{n}")
    relieved = overdue.update("slow desk", 121 * DAY)
    assert relieved is not None
    assert relieved.evidence.observed == 6.0


def test_a_moved_limit_counts_once() -> None:
    overdue = OverdueDetector(min_tickets=1)
    overdue.open("desk", "t", due=10.0)
    overdue.open("desk", "t", due=100.0)
    assert overdue.update("desk", 50.0) is None
    late = overdue.update("desk", 150.0)
    assert late is not None
    assert late.evidence.observed == 1.0


def test_small_piles_become_usual_while_time_passes() -> None:
    """As fast as when each is judged by itself, and large ones are left to that."""
    passed, judged = OverdueDetector(), OverdueDetector()
    for overdue in (passed, judged):
        for handler, tickets in (("small", 4), ("none due", 0), ("large", 9)):
            for n in range(tickets):
                overdue.open(handler, f"t{n}", due=0.0)
            overdue.open(handler, "later", due=1e12)
    for hour in range(1, 200):
        assert passed.pass_time(hour * HOUR) == ["large"]
        for handler in ("small", "none due"):
            assert judged.update(handler, hour * HOUR) is None
        passed.update("large", hour * HOUR)
        judged.update("large", hour * HOUR)
    for handler in ("small", "none due", "large"):
        for overdue in (passed, judged):
            for n in range(20):
                overdue.open(handler, f"x{n}", due=0.0)
        assert passed.update(handler, 201 * HOUR) == judged.update(handler, 201 * HOUR)


def test_what_was_never_closed_is_given_up() -> None:
    overdue = OverdueDetector(min_tickets=1)
    for n, due in enumerate([30.0, 10.0, 20.0, 10.0]):
        overdue.open("desk", f"t{n}", due)
    overdue.open("other", "o", due=10.0)
    overdue.give_up(10.0)
    assert dict(overdue.limits("desk")) == {"t0": 30.0, "t2": 20.0}
    assert overdue.pass_time(50.0) == ["desk"]
    late = overdue.update("desk", 50.0)
    assert late is not None
    assert late.evidence.observed == 2.0
    overdue.close("desk", "t1")
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
