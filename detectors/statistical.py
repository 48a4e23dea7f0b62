"""A detector whose verdict is a p-value held against a budget of false alarms."""

from __future__ import annotations

from typing import ClassVar, Self

from detectors.base import Basis, Decision, Detector, Evidence
from detectors.calibration import Budget, Calibrator
from detectors.tails import interval


class StatisticalDetector(Detector):
    """Base of the detectors within the budget: it calibrates a score and decides.

    Parameters
    ----------
    alarms_per_week
        False alarms this detector may give a week, all its series together.
    calibrator
        Turns its scores into recurrence intervals, and learns from them.
    """

    basis: ClassVar[Basis] = "statistical"

    def __init__(self, alarms_per_week: float, calibrator: Calibrator) -> None:
        self.alarms_per_week = alarms_per_week
        self.calibrator = calibrator
        self._budget = Budget(alarms_per_week)

    def retune(self, like: Self) -> None:
        """Take over another's parameters, its budget with them."""
        super().retune(like)
        self._budget = like._budget

    def forget(self, key: str) -> None:
        """Drop all state of ``key`` and end its episode."""
        self.calibrator.forget(key)

    def merge(self, key: str, into: str) -> None:
        """Take two keys for one from now on: what is known of ``key`` goes to ``into``."""
        self.calibrator.merge(key, into)
        self.forget(key)

    def _decide(
        self,
        key: str,
        now: float,
        *,
        score: float,
        statistic: str,
        observed: int,
        mean: float,
        dispersion: float,
        window: float,
        distinct: int,
        unknown: int,
    ) -> Decision:
        """Calibrate a score and decide."""
        self.calibrator.observe(key, now, score)
        recurrence = self.calibrator.recurrence_days(score)
        low, high = interval(mean, dispersion)
        evidence = Evidence(
            statistic=statistic,
            observed=float(observed),
            expected=mean,
            low=low,
            high=high,
            window=window,
            score=score,
            p_value=10.0**-score,
            recurrence_days=recurrence,
            distinct_callers=distinct,
            unknown_callers=unknown,
        )
        return Decision(self.kind, self._budget.allows(recurrence), self.basis, evidence)
