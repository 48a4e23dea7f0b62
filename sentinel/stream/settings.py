"""``config/stream.yaml`` as validated and frozen values."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, Strict

from alerts.durations import Duration
from sentinel.thresholds import Count, Section


class Checkpoint(Section):
    """When a stage writes its state."""

    records: Count
    every: Duration


class Retention(Section):
    """For how long topics keep what was sent, in seconds."""

    tickets: Duration
    digests: Duration
    routed: Duration
    alerts: Duration
    dead: Duration


class StreamFile(Section):
    """``stream.yaml``."""

    checkpoint: Checkpoint
    session: Duration
    replication: Annotated[int, Strict(), Field(ge=1, le=7)]
    retention: Retention
