"""Which alerts are meant: the matcher that routes, inhibitions, silences and elevations share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from alerts.durations import Duration
from alerts.model import SEVERITIES, Alert, Basis, Kind, Scope, Severity


def _listed(value: object) -> object:
    """Let one value stand for a list of one; YAML reads a bare street code as a number."""
    values = value if isinstance(value, list | tuple) else [value]
    return [str(v) if isinstance(v, int) and not isinstance(v, bool) else v for v in values]


Texts = Annotated[tuple[str, ...], BeforeValidator(_listed)]
Kinds = Annotated[tuple[Kind, ...], BeforeValidator(_listed)]
Scopes = Annotated[tuple[Scope, ...], BeforeValidator(_listed)]
Bases = Annotated[tuple[Basis, ...], BeforeValidator(_listed)]


class Match(BaseModel):
    """All that is given must hold; of a list, one. An empty matcher holds for every alert.

    Parameters
    ----------
    severity
        At least as grave.
    topic
        Paths: a group stands for all its leaves.
    street, handler, company, tags, domains
        Codes, names and tags as they stand in the alert.
    keywords
        Words among the alert's keywords, or in its place or matter.
    city
        Whether it spans streets.
    tickets, callers
        At least so many.
    age
        Open for at least so long.
    contradicted
        Whether closings as solved were contradicted by the callers.
    alert_id, issue_id
        This one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kinds = ()
    severity: Severity | None = None
    scope: Scopes = ()
    basis: Bases = ()
    topic: Texts = ()
    street: Texts = ()
    handler: Texts = ()
    company: Texts = ()
    tags: Texts = ()
    keywords: Texts = ()
    domains: Texts = ()
    city: bool | None = None
    tickets: Annotated[int, Field(ge=1)] | None = None
    callers: Annotated[int, Field(ge=1)] | None = None
    age: Annotated[Duration, PlainSerializer(lambda seconds: f"{seconds:g}s", when_used="json")] | None = None
    contradicted: bool | None = None
    alert_id: Texts = ()
    issue_id: Texts = ()

    def holds(self, alert: Alert) -> bool:
        """Whether the alert is meant."""
        return next(self._against(alert), None) is None

    def against(self, alert: Alert) -> tuple[str, ...]:
        """Return the names of what does not hold for the alert; empty if it is meant."""
        return tuple(self._against(alert))

    def told(self) -> str:
        """Return the matcher in words, "everything" if it is empty."""
        parts = [f"{name}={_shown(value)}" for name, value in self if value not in (None, ())]
        return " ".join(parts) or "everything"

    def _against(self, alert: Alert) -> Iterator[str]:
        if self.kind and alert.kind not in self.kind:
            yield "kind"
        if self.severity and SEVERITIES.index(alert.severity) > SEVERITIES.index(self.severity):
            yield "severity"
        if self.scope and alert.scope not in self.scope:
            yield "scope"
        if self.basis and alert.basis not in self.basis:
            yield "basis"
        if self.topic and not any(within(alert.topic, path) for path in self.topic):
            yield "topic"
        if self.street and alert.street not in self.street:
            yield "street"
        if self.handler and not set(self.handler).intersection(handlers_of(alert)):
            yield "handler"
        if self.company and not set(self.company).intersection(alert.companies):
            yield "company"
        if self.tags and not set(self.tags).intersection(alert.tags):
            yield "tags"
        if self.keywords and not any(
            word in alert.keywords or word in alert.place or word in alert.matter for word in self.keywords
        ):
            yield "keywords"
        if self.domains and not set(self.domains).intersection(alert.domains):
            yield "domains"
        yield from self._against_numbers(alert)

    def _against_numbers(self, alert: Alert) -> Iterator[str]:
        if self.city is not None and self.city != (alert.street == ""):
            yield "city"
        if self.tickets and alert.ticket_count < self.tickets:
            yield "tickets"
        if self.callers and alert.evidence.distinct_callers < self.callers:
            yield "callers"
        if self.age and (alert.updated_at - alert.opened_at).total_seconds() < self.age:
            yield "age"
        if self.contradicted is not None and self.contradicted != (alert.contradicted > 0):
            yield "contradicted"
        if self.alert_id and alert.alert_id not in self.alert_id:
            yield "alert_id"
        if self.issue_id and alert.issue_id not in self.issue_id:
            yield "issue_id"


def within(topic: str, path: str) -> bool:
    """Whether a topic is a path or below it.

    >>> within("住建房产/物业管理", "住建房产"), within("住建房产", "住建")
    (True, False)
    """
    return topic == path or topic.startswith(f"{path}/")


def handlers_of(alert: Alert) -> tuple[str, ...]:
    """Return the handlers that an alert concerns: those of its tickets, or the one it is about."""
    if alert.scope == "handler":
        return (alert.dedup_key.split(":", 2)[2],)
    return alert.handlers


def _shown(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
