"""An administrator's connection to the brokers, for as long as it is needed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka.admin import AIOKafkaAdminClient

from sentinel.stream.access import Kafka


@asynccontextmanager
async def administering(kafka: Kafka) -> AsyncIterator[AIOKafkaAdminClient]:
    """A client that is started, and closed whatever happens. Raises `KafkaError` where no broker lets it in."""
    client = AIOKafkaAdminClient(**kafka.options)
    try:
        await client.start()
        yield client
    finally:
        await client.close()
