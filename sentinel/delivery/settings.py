"""``config/sinks.yaml`` as validated and frozen values."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, NamedTuple

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from alerts.durations import Duration
from sentinel.thresholds import Count, Section

SinkKind = Literal["file", "terminal", "kafka", "redis", "webhook", "wecom", "dingtalk", "feishu"]


class Rate(NamedTuple):
    """No more pushes than this within so many seconds."""

    pushes: int
    within: float


_NEEDS: Final[Mapping[SinkKind, tuple[str, ...]]] = {
    "file": ("path",),
    "terminal": (),
    "kafka": (),
    "redis": (),
    "webhook": ("url_file", "secret_file"),
    "wecom": ("url_file",),
    "dingtalk": ("url_file", "secret_file"),
    "feishu": ("url_file", "secret_file"),
}
_RATES: Final[Mapping[SinkKind, Rate]] = {
    "wecom": Rate(20, 60.0),
    "dingtalk": Rate(20, 60.0),
    "feishu": Rate(100, 60.0),
}
"""What the bots allow; more is refused."""


class RateSettings(Section):
    """No more pushes than this within so long."""

    pushes: Count
    within: Duration


class SinkSettings(Section):
    """One sink: whose pushes go there, and how."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
    kind: SinkKind
    subscribers: Annotated[tuple[str, ...], Field(min_length=1)]
    path: Path | None = None
    url_file: Path | None = None
    secret_file: Path | None = None
    private: bool = False
    rate: RateSettings | None = None

    @model_validator(mode="after")
    def _whole(self) -> SinkSettings:
        lacking = [name for name in _NEEDS[self.kind] if getattr(self, name) is None]
        given = [n for n in ("path", "url_file", "secret_file") if getattr(self, n) and n not in _NEEDS[self.kind]]
        if lacking:
            raise _wrong(f"a sink of kind {self.kind} needs {', '.join(lacking)}", "name a file")
        if given:
            raise _wrong(f"a sink of kind {self.kind} has no use for {', '.join(given)}", "remove it")
        return self

    def takes(self, subscriber: str) -> bool:
        """Whether a subscriber's pushes go there."""
        return any(fnmatch.fnmatchcase(subscriber, pattern) for pattern in self.subscribers)

    @property
    def allowed(self) -> Rate | None:
        """How many pushes it takes."""
        return Rate(self.rate.pushes, self.rate.within) if self.rate else _RATES.get(self.kind)


class SinksFile(Section):
    """``sinks.yaml``."""

    sinks: tuple[SinkSettings, ...] = ()

    @model_validator(mode="after")
    def _each_once(self) -> SinksFile:
        names = [sink.name for sink in self.sinks]
        if twice := [name for name in names if names.count(name) > 1]:
            raise _wrong(f"lists the sink {twice[0]} twice", "give one of them another name")
        return self


def _wrong(what: str, fix: str) -> PydanticCustomError:
    return PydanticCustomError("config", "{wrong}", {"wrong": what, "fix": fix})
