"""What delivery remembers: an alert, what each recipient was told of it, and the groups in which it is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from alerts.cases import Case
from alerts.model import SEVERITIES, Alert, Severity
from alerts.push_wording import Before
from alerts.pushes import PushReason
from alerts.routing import Way
from alerts.subscribers import GroupBy, Recipient

LONGEST_REMINDER: Final = 7 * 86400.0


@dataclass(slots=True)
class Line:
    """What one recipient was told of one alert, and what it is still to be told."""

    way: Way
    group: str
    before: Before | None = None
    """None as long as it was told nothing"""
    pending: dict[PushReason, None] = field(default_factory=dict)
    note: str = ""
    joined: tuple[str, ...] = ()
    """ids of those that it has been told to stand for"""
    under: str = ""
    """id of the alert that stands for this one at the moment"""
    granted: bool = False
    """it was transferred to this recipient"""
    reported: bool = False
    """that nobody acknowledged it has been told once"""


@dataclass(slots=True)
class Tracked:
    """An alert as it is now, how far people have come with it, and who is told of it."""

    alert: Alert
    cases: dict[str, Case] = field(default_factory=dict)
    """by room"""
    lines: dict[str, Line] = field(default_factory=dict)
    """by recipient's id"""
    taken: list[Alert] = field(default_factory=list)
    """transitions of the last number, so that a repeat is known"""

    def case(self, room: str) -> Case:
        """Return a room's case."""
        case = self.cases.get(room)
        if case is None:
            case = self.cases[room] = Case()
        return case

    def case_of(self, recipient: Recipient) -> Case:
        """Return the case of a recipient's room."""
        return self.case(recipient.room)


@dataclass(slots=True)
class Group:
    """Alerts of one recipient that are told together."""

    recipient: Recipient
    last: float | None = None
    """when its last push was made"""
    gravest: int = len(SEVERITIES)
    """of what it has told"""
    pending: dict[str, None] = field(default_factory=dict)
    """ids of alerts that have something to tell"""
    open: dict[str, None] = field(default_factory=dict)
    """ids of alerts told and not ended"""
    due: float | None = None
    reminders: int = 0
    """how often it has reminded since it had news"""

    def reminds(self, interval: float) -> float:
        """Return when it reminds next: after twice as long each time, at most a week."""
        assert self.last is not None, "what has told nothing reminds of nothing"
        return self.last + min(interval * 2.0**self.reminders, max(interval, LONGEST_REMINDER))

    def wants(self, at: float, wait: float, interval: float, severity: Severity) -> float:
        """Return when it may next speak. What is the first critical thing it says does not wait."""
        grade = SEVERITIES.index(severity)
        if self.last is None:
            return at + wait
        if grade == 0 and self.gravest > 0:
            return at
        return max(at, self.last + interval)


def group_key(way: Way, alert: Alert) -> str:
    """Return the group in which a recipient is told of an alert."""
    values = [_value(alert, name) for name in way.timing.group_by or ()]
    return "\x1f".join((way.recipient.id, way.route, *values))


def _value(alert: Alert, name: GroupBy) -> str:
    match name:
        case "alert":
            return alert.alert_id
        case "issue":
            return alert.issue_id or alert.dedup_key
        case "topic_group":
            return alert.topic.partition("/")[0]
        case "handler":
            return alert.handlers[0] if alert.handlers else ""
        case _:
            return str(getattr(alert, name))
