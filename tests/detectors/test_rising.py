"""Rising: jumps, climbs, repeats, and what is no rise."""

from __future__ import annotations

import random

import pytest

from detectors.base import Decision
from detectors.baseline import Stretch
from detectors.rising import WINDOWS, RisingDetector, _Climb, _Series
from tests.detectors.streams import DAY, HOUR, MONDAY, Call, background, burst, merged


def _run(rising: RisingDetector, calls: list[Call]) -> list[tuple[str, Call, Decision]]:
    fired = []
    for call in calls:
        group = call.topic.partition("/")[0]
        for key, parent in (("", None), (group, ""), (call.topic, group)):
            decision = rising.update(key, call.t, call.caller, parent)
            if decision is not None and decision.fired:
                fired.append((key, call, decision))
    return fired


def test_a_jump_of_a_sparse_cell_is_found_within_hours() -> None:
    jump = burst("jump", MONDAY + 42 * DAY + 9 * HOUR, callers=14, hours=8.0, topic="g3/t11")
    fired = _run(RisingDetector(), merged(list(background(1, 43)), jump))
    assert any(key == "g3/t11" and call.issue == "jump" for key, call, _ in fired)
    assert all(call.t >= jump[0].t for _, call, _ in fired)


def test_a_rise_that_a_day_does_not_tell_from_chance_is_found_in_two() -> None:
    rise = burst("rise", MONDAY + 42 * DAY + 9 * HOUR, callers=9, hours=46.0, topic="g3/t11")
    fired = _run(RisingDetector(alarms_per_week=0.02), merged(list(background(1, 45)), rise))
    assert "scan 48h" in {decision.evidence.statistic for key, _, decision in fired if key == "g3/t11"}


class _TestsEverything(RisingDetector):
    """Tests every window at every call."""

    def _fewest(self, series: _Series, now: float) -> list[int]:  # noqa: ARG002  # the other's
        return [self.min_calls] * len(WINDOWS)


@pytest.mark.parametrize(("seed", "calls_a_day"), [(21, 4.0), (22, 40.0), (23, 250.0)])
def test_what_is_not_tested_would_not_have_scored(seed: int, calls_a_day: float) -> None:
    """Bursts of any size, late calls and a dead line included."""
    rng = random.Random(seed)
    days = round(2500 / calls_a_day) + 30
    bursts = [
        burst(
            f"burst {size}", MONDAY + rng.random() * days * DAY, size, rng.choice([1.0, 20.0, 120.0]), f"g{size % 8}/t3"
        )
        for size in (6, 9, 15, 40)
    ]
    calls = merged(list(background(seed, days, calls_a_day)), *bursts)
    calls = [call for call in calls if not 0.6 < (call.t - MONDAY) / DAY / days < 0.7]
    calls.sort(key=lambda call: call.t + (rng.random() < 0.03) * rng.random() * 2 * DAY)
    said = [
        [
            rising.update(key, call.t, call.caller, parent)
            for call in calls
            for group in (call.topic.partition("/")[0],)
            for key, parent in (("", None), (group, ""), (call.topic, group))
        ]
        for rising in (RisingDetector(1.0, min_calls=2), _TestsEverything(1.0, min_calls=2))
    ]
    assert said[0] == said[1]
    assert sum(decision is not None for decision in said[0]) > 50


def test_one_caller_is_no_rise() -> None:
    jump = burst("jump", MONDAY + 42 * DAY + 9 * HOUR, callers=40, hours=8.0, topic="g3/t11")
    one = [call._replace(caller="always me") for call in jump]
    assert not _run(RisingDetector(), merged(list(background(1, 43)), one))


def test_unknown_callers_rise_and_are_told_apart() -> None:
    jump = burst("jump", MONDAY + 42 * DAY + 9 * HOUR, callers=30, hours=8.0, topic="g3/t11")
    fired = _run(RisingDetector(), merged(list(background(1, 43)), [c._replace(caller="") for c in jump]))
    assert fired[-1][2].evidence.unknown_callers > fired[-1][2].evidence.distinct_callers


def test_a_slow_climb_is_found() -> None:
    rng = random.Random(4)
    climb = [
        Call(MONDAY + (60 + day + rng.random()) * DAY, f"slow-{day}-{n}", "g1/t9", f"slow-{day}-{n}")
        for day in range(30)
        for n in range(1 + day // 4)
    ]
    fired = _run(RisingDetector(alarms_per_week=0.05), merged(list(background(3, 90)), climb))
    assert ("g1", "cumulative") in {(key, decision.evidence.statistic) for key, _, decision in fired}


def test_the_first_days_of_a_big_street_are_no_alarm() -> None:
    assert not _run(RisingDetector(calls_a_day=50.0), list(background(6, 10, calls_a_day=300.0)))


def test_a_digest_counts_as_so_many_calls() -> None:
    rising = RisingDetector(calls_a_day=20.0)
    for hour in range(40 * 24):
        quiet = rising.update("topic", MONDAY + hour * HOUR, calls=1)
        assert quiet is None or not quiet.fired
    decision = rising.update("topic", MONDAY + 40 * DAY, calls=25)
    assert decision is not None
    assert decision.fired
    assert decision.evidence.unknown_callers >= 25


def _level(rising: RisingDetector, days: range, calls: int) -> list[Decision]:
    fired = []
    for day in days:
        for n in range(calls):
            t = MONDAY + day * DAY + 8 * HOUR + n * 10 * HOUR / calls
            decision = rising.update("", t, f"{day}-{n}")
            if decision is not None and decision.fired:
                fired.append(decision)
    return fired


@pytest.mark.parametrize("calls", [35, 60])
def test_what_fires_is_clearly_above_expected(calls: int) -> None:
    rising = RisingDetector(alarms_per_week=0.5, calls_a_day=20.0)
    assert not _level(rising, range(60), 20)
    fired = [decision.evidence for decision in _level(rising, range(60, 90), calls)]
    assert fired
    assert all(seen.observed > seen.high > seen.expected and seen.window <= 21 * DAY for seen in fired)


def test_a_climb_counts_the_days_since_it_left_zero() -> None:
    climb = _Climb()
    for day, calls in enumerate((4.0, 15.0, 16.0, 14.0)):
        climb.add(Stretch(day * DAY, 1, calls, 8.0, 1.2), unknown=1, known=400.0)
    assert (climb.since, climb.ended) == (DAY, 4 * DAY)
    assert (climb.calls, climb.unknown, climb.mean) == (45, 3, 24.0)
    assert climb.clear


@pytest.mark.parametrize("days", [8, 30])
def test_a_long_gap_ends_a_climb(days: int) -> None:
    climb = _Climb()
    climb.add(Stretch(0.0, 1, 15.0, 8.0, 1.2), unknown=0, known=400.0)
    climb.add(Stretch(DAY, days, 0.0, 0.1, 1.2), unknown=0, known=400.0)
    assert climb.value == 0.0


def test_a_climb_lasts_three_weeks_at_most() -> None:
    climb = _Climb()
    longest = 0.0
    for day in range(100):
        climb.add(Stretch(day * DAY, 1, 15.0, 8.0, 1.2), unknown=0, known=400.0)
        longest = max(longest, climb.ended - climb.since)
    assert longest == 21 * DAY


def test_a_new_level_is_news_only_for_a_while() -> None:
    rising = RisingDetector(alarms_per_week=0.5, calls_a_day=20.0)
    _level(rising, range(60), 20)
    assert _level(rising, range(60, 90), 35)
    assert not _level(rising, range(90, 400), 35)
