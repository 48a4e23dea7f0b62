"""A known issue draws more callers than such issues do when they are heard of again: ``rising``, of an issue."""

from __future__ import annotations

from typing import ClassVar

from detectors.base import DAY, Kind
from detectors.calibration import Calibrator
from detectors.growth import AFTER_A_PAUSE, GrowthModel
from detectors.recurred import RecurredDetector


class RegrowthDetector(RecurredDetector):
    """Tests the callers of a known issue since its last pause of five days.

    Most issues that are heard of again are so once; who calls next mostly waits for days. How many come without such a
    pause is judged as the growth of a new issue is: step by step, learned online, against issues that came back here. A
    call whose caller is unknown counts as one, as in every ``rising``.

    Examples
    --------
    >>> from detectors.callers import CallerLedger
    >>> ledger, regrowth = CallerLedger(), RegrowthDetector(alarms_per_week=0.02, min_callers=3)
    >>> times = [0.0, 4 * 86400.0, *(12 * 86400.0 + 3600.0 * n for n in range(5))]
    >>> for n, t in enumerate(times):
    ...     decision = regrowth.update("issue", ledger.add("issue", t, f"caller {n}"), f"caller {n}")
    >>> decision.fired, decision.kind, decision.evidence.distinct_callers
    (True, 'rising', 5)

    References
    ----------
    As :class:`~detectors.growth.GrowthModel`.
    """

    kind: ClassVar[Kind] = "rising"
    counts_unknown: ClassVar[bool] = True

    def __init__(
        self,
        alarms_per_week: float = 0.01,
        quiet_days: float = 5.0,
        min_callers: int = 4,
        calibrator: Calibrator | None = None,
        growth: GrowthModel | None = None,
    ) -> None:
        super().__init__(
            alarms_per_week,
            quiet_days,
            min_callers,
            calibrator or Calibrator(floor=2.0, span=14 * DAY, rate=0.05),
            growth or GrowthModel(AFTER_A_PAUSE),
        )
