"""Many distinct callers on one issue in a short time: ``mass``."""

from __future__ import annotations

from math import exp, inf, log10
from typing import ClassVar, Final

from detectors.base import DAY, HOUR, Decision, Kind
from detectors.calibration import Calibrator
from detectors.callers import RecentCallers
from detectors.statistical import StatisticalDetector
from detectors.tails import score_of, upper_tail

WINDOWS: Final = (HOUR, 6 * HOUR, DAY, 3 * DAY, 7 * DAY)
"""Trailing windows tested at each call, in seconds."""
_NAMES: Final = ("callers 1h", "callers 6h", "callers 24h", "callers 72h", "callers 7d")
_LOOKS: Final = log10(len(WINDOWS))
# Fewest callers in a window that say anything.
_LEAST: Final = 2
# Half of what an issue gathers in its first fortnight comes in the first two days.
_EARLY: Final = 2 * DAY
_LIFE: Final = 14 * DAY
_EARLY_SHARE: Final = 0.5


class MassDetector(StatisticalDetector):
    """Tests the distinct callers of an issue against what it gathered before and what issues here gather.

    Callers after the first come as a Poisson process whose mean over a fortnight is learned from all issues
    of the street, times a gamma frailty of the issue's own with mean 1. What the issue gathered before the
    window sharpens the frailty, so that an old and busy issue must outdo itself. The count in the window is
    then negative binomial; repeats by one caller count once.

    Parameters
    ----------
    alarms_per_week
        False alarms it may give a week, all issues together.
    min_callers
        Fewest distinct known callers in the window that may alarm.
    frailty
        Shape of the frailty: the smaller, the more issues differ.
    growth, growth_weight
        Shipped mean of callers after the first in a fortnight, and what it is worth in issues.
    memory
        Days after which an issue's weight in the mean has fallen to 1/e.
    calibrator
        Turns scores into recurrence intervals.

    Examples
    --------
    >>> from detectors.callers import CallerLedger
    >>> ledger, mass = CallerLedger(), MassDetector(alarms_per_week=0.02)
    >>> for n in range(12):
    ...     decision = mass.update("issue", ledger.add("issue", 600.0 * n, f"caller {n}"))
    >>> decision.fired, decision.evidence.distinct_callers, decision.evidence.statistic
    (True, 12, 'callers 6h')

    References
    ----------
    Neill 2009, Int. J. Health Geographics 8:20 (expectation-based scan: best of several durations); Vaupel,
    Manton, Stallard 1979, Demography 16:439 (gamma frailty).
    """

    kind: ClassVar[Kind] = "mass"

    def __init__(
        self,
        alarms_per_week: float = 0.01,
        min_callers: int = 6,
        frailty: float = 0.3,
        growth: float = 0.15,
        growth_weight: float = 200.0,
        memory: float = 90.0,
        calibrator: Calibrator | None = None,
    ) -> None:
        super().__init__(alarms_per_week, calibrator or Calibrator(floor=2.0, span=14 * DAY, rate=0.02))
        self.min_callers = min_callers
        self.frailty = frailty
        self.growth = growth
        self.growth_weight = growth_weight
        self.memory = memory
        self._births = 0.0
        self._joins = 0.0
        self._now = -inf

    def update(self, key: str, callers: RecentCallers) -> Decision | None:
        """Judge an issue after a call that ``callers`` has counted; ``None`` if it says nothing."""
        self._learn(callers)
        self.calibrator.expose(callers.last)
        return self._judge(key, callers) if callers.fresh else None

    def _judge(self, key: str, callers: RecentCallers) -> Decision | None:
        now = callers.last
        if callers.distinct(now, WINDOWS[-1]) < _LEAST:
            return None
        best = seen = 0.0
        chosen, counted, looked = -1, 0, (0, 0.0, 1.0)
        for number, window in enumerate(WINDOWS):
            count = callers.distinct(now, window)
            if count < _LEAST or count == counted:
                # the same callers in a shorter window are the greater surprise
                continue
            counted = count
            mean, dispersion, first = self._forecast(callers, count, now - window, now)
            score = score_of(upper_tail(count - first, mean, dispersion)) - _LOOKS
            seen = max(seen, score)
            if count >= self.min_callers and score > best:
                best, chosen, looked = score, number, (count, mean + first, dispersion)
        # What is too small to alarm still says what chance can do: without it the tail would begin at nothing.
        self.calibrator.observe(key, now, seen)
        if best < self.calibrator.floor:
            return None
        count, mean, dispersion = looked
        return self._decide(
            key,
            now,
            score=best,
            statistic=_NAMES[chosen],
            observed=count,
            mean=mean,
            dispersion=dispersion,
            window=WINDOWS[chosen],
            distinct=count,
            unknown=callers.unknown(now, WINDOWS[chosen]),
        )

    def _forecast(self, callers: RecentCallers, count: int, begin: float, end: float) -> tuple[float, float, int]:
        """Mean and dispersion of the callers in a window, and how many of ``count`` are the issue's first."""
        mean = (self.growth_weight * self.growth + self._joins) / (self.growth_weight + self._births)
        passed = _life(begin - callers.first)
        before = max(0, callers.total - count)
        first = 0 if before else 1
        gathered = max(0, before - 1)
        shape = self.frailty + gathered
        rate = shape / (self.frailty + mean * passed)
        mean *= rate * (_life(end - callers.first) - passed)
        return mean, 1.0 + mean / shape, first

    def _learn(self, callers: RecentCallers) -> None:
        now = callers.last
        if self._now == -inf:
            self._now = now
        elif now - self._now >= DAY:
            keep = exp(-(now - self._now) / DAY / self.memory)
            self._births *= keep
            self._joins *= keep
            self._now = now
        if callers.fresh:
            if callers.total == 1:
                self._births += 1.0
            elif callers.total <= self.min_callers:
                # Beyond that it is what the detector looks for, and must not become the norm.
                self._joins += 1.0


def _life(age: float) -> float:
    """Part of a fortnight's callers that an issue has gathered by an age (s); beyond 1 for older ones."""
    if age <= 0.0:
        return 0.0
    if age < _EARLY:
        return _EARLY_SHARE * age / _EARLY
    return _EARLY_SHARE + (1.0 - _EARLY_SHARE) * (age - _EARLY) / (_LIFE - _EARLY)
