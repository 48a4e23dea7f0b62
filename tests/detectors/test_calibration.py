"""Scores to recurrence intervals: the promised rate is the observed rate."""

from __future__ import annotations

import random
from math import inf, log

import pytest

from detectors.base import NEVER
from detectors.calibration import Budget, Calibrator
from tests.detectors.streams import DAY


def _fed(scale: float, per_day: float, days: int, seed: int = 1, calibrator: Calibrator | None = None) -> Calibrator:
    calibrator = calibrator or Calibrator(floor=2.0, span=DAY)
    rng = random.Random(seed)
    t = 0.0
    for n in range(int(per_day * days)):
        t += rng.expovariate(per_day) * DAY
        calibrator.observe(f"key {n}", t, 2.0 + rng.expovariate(1.0 / scale))
    calibrator.advance(days * DAY)
    return calibrator


@pytest.mark.parametrize("scale", [0.4, 0.6])
def test_learns_rate_and_scale(scale: float) -> None:
    calibrator = _fed(scale, per_day=2.0, days=400)
    assert calibrator.episodes_a_day(2.0) == pytest.approx(2.0, rel=0.1)
    expected = 1.0 / (2.0 * 10.0 ** (-(4.0 - 2.0) / (scale * log(10.0))))
    assert calibrator.recurrence_days(4.0) == pytest.approx(expected, rel=0.6)


def test_incidents_weigh_little() -> None:
    quiet = _fed(0.45, per_day=1.0, days=200)
    stirred = _fed(0.45, per_day=1.0, days=200)
    for n in range(6):
        stirred.observe(f"incident {n}", 200 * DAY + n, 60.0)
    stirred.advance(220 * DAY)
    quiet.advance(220 * DAY)
    assert stirred.score_for(Budget(0.02)) < quiet.score_for(Budget(0.02)) + 0.4


@pytest.mark.parametrize("scale", [0.35, 0.5, 0.65])
def test_what_is_too_far_out_to_be_looked_at_is_not_missed(scale: float) -> None:
    calibrator = _fed(scale, 4.0, 1500, calibrator=Calibrator(floor=2.0, span=DAY, memory=1e5))
    assert calibrator.learned_scale == pytest.approx(scale, rel=0.05)
    assert calibrator.episodes_a_day(2.0) == pytest.approx(4.0, rel=0.05)


def test_many_incidents_far_out_hardly_move_the_tail() -> None:
    quiet, stirred = Calibrator(floor=3.0, span=DAY, scale=0.4), Calibrator(floor=3.0, span=DAY, scale=0.4)
    rng = random.Random(3)
    for day in range(400):
        score = 3.0 + rng.expovariate(1.0 / 0.4)
        for calibrator in (quiet, stirred):
            calibrator.observe(f"chance {day}", day * DAY, score)
        stirred.observe(f"incident {day}", day * DAY, 4.7 + 3.0 * rng.random())
    assert stirred.score_for(Budget(0.02)) == pytest.approx(quiet.score_for(Budget(0.02)), abs=0.02)


@pytest.mark.parametrize("calls_a_day", [4, 100])
def test_chance_has_more_opportunities_where_more_people_call(calls_a_day: int) -> None:
    calibrator = Calibrator(floor=3.0, rate=0.05, calls_a_day=32.0)
    assert calibrator.episodes_a_day(3.0) == pytest.approx(0.05)
    for call in range(calls_a_day * 60):
        calibrator.expose(DAY * call / calls_a_day)
        calibrator.advance(DAY * call / calls_a_day)
    with_none = 0.05 * 14 / (14 * 32 + calls_a_day * 60) * calls_a_day
    assert 0.7 < calibrator.episodes_a_day(3.0) / with_none < 1.5


def test_an_episode_counts_once_by_its_highest_score() -> None:
    calibrator = Calibrator(floor=2.0, span=DAY, rate_weight=1.0)
    for n in range(50):
        calibrator.observe("key", n * 60.0, 2.0 + n / 50.0)
    once = Calibrator(floor=2.0, span=DAY, rate_weight=1.0)
    for n in range(50):
        once.observe("key", n * 60.0, 2.98 if n == 0 else 2.0)
    for each in (calibrator, once):
        each.advance(10 * DAY)
    assert calibrator.recurrence_days(4.0) == pytest.approx(once.recurrence_days(4.0), rel=1e-6)


def test_the_score_for_a_budget_meets_it() -> None:
    calibrator = _fed(0.5, per_day=1.0, days=100)
    budget = Budget(0.05)
    score = calibrator.score_for(budget)
    assert budget.allows(calibrator.recurrence_days(score + 1e-6))
    assert not budget.allows(calibrator.recurrence_days(score - 1e-6))


def test_budgets_of_none_and_of_all() -> None:
    assert not Budget(0.0).allows(NEVER)
    assert Budget(inf).allows(0.001)
    assert Calibrator().score_for(Budget(0.0)) == inf
    assert Calibrator().score_for(Budget(inf)) == 2.0


def test_the_past_fades() -> None:
    calibrator = _fed(0.5, per_day=5.0, days=100)
    busy = calibrator.episodes_a_day(2.0)
    calibrator.advance(1500 * DAY)
    assert calibrator.episodes_a_day(2.0) < 0.05 * busy
