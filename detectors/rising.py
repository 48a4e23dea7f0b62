"""More calls than the season, the weekday and the hour lead one to expect: ``rising``."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, log, log10, sqrt
from typing import ClassVar, Final

from detectors.base import DAY, HOUR, Decision, Kind
from detectors.baseline import Baseline
from detectors.calibration import Calibrator
from detectors.callers import UNKNOWN, Caller, RecentCallers
from detectors.rhythm import Rhythm
from detectors.statistical import StatisticalDetector
from detectors.tails import score_of, upper_tail

WINDOWS: Final = (7 * DAY, DAY, 6 * HOUR, HOUR)
"""Trailing windows tested at each call, in seconds, the longest first."""
_NAMES: Final = ("scan 7d", "scan 24h", "scan 6h", "scan 1h")
# Four windows and the cumulative sum are five looks at one series.
_LOOKS: Final = log10(len(WINDOWS) + 1)
# A window whose count is fewer standard deviations than this above its mean cannot score.
_WORTH_A_TEST: Final = 2.3
_LOG_TEN: Final = log(10.0)
_CLIMB: Final = 1.6
_LOG_CLIMB: Final = log(_CLIMB)
# One day may add this much at most: what jumps is the windows' affair. And the sum forgets what lies beyond.
_MOST_CLIMB_A_DAY: Final = 3.0
_MOST_CLIMB: Final = 20.0
# The error of the rate is the same all week long, so that its share of the variance adds up; and a rate that
# rests on less than three weeks is not climbed away from.
_DAYS_IN_ONE_ERROR: Final = 7.0
_WEIGHT_OF_A_GUESS: Final = 0.35
_CLIMBS_AFTER: Final = 21.0


class _Climb:
    """Cumulative sum of one series: how much better a raised rate explains its last days."""

    __slots__ = ("calls", "mean", "since", "value")

    def __init__(self) -> None:
        self.value = 0.0
        self.since = 0.0
        self.calls = 0.0
        self.mean = 0.0

    def add(self, since: float, calls: float, mean: float, dispersion: float) -> None:
        """Take the days from ``since`` on, with their calls and their forecast."""
        if self.value <= 0.0:
            self.since, self.calls, self.mean = since, 0.0, 0.0
        gain = (calls * _LOG_CLIMB - mean * (_CLIMB - 1.0)) / dispersion
        self.value = min(_MOST_CLIMB, max(0.0, self.value + min(_MOST_CLIMB_A_DAY, gain)))
        self.calls += calls
        self.mean += mean


class _Series:
    """One watched series."""

    __slots__ = ("baseline", "callers", "climb")

    def __init__(self, baseline: Baseline) -> None:
        self.baseline = baseline
        self.callers = RecentCallers()
        self.climb = _Climb()


class RisingDetector(StatisticalDetector):
    """Scans the trailing hour, six hours, day and week of many series, and sums up slow climbs.

    At each call the count of distinct callers in each window is tested against the exact negative binomial
    tail of the series' :class:`~detectors.baseline.Baseline`. A call whose caller is unknown counts as one.
    A cumulative sum of log likelihood ratios over whole days, for a rate 1.6 times the expected one, finds
    what climbs too slowly for any window: it exceeds h with a probability of at most ``exp(-h)`` in an
    episode. The best of these looks gives the score.

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
        super().__init__(alarms_per_week, calibrator or Calibrator(floor=2.0, span=7 * DAY, rate=0.15))
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
        self._clock = now = max(self._clock, t)
        callers, baseline = series.callers, series.baseline
        if caller == UNKNOWN:
            for _ in range(calls):
                callers.add(t, caller, WINDOWS[0])
            counted = True
        else:
            before = callers.time_of(caller)
            counted = before is None or before <= t - DAY
            callers.add(t, caller, WINDOWS[0])
        if counted:
            if baseline.day_ends_by(t) and baseline.exposure >= _CLIMBS_AFTER:
                known = baseline.level().known
                for since, finished, mean, dispersion in baseline.finished_by(t):
                    shared = _DAYS_IN_ONE_ERROR * mean / known
                    series.climb.add(since, finished, mean, dispersion + shared)
            baseline.update(t, float(calls))
        return self._test(key, series, now)

    def expected(self, key: str, t0: float, t1: float) -> tuple[float, float]:
        """Mean, and variance over mean, of the calls of a known series between two times."""
        return self._series[key].baseline.expected(t0, t1)

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

    def _test(self, key: str, series: _Series, now: float) -> Decision | None:
        callers, baseline, climb = series.callers, series.baseline, series.climb
        counts = callers.calls(now, WINDOWS, self.min_calls)
        if not counts and climb.value < self.calibrator.floor:
            return None
        exposures = baseline.rhythm.trailing(now, WINDOWS)
        level = baseline.level()
        best, chosen, looked = 0.0, -1, (0, 0.0, 1.0)
        for number, count in enumerate(counts):
            # A variance is no less than its mean, which spares most windows the rest.
            mean = level.rate * exposures[number]
            if count - mean < _WORTH_A_TEST * sqrt(mean):
                continue
            mean, dispersion = level.forecast(exposures[number], WINDOWS[number])
            if count - mean < _WORTH_A_TEST * sqrt(mean * dispersion):
                continue
            score = score_of(upper_tail(count, mean, dispersion))
            if score > best:
                best, chosen, looked = score, number, (count, mean, dispersion)
        climbed = climb.value / _LOG_TEN
        if climbed > best and climb.calls >= self.min_calls:
            best, chosen = climbed, len(WINDOWS)
        best -= _LOOKS
        if best < self.calibrator.floor:
            return None
        if chosen < len(WINDOWS):
            window, statistic = WINDOWS[chosen], _NAMES[chosen]
            count, mean, dispersion = looked
        else:
            window, statistic = now - climb.since, "cumulative"
            count, mean, dispersion = int(climb.calls), climb.mean, 1.0
        return self._decide(
            key,
            now,
            score=best,
            statistic=statistic,
            observed=count,
            mean=mean,
            dispersion=dispersion,
            window=window,
            distinct=callers.distinct(now, window),
            unknown=callers.unknown(now, window),
        )
