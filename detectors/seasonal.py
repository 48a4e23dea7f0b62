"""What to expect of a count a day or a week: level, trend, season and weekday, learned online in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, exp, inf, lgamma, log, log1p, pi, sin, sqrt
from typing import Final, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray
from river import base

F64 = NDArray[np.float64]

_NEARLY_POISSON: Final = 1e-6
_UNDER: Final = 0.999
_LEAST_LOG, _MOST_LOG = -7.0, 12.0
_FIRST: Final = 0.3
_LEAST_MEAN: Final = 0.02
# A count far above its forecast is an outbreak with this prior chance, of one of these sizes in standard deviations.
_OUTBREAK: Final = 0.01
_SIZES: Final = np.array([1.0, 2.0, 3.5, 5.5])


class Forecast(NamedTuple):
    """Mean of the next count, and its variance over the mean, in which what is not known counts too."""

    mean: float
    dispersion: float


@njit(cache=True)
def log_chance(count: float, mean: float, dispersion: float) -> float:
    """Log chance of a count: negative binomial, Poisson where the dispersion is 1, normal below."""
    if dispersion < _UNDER:
        variance = dispersion * mean
        return -0.5 * (log(2.0 * pi * variance) + (count - mean) ** 2 / variance)
    if dispersion <= 1.0 + _NEARLY_POISSON:
        return count * log(mean) - mean - lgamma(count + 1.0)
    size = mean / (dispersion - 1.0)
    return (
        lgamma(count + size)
        - lgamma(size)
        - lgamma(count + 1.0)
        + count * log1p(-1.0 / dispersion)
        - size * log(dispersion)
    )


@njit(cache=True)
def log_chance_with(count: float, mean: float, dispersion: float, more: float) -> float:
    """Log chance of a count with ``more`` cases, Poisson ones, on top of the forecast."""
    return log_chance(count, mean + more, (dispersion * mean + more) / (mean + more))


@njit(cache=True)
def _features(x: F64, number: int, begun: int, year: float, harmonics: int, week: int) -> None:
    """Level, trend since the begin, harmonics of the year, and factors of the weekdays, which add up to none."""
    x[0], x[1] = 1.0, (number - begun) / year
    at = 2
    for j in range(1, harmonics + 1):
        angle = 2.0 * pi * j * number / year
        x[at], x[at + 1] = cos(angle), sin(angle)
        at += 2
    if week > 1:
        today = number % week
        x[at:] = -1.0 if today == week - 1 else 0.0
        if today < week - 1:
            x[at + today] = 1.0


@njit(cache=True)
def _forecast(
    x: F64,
    number: int,
    begun: int,
    year: float,
    harmonics: int,
    week: int,
    offset: float,
    rates: F64,
    covs: F64,
    models: F64,
    out: F64,
) -> float:
    """Mean and squared relative error of every model into rows 0 and 1 of ``out``, of their mixture into row 2.

    Returned is what that error adds to the dispersion. Rows of ``models``: how likely each is, the logarithm of that,
    and the variance by which its level wanders.
    """
    _features(x, number, begun, year, harmonics, week)
    kinds, n = rates.shape
    mean = square = within = 0.0
    for k in range(kinds):
        covs[k, 0, 0] += models[2, k]
        f, q = offset, 0.0
        for i in range(n):
            f += x[i] * rates[k, i]
            for j in range(n):
                q += x[i] * covs[k, i, j] * x[j]
        m = exp(min(_MOST_LOG, max(_LEAST_LOG, f)))
        out[0, k], out[1, k] = m, q
        mean += models[0, k] * m
        square += models[0, k] * m * m
        within += models[0, k] * m * m * q
    # What the models differ by is an error of the mean, too.
    out[2, 0] = mean
    out[2, 1] = (within + square - mean * mean) / (mean * mean)
    return (within + square - mean * mean) / mean


@njit(cache=True)
def _learn(
    count: float,
    x: F64,
    rates: F64,
    covs: F64,
    caps: F64,
    models: F64,
    noises: F64,
    out: F64,
    noise: float,
    recent: float,
    forgetting: float,
    fading: float,
    teach_noise: bool,
) -> float:
    """Learn from a finished count; the dispersion after it."""
    kinds, n = rates.shape
    along = np.empty(n)
    mean, error = out[2, 0], out[2, 1]
    top = -inf
    for k in range(kinds):
        m, q = out[0, k], out[1, k]
        total = noise + m * q
        kept = count
        sd = sqrt(total * m)
        if count > m + sd:
            up, down = count, 1.0
            usual = log_chance(count, m, total)
            for size in _SIZES:
                more = size * sd
                chance = _OUTBREAK * exp(min(300.0, log_chance_with(count, m, total, more) - usual)) / len(_SIZES)
                base_cases = m + total * m / (total * m + more) * (count - m - more)
                up += chance * max(0.0, base_cases)
                down += chance
            kept = up / down
        if kinds > 1:
            models[1, k] = recent * models[1, k] + log_chance(count, m, total)
            top = max(top, models[1, k])
        gain = log((1.0 + q * kept / noise) / (1.0 + q * m / noise)) / q
        shrink = (1.0 - 1.0 / (1.0 + q * m / noise)) / q
        for i in range(n):
            along[i] = 0.0
            for j in range(n):
                along[i] += covs[k, i, j] * x[j]
            rates[k, i] += along[i] * gain
        for i in range(n):
            for j in range(n):
                covs[k, i, j] -= shrink * along[i] * along[j]
        if forgetting < 1.0:
            for i in range(n):
                for j in range(n):
                    covs[k, i, j] /= forgetting
            for i in range(n):
                if covs[k, i, i] > caps[i]:
                    ratio = sqrt(caps[i] / covs[k, i, i])
                    for j in range(n):
                        covs[k, i, j] *= ratio
                        covs[k, j, i] *= ratio
    if kinds > 1:
        total = 0.0
        for k in range(kinds):
            models[0, k] = exp(models[1, k] - top)
            total += models[0, k]
        for k in range(kinds):
            models[0, k] /= total
    if not teach_noise:
        return noise
    top = -inf
    steps = noises.shape[1]
    for g in range(steps):
        total = noises[0, g] + mean * error
        said = log_chance(count, mean, total)
        sd = sqrt(total * mean)
        if count > mean + sd:
            outbreak = 0.0
            for size in _SIZES:
                outbreak += exp(min(300.0, log_chance_with(count, mean, total, size * sd) - said))
            said += log1p(_OUTBREAK * outbreak / len(_SIZES))
        noises[1, g] = fading * noises[1, g] + said
        top = max(top, noises[1, g])
    up = down = 0.0
    for g in range(steps):
        chance = exp(noises[1, g] - top)
        up += chance * noises[0, g]
        down += chance
    return up / down


class SeasonalForecast(base.Base):
    """Negative binomial forecast of a series of counts, one a period, from all that came before.

    The logarithm of the mean is a sum of level, trend, harmonics of the year and factors of the day of the week,
    whose coefficients have a normal posterior that each count moves once. Several models, with a level that wanders
    faster or slower (``drifts``) or fewer harmonics (``nested``), run beside each other and are weighed by how well
    they have forecast of late. Dispersion is learned on a grid. A count far above its forecast is taken for what it
    most likely is, an outbreak on top of the usual, so that the baseline does not learn it. O(1) a count: neither
    history nor refits.

    Parameters
    ----------
    year
        Periods in a year.
    harmonics
        Of the year.
    week
        Periods in a week whose factors differ; 1 for none.
    nested
        Whether models with fewer harmonics, and none, run beside that with all: what is not there need not be learned.
    drifts
        Variance by which the logarithm of the level wanders in a period, one a model.
    noises
        Grid of the dispersion. Below 1 only for counts that are not single cases.
    first_noise
        Dispersion until it is learned.
    teach_after
        Periods until the dispersion is learned.
    recent
        Discount a period of the models' weights.
    forgetting
        Discount a period of what the coefficients rest on.
    fading
        Discount a period of what the dispersion rests on.

    Examples
    --------
    >>> weekly = SeasonalForecast()
    >>> for week in range(104):
    ...     forecast = weekly.forecast(week)
    ...     weekly.learn(week, 20 + week % 3)
    >>> 18 < forecast.mean < 24, forecast.dispersion < 1.5
    (True, True)

    References
    ----------
    West, Harrison, Migon 1985, JASA 80:73 (dynamic generalised linear model, conjugate step and linear Bayes update);
    Noufaily et al. 2013, Statistics in Medicine 32:1206 (negative binomial by mean and dispersion, down-weighting).
    """

    def __init__(
        self,
        year: float = 52.0,
        harmonics: int = 2,
        week: int = 1,
        nested: bool = False,
        drifts: Sequence[float] = (0.0,),
        noises: Sequence[float] = (1.0, 1.1, 1.25, 1.5, 1.8, 2.2, 2.8, 3.6, 4.8, 6.5, 9.0),
        first_noise: float = 1.3,
        teach_after: int = 52,
        recent: float = 0.98,
        forgetting: float = 1.0,
        fading: float = 1.0,
    ) -> None:
        self.year = year
        self.harmonics = harmonics
        self.week = week
        self.nested = nested
        self.drifts = tuple(drifts)
        self.noises = tuple(noises)
        self.first_noise = first_noise
        self.teach_after = teach_after
        self.recent = recent
        self.forgetting = forgetting
        self.fading = fading
        contrasts = week - 1
        spread = [2.0, 0.02]
        for j in range(harmonics):
            spread += [0.2 / (j + 1)] * 2
        spread += [0.2] * contrasts
        self._caps = np.array(spread)
        waves = range(harmonics + 1) if nested else (harmonics,)
        kinds = [(drift, some) for drift in drifts for some in waves]
        self._rates = np.zeros((len(kinds), len(spread)))
        self._covs = np.stack([np.diag(self._caps)] * len(kinds))
        for k, (_, some) in enumerate(kinds):
            # what has no variance stays at none
            self._covs[k, 2 + 2 * some : 2 + 2 * harmonics] = 0.0
        self._models = np.zeros((3, len(kinds)))
        self._models[0], self._models[2] = 1.0 / len(kinds), [drift for drift, _ in kinds]
        self._noises = np.array([noises, -0.5 * np.log(noises)])
        self._out = np.zeros((3, max(2, len(kinds))))
        self._noise = first_noise
        self._x = np.zeros(len(spread))
        self._begun = 0
        self.learned = 0

    def forecast(self, number: int, offset: float = 0.0) -> Forecast:
        """Forecast period ``number``, counted from any epoch; asked once before each ``learn``.

        ``offset`` is the logarithm of how many times a usual period it is.
        """
        if not self.learned:
            self._begun = number
        unsure = _forecast(
            self._x,
            number,
            self._begun,
            self.year,
            self.harmonics,
            self.week,
            offset,
            self._rates,
            self._covs,
            self._models,
            self._out,
        )
        return Forecast(self._out.item(2, 0), self._noise + unsure)

    def learn(self, number: int, count: float, offset: float = 0.0) -> None:
        """Learn from the count of the period that was forecast last, which is over."""
        if not self.learned:
            self._rates[:, 0] = log(max(count + _FIRST, _LEAST_MEAN)) - offset
            self.forecast(number, offset)
        self._noise = _learn(
            count,
            self._x,
            self._rates,
            self._covs,
            self._caps,
            self._models,
            self._noises,
            self._out,
            self._noise,
            self.recent,
            self.forgetting,
            self.fading,
            self.learned >= self.teach_after,
        )
        self.learned += 1
