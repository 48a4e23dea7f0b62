"""One alert as the book keeps it, and how two about the same subject compare."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from alerts.detection import Facts
from alerts.model import KINDS, SEVERITIES, AlertEvidence, Basis, Kind, Scope, Severity, State
from alerts.wording import Told

_STRENGTH: Final[dict[Kind, int]] = {"new": 1, "recurred": 1, "rising": 1, "mass": 2}
"""Kinds that share one alert a subject, and which of them is the stronger."""


@dataclass(slots=True)
class Thread:
    """One alert as the book keeps it."""

    alert_id: str
    dedup_key: str
    kind: Kind
    basis: Basis
    scope: Scope
    subject: str
    issue_id: str
    topic: str
    severity: Severity
    state: State
    opened_at: float
    active_at: float
    ended_at: float
    evidence: AlertEvidence
    facts: Facts
    harm: tuple[str, ...]
    told: Told
    step: int
    domains: tuple[str, ...] = ()


def family_of(kind: Kind) -> str:
    """Return which alert of a subject the kind belongs to: one for complaints, one for each other kind."""
    return "complaint" if kind in _STRENGTH else kind


FAMILIES: Final = tuple(dict.fromkeys(map(family_of, KINDS)))


def strength(kind: Kind) -> int:
    """Return how strong the kind is among those of its family."""
    return _STRENGTH.get(kind, 0)


def precedence(thread: Thread) -> tuple[bool, int, int, float, str]:
    """Return the sort key by which, of two alerts about merged issues, the first lives on."""
    return (
        thread.state != "open",
        -strength(thread.kind),
        SEVERITIES.index(thread.severity),
        thread.opened_at,
        thread.alert_id,
    )
