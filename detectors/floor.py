"""So many distinct callers in so many hours always alert: the floor under ``mass``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from detectors.base import HOUR, Basis, Decision, Detector, Evidence, Kind
from detectors.callers import RecentCallers


@dataclass(frozen=True, slots=True)
class Floor:
    """So many distinct callers (count) in so many hours."""

    callers: int = 5
    hours: float = 24.0


class FloorDetector(Detector):
    """Fires whenever the distinct known callers of an issue reach its topic's floor, whatever the statistics.

    Parameters
    ----------
    default
        Floor of topics that have none of their own.
    by_topic
        Floors by prefix of the topic's path, parts separated by ``/``; the longest prefix counts.

    Examples
    --------
    >>> from detectors.callers import CallerLedger
    >>> ledger, floor = CallerLedger(), FloorDetector(by_topic={"教育": Floor(callers=3)})
    >>> for n in range(3):
    ...     decision = floor.update(ledger.add("issue", 600.0 * n, n), topic="教育/收费")
    >>> decision.fired, decision.basis
    (True, 'floor')
    >>> floor.update(ledger.add("issue", 1800.0, 9), topic="教育收费") is None
    True

    References
    ----------
    A policy, not a test: the commented default in the configuration gives its provenance.
    """

    kind: ClassVar[Kind] = "mass"
    basis: ClassVar[Basis] = "floor"

    def __init__(self, default: Floor | None = None, by_topic: Mapping[str, Floor] | None = None) -> None:
        self.default = default or Floor()
        self.by_topic = dict(by_topic or {})

    def update(self, callers: RecentCallers, topic: str = "") -> Decision | None:
        """Judge an issue after a call that ``callers`` has counted; ``None`` below the floor."""
        floor = self.floor_of(topic)
        window = floor.hours * HOUR
        count = callers.distinct(callers.last, window)
        if count < floor.callers:
            return None
        evidence = Evidence(
            statistic=f"floor {floor.callers} in {floor.hours:g}h",
            observed=float(count),
            window=window,
            distinct_callers=count,
            unknown_callers=callers.unknown(callers.last, window),
        )
        return Decision(self.kind, True, self.basis, evidence)

    def floor_of(self, topic: str) -> Floor:
        """The floor of a topic's path."""
        while topic and self.by_topic:
            floor = self.by_topic.get(topic)
            if floor is not None:
                return floor
            topic = topic.rpartition("/")[0]
        return self.default
