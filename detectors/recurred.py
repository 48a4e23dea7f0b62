"""An old issue that had gone quiet or was closed is back: ``recurred``."""

from __future__ import annotations

from math import inf
from typing import ClassVar

from detectors.base import DAY, Decision, Kind
from detectors.calibration import Calibrator
from detectors.callers import UNKNOWN, Caller, RecentCallers
from detectors.growth import HORIZONS, GrowthModel
from detectors.statistical import StatisticalDetector
from detectors.tails import score_of


class _Return:
    """What came since an issue returned: when, and the callers in order."""

    __slots__ = ("alarmed", "at", "callers", "unknown")

    def __init__(self, at: float) -> None:
        self.at = at
        self.callers: list[Caller] = []
        self.unknown = 0
        self.alarmed = False


class RecurredDetector(StatisticalDetector):
    """Tells a true return of an old issue from a stray call about it.

    An issue returns with the first call after ``quiet_days`` without one, or after it was closed. From then
    on its distinct callers are judged as those of a new issue are: against how returned issues of this
    street grow when nothing happens, learned online.

    Parameters
    ----------
    alarms_per_week
        False alarms it may give a week, all issues together.
    quiet_days
        Days without a call that make an issue an old one.
    min_callers
        Fewest distinct known callers since the return that may alarm.
    calibrator, growth
        Turn scores into recurrence intervals; the null.

    Examples
    --------
    >>> from detectors.callers import CallerLedger
    >>> ledger, recurred = CallerLedger(), RecurredDetector(alarms_per_week=0.02)
    >>> times = [0.0, *(30 * 86400.0 + 3600.0 * n for n in range(6))]
    >>> for n, t in enumerate(times):
    ...     decision = recurred.update("issue", ledger.add("issue", t, f"caller {n}"), f"caller {n}")
    >>> decision.fired, decision.evidence.distinct_callers
    (True, 6)

    References
    ----------
    As :class:`~detectors.new.NewDetector`.
    """

    kind: ClassVar[Kind] = "recurred"
    counts_unknown: ClassVar[bool] = False

    def __init__(
        self,
        alarms_per_week: float = 0.005,
        quiet_days: float = 14.0,
        min_callers: int = 2,
        calibrator: Calibrator | None = None,
        growth: GrowthModel | None = None,
    ) -> None:
        super().__init__(alarms_per_week, calibrator or Calibrator(floor=2.0, span=14 * DAY, rate=0.01))
        self.quiet_days = quiet_days
        self.min_callers = min_callers
        self.growth = growth or GrowthModel()
        self._closed: set[str] = set()
        self._returns: dict[str, _Return] = {}

    def close(self, key: str) -> None:
        """All tickets of an issue have been closed."""
        self._closed.add(key)
        self._returns.pop(key, None)

    def update(self, key: str, callers: RecentCallers, caller: Caller, named: bool = True) -> Decision | None:
        """Judge an issue after a call that ``callers`` has counted; ``None`` if it says nothing.

        ``named`` says whether its calls name the same thing, or only tell of the same kind of thing, as many do.
        """
        now = callers.last
        self.calibrator.expose(now)
        back = self._returns.get(key)
        if key in self._closed or now - callers.previous >= self.quiet_days * DAY:
            if callers.tickets < 2:
                return None
            self._closed.discard(key)
            back = self._returns[key] = _Return(now)
        if back is None:
            return None
        age = max(0.0, now - back.at)
        if age > HORIZONS[-1]:
            del self._returns[key]
            return None
        if caller in back.callers:
            return None
        if caller == UNKNOWN:
            back.unknown += 1
            if not self.counts_unknown:
                return None
        else:
            back.callers.append(caller)
        return self._judge(key, now, age, back, named)

    def merge(self, key: str, into: str, last: float = -inf, last_into: float = -inf) -> None:
        """Take two keys for one from now on; it is back only if neither was heard of in the pause.

        ``last`` and ``last_into`` are the event times of the last call of each so far, POSIX seconds.
        """
        quiet = self.quiet_days * DAY
        old, back = self._returns.get(key), self._returns.pop(into, None)
        if old is not None and back is None and last_into <= old.at - quiet:
            self._returns[into] = old
        elif old is None and back is not None and last <= back.at - quiet:
            self._returns[into] = back
        elif old is not None and back is not None:
            back.at = min(old.at, back.at)
            back.callers += [caller for caller in old.callers if caller not in back.callers]
            back.unknown += old.unknown
            back.alarmed = old.alarmed or back.alarmed
            self._returns[into] = back
        super().merge(key, into)

    def forget(self, key: str) -> None:
        """Drop all state of an issue."""
        super().forget(key)
        self._closed.discard(key)
        self._returns.pop(key, None)

    def _judge(self, key: str, now: float, age: float, back: _Return, named: bool) -> Decision | None:
        count = len(back.callers) + (back.unknown if self.counts_unknown else 0)
        score = score_of(self.growth.tail(count, age, named=named))
        if not back.alarmed:
            self.growth.learn(count, age, now, named=named)
        if count < self.min_callers or score < self.calibrator.floor:
            # too few to alarm, but they say what chance can do
            self.calibrator.observe(key, now, score)
            return None
        step = self.growth.tail(2, age, named=named)
        decision = self._decide(
            key,
            now,
            score=score,
            statistic="growth",
            observed=count,
            mean=1.0 + step / (1.0 - step),
            dispersion=1.0,
            window=max(age, 1.0),
            distinct=len(back.callers),
            unknown=back.unknown,
        )
        back.alarmed = back.alarmed or decision.fired
        return decision
