"""Thresholds: ``config/sentinel.yaml`` as validated and frozen values.

Durations are seconds here and texts such as ``24h`` in the file. The shipped file holds the defaults and says
what each value means; the models below hold none, so that no number stands in two places.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import PurePath
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    model_validator,
)
from pydantic_core import PydanticCustomError

from alerts.durations import Duration
from alerts.model import KINDS, Kind
from alerts.rules import LifecycleRules
from sentinel.config_problems import closest

CITY_NAME: Final = r"^[A-Za-z0-9_-]{1,40}$"
"""What a city may be called: it names a file."""

ENCODERS: Final = ("static", "small")
"""The encoders that ship; any other is the directory of a model."""

Count = Annotated[int, Strict(), Field(ge=1, le=1_000_000)]
Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(gt=0, le=1_000_000)]


def _wrong(wrong: str, fix: str) -> PydanticCustomError:
    """Return an error that carries what to do about it."""
    return PydanticCustomError("config", "{wrong}", {"wrong": wrong, "fix": fix})


def _ascending(steps: tuple[float, ...]) -> tuple[float, ...]:
    if any(earlier >= later for earlier, later in pairwise(steps)):
        raise _wrong("does not ascend", "order the values from the smallest to the largest, each once")
    return steps


def _zone(name: object) -> ZoneInfo:
    if isinstance(name, ZoneInfo):
        return name
    try:
        return ZoneInfo(str(name))
    except (KeyError, OSError, ValueError):
        raise _wrong("is not a time zone", "write a name of the IANA list, such as Asia/Shanghai") from None


def _encoder(name: str) -> str:
    if name in ENCODERS or PurePath(name).is_absolute():
        return name
    if "/" in name:  # settings travel to other machines and processes, which start elsewhere
        raise _wrong("is not an absolute path", "write the path of the model's directory from the root: /…")
    known = closest(name, ENCODERS)
    raise _wrong("is not an encoder that ships", f"{known} (or give the absolute path of a model's directory)")


def _street_code(value: object) -> object:
    """YAML reads a bare 310115004 as a number; a code is text."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


StreetCode = Annotated[str, BeforeValidator(_street_code)]
Steps = Annotated[tuple[Count, ...], Field(min_length=1), AfterValidator(_ascending)]


class Section(BaseModel):
    """A part of a config file: frozen, and a key it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Arrival(Section):
    """How far an event may lie ahead of its arrival, and behind it."""

    future_limit: Duration
    late_limit: Duration


class Memory(Section):
    """How long things are remembered after they were last heard of."""

    single_tickets: Duration
    issues: Duration
    confirmed_issues: Duration
    tickets: Duration


class Budget(Section):
    """How many false alarms a week are tolerated, and how they are shared out."""

    false_alarms_per_week: Weight
    city_share: Annotated[float, Field(gt=0, lt=1)]
    street_weights: dict[StreetCode, Weight]


class NewDetector(Section):
    """When an issue counts as new and confirmed."""

    min_callers: Count
    horizon: Duration


class CountDetector(Section):
    """The callers it takes to look at a count at all."""

    min_callers: Count


class RisingDetector(Section):
    """The callers it takes to look at a cell, and at an issue already known."""

    min_callers: Count
    min_issue_callers: Count


class RecurredDetector(Section):
    """When an issue has been quiet long enough to recur."""

    quiet: Duration
    min_callers: Count


class UrgentDetector(Section):
    """How sure the words of danger must be."""

    strength: Share


class Detectors(Section):
    """What makes each detector look at all."""

    new: NewDetector
    rising: RisingDetector
    mass: CountDetector
    recurred: RecurredDetector
    urgent: UrgentDetector


class Floor(Section):
    """So many distinct callers within so long always alert."""

    callers: Count
    within: Duration


class Floors(Floor):
    """The floor of all topics, and those of some."""

    topics: dict[str, Floor]

    def of(self, topic: str) -> Floor:
        """Return the floor of a topic: its own, else that of its nearest group, else the common one."""
        path = topic
        while path:
            if path in self.topics:
                return self.topics[path]
            path = path.rpartition("/")[0]
        return self


class BouncedRule(Section):
    """From how many returns or handlers on a ticket counts as bounced."""

    returns: Count
    handlers: Count


class RepeatCallRule(Section):
    """How many calls of those whose ticket was closed, or callers at all, after the closing."""

    calls: Count
    callers: Count
    within: Duration


class OverdueRule(Section):
    """How many tickets past their limit, or within ``close`` of it, pile up at a handler."""

    tickets: Count
    close: Duration


class UnsatisfiedRule(Section):
    """How many bad call-backs within so long may speak at all."""

    callbacks: Count
    within: Duration


class Handling(Section):
    """What goes wrong after a ticket was taken."""

    bounced: BouncedRule
    repeat_call: RepeatCallRule
    overdue: OverdueRule
    unsatisfied: UnsatisfiedRule


class AlertSection(Section):
    """What happens after a detection."""

    grow_steps: Steps
    urgent_grow_steps: Steps
    resolve_after: dict[Kind, Duration]
    recur_within: Duration

    @model_validator(mode="after")
    def _every_kind_ends(self) -> AlertSection:
        missing = [kind for kind in KINDS if kind not in self.resolve_after]
        if missing:
            raise _wrong(f"resolve_after lacks {', '.join(missing)}", "give each kind a duration")
        return self

    @property
    def rules(self) -> LifecycleRules:
        """The rules as the alert book takes them."""
        return LifecycleRules(self.grow_steps, self.urgent_grow_steps, self.resolve_after, self.recur_within)


class Issues(Section):
    """Which tickets are one issue."""

    join_at: Annotated[float, Field(ge=-20, le=20)]
    city_join_at: Annotated[float, Field(ge=-20, le=20)]


class SentinelFile(Section):
    """``sentinel.yaml``."""

    city: Annotated[str, Field(pattern=CITY_NAME)]
    timezone: Annotated[ZoneInfo, BeforeValidator(_zone)]
    encoder: Annotated[str, AfterValidator(_encoder)]
    tick: Duration
    arrival: Arrival
    memory: Memory
    budget: Budget
    detectors: Detectors
    floors: Floors
    handling: Handling
    alerts: AlertSection
    issues: Issues
