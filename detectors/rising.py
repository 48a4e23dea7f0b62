"""More calls than the season, the weekday and the hour lead one to expect: ``rising``."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, log, log10, sqrt
from typing import ClassVar, Final, NamedTuple

import numpy as np

from detectors.base import DAY, HOUR, Decision, Kind
from detectors.baseline import Baseline, Level, Stretch, rhythm_error
from detectors.calibration import Calibrator
from detectors.callers import UNKNOWN, Caller, RecentCallers
from detectors.quiet import fewest_calls
from detectors.rhythm import PARTS, Rhythm
from detectors.statistical import StatisticalDetector
from detectors.tails import score_of, upper_tail
from detectors.weeks import Week, Weeks

WINDOWS: Final = (7 * DAY, 2 * DAY, DAY, 6 * HOUR, HOUR)
"""Trailing windows tested at each call, in seconds, the longest first."""
_HOURS: Final = (168, 48, 24, 6, 1)
_WINDOWS: Final = (np.array(_HOURS), np.array([rhythm_error(window) for window in WINDOWS]))
_SHORT: Final = 3
"""From this window on, a series' own hours matter."""
_NAMES: Final = ("scan 7d", "scan 48h", "scan 24h", "scan 6h", "scan 1h")
# Five windows, the cumulative sum and the finished weeks are seven looks at one series.
_LOOKS: Final = log10(len(WINDOWS) + 2)
# The standard deviations above its mean that a count needs to score: 10**-(floor + looks), or 0.0017, is 2.9 of
# them for a normal count, and more for those with a longer tail.
_DEVIATIONS: Final = 2.8
# Calls a nominal day below which what the emptiest hour of the day makes worth a test hardly comes at any, so that
# one answer serves the day and the series' own hours need not be asked.
_SPARSE: Final = 4.0
_NO_HOURS: Final = np.zeros(PARTS)
_LOG_TEN: Final = log(10.0)
_CLIMB: Final = 1.6
_LOG_CLIMB: Final = log(_CLIMB)
# One day may add this much at most: what jumps is the windows' affair.
_MOST_CLIMB_A_DAY: Final = 3.0
_LONGEST_CLIMB: Final = 21 * DAY
_LONGEST_GAP_DAYS: Final = 7
_CLEARLY_ABOVE: Final = 2.0
# The error of the rate is the same all week long, so that its share of the variance adds up; and a rate that
# rests on less than three weeks is not climbed away from.
_DAYS_IN_ONE_ERROR: Final = 7.0
_WEIGHT_OF_A_GUESS: Final = 0.35
_CLIMBS_AFTER: Final = 21.0
# A series with fewer calls a week is left to the windows and the climb: it has no season that it could learn.
_LEAST_A_WEEK: Final = 14.0


class _Look(NamedTuple):
    """The count of one window, its forecast, and the score of the two."""

    score: float
    number: int
    calls: int
    mean: float
    dispersion: float


_NOTHING: Final = _Look(0.0, 0, 0, 0.0, 1.0)


class _Climb:
    """Cumulative sum of one series: how much better a raised rate explains the days since it left zero."""

    __slots__ = ("calls", "ended", "mean", "since", "unknown", "value", "variance")

    def __init__(self) -> None:
        self.end()

    def end(self) -> None:
        """Start again from zero."""
        self.value = self.since = self.ended = self.mean = self.variance = 0.0
        self.calls = self.unknown = 0

    def add(self, days: Stretch, unknown: int, known: float) -> None:
        """Take finished days, the calls of unknown callers in them, and the calls that the rate rests on."""
        begins, length, calls, mean, dispersion = days
        better = calls * _LOG_CLIMB - mean * (_CLIMB - 1.0)
        if self.value <= 0.0 and better <= 0.0:
            return
        ended = begins + length * DAY
        if length > _LONGEST_GAP_DAYS or (self.value > 0.0 and ended - self.since > _LONGEST_CLIMB):
            self.end()
            return
        dispersion += _DAYS_IN_ONE_ERROR * mean / length / known
        value = self.value + min(_MOST_CLIMB_A_DAY, better / dispersion)
        if value <= 0.0:
            self.end()
            return
        if self.value <= 0.0:
            self.since = begins
        self.value, self.ended = value, ended
        self.calls += int(calls)
        self.unknown += unknown
        self.mean += mean
        self.variance += mean * dispersion

    @property
    def clear(self) -> bool:
        """Whether its calls in sum are more than their forecast explains."""
        return self.calls - self.mean > _CLEARLY_ABOVE * sqrt(self.variance)


class _Series:
    """One watched series."""

    __slots__ = ("baseline", "callers", "climb", "climbed", "fewest", "level", "midnight", "unknown", "week", "weeks")

    def __init__(self, baseline: Baseline) -> None:
        self.baseline = baseline
        self.callers = RecentCallers()
        self.climb = _Climb()
        self.climbed = False
        """whether the sum has climbed with the day that has just ended, and is clear"""
        self.weeks: Weeks | None = None
        """finished weeks, once there are enough calls in one"""
        self.week: Week | None = None
        """the week that has just ended, if it stands out"""
        self.unknown = 0
        """calls of unknown callers on the open day"""
        self.level: Level | None = None
        self.midnight = -inf
        self.fewest: list[list[int]] = []
        """calls that make each window worth a test at this level, by part of the day from midnight on"""

    def finish(self, t: float) -> bool:
        """Close the days before that of ``t``; whether the sum has climbed and is clear, or a week stands out."""
        baseline, climb = self.baseline, self.climb
        climbs = baseline.exposure >= _CLIMBS_AFTER
        before, known = climb.value, baseline.level().known if climbs else 1.0
        days, unknown = baseline.finish(t), self.unknown
        self.unknown = 0
        if self.weeks is None:
            if days and 7.0 * days[0].mean >= _LEAST_A_WEEK * days[0].days:
                self.weeks = Weeks()
        else:
            self.week = self.weeks.add(days, unknown, t, baseline.rhythm)
        if climbs:
            for stretch in days:
                climb.add(stretch, unknown, known)
                unknown = 0
        self.climbed = climbs and climb.value > before and climb.clear
        return self.climbed or self.week is not None


class RisingDetector(StatisticalDetector):
    """Scans the trailing hour, six hours, day, two days and week of many series, and sums up slow climbs.

    At each call the count of distinct callers in each window is tested against the exact negative binomial
    tail of the series' :class:`~detectors.baseline.Baseline`. A call whose caller is unknown counts as one.
    A cumulative sum of log likelihood ratios over whole days, for a rate 1.6 times the expected one, finds
    what climbs too slowly for any window: it exceeds h with a probability of at most ``exp(-h)`` in an
    episode. Once there is half a year, each finished week of a series that has some calls a day is held against
    its trend and annual season (:class:`~detectors.periods.PeriodTest`). The best of these looks gives the score.

    Parameters
    ----------
    alarms_per_week
        False alarms it may give a week, all series together.
    shares
        Expected part of its parent's calls, by key of the series; own data takes over.
    default_share
        The same for a series not in ``shares``.
    calls_a_day
        Expected calls a day of a series without a parent; own data takes over in days.
    min_calls
        Fewest distinct calls in the window that may alarm.
    utc_offset
        Offset of the local zone, in hours.
    calibrator
        Turns scores into recurrence intervals.

    Examples
    --------
    >>> rising = RisingDetector(alarms_per_week=0.1, calls_a_day=10.0)
    >>> monday = 1_736_092_800.0
    >>> said = [rising.update("", monday + 8640.0 * n, f"a{n}") for n in range(300)]
    >>> any(d is not None and d.fired for d in said)
    False
    >>> burst = [rising.update("", monday + 30 * 86400.0 + 36000.0 + 60.0 * n, f"b{n}") for n in range(30)]
    >>> burst[-1].fired, burst[-1].evidence.distinct_callers
    (True, 30)

    References
    ----------
    Noufaily et al. 2013, Statistics in Medicine 32:1206 (negative binomial predictive thresholds); Fricker,
    Hegler, Dunfee 2008, Statistics in Medicine 27:3407 (CUSUM on forecast errors); Siegmund 1985, Sequential
    Analysis, section II.2 (bound on a sum of log likelihood ratios).
    """

    kind: ClassVar[Kind] = "rising"

    def __init__(
        self,
        alarms_per_week: float = 0.01,
        shares: Mapping[str, float] | None = None,
        default_share: float = 0.1,
        calls_a_day: float = 50.0,
        min_calls: int = 4,
        utc_offset: float = 8.0,
        calibrator: Calibrator | None = None,
    ) -> None:
        super().__init__(alarms_per_week, calibrator or _calibrator())
        self.shares = dict(shares or {})
        self.default_share = default_share
        self.calls_a_day = calls_a_day
        self.min_calls = min_calls
        self.utc_offset = utc_offset
        self._series: dict[str, _Series] = {}
        self._clock = -inf

    def update(
        self,
        key: str,
        t: float,
        caller: Caller = UNKNOWN,
        parent: str | None = None,
        calls: int = 1,
    ) -> Decision | None:
        """Count ``calls`` of one caller in a series and test it; ``None`` if nothing stands out.

        A series with a ``parent`` is fed after it, with the same call; it borrows the parent's level. More
        than one call at once is for digests, whose callers are unknown.

        Raises
        ------
        KeyError
            If the parent has never been fed.
        """
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = _Series(self._baseline(key, parent))
        if t > self._clock:
            self._clock = t
        now = self._clock
        callers, baseline = series.callers, series.baseline
        ended = t >= baseline.day_ends and series.finish(t)
        if caller == UNKNOWN:
            for _ in range(calls):
                callers.add(t, caller, WINDOWS[0])
            if t >= baseline.day_begins:
                series.unknown += calls
            baseline.update(t, float(calls))
        else:
            callers.add(t, caller, WINDOWS[0])
            if callers.before is None or callers.before <= t - DAY:
                baseline.update(t, float(calls))
        if len(callers) >= self.min_calls:
            fewest = self._fewest(series, now)
            if callers.reach(now, WINDOWS, fewest):
                return self._test(key, series, now, ended, self._scan(series, now, fewest))
        return self._test(key, series, now, ended, _NOTHING) if ended else None

    def expected(self, key: str, t0: float, t1: float) -> tuple[float, float]:
        """Mean, and variance over mean, of the calls of a known series between two times."""
        return self._series[key].baseline.expected(t0, t1)

    def level(self, key: str) -> Level:
        """What is known of the rate of a known series."""
        return self._series[key].baseline.level()

    def heard(self, key: str, window: float) -> tuple[float, float]:
        """Calls of a known series in so many seconds up to now, and their mean."""
        series, now = self._series[key], self._clock
        return float(series.callers.count(now, window)), series.baseline.expected(now - window, now)[0]

    def exposures(self, key: str, hours: tuple[int, ...]) -> list[float]:
        """Nominal days of windows of so many hours up to now, by the rhythm of a known series."""
        return self._series[key].baseline.rhythm.trailing(self._clock, hours)

    def days(self, key: str) -> float:
        """Nominal days that the level of a series rests on, 0 for one that has never been fed."""
        series = self._series.get(key)
        return 0.0 if series is None else series.baseline.exposure

    def share(self, key: str, of: str = "") -> float:
        """Usual share of one series in another, 0 for one that has never been fed."""
        part, whole = self._series.get(key), self._series.get(of)
        if part is None or whole is None:
            return 0.0
        return part.baseline.rate / whole.baseline.rate

    def forget(self, key: str) -> None:
        """Drop a series; those that borrow from it keep its baseline."""
        super().forget(key)
        self._series.pop(key, None)

    def __len__(self) -> int:
        """How many series are kept."""
        return len(self._series)

    def _baseline(self, key: str, parent: str | None) -> Baseline:
        if parent is None:
            rhythm = Rhythm(self.utc_offset)
            return Baseline(rhythm, prior_rate=self.calls_a_day, prior_weight=2.0, teaches=True)
        above = self._series[parent].baseline
        share = self.shares.get(key)
        if share is None:
            return Baseline(above.rhythm, above, self.default_share, prior_weight=_WEIGHT_OF_A_GUESS)
        return Baseline(above.rhythm, above, share)

    def _test(self, key: str, series: _Series, now: float, ended: bool, look: _Look) -> Decision | None:
        """Decide by the best of all looks; ``ended`` says that a day has just done so, with something to tell."""
        climb, week = series.climb, series.week
        climbed = ended and series.climbed and climb.calls >= self.min_calls
        height = climb.value / _LOG_TEN - _LOOKS if climbed else 0.0
        weekly = week.score - _LOOKS if ended and week is not None and week.calls >= self.min_calls else 0.0
        best = max(look.score, height, weekly)
        if best < self.calibrator.floor:
            return None
        if week is not None and weekly == best:
            decision = self._decide(
                key,
                now,
                score=weekly,
                statistic="week",
                observed=week.calls,
                mean=week.mean,
                dispersion=week.dispersion,
                window=WINDOWS[0],
                distinct=week.calls - week.unknown,
                unknown=week.unknown,
            )
        elif height > look.score:
            decision = self._decide(
                key,
                now,
                score=height,
                statistic="cumulative",
                observed=climb.calls,
                mean=climb.mean,
                dispersion=climb.variance / climb.mean,
                window=climb.ended - climb.since,
                distinct=climb.calls - climb.unknown,
                unknown=climb.unknown,
            )
        else:
            window = WINDOWS[look.number]
            decision = self._decide(
                key,
                now,
                score=look.score,
                statistic=_NAMES[look.number],
                observed=look.calls,
                mean=look.mean,
                dispersion=look.dispersion,
                window=window,
                distinct=series.callers.distinct(now, window),
                unknown=series.callers.unknown(now, window),
            )
        if height > 0.0 and self._budget.allows(self.calibrator.recurrence_days(height)):
            # What has climbed so high is the new level, and news only once.
            climb.end()
            series.baseline.doubt()
        return decision

    def _fewest(self, series: _Series, now: float) -> list[int]:
        """Calls from which on the test of each window may score, as hardly any does: told once a day and level."""
        level = series.baseline.level()
        if level is not series.level or now >= series.midnight + DAY:
            sparse = level.rate < _SPARSE
            series.level = level
            series.midnight, passed = series.baseline.rhythm.passed(now)
            factors = _NO_HOURS if sparse else np.array(series.baseline.part_factors())
            parts = 1 if sparse else 24
            fewest = fewest_calls(parts, passed, factors, *_WINDOWS, *level, _DEVIATIONS, self.min_calls)
            series.fewest = fewest.tolist()
        return series.fewest[int((now - series.midnight) / DAY * len(series.fewest))]

    def _scan(self, series: _Series, now: float, fewest: list[int]) -> _Look:
        """The most surprising of the windows that hold so many calls."""
        best = _NOTHING
        baseline = series.baseline
        level, exposures = baseline.level(), baseline.rhythm.trailing(now, _HOURS)
        for number, window in enumerate(WINDOWS):
            count = series.callers.count(now, window)
            if count < fewest[number]:
                continue
            exposure, rough = exposures[number], 0.0
            if number >= _SHORT and baseline.parent is not None:
                exposure, rough = baseline.own_hours(now, _HOURS[number])
            mean, dispersion = level.forecast(exposure, window, rough)
            excess = count - mean
            if excess <= 0.0 or excess * excess < _DEVIATIONS**2 * mean * dispersion:
                continue
            score = score_of(upper_tail(count, mean, dispersion)) - _LOOKS
            if score > best.score:
                best = _Look(score, number, count, mean, dispersion)
        return best


def _calibrator() -> Calibrator:
    """Scores of series that share one budget; an episode is a day, as an alert's quiet end is.

    Rate and scale are chosen, not fitted. In six quiet weeks of the simulator (seed 21, 1,500 tickets a day) streets
    of 6 to 90 tickets a day had 0.2 to 0.8 episodes a day, 0.38 on average, and a scale of 0.52; the real messages of
    2019 (11 a day) had 0.08 and 0.58. The rate of 0.5 a day is on the high side of both, so that a new stream errs
    towards silence. A busier one, such as a whole city (5 a day), learns its own in days: the shipped rate is worth
    one week.
    """
    return Calibrator(floor=2.0, span=DAY, scale=0.5, rate=0.5, rate_weight=7.0)
