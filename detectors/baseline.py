"""What to expect: an online negative binomial forecast of one count series."""

from __future__ import annotations

from math import exp, inf, sqrt
from typing import Final, NamedTuple

from river import base

from detectors.base import DAY, HOUR
from detectors.daytypes import day_class, day_start, is_day_off, local_day
from detectors.rhythm import PART_HOURS, PARTS, Rhythm, empty_hours, hour_of

_WINSOR: Final = 2.58
# A day so many standard deviations above its forecast tells of something else, until it is one of too many in a row.
_INCIDENT: Final = 4.0
_DAYS_OF_AN_INCIDENT: Final = 3
_HELD_BACK: Final = 2
_LEAST_RATE: Final = 1e-4
_OUTAGE_CALLS: Final = 20.0
_YOUNG_DAYS: Final = 7.0
_DAYS_IN_DOUBT: Final = 7.0
_PART: Final = PART_HOURS * HOUR
_PART_WEIGHT: Final = 2.0
_MOST_IN_PARTS: Final = 1000.0
_NEARLY_A_DAY: Final = 23 * HOUR
# For windows within a day and for longer ones.
_RHYTHM_ERROR_HOURS: Final = 0.06
_RHYTHM_ERROR_DAYS: Final = 0.02
_AS_THE_RHYTHM: Final = [1.0] * PARTS


class Level(NamedTuple):
    """What a baseline knows of its rate.

    ``rate`` is in calls a nominal day; ``known`` is what it rests on, in calls, so that one over it is the
    squared relative error; ``noise`` is the variance over the mean of a day's count at a known rate.
    """

    rate: float
    known: float
    noise: float

    def forecast(self, exposure: float, seconds: float, rough_part: float = 0.0) -> tuple[float, float]:
        """Mean, and variance over mean, of the calls in a stretch of so many nominal days and seconds.

        ``rough_part`` is the squared relative error of the series' own hours, where they matter.
        """
        rate, known, noise = self
        mean = rate * exposure
        return mean, noise + mean * (1.0 / known + rhythm_error(seconds) + rough_part)


def rhythm_error(seconds: float) -> float:
    """Squared relative error of the learned rhythm over a stretch of so many seconds."""
    return _RHYTHM_ERROR_HOURS if seconds < _NEARLY_A_DAY else _RHYTHM_ERROR_DAYS


class Stretch(NamedTuple):
    """Days that are over: one with calls, or some in a row without.

    ``begins`` is POSIX seconds; ``mean`` is that of all their calls, ``dispersion`` the variance over the
    mean of one day.
    """

    begins: float
    days: int
    calls: float
    mean: float
    dispersion: float


class _Finished(NamedTuple):
    """Days that are to be learned: one with calls, and when in it they came, or some in a row without."""

    last: int
    days: int
    exposure: float
    calls: float | None
    parts: list[int]


class Baseline(base.Base):
    """Negative binomial forecast of the calls of one series between any two times.

    The rate per nominal day (see :class:`~detectors.rhythm.Rhythm`) has a gamma posterior: decayed calls over
    decayed exposure, beside a prior of fixed weight that follows the parent's rate. A sparse cell so borrows
    from its street, and a new one is wide rather than silent. Finished days are learned once, winsorised at
    the 99.5 % point of their own forecast, and of days in a row that lie far beyond up to three are not learned at
    all before one is, so that an incident does not become its own baseline; and where there is a parent, from its
    second week on, a day is learned when two more are over, so that an incident's first does not hide its second.
    Days without calls cost nothing, whatever the gap.

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
    day_begins, day_ends
        Local midnights around the open day, POSIX seconds; days before it are over.
    observed
        Nominal days that are over, dead lines left out.

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
    inflation of the forecast's variance: Noufaily et al. 2013, Statistics in Medicine 32:1206, section 3. Two days held
    back: EARS C2, Hutwagner et al. 2003, Journal of Urban Health 80:i89.
    """

    __slots__ = (
        "_above",
        "_calls",
        "_day",
        "_exposure",
        "_factors",
        "_factors_above",
        "_factors_shares",
        "_held",
        "_hours",
        "_latest",
        "_level",
        "_noise_known",
        "_odd_days",
        "_open",
        "_open_parts",
        "_parts",
        "_parts_sum",
        "_root",
        "_seen",
        "_since",
        "_spread",
        "_spread_base",
        "day_begins",
        "day_ends",
        "dispersion",
        "dispersion_weight",
        "memory",
        "observed",
        "parent",
        "prior_rate",
        "prior_weight",
        "rhythm",
        "share",
        "teaches",
    )

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
        self._root: Baseline = self if parent is None else parent._root
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
        self._odd_days = 0
        self.observed = 0.0
        self._seen: float = 0.0 if parent is None else parent.observed
        self._since: float = inf if parent is None else parent._since
        self._latest = -inf
        self._day: int = -1 if parent is None else parent._day
        self.day_begins: float = -inf if parent is None else parent.day_begins
        self.day_ends: float = -inf if parent is None else parent.day_ends
        self._open = 0.0
        self._level: Level | None = None
        self._above: Level | None = None
        self._noise_known: float | None = None
        self._hours: list[float] | None = empty_hours() if teaches else None
        self._parts = [0.0] * PARTS
        # Calls of workdays and of days off that the parts hold, and the parts of the open day's calls.
        self._parts_sum = [0.0, 0.0]
        self._open_parts: list[int] = []
        self._held: list[_Finished] = []
        self._factors: list[float] | None = None
        self._factors_above: list[float] | None = None
        self._factors_shares: list[tuple[float, float]] | None = None

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
        parent = self.parent
        if parent is None:
            if self._level is None:
                self._level = self._own_level()
            return self._level
        # the top of all is asked by everything below at every call
        above = (parent._level if parent.parent is None else None) or parent.level()
        if self._level is None or above is not self._above:
            self._above = above
            self._level = self._shrunk_level(above)
        return self._level

    def is_young(self) -> bool:
        """Whether the series that all lean on is so new that its open day counts already."""
        return self._root.observed < _YOUNG_DAYS

    def _own_level(self) -> Level:
        calls, exposure = self._calls, self._exposure
        if self.is_young():
            # What all others lean on must not wait for midnight to learn how big the street is.
            calls += self._open
            begin = max(self._since, self.day_begins)
            exposure += self.rhythm.exposure(begin, self._latest)
        known = self.prior_weight + calls
        return Level(known / (self.prior_weight / self.prior_rate + exposure), known, self._noise())

    def _shrunk_level(self, above: Level) -> Level:
        """The own level, leaning on the parent's, whose error it shares as far as it does."""
        weight = self.prior_weight
        own = weight + self._calls
        lean = weight / own
        rate = own / (weight / max(_LEAST_RATE, above.rate * self.share) + self._exposure)
        return Level(rate, 1.0 / (1.0 / own + lean * lean / above.known), self._noise())

    def _noise(self) -> float:
        noise = self._noise_known
        if noise is None:
            weight = self.dispersion_weight
            noise = (weight * self.dispersion + self._spread) / (weight + self._spread_base)
            self._noise_known = noise = max(1.0, noise)
        return noise

    def update(self, t: float, calls: float = 1.0) -> None:
        """Count calls at event time ``t``; those of a day that is over are added to what is remembered."""
        if t < self._since:
            self._since = t
        if t > self._latest:
            self._latest = t
        if t >= self.day_ends:
            self.finish(t)
        elif t < self.day_begins:
            self._calls += calls
            self._level = None
            return
        self._open += calls
        if self.parent is None and self.is_young():
            self._level = None
        if self._hours is not None:
            self._hours[hour_of(t, self.day_begins)] += calls
        elif calls == 1.0:
            self._open_parts.append(int((t - self.day_begins) / _PART))
        else:
            self._open_parts += [int((t - self.day_begins) / _PART)] * int(calls)

    def own_hours(self, now: float, hours: int) -> tuple[float, float]:
        """Nominal days in the last hours as this series has them, and their squared relative error."""
        exposure = error = total = 0.0
        factors = self.part_factors()
        for part, nominal in self.rhythm.trailing_parts(now, hours):
            exposure += nominal * factors[part]
            error += nominal / (_PART_WEIGHT + self._parts[part])
            total += nominal
        return exposure, error / total

    def part_factors(self) -> list[float]:
        """How many times the rhythm's calls this series has in each part of the day; not to be changed."""
        if self.parent is None:
            return _AS_THE_RHYTHM
        above, shares = self.parent.part_factors(), self.rhythm.shares
        if self._factors is None or above is not self._factors_above or shares is not self._factors_shares:
            self._factors_above, self._factors_shares = above, shares
            work, free = self._parts_sum
            self._factors = [
                (_PART_WEIGHT * factor + calls) / (_PART_WEIGHT + (work * on + free * off))
                for factor, calls, (on, off) in zip(above, self._parts, shares, strict=True)
            ]
        return self._factors

    def expected(self, t0: float, t1: float) -> tuple[float, float]:
        """Mean, and variance over mean, of the calls between two times, as of what is learned by now."""
        return self.forecast(self.rhythm.exposure(t0, t1), t1 - t0)

    def forecast(self, exposure: float, seconds: float) -> tuple[float, float]:
        """As ``expected``, for a stretch of so many nominal days and seconds."""
        return self.level().forecast(exposure, seconds)

    def finish(self, t: float) -> list[Stretch]:
        """End the days before that of ``t``, and open it; return them as they were forecast before."""
        zone = self.rhythm.utc_offset
        day = local_day(t, zone)
        ended: list[Stretch] = []
        if 0 <= self._day < day:
            begun = self._since <= self.day_begins
            whole = self.rhythm.day(self._day) if begun else self.rhythm.exposure(self._since, self.day_ends)
            empty = day - self._day - 1
            gap = self._gap_exposure(whole, day) if empty else 0.0
            ended.append(self._forecast(self.day_begins, 1, whole, self._open))
            self._held.append(_Finished(self._day, 1, whole, self._open, self._open_parts))
            if empty:
                ended.append(self._forecast(self.day_ends, empty, gap, 0.0))
                self._held.append(_Finished(day - 1, empty, gap, None, []))
            self._open_parts = []
            self.observed += whole + gap
            self._learn(day)
        if self.parent is not None:
            self._seen = self.parent.observed
        self._day = day
        self.day_begins = day_start(day, zone)
        self.day_ends = self.day_begins + DAY
        self._open = 0.0
        self._level = None
        if self._hours is not None:
            self._hours = empty_hours()
        return ended

    def doubt(self) -> None:
        """Take the level for a changed one: let what comes weigh more than what is remembered."""
        if self._exposure > _DAYS_IN_DOUBT:
            keep = _DAYS_IN_DOUBT / self._exposure
            self._calls *= keep
            self._exposure = _DAYS_IN_DOUBT
            self._level = None

    def _gap_exposure(self, whole: float, day: int) -> float:
        """Nominal days without a call here, between the open day (of ``whole``) and ``day``."""
        if self.parent is not None:
            return max(0.0, self.parent.observed - self._seen - whole)
        zone = self.rhythm.utc_offset
        passed = self.rhythm.exposure(self.day_begins + DAY, day_start(day, zone))
        # Where many calls were expected and none came, the line was dead: that is no news about the rate.
        return passed if self.rate * passed < _OUTAGE_CALLS else 0.0

    def _forecast(self, begins: float, days: int, exposure: float, calls: float) -> Stretch:
        mean, dispersion = self.level().forecast(exposure / days, DAY)
        return Stretch(begins, days, calls, mean * days, dispersion)

    def _learn(self, today: int) -> None:
        """Learn what has been held back long enough."""
        # What many lean on, and stands on many calls, must know what the day before was like.
        lag = 0 if self.parent is None or self.is_young() else _HELD_BACK
        while self._held and self._held[0].last < today - lag:
            day, days, exposure, calls, parts = self._held.pop(0)
            if calls is None:
                self._learn_gap(days, exposure)
            else:
                self._learn_day(day, exposure, calls, parts)

    def _learn_day(self, day: int, exposure: float, calls: float, parts: list[int]) -> None:
        level = self.level()
        mean, dispersion = level.forecast(exposure, DAY)
        if self._is_odd(calls, mean, dispersion):
            self._odd_days += 1
            return
        self._odd_days = 0
        kept = min(calls, _bound(mean, dispersion, _WINSOR))
        if self._hours is not None and self._since <= self.day_begins:
            scale = kept / calls if calls else 0.0
            self.rhythm.learn(day, [count * scale for count in self._hours], kept / level.rate)
        elif parts:
            self._learn_parts(day, kept / calls, kept, parts)
        keep = exp(-1.0 / self.memory)
        self._spread = (self._spread + (kept - mean) ** 2) * keep
        self._spread_base = (self._spread_base + mean * (1.0 + mean / level.known)) * keep
        self._noise_known = None
        self._calls = self._calls * keep + kept
        self._exposure = self._exposure * keep + exposure
        self._level = None

    def _is_odd(self, calls: float, mean: float, dispersion: float) -> bool:
        """Whether a day is that of an incident, and not yet the new level."""
        if self.parent is None or self._odd_days >= _DAYS_OF_AN_INCIDENT:
            return False
        return calls > _bound(mean, dispersion, _INCIDENT)

    def _learn_parts(self, day: int, each: float, kept: float, parts: list[int]) -> None:
        """Learn when on a day its calls came, of which so many are kept."""
        for part in parts:
            self._parts[part] += each
        self._factors = None
        self._parts_sum[is_day_off(day_class(day))] += kept
        if sum(self._parts_sum) > _MOST_IN_PARTS:
            self._parts = [0.5 * calls for calls in self._parts]
            self._parts_sum = [0.5 * calls for calls in self._parts_sum]

    def _learn_gap(self, days: int, exposure: float) -> None:
        self._odd_days = 0
        mean = self.level().rate * exposure
        keep = exp(-days / self.memory)
        self._spread = self._spread * keep + mean
        self._spread_base = self._spread_base * keep + mean
        self._noise_known = None
        self._calls *= keep
        # What is remembered of a stretch that decays while it lasts.
        self._exposure = self._exposure * keep + exposure * self.memory / days * (1.0 - keep)
        self._level = None


def _bound(mean: float, dispersion: float, deviations: float) -> float:
    """Calls of a day, one more than so many standard deviations above its mean; one call never stands out."""
    return mean + 1.0 + deviations * sqrt(mean * dispersion)
