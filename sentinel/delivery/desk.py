"""The desk: what one subscriber may see of delivery's state, for the HTTP API. Reads only; knows no HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import Final, NamedTuple

from alerts import Delivery
from alerts.cases import Event
from alerts.lines import Line, Tracked
from alerts.model import SEVERITIES, plain
from alerts.subscribers import Recipient
from alerts.views import Viewer

MOST: Final = 200
"""Alerts of one page."""


class Wanted(NamedTuple):
    """Which alerts, and from where on."""

    kind: str = ""
    severity: str = ""
    status: str = ""
    state: str = ""
    after: str = ""
    limit: int = 50


class Desk:
    """One subscriber's view of all alerts that it has been routed."""

    def __init__(self, delivery: Delivery, recipient: Recipient, zone: tzinfo) -> None:
        self._memory, self._rules = delivery.memory, delivery.rules
        self._recipient = recipient
        self._viewer = Viewer(delivery.rules)
        self._zone = zone

    def page(self, wanted: Wanted) -> tuple[list[dict[str, object]], str]:
        """Return alerts, the newest transition first, and where the next page begins, "" if there is none."""
        found = []
        for alert_id, tracked in self._memory.tracked.items():
            line = self._memory.line_of(alert_id, self._recipient.id)
            if line is not None and self._meant(tracked, wanted):
                found.append((_place(tracked), tracked, line))
        found.sort(key=lambda item: item[0], reverse=True)
        rest = [item for item in found if not wanted.after or item[0] < wanted.after]
        shown = rest[: wanted.limit]
        after = shown[-1][0] if len(rest) > wanted.limit else ""
        return [self._view(tracked, line) for _, tracked, line in shown], after

    def one(self, alert_id: str) -> dict[str, object] | None:
        """Return one alert with its history, None if it may not be seen or is not there."""
        line, tracked = self._memory.line_of(alert_id, self._recipient.id), self._memory.tracked.get(alert_id)
        if line is None or tracked is None:
            return None
        case = tracked.case_of(self._recipient)
        return {
            **self._view(tracked, line),
            "verdict": case.verdict,
            "leader_must_call": case.must_call,
            "history": [self._event(event) for event in case.events],
        }

    def silences(self) -> list[dict[str, object]]:
        """Return this subscriber's silences."""
        return [
            {
                "silence_id": silence.id,
                "match": silence.match.model_dump(mode="json", exclude_defaults=True),
                "author": silence.author,
                "reason": silence.reason,
                "since": self._time(silence.since),
                "until": self._time(silence.until),
            }
            for silence in self._memory.silences.of(self._recipient.id)
        ]

    def _meant(self, tracked: Tracked, wanted: Wanted) -> bool:
        alert = tracked.alert
        return (
            (not wanted.kind or alert.kind == wanted.kind)
            and (not wanted.severity or alert.severity == wanted.severity)
            and (not wanted.state or alert.state == wanted.state)
            and (not wanted.status or tracked.case_of(self._recipient).status == wanted.status)
        )

    def _view(self, tracked: Tracked, line: Line) -> dict[str, object]:
        status = tracked.case_of(self._recipient).status
        view = self._viewer.view(
            tracked.alert, self._recipient, (), status, line.joined, granted=line.granted, most_tickets=MOST
        )
        shown = plain(view, self._zone, leave_out_none=True)
        assert isinstance(shown, dict)
        shown.pop("reasons")
        return shown

    def _event(self, event: Event) -> dict[str, object]:
        """An event of the case. One of a single street or handler learns of others only that they did something."""
        limited = bool(self._recipient.street or self._recipient.handler)
        own = event.by == self._recipient.id
        told: dict[str, object] = {"at": self._time(event.at), "what": event.what, "status": event.status}
        if not event.by:
            return told
        if own or not limited:
            return {**told, "by": event.by, "person": event.person, "why": event.why, "target": event.target}
        common = {subscriber.id: subscriber.name for subscriber in self._rules.subscribers}
        told["by"] = common.get(event.by, "其他单位")
        if event.target == self._recipient.id:
            told |= {"why": event.why, "target": event.target}
        return told

    def _time(self, at: float) -> str:
        return datetime.fromtimestamp(at, UTC).astimezone(self._zone).isoformat(timespec="seconds")


def _place(tracked: Tracked) -> str:
    """Where an alert stands in a list: by its latest transition, then its severity and id."""
    alert = tracked.alert
    grade = len(SEVERITIES) - SEVERITIES.index(alert.severity)
    return f"{alert.updated_at.timestamp():017.3f}-{grade}-{alert.alert_id}"
