from __future__ import annotations

import pickle
from math import exp, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.excess import Excess
from detectors.periods import PeriodTest
from detectors.rising import RisingDetector
from detectors.seasonal import Forecast, SeasonalForecast, log_chance
from detectors.tails import upper_tail
from tests.detectors.streams import DAY, MONDAY

YEAR = 365.2425 * DAY


def _seasonal(weeks: int, seed: int, level: float = 20.0) -> np.ndarray:
    t = np.arange(weeks)
    return np.random.default_rng(seed).poisson(level * np.exp(0.8 * np.cos(2 * np.pi * t / 52)))


def test_learns_the_season_so_that_its_peak_is_no_news() -> None:
    test = PeriodTest.weekly()
    verdicts = [test.update(week, float(count)) for week, count in enumerate(_seasonal(6 * 52, seed=4))]
    peak, trough = verdicts[5 * 52].forecast.mean, verdicts[5 * 52 + 26].forecast.mean
    assert 36 < peak < 54
    assert 6 < trough < 13
    assert max(verdict.score for verdict in verdicts[3 * 52 :]) < 4.0


def test_a_season_that_is_not_there_is_not_forecast_and_one_that_is_there_is() -> None:
    flat = np.random.default_rng(8).poisson(3.0, 5 * 52)
    errors = []
    for nested in (False, True):
        series = {"flat": flat, "seasonal": _seasonal(5 * 52, seed=8)}
        model = {name: SeasonalForecast(nested=nested, recent=1.0) for name in series}
        off = dict.fromkeys(series, 0.0)
        for week in range(5 * 52):
            for name, counts in series.items():
                mean = model[name].forecast(week).mean
                true = 3.0 if name == "flat" else 20.0 * exp(0.8 * np.cos(2 * np.pi * week / 52))
                off[name] += log(mean / true) ** 2 if week > 52 else 0.0
                model[name].learn(week, float(counts[week]))
        errors.append(off)
    full, nested_errors = errors
    assert nested_errors["flat"] < 0.7 * full["flat"]
    assert nested_errors["seasonal"] < 1.05 * full["seasonal"]


def test_an_outbreak_does_not_become_the_baseline() -> None:
    counts = _seasonal(4 * 52, seed=5).astype(float)
    plain, burst = SeasonalForecast(), SeasonalForecast()
    for week, count in enumerate(counts):
        plain.forecast(week)
        plain.learn(week, count)
        burst.forecast(week)
        burst.learn(week, count + (60.0 if week in (150, 151) else 0.0))
    assert burst.forecast(len(counts)).mean < 1.1 * plain.forecast(len(counts)).mean


@pytest.mark.parametrize("mean", [3.0, 60.0])
@pytest.mark.parametrize("dispersion", [1.0, 2.5])
def test_the_score_is_calibrated_by_series(mean: float, dispersion: float) -> None:
    """In each series alone, whatever its mean, 1 % of the weeks score 2 or more: 118 expected here."""
    rng = np.random.default_rng(7)
    means = mean * np.exp(0.4 * np.sin(np.arange(12_000) * 2 * np.pi / 52))
    counts = rng.poisson(means) if dispersion == 1.0 else rng.negative_binomial(means / 1.5, 0.4)
    excess = Excess()
    scores = np.array([excess.update(c, Forecast(m, dispersion)) for c, m in zip(counts, means, strict=True)])
    assert 85 <= (scores[200:] > 2.0).sum() <= 150


def test_what_happens_every_year_becomes_usual() -> None:
    """Weeks that stand out more often than chance explains lose their score, once there are enough of them."""
    rng = np.random.default_rng(8)
    excess = Excess(patience=3.0)
    scores = []
    for week in range(520):
        burst = week % 26 in (0, 1)
        count = rng.poisson(10.0) + (25 if burst else 0)
        score = excess.update(count, Forecast(10.0, 1.0))
        if burst:
            scores.append(score)
    assert scores[0] > 6.0
    assert np.median(scores[20:]) < 2.0


@given(st.integers(0, 400), st.floats(0.05, 300.0), st.floats(1.0, 8.0))
@settings(deadline=None, max_examples=60)
def test_chances_are_those_of_the_exact_tail(count: int, mean: float, dispersion: float) -> None:
    expected = upper_tail(count, mean, dispersion) - upper_tail(count + 1, mean, dispersion)
    assert exp(log_chance(float(count), mean, dispersion)) == pytest.approx(expected, rel=1e-5, abs=1e-9)


@given(st.integers(0, 300), st.floats(0.1, 100.0), st.floats(1.0, 5.0))
@settings(deadline=None, max_examples=60)
def test_more_cases_score_no_less(count: int, mean: float, dispersion: float) -> None:
    def score(cases: int) -> float:
        excess = Excess()
        for _ in range(30):
            excess.update(round(mean), Forecast(mean, dispersion))
        return excess.update(cases, Forecast(mean, dispersion))

    assert score(count + 1) >= score(count) - 1e-9


def test_daily_knows_its_weekdays() -> None:
    rng = np.random.default_rng(9)
    factors = np.array([1.5, 1.2, 1.0, 1.0, 0.9, 0.4, 0.3])
    test = PeriodTest.daily()
    for day in range(400):
        verdict = test.update(day, float(rng.poisson(40.0 * factors[day % 7])))
    assert verdict.forecast.mean == pytest.approx(40.0 * factors[399 % 7], rel=0.2)


def test_goes_on_bit_by_bit_after_a_pickle() -> None:
    counts = _seasonal(200, seed=11)
    whole = PeriodTest.weekly()
    expected = [whole.update(week, float(count)) for week, count in enumerate(counts)]
    test = PeriodTest.weekly()
    said = []
    for week, count in enumerate(counts):
        said.append(test.update(week, float(count)))
        if week % 37 == 0:
            test = pickle.loads(pickle.dumps(test))
    assert said == expected


def test_an_offset_tells_a_short_week() -> None:
    test = PeriodTest.weekly()
    for week in range(60):
        test.update(week, 70.0)
    assert test.forecast.forecast(60, log(3 / 7)).mean == pytest.approx(30.0, rel=0.05)


def test_rising_tells_a_week_above_its_season() -> None:
    """Twice 1.6 times the usual calls, spread evenly over each day so that no shorter window stands out by itself."""
    rng = np.random.default_rng(12)
    rising = RisingDetector(alarms_per_week=0.05, calls_a_day=4.0)
    told = []
    for day in range(64 * 7):
        level = 4.0 * (2.2 if day // 7 == 60 else 1.0)
        for n in range(rng.poisson(level)):
            decision = rising.update("", MONDAY + day * DAY + 9 * 3600.0 + n * 300.0, f"{day}-{n}")
            if decision is not None and decision.evidence.statistic == "week":
                told.append((day // 7, decision.evidence))
    assert [week for week, _ in told if week == 61]
    evidence = next(evidence for week, evidence in told if week == 61)
    assert evidence.observed > evidence.high > evidence.expected > evidence.low
    assert evidence.window == 7 * DAY
