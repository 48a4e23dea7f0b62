"""What to expect: an online negative binomial forecast of one count series."""

from __future__ import annotations

from math import exp, inf, sqrt
from typing import Final, NamedTuple

from river import base

from detectors.base import DAY, HOUR
from detectors.daytypes import day_start, local_day
from detectors.rhythm import Rhythm, empty_hours, hour_of

_WINSOR: Final = 2.58
_LEAST_RATE: Final = 1e-4
_OUTAGE_CALLS: Final = 20.0
_YOUNG_DAYS: Final = 7.0
# Squared relative error of the learned rhythm, for windows within a day and for longer ones.
_RHYTHM_ERROR_HOURS: Final = 0.06
_RHYTHM_ERROR_DAYS: Final = 0.02


class Level(NamedTuple):
    """What a baseline knows of its rate.

    ``rate`` is in calls a nominal day; ``known`` is what it rests on, in calls, so that one over it is the
    squared relative error; ``noise`` is the variance over the mean of a day's count at a known rate.
    """

    rate: float
    known: float
    noise: float

    def forecast(self, exposure: float, seconds: float) -> tuple[float, float]:
        """Mean, and variance over mean, of the calls in a stretch of so many nominal days and seconds."""
        mean = self.rate * exposure
        rough = _RHYTHM_ERROR_HOURS if seconds < DAY - HOUR else _RHYTHM_ERROR_DAYS
        return mean, self.noise + mean * (1.0 / self.known + rough)


class Baseline(base.Base):
    """Negative binomial forecast of the calls of one series between any two times.

    The rate per nominal day (see :class:`~detectors.rhythm.Rhythm`) has a gamma posterior: decayed calls over
    decayed exposure, beside a prior of fixed weight that follows the parent's rate. A sparse cell so borrows
    from its street, and a new one is wide rather than silent. Finished days are learned once, winsorised at
    the 99.5 % point of their own forecast, so that an incident does not become its own baseline; days
    without calls cost nothing, whatever the gap.

    Parameters
    ----------
    rhythm
        Shared rhythm of day and hour.
    parent
        Baseline this one borrows from; its rate times ``share`` is the prior mean.
    share
        Part of the parent's calls expected here, 0 to 1.
    prior_rate
        Prior mean without a parent, calls a day.
    prior_weight
        Shape of the prior gamma: how many calls the prior is worth.
    memory
        Days after which a day's weight has fallen to 1/e.
    dispersion
        Prior variance of a day's count over its mean.
    dispersion_weight
        What that prior is worth, in expected calls.
    teaches
        Whether this series teaches ``rhythm``; one series a rhythm should.

    Attributes
    ----------
    day_begins
        Local midnight that began the open day, POSIX seconds; days before it are learned.
    observed
        Nominal days learned from so far, dead lines left out.

    Examples
    --------
    >>> street = Baseline(Rhythm(), prior_rate=30.0, teaches=True)
    >>> monday = 1_736_092_800.0
    >>> for day in range(28):
    ...     for call in range(100):
    ...         street.update(monday + 86400.0 * day + 28800.0 + 360.0 * call)
    >>> mean, dispersion = street.expected(monday + 28 * 86400.0, monday + 29 * 86400.0)
    >>> 80 < mean < 120, 1.0 <= dispersion < 6.0
    (True, True)
    >>> cell = Baseline(street.rhythm, parent=street, share=0.02)
    >>> cell.rate < 0.1  # it has been silent as long as its street has been heard
    True

    References
    ----------
    Gamma-Poisson filter with forgetting: Harvey, Fernandes 1989, JBES 7:407, section 3. Robust counts and the
    inflation of the forecast's variance: Noufaily et al. 2013, Statistics in Medicine 32:1206, section 3.
    """

    def __init__(
        self,
        rhythm: Rhythm,
        parent: Baseline | None = None,
        share: float = 1.0,
        prior_rate: float = 1.0,
        prior_weight: float = 1.0,
        memory: float = 45.0,
        dispersion: float = 1.3,
        dispersion_weight: float = 15.0,
        teaches: bool = False,
    ) -> None:
        self.rhythm = rhythm
        self.parent = parent
        self.share = share
        self.prior_rate = prior_rate
        self.prior_weight = prior_weight
        self.memory = memory
        self.dispersion = dispersion
        self.dispersion_weight = dispersion_weight
        self.teaches = teaches
        self._calls = 0.0
        self._exposure: float = 0.0 if parent is None else parent._exposure
        self._spread = 0.0
        self._spread_base = 0.0
        self.observed = 0.0
        self._seen: float = 0.0 if parent is None else parent.observed
        self._since: float = inf if parent is None else parent._since
        self._latest = -inf
        self._day: int = -1 if parent is None else parent._day
        self.day_begins: float = -inf if parent is None else parent.day_begins
        self._open = 0.0
        self._level: Level | None = None
        self._above: Level | None = None
        self._hours: list[float] | None = empty_hours() if teaches else None

    @property
    def rate(self) -> float:
        """Calls a nominal day."""
        return self.level().rate

    @property
    def exposure(self) -> float:
        """Nominal days remembered."""
        return self._exposure

    def level(self) -> Level:
        """What is known of the rate now; it changes when a day is learned, here or above."""
        if self.parent is None:
            if self._level is None or self.observed < _YOUNG_DAYS:
                self._level = self._own_level()
            return self._level
        above = self.parent.level()
        if self._level is None or above is not self._above:
            self._above = above
            self._level = self._shrunk_level(above)
        return self._level

    def _own_level(self) -> Level:
        calls, exposure = self._calls, self._exposure
        if self.observed < _YOUNG_DAYS:
            # What all others lean on must not wait for midnight to learn how big the street is.
            calls += self._open
            begin = max(self._since, self.day_begins)
            exposure += self.rhythm.exposure(begin, self._latest)
        known = self.prior_weight + calls
        return Level(known / (self.prior_weight / self.prior_rate + exposure), known, self._noise())

    def _shrunk_level(self, above: Level) -> Level:
        """The own level, leaning on the parent's, whose error it shares as far as it does."""
        own = self.prior_weight + self._calls
        lean = self.prior_weight / own
        prior = max(_LEAST_RATE, above.rate * self.share)
        rate = own / (self.prior_weight / prior + self._exposure)
        return Level(rate, 1.0 / (1.0 / own + lean * lean / above.known), self._noise())

    def _noise(self) -> float:
        weight = self.dispersion_weight
        return max(1.0, (weight * self.dispersion + self._spread) / (weight + self._spread_base))

    def update(self, t: float, calls: float = 1.0) -> None:
        """Count calls at event time ``t``; those of a day already learned are added to what is remembered."""
        if t < self._since:
            self._since = t
        if t > self._latest:
            self._latest = t
        if self.day_ends_by(t):
            self._finish(local_day(t, self.rhythm.utc_offset))
        elif t < self.day_begins:
            self._calls += calls
            self._level = None
            return
        self._open += calls
        if self._hours is not None:
            self._hours[hour_of(t, self.day_begins)] += calls

    def day_ends_by(self, t: float) -> bool:
        """Whether ``t`` lies after the open day."""
        return t >= self.day_begins + DAY

    def expected(self, t0: float, t1: float) -> tuple[float, float]:
        """Mean, and variance over mean, of the calls between two times, as of what is learned by now."""
        return self.forecast(self.rhythm.exposure(t0, t1), t1 - t0)

    def forecast(self, exposure: float, seconds: float) -> tuple[float, float]:
        """As ``expected``, for a stretch of so many nominal days and seconds."""
        return self.level().forecast(exposure, seconds)

    def finished_by(self, t: float) -> list[tuple[float, float, float, float]]:
        """Stretches that ``update(t)`` would learn: start, calls, mean and dispersion of each.

        None while the open day lasts; then that day and, if days without a call follow it, these together.
        """
        day = local_day(t, self.rhythm.utc_offset)
        if self._day < 0 or day <= self._day:
            return []
        zone = self.rhythm.utc_offset
        whole = self._open_exposure()
        stretches = [(self.day_begins, self._open, *self.forecast(whole, DAY))]
        if day > self._day + 1:
            gap = self._gap_exposure(whole, day)
            since = self.day_begins + DAY
            stretches.append((since, 0.0, *self.forecast(gap, day_start(day, zone) - since)))
        return stretches

    def _finish(self, day: int) -> None:
        """Learn the open day and the empty ones after it, and open ``day``."""
        if self._day >= 0:
            whole = self._open_exposure()
            gap = self._gap_exposure(whole, day) if day > self._day + 1 else 0.0
            self._learn_day(whole)
            if day > self._day + 1:
                self._learn_gap(day - self._day - 1, gap)
        if self.parent is not None:
            self._seen = self.parent.observed
        self._day = day
        self.day_begins = day_start(day, self.rhythm.utc_offset)
        self._open = 0.0
        self._level = None
        if self._hours is not None:
            self._hours = empty_hours()

    def _open_exposure(self) -> float:
        """Nominal days of the open day, from the first call ever on."""
        return self.rhythm.exposure(max(self._since, self.day_begins), self.day_begins + DAY)

    def _gap_exposure(self, whole: float, day: int) -> float:
        """Nominal days without a call here, between the open day (of ``whole``) and ``day``."""
        if self.parent is not None:
            return max(0.0, self.parent.observed - self._seen - whole)
        zone = self.rhythm.utc_offset
        passed = self.rhythm.exposure(self.day_begins + DAY, day_start(day, zone))
        # Where many calls were expected and none came, the line was dead: that is no news about the rate.
        return passed if self.rate * passed < _OUTAGE_CALLS else 0.0

    def _learn_day(self, exposure: float) -> None:
        level = self.level()
        mean, dispersion = level.forecast(exposure, DAY)
        kept = min(self._open, mean + 1.0 + _WINSOR * sqrt(mean * dispersion))
        self._spread += (kept - mean) ** 2
        self._spread_base += mean * (1.0 + mean / level.known)
        if self._hours is not None and self._since <= self.day_begins:
            scale = kept / self._open
            self.rhythm.learn(self._day, [calls * scale for calls in self._hours], kept / level.rate)
        self._decay(1.0)
        self._calls += kept
        self._exposure += exposure
        self.observed += exposure

    def _learn_gap(self, days: int, exposure: float) -> None:
        empty = self.rate * exposure
        self._decay(float(days))
        # What is remembered of a stretch that decays while it lasts.
        self._exposure += exposure * self.memory / days * (1.0 - exp(-days / self.memory))
        self._spread += empty
        self._spread_base += empty
        self.observed += exposure

    def _decay(self, days: float) -> None:
        keep = exp(-days / self.memory)
        self._calls *= keep
        self._exposure *= keep
        self._spread *= keep
        self._spread_base *= keep
