"""Who is told what: ``subscribers.yaml`` as validated and frozen values."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import time
from typing import Annotated, Final, Literal, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from alerts.durations import Duration, parse_duration
from alerts.matching import Match
from alerts.model import Severity

GroupBy = Literal["alert", "issue", "kind", "severity", "scope", "street", "topic", "topic_group", "handler"]
FieldName = Literal[
    "street", "streets", "topic", "place", "matter", "callers", "tickets", "ticket_ids", "handlers", "companies",
    "tags", "keywords", "domains", "evidence", "times", "issue", "status", "joined",
]  # fmt: skip
Each = Literal["street", "handler"]
_ID: Final = r"^[a-z][a-z0-9-]{0,39}$"


def wrong(what: str, fix: str) -> PydanticCustomError:
    """Return an error that carries what to do about it."""
    return PydanticCustomError("config", "{wrong}", {"wrong": what, "fix": fix})


def _wait(value: object) -> float:
    return 0.0 if value in (0, "0", "0s") else parse_duration(value)


def _clock(value: object) -> object:
    if isinstance(value, time):
        return value
    match = re.fullmatch(r"(\d{1,2}):(\d{2})", value) if isinstance(value, str) else None
    if match is None or int(match[1]) > 23 or int(match[2]) > 59:
        raise wrong("is not a time of day", 'write it in quotes, as "08:30"')
    return time(int(match[1]), int(match[2]))


Wait = Annotated[float, BeforeValidator(_wait)]
"""Seconds, which may be none at all."""
TimeOfDay = Annotated[time, BeforeValidator(_clock)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Flood(_Section):
    """No more pushes than this within so long; what is held back comes as one digest."""

    pushes: Annotated[int, Field(ge=1, le=10_000)]
    within: Duration


class Subscriber(_Section):
    """One who is told, or with ``each`` one for every street or handler.

    ``view`` names the fields that may leave; ``conduct`` says that complaints about the conduct of offices may be
    told; ``handles`` that an acknowledgement here counts for everybody who handles the alert.
    """

    id: Annotated[str, Field(pattern=_ID)]
    name: str
    view: str
    each: Each | None = None
    conduct: bool = False
    handles: bool = True
    flood: Flood | None = None
    digest_at: tuple[TimeOfDay, ...] = ()

    @model_validator(mode="after")
    def _no_conduct_for_those_complained_of(self) -> Subscriber:
        if self.each and self.conduct:
            raise wrong(
                "would tell streets or handlers of complaints about themselves", "remove `conduct` from this subscriber"
            )
        return self


class Timing(_Section):
    """When a route's pushes are made; what a route leaves out is its parent's.

    group_by
        Alerts alike in these come in one push.
    group_wait
        How long the first push of a group waits for company.
    group_interval
        How long after a push the next of its group comes at the earliest.
    repeat_interval
        How long after a group's last push it is told again, if something in it is open and nobody has acknowledged it.
    acknowledge
        How long after its first push an alert of this severity may wait for an acknowledgement.
    unacknowledged
        Who is told if it waited longer.
    """

    group_by: tuple[GroupBy, ...] | None = None
    group_wait: Wait | None = None
    group_interval: Wait | None = None
    repeat_interval: Duration | None = None
    acknowledge: dict[Severity, Duration] | None = None
    unacknowledged: tuple[str, ...] | None = None


class Route(Timing):
    """What it matches goes to ``to``. Of the routes below, the first that matches sets timing and adds its ``to``."""

    name: str = ""
    match: Match = Match()
    to: tuple[str, ...] = ()
    routes: tuple[Route, ...] = ()


class Inhibition(_Section):
    """An open alert that ``by`` means stands for those that ``mutes`` means and that belong to it.

    They belong to it if they are about one of the ``issues`` it is made of, if their ``topic`` is its own or below it,
    or if at least half of their ``tickets`` are its own, up to the last that both know.
    """

    by: Match
    mutes: Match
    same: Literal["issues", "topic", "tickets"]


class Elevation(_Section):
    """Matters for a leader (提级): told to ``to`` as well, and open until a leader's call-back is recorded."""

    match: tuple[Match, ...] = ()
    to: tuple[str, ...] = ()


class DeliveryRules(_Section):
    """All of ``subscribers.yaml``. See the file for what each part means."""

    views: dict[str, tuple[FieldName, ...]]
    subscribers: Annotated[tuple[Subscriber, ...], Field(min_length=1)]
    handlers: dict[str, Annotated[str, Field(pattern=_ID)]] = Field(default_factory=dict)
    timing: Timing
    routes: Annotated[tuple[Route, ...], Field(min_length=1)]
    inhibit: tuple[Inhibition, ...] = ()
    elevated: Elevation = Elevation()
    link: str = ""

    @model_validator(mode="after")
    def _whole(self) -> DeliveryRules:
        lacking = [n for n in Timing.model_fields if getattr(self.timing, n) is None]
        if lacking:
            raise wrong(f"timing lacks {', '.join(lacking)}", "give each a value, as in the shipped file")
        known: set[str] = set()
        for subscriber in self.subscribers:
            if subscriber.id in known:
                raise wrong(f"lists the subscriber {subscriber.id} twice", "give one of them another id")
            if subscriber.view not in self.views:
                raise wrong(
                    f"subscriber {subscriber.id} has the view {subscriber.view}, which is not among `views`",
                    f"use one of: {', '.join(self.views)}",
                )
            known.add(subscriber.id)
        named = [*self.elevated.to, *(self.timing.unacknowledged or ())]
        named += [name for route in self.routes for name in _named(route)]
        if unknown := [name for name in named if name not in known]:
            raise wrong(f"sends to {unknown[0]}, which is no subscriber", f"use one of: {', '.join(sorted(known))}")
        if len(set(self.handlers.values())) < len(self.handlers):
            raise wrong("gives two handlers one id", "give each handler an id of its own")
        if self.link and "{alert_id}" not in self.link:
            raise wrong("link does not say which alert", "write {alert_id} where the alert's id belongs")
        return self


class Recipient(NamedTuple):
    """One who is told: a subscriber, or what one of `each` stands for."""

    id: str
    name: str
    subscriber: Subscriber
    street: str = ""
    """code, of one that sees a street's tickets only"""
    handler: str = ""
    """name, of one that sees a handler's tickets only"""

    @property
    def room(self) -> str:
        """Whose acknowledgements are shared: "" for all who handle alerts, else its own id."""
        return "" if self.subscriber.handles else self.id


def handler_id(rules: DeliveryRules, handler: str) -> str:
    """Return the id of a handler: the configured one, else a hash of its name."""
    known = rules.handlers.get(handler)
    return known or hashlib.blake2b(handler.encode(), digest_size=5, person=b"sentinel-desk").hexdigest()


def _named(route: Route) -> Iterator[str]:
    yield from route.to
    yield from route.unacknowledged or ()
    for child in route.routes:
        yield from _named(child)
