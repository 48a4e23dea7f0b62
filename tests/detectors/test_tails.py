"""The tails against SciPy's, far out and near the mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from detectors.tails import beta_binomial_tail, interval, score_of, upper_tail

MEANS = st.floats(1e-3, 300.0)
DISPERSIONS = st.floats(1.0, 20.0)


def _frozen(mean: float, dispersion: float) -> stats.rv_discrete:
    if dispersion <= 1.0 + 1e-9:
        return stats.poisson(mean)
    return stats.nbinom(mean / (dispersion - 1.0), 1.0 / dispersion)


@given(st.integers(0, 600), MEANS, st.one_of(st.just(1.0), st.floats(1.01, 20.0)))
def test_upper_tail_is_exact(count: int, mean: float, dispersion: float) -> None:
    expected = _frozen(mean, dispersion).sf(count - 1)
    if expected > 1e-250:
        assert upper_tail(count, mean, dispersion) == pytest.approx(expected, rel=1e-6)


@given(st.integers(1, 200), MEANS, DISPERSIONS)
def test_upper_tail_falls_with_the_count(count: int, mean: float, dispersion: float) -> None:
    assert upper_tail(count + 1, mean, dispersion) <= upper_tail(count, mean, dispersion) * (1 + 1e-9)


def test_nothing_expected_is_no_error() -> None:
    assert upper_tail(1, 0.0, 1.0) == 1e-300
    assert score_of(0.0) == pytest.approx(300.0)
    assert interval(0.0, 1.0) == (0.0, 0.0)


@given(st.integers(1, 60), st.integers(1, 60), st.floats(0.2, 50.0), st.floats(0.2, 50.0))
def test_beta_binomial_is_exact(count: int, trials: int, alpha: float, beta: float) -> None:
    expected = stats.betabinom(trials, alpha, beta).sf(count - 1) if count <= trials else 0.0
    assert beta_binomial_tail(count, trials, alpha, beta) == pytest.approx(expected, rel=1e-6, abs=1e-12)


@given(st.floats(0.01, 190.0), DISPERSIONS)
def test_interval_is_the_quantiles(mean: float, dispersion: float) -> None:
    low, high = interval(mean, dispersion)
    count = _frozen(mean, dispersion)
    assert count.cdf(high) >= 0.975 - 1e-9
    assert high == 0.0 or count.cdf(high - 1) < 0.975 + 1e-9
    assert low == 0.0 or count.cdf(low - 1) < 0.025 + 1e-9
