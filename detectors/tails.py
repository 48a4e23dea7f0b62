"""Tails of the counts detectors test: exact negative binomial probabilities in plain Python."""

from __future__ import annotations

from math import ceil, exp, floor, inf, lgamma, log, log1p, log10, sqrt
from typing import Final

_POISSON_BELOW: Final = 1.0 + 1e-9
_NEGLIGIBLE: Final = 1e-12
_LEAST: Final = 1e-300
_TAIL: Final = 0.025
_NORMAL_SPREAD: Final = 1.96
_MOST_EXACT: Final = 200.0
_MOST_TERMS: Final = 20_000


def upper_tail(count: int, mean: float, dispersion: float) -> float:
    """P(X >= count) for a negative binomial X with this mean and variance ``dispersion * mean``.

    A dispersion of 1 or less means Poisson. The smaller of the two sides is summed term by term, so the
    relative error is about 1e-12 times the number of terms even far out; never below 1e-300.

    Examples
    --------
    >>> round(upper_tail(3, mean=1.0, dispersion=1.0), 6)
    0.080301
    >>> upper_tail(0, mean=1.0, dispersion=2.0)
    1.0

    References
    ----------
    Johnson, Kemp, Kotz: Univariate Discrete Distributions, 3rd ed., section 5.2 (recurrence of the terms).
    """
    if count <= 0:
        return 1.0
    if mean <= 0.0:
        return _LEAST
    if count > mean:
        return max(_LEAST, _sum_up(count, mean, dispersion))
    return max(_LEAST, 1.0 - _sum_down(count - 1, mean, dispersion))


def beta_binomial_tail(count: int, trials: int, alpha: float, beta: float) -> float:
    """P(X >= count) of so many trials whose common chance is beta distributed.

    Examples
    --------
    >>> round(beta_binomial_tail(2, 2, 1.0, 1.0), 6)
    0.333333

    References
    ----------
    Johnson, Kemp, Kotz: Univariate Discrete Distributions, 3rd ed., section 6.2.2 (negative hypergeometric).
    """
    if count <= 0:
        return 1.0
    if count > trials:
        return _LEAST
    choices = lgamma(trials + 1.0) - lgamma(count + 1.0) - lgamma(trials - count + 1.0)
    term = exp(choices + _log_beta(count + alpha, trials - count + beta) - _log_beta(alpha, beta))
    total = 0.0
    for k in range(count, trials):
        total += term
        growth = (trials - k) / (k + 1.0) * (k + alpha) / (trials - k - 1.0 + beta)
        term *= growth
        if growth < 1.0 <= beta and term * (trials - k) < _NEGLIGIBLE * total:
            break  # with so large a beta the terms never grow again
    return min(1.0, max(_LEAST, total + term))


def score_of(p_value: float) -> float:
    """``-log10`` of a p-value, not below 0."""
    return max(0.0, -log10(max(p_value, _LEAST)))


def interval(mean: float, dispersion: float) -> tuple[float, float]:
    """Central 95 % predictive interval of such a count; exact up to a mean of 200.

    Examples
    --------
    >>> interval(10.0, 1.0), interval(0.01, 1.0), interval(400.0, 1.0)
    ((4.0, 17.0), (0.0, 0.0), (361.0, 441.0))

    References
    ----------
    Beyond that: Wilson, Hilferty 1931, PNAS 17:684, on the gamma distribution that a count's tail mirrors.
    """
    if mean <= 0.0:
        return 0.0, 0.0
    if mean > _MOST_EXACT:
        shape = mean / max(1.0, dispersion)
        spread = _NORMAL_SPREAD / (3.0 * sqrt(shape))
        centre = 1.0 - 1.0 / (9.0 * shape)
        low, high = mean * max(0.0, centre - spread) ** 3, mean * (centre + spread) ** 3
        return float(floor(low)), float(ceil(high))
    return _quantiles(mean, dispersion)


def _quantiles(mean: float, dispersion: float) -> tuple[float, float]:
    size, share = _ratio(mean, dispersion)
    term = total = exp(_log_term(0, mean, dispersion))
    low, k = -1.0, 0
    while True:
        if low < 0.0 and total >= _TAIL:
            low = float(k)
        if total >= 1.0 - _TAIL or k > _MOST_TERMS:
            return max(0.0, low), float(k)
        term *= share if size == inf else share * (k + size)
        k += 1
        term /= k
        total += term


def _log_beta(alpha: float, beta: float) -> float:
    return lgamma(alpha) + lgamma(beta) - lgamma(alpha + beta)


def _log_term(count: int, mean: float, dispersion: float) -> float:
    if dispersion <= _POISSON_BELOW:
        return count * log(mean) - mean - lgamma(count + 1.0)
    size = mean / (dispersion - 1.0)
    return (
        lgamma(count + size)
        - lgamma(size)
        - lgamma(count + 1.0)
        + count * log1p(-1.0 / dispersion)
        - size * log(dispersion)
    )


def _sum_up(count: int, mean: float, dispersion: float) -> float:
    """The terms from ``count`` on, which lies above the mean, where they shrink."""
    first = _log_term(count, mean, dispersion)
    if first < -690.0:
        return 0.0
    size, share = _ratio(mean, dispersion)
    term = total = 1.0
    k = count
    while term > _NEGLIGIBLE * total:
        term *= share if size == inf else share * (k + size)
        k += 1
        term /= k
        total += term
    return min(1.0, exp(first) * total)


def _sum_down(count: int, mean: float, dispersion: float) -> float:
    """The terms from ``count`` down to 0, which lie below the mean, where they shrink."""
    first = _log_term(count, mean, dispersion)
    if first < -690.0:
        return 0.0
    size, share = _ratio(mean, dispersion)
    term = total = 1.0
    k = count
    while k > 0 and term > _NEGLIGIBLE * total:
        term *= k
        k -= 1
        term /= share if size == inf else share * (k + size)
        total += term
    return min(1.0, exp(first) * total)


def _ratio(mean: float, dispersion: float) -> tuple[float, float]:
    """Size and share such that term(k + 1) / term(k) = share * (k + size) / (k + 1)."""
    if dispersion <= _POISSON_BELOW:
        return inf, mean
    return mean / (dispersion - 1.0), 1.0 - 1.0 / dispersion
