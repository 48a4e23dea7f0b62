"""The alert: what leaves Sentinel when something about the tickets needs a person."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, tzinfo
from typing import Final, Literal, get_args

from pydantic import AwareDatetime, BaseModel, ConfigDict

Kind = Literal[
    "new",
    "rising",
    "mass",
    "urgent",
    "recurred",
    "drift",
    "repeat_call",
    "bounced",
    "unsatisfied",
    "overdue",
]
Severity = Literal["critical", "high", "medium", "low"]
State = Literal["open", "resolved", "expired"]
Reason = Literal["opened", "grew", "escalated", "recurred", "resolved", "expired", "merged"]
Basis = Literal["statistical", "floor", "rule"]
Scope = Literal["issue", "cell", "area", "topic", "street", "ticket", "handler", "city"]

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
SEVERITIES: Final[tuple[Severity, ...]] = get_args(Severity)
"""From the gravest to the least."""

KIND_NAMES: Final[dict[Kind, str]] = {
    "new": "新发",
    "rising": "高发",
    "mass": "群诉",
    "urgent": "紧急件",
    "recurred": "问题复发",
    "drift": "诉求结构变化",
    "repeat_call": "重复来电未解决",
    "bounced": "退单推诿",
    "unsatisfied": "二次回访不满意",
    "overdue": "超期临期",
}
"""What the command centre calls each kind."""

SEVERITY_NAMES: Final[dict[Severity, str]] = {
    "critical": "特急",
    "high": "重要",
    "medium": "关注",
    "low": "提示",
}
"""What the command centre calls each severity."""

MAX_TICKET_IDS: Final = 200
"""No alert lists more member tickets than this (design, point 7); ``ticket_count`` tells the rest."""


class _Record(BaseModel):
    """A value: frozen, and strict about what it is given."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class AlertEvidence(_Record):
    """Why a detector spoke: what it saw, and what it would have expected to see.

    Parameters
    ----------
    count
        Tickets in the window.
    distinct_callers
        Different known callers among them.
    unknown_callers
        Tickets of the window without a caller; never counted as distinct callers.
    expected, low, high
        Tickets expected in such a window, with the bounds of the interval; None where nothing is known yet.
    score
        The detector's raw score, in its own unit; None for a rule.
    p_value
        Probability of at least this score by chance, calibrated; None for rules and floors.
    recurrence_days
        By chance, such a thing would be seen once in so many days; None for rules and floors.
    window_hours
        Length of the window, in hours.
    statistic
        Name of the detector or rule that decided.
    explanation
        One line on how it decided, for the engineer.
    """

    count: int = 0
    distinct_callers: int = 0
    unknown_callers: int = 0
    expected: float | None = None
    low: float | None = None
    high: float | None = None
    score: float | None = None
    p_value: float | None = None
    recurrence_days: float | None = None
    window_hours: float = 0.0
    statistic: str = ""
    explanation: str = ""

    def as_written(self) -> AlertEvidence:
        """Return it as an alert's line holds it: what is made of the line is then made of the alert."""
        floats = {name: value for name, value in self if isinstance(value, float)}
        return self.model_copy(update={name: _written(value) for name, value in floats.items()})


class Standing(_Record):
    """How an alert's tickets stand at one handler; an empty name means not dispatched yet (未派)."""

    handler: str
    open: int
    closed: int
    ticket_ids: tuple[str, ...] = ()
    """those of the alert's listed tickets that it has, where that is known"""


class StreetShare(_Record):
    """How many of the tickets one street has."""

    street_name: str
    tickets: int


class Alert(_Record):
    """One transition of one alert: a line of ``alerts.jsonl``, a record of the audit log.

    ``alert_id`` and ``dedup_key`` are settled when the alert opens and stay through all its transitions.
    ``kind`` is what it is *now*: an alert that opened as ``new`` and became a mass complaint says ``mass``
    and keeps its key, so that all its transitions stay together and in order.
    """

    alert_id: str
    dedup_key: str
    kind: Kind
    severity: Severity
    state: State
    reason: Reason
    basis: Basis
    scope: Scope
    street: str
    street_name: str
    topic: str
    issue_id: str
    title: str
    summary: str
    evidence: AlertEvidence
    seq: int
    ticket_ids: tuple[str, ...]
    ticket_count: int
    representative_ticket_id: str
    first_ticket_at: AwareDatetime
    opened_at: AwareDatetime
    updated_at: AwareDatetime
    keywords: tuple[str, ...]
    handlers: tuple[str, ...]
    tags: tuple[str, ...]
    place: str = ""
    matter: str = ""
    standing: tuple[Standing, ...] = ()
    streets: tuple[StreetShare, ...] = ()
    companies: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    covers: tuple[str, ...] = ()
    withheld: tuple[str, ...] = ()
    withheld_count: int = 0
    restricted: bool = False
    contradicted: int = 0

    def to_json_line(self, zone: tzinfo) -> str:
        """Return the alert as one line of JSON, without the line end.

        Keys stand in the order of the fields, times are ISO 8601 in ``zone`` to the second, and floats carry
        six significant digits, so that equal alerts are equal bytes.
        """
        return json.dumps(plain(self, zone), ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def plain(value: object, zone: tzinfo, *, leave_out_none: bool = False) -> object:
    """Turn a field's value into what ``json`` can write, the same way every time."""
    if isinstance(value, BaseModel):
        found = {name: getattr(value, name) for name in type(value).model_fields}
        return {
            name: plain(inner, zone, leave_out_none=leave_out_none)
            for name, inner in found.items()
            if inner is not None or not leave_out_none
        }
    if isinstance(value, tuple):
        return [plain(item, zone, leave_out_none=leave_out_none) for item in value]
    if isinstance(value, datetime):
        return value.astimezone(zone).isoformat(timespec="seconds")
    if isinstance(value, float):
        return _written(value)
    return value


def _written(value: float) -> float:
    return float(f"{value:.6g}")


def dedup_key(kind: Kind, scope: Scope, subject: str) -> str:
    """Return the key under which repeats of the same thing are one alert.

    >>> dedup_key("mass", "issue", "i1")
    'mass:issue:i1'
    """
    return f"{kind}:{scope}:{subject}"


def alert_id(street: str, first_ticket: str, kind: Kind, scope: Scope, subject: str, opening: str) -> str:
    """Return the alert's id, a function of its content alone (design, point 5).

    Parameters
    ----------
    first_ticket
        The oldest ticket of the subject, as known when the alert opens.
    opening
        What opened it: the ticket that made the detector speak. It sets apart two alerts about the same
        subject that lie so far from each other that the book has forgotten the first.
    """
    parts = (street, first_ticket, kind, scope, subject, opening)
    content = json.dumps(parts, ensure_ascii=False).encode()
    return hashlib.blake2b(content, digest_size=10, person=b"sentinel-alert").hexdigest()


def graver(one: Severity, other: Severity) -> Severity:
    """Return the graver of two severities.

    >>> graver("low", "high")
    'high'
    """
    return min(one, other, key=SEVERITIES.index)
