"""One ticket that tells of present danger to life: ``urgent``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, NamedTuple

from detectors.base import Basis, Decision, Detector, Evidence, Kind


class DangerCue(NamedTuple):
    """One cue of danger found in a text, in numbers.

    ``strength`` runs from 0 (may mean anything) to 1 (leaves no doubt); the flags say that the text denies
    it, tells of something long past, or of a drill.
    """

    strength: float
    negated: bool = False
    past: bool = False
    drill: bool = False


class UrgentDetector(Detector):
    """Fires on a single ticket whose cues of present danger are strong enough together.

    Denied, past and drilled danger counts nothing. The others add up as independent witnesses do:
    ``1 - (1 - s1)(1 - s2)...``.

    Parameters
    ----------
    threshold
        Least joint strength that fires, 0 to 1.

    Examples
    --------
    >>> urgent = UrgentDetector()
    >>> urgent.update([DangerCue(0.9)]).fired
    True
    >>> urgent.update([DangerCue(0.9, drill=True), DangerCue(0.3)]).fired
    False
    >>> urgent.update([]) is None
    True

    References
    ----------
    A rule; the noisy-or is Pearl 1988, Probabilistic Reasoning in Intelligent Systems, section 4.3.2.
    """

    kind: ClassVar[Kind] = "urgent"
    basis: ClassVar[Basis] = "rule"

    def __init__(self, threshold: float = 0.7) -> None:
        self.threshold = threshold

    def update(self, cues: Iterable[DangerCue]) -> Decision | None:
        """Judge one ticket by the cues in its text; ``None`` if none is left standing."""
        doubt = 1.0
        standing = 0
        for cue in cues:
            if not (cue.negated or cue.past or cue.drill):
                doubt *= 1.0 - min(1.0, max(0.0, cue.strength))
                standing += 1
        if not standing:
            return None
        strength = 1.0 - doubt
        evidence = Evidence(statistic="danger", observed=float(standing), score=strength)
        # Products of decimal fractions are a rounding error off the fraction they stand for.
        return Decision(self.kind, strength >= self.threshold - 1e-9, self.basis, evidence)
