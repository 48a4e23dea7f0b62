from __future__ import annotations

import random

import pytest

from detectors.drift import DriftDetector
from tests.detectors.streams import DAY, HOUR, MONDAY

USUAL = {"a": 0.1, "b": 0.3, "c": 0.6}


def _run(drift: DriftDetector, seed: int, shares: list[dict[str, float]], calls: int) -> list[tuple[int, float]]:
    """Batch and score of what fired."""
    rng = random.Random(seed)
    fired = []
    for n in range(calls):
        now = shares[min(len(shares) - 1, n * len(shares) // calls)]
        part = rng.choices(list(now), list(now.values()))[0]
        said = drift.update("street", MONDAY + n * HOUR, part, USUAL.__getitem__)
        if said is not None and said.fired:
            fired.append((n // drift.batch, said.evidence.score))
    return fired


@pytest.mark.parametrize("seed", range(6))
def test_a_steady_mix_is_quiet(seed: int) -> None:
    assert _run(DriftDetector(alarms_per_week=0.05), seed, [USUAL], 12_000) == []


def test_a_doubled_share_is_told_within_a_month_of_its_calls() -> None:
    drift = DriftDetector(alarms_per_week=0.05)
    fired = _run(drift, 3, [USUAL, {"a": 0.25, "b": 0.25, "c": 0.5}], 8_000)
    assert fired
    assert 160 < fired[0][0] < 190
    (shift, *_) = drift.shifts("street")
    assert shift.part == "a"
    assert shift.usual == 0.1
    assert 0.15 < shift.now < 0.4


def test_only_what_has_risen_speaks() -> None:
    drift = DriftDetector(alarms_per_week=0.05)
    _run(drift, 4, [USUAL, {"a": 0.3, "b": 0.3, "c": 0.4}], 8_000)
    assert {shift.part for shift in drift.shifts("street")} == {"a"}


def test_seasons_that_move_all_parts_alike_are_no_drift() -> None:
    """Twice the calls in the second half: the same mix, in half the time."""
    rng = random.Random(5)
    drift, t = DriftDetector(alarms_per_week=0.05), MONDAY
    for n in range(10_000):
        t += HOUR if n < 5_000 else HOUR / 2
        said = drift.update("street", t, rng.choices(list(USUAL), list(USUAL.values()))[0], USUAL.__getitem__)
        assert said is None or not said.fired


def test_evidence_says_how_much_and_since_when() -> None:
    rng = random.Random(6)
    drift = DriftDetector(alarms_per_week=0.05)
    for n in range(5_000):
        share = {"a": 0.35, "b": 0.25, "c": 0.4} if n >= 4_000 else USUAL
        said = drift.update(
            "street", MONDAY + n * HOUR, rng.choices(list(share), list(share.values()))[0], USUAL.__getitem__
        )
        if said is not None and said.fired:
            evidence = said.evidence
            assert evidence.statistic == "ADWIN"
            assert evidence.observed > evidence.high > evidence.expected
            assert evidence.window < 25 * DAY
            return
    pytest.fail("nothing fired")
