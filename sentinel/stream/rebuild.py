"""`sentinel rebuild`: Redis filled again from Kafka."""

from __future__ import annotations

import asyncio

from redis.exceptions import RedisError
from rich.console import Console

from sentinel.errors import SentinelError
from sentinel.settings import load_settings
from sentinel.stream.environment import REDIS, Environment
from sentinel.stream.log_reader import LogReader
from sentinel.stream.metrics import Metrics
from sentinel.stream.projection import Projection
from sentinel.stream.topics import ALERTS, Topics


class RebuildError(SentinelError):
    """Redis cannot be filled; the message says why."""


def run_rebuild(environment: Environment, console: Console) -> None:
    """Throw away what Redis holds of this application and fill it from the alerts that Kafka keeps."""
    redis = environment.redis
    if redis is None:
        raise RebuildError(f"{REDIS} is not set; write redis://host:port/0")
    topic = Topics(environment.application, load_settings(environment.config).stream).name(ALERTS)

    async def rebuild() -> int:
        async with LogReader(environment.kafka, topic) as reader:
            projection = Projection(environment.application, environment.kafka, redis, topic, Metrics())
            return await projection.rebuild(reader.to_end())

    try:
        read = asyncio.run(rebuild())
    except RedisError as error:
        raise RebuildError(f"Redis at {redis.shown}: {error}") from None
    console.print(f"{read:,} transitions from {topic} written to {redis.shown}", highlight=False)
