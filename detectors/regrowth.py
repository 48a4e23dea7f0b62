"""A known issue draws more callers than its own past explains: ``rising``, of an issue."""

from __future__ import annotations

from typing import ClassVar, Final

from detectors.base import DAY, Decision, Kind
from detectors.callers import RecentCallers
from detectors.mass import MassDetector

_PAST: Final = 2 * DAY
"""What is younger at the window's begin is new, and the affair of ``new``."""


class RegrowthDetector(MassDetector):
    """Tests the distinct callers of an issue that had some before the window against what it gathered then.

    The forecast is that of :class:`~detectors.mass.MassDetector`, in which an issue's own past speaks; windows that
    reach back to its first days are left out. So a few callers suffice where a matter had all but fallen asleep. A call
    whose caller is unknown counts as one, as in every ``rising``.

    Examples
    --------
    >>> from detectors.callers import CallerLedger
    >>> ledger, regrowth = CallerLedger(), RegrowthDetector(alarms_per_week=0.02, min_callers=3)
    >>> times = [0.0, 4 * 86400.0, *(12 * 86400.0 + 3600.0 * n for n in range(5))]
    >>> for n, t in enumerate(times):
    ...     decision = regrowth.update("issue", ledger.add("issue", t, f"caller {n}"))
    >>> decision.fired, decision.kind, decision.evidence.distinct_callers
    (True, 'rising', 5)

    References
    ----------
    As :class:`~detectors.mass.MassDetector`.
    """

    kind: ClassVar[Kind] = "rising"

    def update(self, key: str, callers: RecentCallers, unknown: bool = False) -> Decision | None:
        """Judge an issue after a call that ``callers`` has counted, by an ``unknown`` caller or a known one."""
        self._learn(callers)
        return self._judge(key, callers) if callers.fresh or unknown else None

    def _count(self, callers: RecentCallers, now: float, window: float) -> int:
        return callers.distinct(now, window) + callers.unknown(now, window)

    def _applies(self, callers: RecentCallers, count: int, begin: float) -> bool:
        return callers.total > count and begin - callers.first >= _PAST
