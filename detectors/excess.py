"""How far a series of counts stands above its forecast: a Bayes factor, and how often chance brings one about."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, exp, floor, inf, log, log10, sqrt
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray
from river import base

from detectors.seasonal import Forecast, log_chance, log_chance_with

F64 = NDArray[np.float64]

# Logarithms of the Bayes factors whose chance is kept.
_MARKS: Final = np.array([*np.arange(0.0, 10.0, 0.5), 10, 11, 12, 14, 16, 19, 23, 28, 34, 41, 50, 70, 100, 150, 220.0])
_LINEAR_MARKS: Final = np.exp(_MARKS)
_MOST_LOG: Final = 50.0
_MOST: Final = exp(_MOST_LOG)
_NEGLIGIBLE: Final = 1e-9
# By how much a log likelihood ratio rises at least in a standard deviation.
_LEAST_RISE: Final = 0.01
# Up to so many cases a standard deviation every count is looked at, beyond it this many in one.
_MOST_STEPWISE: Final = 60.0
_COARSE: Final = 6.0
_MOST_STEPS: Final = 1000
# No week and no year is a multiple of it.
_ASK_EVERY: Final = 3
_ASK_ALL: Final = 26


@njit(cache=True)
def _ratio(count: float, mean: float, dispersion: float, more: float, usual: float) -> float:
    """Likelihood ratio of an outbreak of ``more`` cases, given the log chance without one.

    An outbreak of a size varies less than an overdispersed series. So from a count on the ratio would fall again, and
    what is far too much would score less than what is too much: from there on it rises by little.
    """
    rise = _LEAST_RISE / sqrt(dispersion * mean)
    beyond = 0.0
    if dispersion > 1.0 + 1e-6:
        with_more = mean + more
        excess = (dispersion - 1.0) * mean / with_more
        fall = excess / (1.0 + excess) / (1.0 - 1.0 / dispersion)
        least = exp(rise)
        if least > fall:
            turn = (with_more / excess * fall - least * mean / (dispersion - 1.0)) / (least - fall)
            turn = max(floor(mean), ceil(turn))
            if count > turn:
                beyond = (count - turn) * rise
                count, usual = turn, log_chance(turn, mean, dispersion)
    return exp(min(_MOST_LOG, beyond + log_chance_with(count, mean, dispersion, more) - usual))


@njit(cache=True)
def _step(
    count: float,
    mean: float,
    dispersion: float,
    sizes: F64,
    shape: F64,
    before: F64,
    last: float,
    marks: F64,
    known: float,
    keep: float,
    patience: float,
    asked: float,
) -> tuple[float, float]:
    """Log Bayes factor of a count, and its score.

    To exceed a mark is to be above it and above the last Bayes factor, the logarithm of which is ``last``. Rows of
    ``shape``: profile and weights. Rows of ``marks``: chances to exceed each now, mean of the chances so far, how
    often it was exceeded. If ``asked`` is not 0, the chances are worked out before the count is looked at, and weigh
    one over it in their mean.
    """
    profile, weights = shape[0], shape[1]
    sd = sqrt(dispersion * mean)
    kinds, parts = before.shape
    # Outbreaks that add the same number of cases in this period share their likelihood ratio.
    more = np.empty(kinds * parts)
    shares = np.zeros(kinds * parts)
    n = 0
    for k in range(kinds):
        for j in range(parts):
            if j == 0 or profile[j] != profile[j - 1]:
                more[n] = profile[j] * sizes[k] * sd
                n += 1
            shares[n - 1] += weights[j] * before[k, j] / kinds
    if asked > 0.0:
        _exceed(mean, dispersion, more[:n], shares[:n], last, marks[0])
        for mark in range(len(_MARKS)):
            marks[1, mark] += (marks[0, mark] - marks[1, mark]) / asked
    usual = log_chance(count, mean, dispersion)
    total, at = 1e-300, -1
    for k in range(kinds):
        carried = 1.0
        for j in range(parts):
            if j == 0 or profile[j] != profile[j - 1]:
                at += 1
                ratio = _ratio(count, mean, dispersion, more[at], usual)
                total += shares[at] * ratio
            # what had begun j periods ago has now lasted one more
            carried, before[k, j] = min(1e250, before[k, j] * ratio), carried
    value, score = log(total), 0.0
    if value > last and value >= _MARKS[0]:
        below = 0
        while below < len(_MARKS) - 2 and _MARKS[below + 1] <= value:
            below += 1
        low, high = _log_rate(marks, below, known, patience), _log_rate(marks, below + 1, known, patience)
        score = max(0.0, -(low + (value - _MARKS[below]) / (_MARKS[below + 1] - _MARKS[below]) * (high - low)))
    for mark in range(len(_MARKS)):
        marks[2, mark] *= keep
        if _MARKS[mark] < value and value > last:
            marks[2, mark] += 1.0
    return value, score


@njit(cache=True)
def _log_rate(marks: F64, mark: int, known: float, patience: float) -> float:
    """Logarithm to base 10 of how often a mark was exceeded, by chance and by more than it, in ``known`` periods."""
    expected = marks[1, mark] * known
    unexplained = marks[2, mark] - expected - 2.0 * sqrt(expected) - patience
    return log10(max(1e-30, marks[1, mark] + max(0.0, unexplained) / known))


@njit(cache=True)
def _exceed(mean: float, dispersion: float, more: F64, shares: F64, last: float, chances: F64) -> None:
    """Chance of exceeding each mark, and the last Bayes factor, by a count not yet seen."""
    n = len(more)
    sd = sqrt(dispersion * mean)
    stepwise = dispersion >= 1.0 and sd <= _MOST_STEPWISE
    stride = 1.0 if stepwise else max(1.0, ceil(sd / _COARSE)) if dispersion >= 1.0 else sd / _COARSE
    at = float(floor(mean))
    usual = log_chance(at, mean, dispersion)
    ratios = np.empty(n)
    sizes = np.empty(n)
    falls = np.empty(n)
    poisson = dispersion <= 1.0 + 1e-6
    size = mean / (dispersion - 1.0) if dispersion > 1.0 and not poisson else 1.0
    fall = 1.0 - 1.0 / dispersion
    for i in range(n):
        ratios[i] = _ratio(at, mean, dispersion, more[i], usual)
        with_more = mean + more[i]
        excess = (dispersion - 1.0) * mean / with_more
        falls[i] = with_more / mean if poisson else excess / (1.0 + excess) / fall
        sizes[i] = 1.0 if poisson else with_more / excess
    least_rise = exp(_LEAST_RISE / sd)
    chance = exp(usual)
    marks = len(chances)
    chances[:] = 0.0
    reached, below = 0, 0.0
    least = exp(max(_MARKS[0], last))
    for _ in range(_MOST_STEPS):
        if not stepwise:
            usual = log_chance(at, mean, dispersion)
            chance = stride * exp(log_chance(at + 0.5 * stride, mean, dispersion))
        if reached < marks:
            value = 1e-300
            for i in range(n):
                if not stepwise:
                    ratios[i] = _ratio(at, mean, dispersion, more[i], usual)
                value += shares[i] * ratios[i]
            while reached < marks and value > least:
                # the tail from here on is what is below in the end, less what is below now
                chances[reached] = below
                reached += 1
                if reached < marks:
                    least = max(least, _LINEAR_MARKS[reached])
        below += chance
        if at > mean + 3.0 * sd and chance < _NEGLIGIBLE:
            break
        if stepwise:
            if poisson:
                chance *= mean / (at + 1.0)
                for i in range(n):
                    ratios[i] = min(_MOST, ratios[i] * falls[i])
            else:
                chance *= (at + size) / (at + 1.0) * fall
                for i in range(n):
                    ratios[i] = min(_MOST, ratios[i] * max(least_rise, (at + sizes[i]) / (at + size) * falls[i]))
        at += stride
    for mark in range(reached):
        chances[mark] = max(0.0, below - chances[mark])


class Excess(base.Base):
    """Bayes factor of an outbreak, of several sizes and begun several periods ago, against none.

    The chance that it exceeds a mark is computed before each count, from the forecast and from where the factor stood;
    the mean of these chances over the series' own past says how often chance alone brings such a factor about in this
    series, whatever its mean, dispersion and discreteness. No count needs to have been so high for that.

    Parameters
    ----------
    sizes
        Cases of an outbreak in all, in standard deviations of a period's count.
    profile
        Part of an outbreak's cases in its first period, its second, and so on.
    weights
        Of the outbreaks that begin now, began a period ago, and so on.
    memory
        Periods after which a chance's weight has fallen to 1/e.
    weight
        What the shipped chances are worth, in periods.
    patience
        How often in that memory a mark may be exceeded by more than chance before this counts as usual here: true
        outbreaks are in the past, too.

    Examples
    --------
    >>> excess = Excess()
    >>> rare = [excess.update(count, Forecast(10.0, 1.0)) for count in (9, 12, 10, 25)]
    >>> rare[-1] > 3.0 > max(rare[:-1])
    True

    References
    ----------
    Neill, Cooper 2010, Machine Learning 79:261 (Bayesian scan over sizes and durations). The mean of the one-step
    chances is the compensator of the counting process of exceedances: Brémaud 1981, Point Processes and Queues, II.
    """

    def __init__(
        self,
        sizes: Sequence[float] = (1.0, 2.0, 3.0, 4.5, 6.5, 9.0),
        profile: Sequence[float] = (0.5, 0.417),
        weights: Sequence[float] = (1.0, 0.15),
        memory: float = 260.0,
        weight: float = 10.0,
        patience: float = 6.0,
    ) -> None:
        self.sizes = tuple(sizes)
        self.profile = tuple(profile)
        self.weights = tuple(weights)
        self.memory = memory
        self.weight = weight
        self.patience = patience
        self._sizes, self._shape = np.array(sizes), np.array([profile, weights])
        self._before = np.zeros((len(sizes), len(profile)))
        self._before[:, 0] = 1.0
        self._marks = np.zeros((3, len(_MARKS)))
        self._marks[1] = 0.12 * np.exp(-1.15 * _MARKS)
        self._asked = weight
        self._known = weight
        self._age = 0
        self.value = -inf

    def update(self, count: float, forecast: Forecast) -> float:
        """Take a count; ``-log10`` of the chance of such a Bayes factor in a period of this series."""
        mean, dispersion = forecast
        # Chances are alike from one period to the next: a third of them will do, once there are some.
        ask = self._age < _ASK_ALL or self._age % _ASK_EVERY == 0
        self._age += 1
        keep = exp(-1.0 / self.memory)
        if ask:
            self._asked = self._asked * keep**_ASK_EVERY + 1.0
        self._known = self._known * keep + 1.0
        self.value, score = _step(
            float(count),
            mean,
            dispersion,
            self._sizes,
            self._shape,
            self._before,
            self.value,
            self._marks,
            self._known,
            keep,
            self.patience,
            self._asked if ask else 0.0,
        )
        return score
