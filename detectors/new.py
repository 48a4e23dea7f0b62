"""A first story and its confirmation by independent callers: ``new``."""

from __future__ import annotations

from math import exp, inf, log, log10
from typing import ClassVar, Final

from detectors.base import DAY, Decision, Kind
from detectors.calibration import Calibrator
from detectors.callers import RecentCallers
from detectors.growth import HORIZONS, GrowthModel
from detectors.statistical import StatisticalDetector
from detectors.tails import score_of

# Weights of p-values, as logarithms to base 10. What is new gathers its callers within three days; an issue that took
# longer for the third is mostly one that is always there. What is told of names a place or a company; calls that only
# tell of the same kind of thing, as many do, come together by chance. Three calls of which one is hardly about the same
# thing are mostly three things: the weight is the odds that they are one, where these are below even. And in the first
# days of a hotline much is heard for the first time that is always there.
_YOUNG: Final = 3.0 * DAY
_OLDER: Final = 5.0  # for each tenfold age
_NAMELESS: Final = 1.0
_UNHEARD: Final = 9.0  # beside what is new, at the very beginning
_LOG_TEN: Final = log(10.0)
_HEARD: Final = 5.0 * DAY  # after which 1/e of it is left


class NewDetector(StatisticalDetector):
    """Tells an issue nobody spoke of before from the many that one person tells and none confirms.

    The p-value of k distinct callers by an age is the chance that a background issue of this street grows so fast,
    from :class:`~detectors.growth.GrowthModel`, learned online. Issues that alarmed stop teaching it. P-values are
    weighted: what is young, named and surely one thing, and begins after the hotline's first days, is let through
    sooner, at the cost of the rest. Weights are 1 at most, so that no p-value looks smaller than it is.

    Parameters
    ----------
    alarms_per_week
        False alarms it may give a week, all issues together.
    min_callers
        Fewest distinct known callers that may alarm.
    max_age_days
        Issues older than this are not new, at most 14.
    calibrator, growth
        Turn scores into recurrence intervals; the null.

    Examples
    --------
    >>> from detectors.callers import CallerLedger
    >>> ledger, new = CallerLedger(), NewDetector(alarms_per_week=0.02)
    >>> for n in range(8):
    ...     decision = new.update("issue", ledger.add("issue", 3600.0 * n, f"caller {n}"))
    >>> decision.fired, decision.evidence.distinct_callers, decision.evidence.statistic
    (True, 8, 'growth')

    References
    ----------
    Allan, Lavrenko, Jin 2000, CIKM: first story detection is wrong too often to alarm on unconfirmed stories.
    Genovese, Roeder, Wasserman 2006, Biometrika 93:509: weights of p-values that are set beforehand keep the errors and
    gain power where they are guessed well.
    """

    kind: ClassVar[Kind] = "new"

    def __init__(
        self,
        alarms_per_week: float = 0.015,
        min_callers: int = 3,
        max_age_days: float = 14.0,
        calibrator: Calibrator | None = None,
        growth: GrowthModel | None = None,
    ) -> None:
        super().__init__(alarms_per_week, calibrator or Calibrator(floor=2.0, span=14 * DAY, rate=0.1))
        self.min_callers = min_callers
        self.max_age_days = max_age_days
        self.growth = growth or GrowthModel()
        self._alarmed: set[str] = set()
        self._began = inf

    def update(
        self, key: str, callers: RecentCallers, named: bool = True, doubt: float = 0.0, returning: bool = False
    ) -> Decision | None:
        """Judge an issue after a call that ``callers`` has counted; ``None`` if it says nothing.

        ``named`` says whether its calls name the same thing, or only tell of the same kind of thing, as many do;
        ``doubt`` how far the log odds that they are about one thing lie below even, 0 or more (nats).
        ``returning`` marks an issue that was there before ``callers`` began: it is never new.
        """
        now = callers.last
        self._began = min(self._began, now)
        age = now - callers.first
        self.calibrator.expose(now)
        if returning or not callers.fresh or age > self.max_age_days * DAY:
            return None
        count = callers.distinct(now, HORIZONS[-1])
        if count < self.min_callers:
            self.growth.learn(count, age, now, named)
            return None
        score = max(0.0, score_of(self.growth.tail(count, age, named)) - self._penalty(age, now, named, doubt))
        if key not in self._alarmed:
            self.growth.learn(count, age, now, named)
        if score < self.calibrator.floor:
            return None
        # Growth by steps is geometric beyond the first: mean q / (1 - q) with q the chance of the first step.
        step = self.growth.tail(2, age, named)
        decision = self._decide(
            key,
            now,
            score=score,
            statistic="growth",
            observed=count,
            mean=1.0 + step / (1.0 - step),
            dispersion=1.0,
            window=max(age, 1.0),
            distinct=count,
            unknown=callers.unknown(now, HORIZONS[-1]),
        )
        if decision.fired:
            self._alarmed.add(key)
        return decision

    def merge(self, key: str, into: str) -> None:
        """Take two keys for one from now on."""
        if key in self._alarmed:
            self._alarmed.add(into)
        super().merge(key, into)

    def forget(self, key: str) -> None:
        """Drop all state of an issue."""
        super().forget(key)
        self._alarmed.discard(key)

    def _penalty(self, age: float, now: float, named: bool, doubt: float) -> float:
        """What the weight of an issue's p-value takes from its score."""
        older = _OLDER * log10(max(age, _YOUNG) / _YOUNG)
        unheard = log10(1.0 + _UNHEARD * exp((self._began - now) / _HEARD))
        return older + unheard + (0.0 if named else _NAMELESS) + doubt / _LOG_TEN
