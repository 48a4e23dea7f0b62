"""Sinks that are logs: a Kafka topic for each subscriber, and a Redis stream."""

from __future__ import annotations

import asyncio
from datetime import tzinfo
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.admin import NewTopic
from aiokafka.errors import KafkaError, for_code
from redis.exceptions import RedisError

from alerts.pushes import Push
from sentinel.delivery.sink import SinkError
from sentinel.stream.access import Kafka, RedisServer
from sentinel.stream.admin import administering
from sentinel.stream.envelope import PUSH, envelope
from sentinel.stream.outbox import open_producer

MOST_KEPT: Final = 100_000
"""Pushes that a Redis stream keeps, or so."""
_ALREADY_EXISTS: Final = 36
_TIMEOUT: Final = 10.0


class KafkaSink:
    """Sends a push to ``<application>.alerts.<subscriber>``, which is made when it is first needed.

    Messages are CloudEvents 1.0 in binary mode; the key is that of the first alert, so that compaction or
    partitioning keeps what belongs together.
    """

    def __init__(self, kafka: Kafka, application: str, zone: tzinfo, *, replication: int, retention: float) -> None:
        self._kafka = kafka
        self._application = application
        self._zone = zone
        self._replication = replication
        self._retention = retention
        self._producer: AIOKafkaProducer | None = None
        self._known: set[str] = set()

    async def send(self, push: Push) -> None:
        """Return once the brokers have it. Raises `SinkError`."""
        topic = f"{self._application}.alerts.{push.subscriber}"
        key = push.alerts[0].alert_id if push.alerts else push.push_id
        try:
            async with asyncio.timeout(_TIMEOUT):
                if self._producer is None:
                    self._producer = await open_producer(self._kafka)
                if topic not in self._known:
                    await self._declare(topic)
                await self._producer.send_and_wait(
                    topic,
                    push.to_json_line(self._zone).encode(),
                    key.encode(),
                    partition=0,
                    headers=list(envelope(PUSH, push.push_id, f"{self._application}/delivery")),
                )
        except (KafkaError, OSError, TimeoutError) as error:
            raise SinkError(f"Kafka does not take it ({type(error).__name__})") from None

    async def close(self) -> None:
        """Disconnect."""
        if self._producer is not None:
            try:
                await asyncio.wait_for(self._producer.stop(), 2.0)
            except (TimeoutError, KafkaError):
                await self._producer.client.close()

    async def _declare(self, topic: str) -> None:
        async with administering(self._kafka) as admin:
            self._known.update(await admin.list_topics())
            if topic not in self._known:
                config = {"cleanup.policy": "delete", "retention.ms": str(round(1000 * self._retention))}
                made = await admin.create_topics([NewTopic(topic, 1, self._replication, topic_configs=config)])
                for _, code, *_ in made.topic_errors:
                    if code not in (0, _ALREADY_EXISTS):
                        raise for_code(code)
                while topic not in await admin.list_topics():
                    await asyncio.sleep(0.05)
                self._known.add(topic)


class RedisSink:
    """Adds a push to a stream, once: `APP:pushes:SUBSCRIBER` holds its line, its id and who it is for."""

    _ADD: Final = """
if not redis.call('SET', KEYS[2], '', 'NX', 'EX', 604800) then return 0 end
redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 'id', ARGV[2], 'push', ARGV[3])
return 1
"""

    def __init__(self, server: RedisServer, application: str, zone: tzinfo) -> None:
        self._redis = server.client(_TIMEOUT)
        self._add: Any = self._redis.register_script(self._ADD)
        self._application = application
        self._zone = zone

    async def send(self, push: Push) -> None:
        """Return once Redis has it. Raises `SinkError`."""
        keys = [f"{self._application}:pushes:{push.subscriber}", f"{self._application}:pushed:{push.push_id}"]
        try:
            await self._add(keys=keys, args=[MOST_KEPT, push.push_id, push.to_json_line(self._zone)])
        except (RedisError, OSError, TimeoutError) as error:
            raise SinkError(f"Redis does not take it ({type(error).__name__})") from None

    async def close(self) -> None:
        """Disconnect."""
        await self._redis.aclose()
