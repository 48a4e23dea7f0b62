"""The promise: quiet streets keep the budget, and planted incidents are found on it."""

from __future__ import annotations

from collections import Counter

from detectors.callers import CallerLedger
from detectors.mass import MassDetector
from detectors.new import NewDetector
from detectors.rising import RisingDetector
from tests.detectors.streams import DAY, HOUR, MONDAY, Call, background, burst, merged

BUDGET = 0.1
"""False alarms a week for each kind and street, larger than in production to have something to count."""
WARM_UP = 28


def _alarms(calls: list[Call]) -> set[tuple[str, str]]:
    """Kind and key of what alarmed after the warm-up."""
    ledger = CallerLedger()
    new, mass, rising = NewDetector(BUDGET), MassDetector(BUDGET), RisingDetector(BUDGET)
    alarms = set()
    for call in calls:
        callers = ledger.add(call.issue, call.t, call.caller)
        group = call.topic.partition("/")[0]
        said = (
            ("new", call.issue, new.update(call.issue, callers)),
            ("mass", call.issue, mass.update(call.issue, callers)),
            ("rising", "", rising.update("", call.t, call.caller)),
            ("rising", group, rising.update(group, call.t, call.caller, "")),
            ("rising", call.topic, rising.update(call.topic, call.t, call.caller, group)),
        )
        if call.t >= MONDAY + WARM_UP * DAY:
            alarms |= {(kind, key) for kind, key, decision in said if decision is not None and decision.fired}
    return alarms


def test_quiet_streets_keep_the_budget() -> None:
    """36 street-weeks of three kinds: 11 alarms allowed, of which chance may make a few more."""
    weeks = 12
    count: Counter[str] = Counter()
    for seed in (21, 22, 23):
        quiet = list(background(seed, WARM_UP + 7 * weeks, calls_a_day=30.0, join=0.05 + 0.02 * (seed - 21)))
        count.update(kind for kind, _ in _alarms(quiet))
    assert sum(count.values()) <= 18, count


def test_planted_incidents_are_found() -> None:
    planted = [
        burst(f"planted-{n}", MONDAY + (30 + 4 * n) * DAY + 9 * HOUR, 5 + n % 4, 10.0 + 8.0 * n, f"g{n}/t{n}", n)
        for n in range(6)
    ]
    found = _alarms(merged(list(background(24, 60, calls_a_day=30.0)), *planted))
    assert sum(("new", f"planted-{n}") in found for n in range(6)) >= 5
