"""`sentinel routes test`: who would be told of an alert, by which route, what they would read, and why not."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError
from rich.console import Console
from rich.table import Table
from rich.text import Text

from alerts.model import Alert, AlertEvidence, Standing
from alerts.routing import Router
from alerts.views import Viewer
from sentinel.errors import SentinelError
from sentinel.settings import Settings, load_settings


class AlertGivenError(SentinelError):
    """What was given is no part of an alert; the message says what to write."""


_TICKETS = ("T1", "T2", "T3", "T4", "T5")
_EXAMPLE = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def run_routes_test(given: str, config: Path | None, console: Console) -> None:
    """Print, for an alert of which some fields are given as JSON, every subscriber's view, and every route's answer."""
    settings = load_settings(config)
    alert = alert_of(given, settings)
    router, viewer = Router(settings.subscribers), Viewer(settings.subscribers)
    told = Table(title="who is told", title_justify="left")
    for heading in ("subscriber", "route", "because it looks for", "sees", "if nobody acknowledges"):
        told.add_column(heading, overflow="fold")
    for way in router.ways(alert):
        view = viewer.view(alert, way.recipient, ("opened",), "open").model_dump(exclude_none=True)
        always = ("alert_id", "kind", "severity", "state", "reasons", "updated_at")
        sees = ", ".join(name for name in view if name not in always)
        within = (way.timing.acknowledge or {}).get(alert.severity)
        others = ", ".join(other.id for other in router.superiors(alert, way)) if within is not None else ""
        then = f"after {within / 60:g} min: {others}" if within is not None and others else ""
        told.add_row(Text(way.recipient.id, "bold"), Text(way.route), Text(way.because), Text(sees), Text(then))
    console.print(told)
    routes = Table(title="every route", title_justify="left")
    for heading in ("route", "looks for", "answer"):
        routes.add_column(heading, overflow="fold")
    for tried in router.tried(alert):
        if tried.against:
            answer = Text(f"no: {', '.join(tried.against)}", "dim")
        else:
            answer = Text(f"yes: {', '.join(tried.told) or 'nobody'}", "green")
            if tried.hidden:
                answer.append(f"; may not see it: {', '.join(tried.hidden)}", "yellow")
        routes.add_row(Text(tried.route), Text(tried.looks_for), answer)
    console.print(routes)
    if router.elevated(alert):
        console.print("a matter for a leader (提级): it stays open until a leader's call-back is recorded")


def alert_of(given: str, settings: Settings) -> Alert:
    """Return an alert with the given fields and, for the rest, those of an example.

    Raises `AlertGivenError`.
    """
    try:
        fields = json.loads(given)
    except ValueError as error:
        raise AlertGivenError(f'is not JSON ({error}); write it like \'{{"kind": "mass"}}\'') from None
    if not isinstance(fields, dict):
        raise AlertGivenError('is JSON but no object; write it like \'{"kind": "mass"}\'')
    streets = settings.streets.streets
    street = str(fields.get("street", streets[0].code if streets else "unknown"))
    name = next((known.name for known in streets if known.code == street), settings.streets.name)
    handlers = fields.get("handlers", ["区水务局"])
    listed = handlers if isinstance(handlers, list) else []
    example = {
        "alert_id": "example",
        "kind": "new",
        "severity": settings.severity.kinds.get(fields.get("kind", "new"), "medium"),
        "state": "open",
        "reason": "opened",
        "basis": "statistical",
        "scope": "issue",
        "street": street,
        "street_name": name,
        "topic": "公用事业/供水",
        "issue_id": "example",
        "title": "",
        "summary": "",
        "evidence": AlertEvidence(count=5, distinct_callers=4, expected=0.4, recurrence_days=90.0, window_hours=24.0),
        "seq": 1,
        "ticket_ids": _TICKETS,
        "ticket_count": 5,
        "representative_ticket_id": "T1",
        "first_ticket_at": _EXAMPLE,
        "opened_at": _EXAMPLE,
        "updated_at": _EXAMPLE,
        "keywords": ["停水"],
        "handlers": handlers,
        "tags": [],
        "place": "锦绣花园",
        "matter": "停水",
        "standing": [Standing(handler=handler, open=5, closed=0, ticket_ids=_TICKETS) for handler in listed[:1]],
        **fields,
    }
    example.setdefault("dedup_key", f"{example['kind']}:{example['scope']}:{_subject(example)}")
    try:
        return Alert.model_validate(example)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        where = ".".join(map(str, problem["loc"]))
        raise AlertGivenError(f"field {where}: {problem['msg']}; docs/output.md lists the fields of an alert") from None


def _subject(fields: dict[str, object]) -> object:
    handlers = fields["handlers"]
    return handlers[0] if fields["scope"] == "handler" and isinstance(handlers, list) and handlers else "example"
