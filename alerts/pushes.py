"""The push: what one subscriber is told, all of it made of what it may see."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime, tzinfo
from typing import Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from alerts.model import Kind, Severity, Standing, StreetShare, plain

Status = Literal["open", "acknowledged", "in_progress", "resolved", "expired"]
PushReason = Literal[
    "opened", "grew", "escalated", "recurred", "joined", "reminder", "resolved", "expired", "unacknowledged",
    "transferred", "assigned", "receipt", "replayed", "flood", "handover", "silenced", "silence_ended",
    "silence_expired", "sink_failing", "sink_recovered",
]  # fmt: skip

REASON_NAMES: Final[dict[PushReason, str]] = {
    "opened": "新预警",
    "grew": "扩大",
    "escalated": "升级",
    "recurred": "再次出现",
    "joined": "并入",
    "reminder": "尚未签收，再次提醒",
    "resolved": "已解除",
    "expired": "已过期",
    "unacknowledged": "超时未签收",
    "transferred": "转交",
    "assigned": "指派",
    "receipt": "转交回执",
    "replayed": "暂停推送结束，补推",
    "flood": "集中推送",
    "handover": "交接班",
    "silenced": "暂停推送开始",
    "silence_ended": "暂停推送被取消",
    "silence_expired": "暂停推送到期",
    "sink_failing": "推送通道故障",
    "sink_recovered": "推送通道恢复",
}
"""Why a push was made, as people read it."""

STATUS_NAMES: Final[dict[Status, str]] = {
    "open": "待签收",
    "acknowledged": "已签收",
    "in_progress": "处置中",
    "resolved": "已解除",
    "expired": "已过期",
}


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class AlertView(_Record):
    """One alert as one subscriber may see it. A field that it may not see, or that is not known, is not there."""

    alert_id: str
    kind: Kind
    severity: Severity
    state: Literal["open", "resolved", "expired"]
    reasons: tuple[PushReason, ...] = ()
    status: Status | None = None
    street: str | None = None
    street_name: str | None = None
    streets: tuple[StreetShare, ...] | None = None
    topic: str | None = None
    place: str | None = None
    matter: str | None = None
    callers: int | None = None
    tickets: int | None = None
    ticket_ids: tuple[str, ...] | None = None
    handlers: tuple[Standing, ...] | None = None
    companies: tuple[str, ...] | None = None
    tags: tuple[str, ...] | None = None
    keywords: tuple[str, ...] | None = None
    domains: tuple[str, ...] | None = None
    expected: float | None = None
    recurrence_days: float | None = None
    window_hours: float | None = None
    issue_id: str | None = None
    contradicted: int | None = None
    joined: tuple[str, ...] | None = None
    first_ticket_at: AwareDatetime | None = None
    opened_at: AwareDatetime | None = None
    updated_at: AwareDatetime


class Push(_Record):
    """One message to one subscriber: a line of ``pushes.jsonl``.

    Parameters
    ----------
    push_id
        A function of the rest: the same push has the same id however often it is made.
    at, seq
        When it was due, and the number of the last record before it.
    reason
        Why it was made: the gravest of the reasons of its alerts.
    severity
        Of its gravest alert; none where it tells of no alert.
    alerts, more
        Those it tells in full, and how many more it counts only.
    held_back
        Pushes that it stands for because there were too many.
    route, because
        By which route it came, and what that looks for.
    """

    push_id: str
    subscriber: str
    at: AwareDatetime
    seq: int
    reason: PushReason
    severity: Severity | None = None
    title: str
    text: str
    alerts: tuple[AlertView, ...] = ()
    more: int = 0
    held_back: int = 0
    route: str = ""
    because: str = ""

    def to_json_line(self, zone: tzinfo) -> str:
        """Return the push as one line of JSON, without the line end; equal pushes are equal bytes."""
        said = plain(self, zone, leave_out_none=True)
        return json.dumps(said, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def push_id(subscriber: str, at: datetime, seq: int, reason: PushReason, alerts: Iterable[str], text: str) -> str:
    """Return the id of a push, a function of what it says, to whom and when."""
    parts = (subscriber, at.isoformat(), str(seq), reason, *alerts, text)
    return hashlib.blake2b("\x1f".join(parts).encode(), digest_size=10, person=b"sentinel-push").hexdigest()
