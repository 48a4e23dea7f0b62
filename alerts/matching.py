"""Which alerts are meant: the matcher that routes, inhibitions, silences and elevations share."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import Annotated, Final

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

    @cached_property
    def _given(self) -> tuple[str, ...]:
        """What is given; noted, since most matchers give little and each is asked about every alert."""
        return tuple(name for name in type(self).model_fields if getattr(self, name) not in (None, ()))

    def holds(self, alert: Alert) -> bool:
        """Whether the alert is meant."""
        for name in self._given:  # noqa: SIM110 - twice as fast, and the innermost question of routing
            if not _TESTS[name](self, alert):
                return False
        return True

    def against(self, alert: Alert) -> tuple[str, ...]:
        """Return the names of what does not hold for the alert; empty if it is meant."""
        return tuple(name for name in self._given if not _TESTS[name](self, alert))

    def told(self) -> str:
        """Return the matcher in words, "everything" if it is empty."""
        return " ".join(f"{name}={_shown(getattr(self, name))}" for name in self._given) or "everything"


def _severity(match: Match, alert: Alert) -> bool:
    return match.severity is None or SEVERITIES.index(alert.severity) <= SEVERITIES.index(match.severity)


def _keywords(match: Match, alert: Alert) -> bool:
    return any(word in alert.keywords or word in alert.place or word in alert.matter for word in match.keywords)


def _age(match: Match, alert: Alert) -> bool:
    return match.age is None or (alert.updated_at - alert.opened_at).total_seconds() >= match.age


_TESTS: Final[dict[str, Callable[[Match, Alert], bool]]] = {
    "kind": lambda match, alert: alert.kind in match.kind,
    "severity": _severity,
    "scope": lambda match, alert: alert.scope in match.scope,
    "basis": lambda match, alert: alert.basis in match.basis,
    "topic": lambda match, alert: any(within(alert.topic, path) for path in match.topic),
    "street": lambda match, alert: alert.street in match.street,
    "handler": lambda match, alert: not set(match.handler).isdisjoint(handlers_of(alert)),
    "company": lambda match, alert: not set(match.company).isdisjoint(alert.companies),
    "tags": lambda match, alert: not set(match.tags).isdisjoint(alert.tags),
    "keywords": _keywords,
    "domains": lambda match, alert: not set(match.domains).isdisjoint(alert.domains),
    "city": lambda match, alert: match.city == (alert.street == ""),
    "tickets": lambda match, alert: alert.ticket_count >= (match.tickets or 0),
    "callers": lambda match, alert: alert.evidence.distinct_callers >= (match.callers or 0),
    "age": _age,
    "contradicted": lambda match, alert: match.contradicted == (alert.contradicted > 0),
    "alert_id": lambda match, alert: alert.alert_id in match.alert_id,
    "issue_id": lambda match, alert: alert.issue_id in match.issue_id,
}
"""Of each field, whether what it gives holds."""


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


@lru_cache(maxsize=10_000)
def upwards(topic: str) -> tuple[str, ...]:
    """Return a path and those above it.

    >>> upwards("a/b")
    ('a', 'a/b')
    """
    parts = topic.split("/") if topic else []
    return tuple("/".join(parts[: length + 1]) for length in range(len(parts)))
