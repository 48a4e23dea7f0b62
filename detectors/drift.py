"""What people call about has changed: ``drift`` of the shares of topics."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from math import erfc, log10, sqrt
from typing import ClassVar, Final, NamedTuple

from river.drift import ADWIN

from detectors.base import DAY, Decision, Kind
from detectors.calibration import Calibrator
from detectors.statistical import StatisticalDetector
from detectors.tails import score_of

_LEAST_SHARE: Final = 0.01
_MOST_BATCHES: Final = 400


class Shift(NamedTuple):
    """A part's usual share of the calls, and its share now."""

    part: str
    usual: float
    now: float


class _Mix:
    """The calls of one key: those of the open batch by part, how each part's share has run, when batches ended."""

    __slots__ = ("begins", "calls", "cuts", "open", "runs", "shifts")

    def __init__(self) -> None:
        self.open: dict[str, int] = {}
        self.calls = 0
        self.begins: deque[float] = deque(maxlen=_MOST_BATCHES)
        self.runs: dict[str, ADWIN] = {}
        self.cuts: dict[str, tuple[float, float]] = {}
        """how many batches ADWIN has dropped of a part since its last news, and the sum of their residuals"""
        self.shifts: tuple[Shift, ...] = ()


class DriftDetector(StatisticalDetector):
    """Watches the share of each part (a group of topics) in the calls of a key (a street).

    Calls are taken in batches. A batch's count of a part, less what the part's usual share leads one to expect, over
    its standard deviation, is a residual without season or weekday, since these move all parts alike; River's ADWIN
    watches one such series a part and drops what came before its mean changed. How sure that is decides a two-sample
    test of what was dropped and what is left, corrected for all places ADWIN might have cut at. Only parts that have
    risen speak.

    Parameters
    ----------
    alarms_per_week
        False alarms it may give a week, all keys together.
    batch
        Calls in a batch.
    delta
        ADWIN's, wide: the test and its calibration decide.
    calibrator
        Turns scores into recurrence intervals.

    Examples
    --------
    >>> drift = DriftDetector(alarms_per_week=0.05)
    >>> usual = {"parking": 0.2, "noise": 0.8}.__getitem__
    >>> said = []
    >>> for n in range(4000):
    ...     part = "parking" if n % 5 == 0 or (n > 3000 and n % 3 == 0) else "noise"
    ...     said.append(drift.update("street", 3600.0 * n, part, usual))
    >>> any(d is not None and d.fired for d in said[:3000]), any(d is not None and d.fired for d in said)
    (False, True)
    >>> drift.shifts("street")[0].part
    'parking'

    References
    ----------
    Bifet, Gavaldà 2007, SIAM International Conference on Data Mining, 443 (ADWIN).
    """

    kind: ClassVar[Kind] = "drift"

    def __init__(
        self,
        alarms_per_week: float = 0.005,
        batch: int = 25,
        delta: float = 0.1,
        calibrator: Calibrator | None = None,
    ) -> None:
        super().__init__(alarms_per_week, calibrator or Calibrator(floor=2.0, span=14 * DAY, rate=0.02))
        self.batch = batch
        self.delta = delta
        self._mixes: dict[str, _Mix] = {}

    def update(self, key: str, t: float, part: str, usual: Callable[[str], float]) -> Decision | None:
        """Count a call about ``part``; ``usual`` tells a part's usual share, and is asked when a batch is full."""
        mix = self._mixes.get(key)
        if mix is None:
            mix = self._mixes[key] = _Mix()
        if not mix.calls:
            mix.begins.append(t)
        mix.open[part] = mix.open.get(part, 0) + 1
        mix.calls += 1
        if mix.calls < self.batch:
            return None
        counts, mix.open, mix.calls = mix.open, {}, 0
        return self._judge(key, t, mix, counts, usual)

    def shifts(self, key: str) -> tuple[Shift, ...]:
        """The parts that had risen when ``update`` last decided on a key, the largest move first."""
        mix = self._mixes.get(key)
        return mix.shifts if mix is not None else ()

    def forget(self, key: str) -> None:
        """Drop a key."""
        super().forget(key)
        self._mixes.pop(key, None)

    def _judge(
        self, key: str, t: float, mix: _Mix, counts: dict[str, int], usual: Callable[[str], float]
    ) -> Decision | None:
        best, calls, mean, begins = 0.0, 0, 0.0, t
        moved: list[Shift] = []
        for part in sorted({*mix.runs, *counts}):
            share = min(1.0 - _LEAST_SHARE, max(_LEAST_SHARE, usual(part)))
            spread = sqrt(share * (1.0 - share) / self.batch)
            run = mix.runs.get(part)
            if run is None:
                run = mix.runs[part] = ADWIN(delta=self.delta, clock=1, grace_period=5, min_window_length=3)  # type: ignore[no-untyped-call]
            width, total = run.width + 1.0, run.total
            residual = (counts.get(part, 0) / self.batch - share) / spread
            run.update(residual)  # type: ignore[no-untyped-call]
            dropped, fallen = mix.cuts.get(part, (0.0, 0.0))
            if run.width < width:
                dropped, fallen = dropped + width - run.width, fallen + total + residual - run.total
                mix.cuts[part] = dropped, fallen
            if not dropped:
                continue
            now = run.width
            if now > dropped:
                # What is left is the norm by now, and no news.
                del mix.cuts[part]
                continue
            rise = run.estimation - fallen / dropped
            if rise <= 0.0:
                continue
            chance = 0.5 * erfc(rise / sqrt(2.0 / now + 2.0 / dropped))
            score = score_of(chance) - log10(now + dropped)
            became = min(1.0, max(0.0, share + run.estimation * spread))
            moved.append(Shift(part, share, became))
            if score > best:
                batches = min(int(now), len(mix.begins))
                best, begins = score, mix.begins[-batches]
                calls, mean = round(became * now * self.batch), share * now * self.batch
        if best < self.calibrator.floor or calls <= mean:
            return None
        mix.shifts = tuple(sorted(moved, key=lambda shift: (shift.usual - shift.now, shift.part)))
        return self._decide(
            key,
            t,
            score=best,
            statistic="ADWIN",
            observed=calls,
            mean=mean,
            dispersion=1.0,
            window=max(1.0, t - begins),
            distinct=0,
            unknown=calls,
        )
