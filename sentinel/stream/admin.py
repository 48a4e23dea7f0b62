"""An administrator's connection to the brokers, for as long as it is needed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from sentinel.stream.access import Kafka


async def committed(kafka: Kafka, group: str, topic: str, partitions: Iterable[int]) -> dict[int, int | None]:
    """What a group has committed of a topic, None where it has not."""
    wanted = [TopicPartition(topic, partition) for partition in partitions]
    async with administering(kafka) as admin:
        found = await admin.list_consumer_group_offsets(group, partitions=wanted)
    offsets = {tp: found[tp].offset if tp in found else -1 for tp in wanted}
    return {tp.partition: offset if offset >= 0 else None for tp, offset in offsets.items()}


@asynccontextmanager
async def administering(kafka: Kafka) -> AsyncIterator[AIOKafkaAdminClient]:
    """A client that is started, and closed whatever happens. Raises `KafkaError` where no broker lets it in."""
    client = AIOKafkaAdminClient(**kafka.options)
    try:
        await client.start()
        yield client
    finally:
        await client.close()
