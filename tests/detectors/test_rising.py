"""Rising: jumps, climbs, repeats, and what is no rise."""

from __future__ import annotations

import random

from detectors.base import Decision
from detectors.rising import RisingDetector
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
        for n in range(1 + day // 8)
    ]
    fired = _run(RisingDetector(alarms_per_week=0.05), merged(list(background(3, 90)), climb))
    assert any(key in ("g1/t9", "g1") for key, _, _ in fired)


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
