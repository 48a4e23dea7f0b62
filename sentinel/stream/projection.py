"""What Redis holds: current alerts and issues for people and pages, and a stream for push, out of `alerts`.

How far Redis has come is kept in Redis itself, moved together with what it holds. So a Redis that was wiped, or
went back to an old dump, is filled again from where it stands; and two writers cannot both take a step.

Keys, all beginning with the application's name:

=======================  ==========================================================================
`APP:offset`             offset of `alerts` up to which the rest stands
`APP:alert:ID`           the latest transition of an alert, the line as it was sent
`APP:alerts:open`        sorted set: ids of open alerts, by the time of their latest transition
`APP:issue:ID`           hash: id of each alert about the issue -> its latest transition
`APP:push`               stream of transitions as they come, each once; the last 10,000 or so
`APP:seen:ID`            a transition that has been taken: repeats after a crash are not taken again
=======================  ==========================================================================
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from redis.exceptions import RedisError

from sentinel.circuit import Circuit
from sentinel.stream.access import Kafka, RedisServer
from sentinel.stream.envelope import Message, header
from sentinel.stream.log_reader import message_of
from sentinel.stream.metrics import Metrics

log = logging.getLogger(__name__)

DAY: Final = 86400
OPEN_SECONDS: Final = 180 * DAY
"""How long an alert that is open is kept after its latest transition; its end will come before."""
ENDED_SECONDS: Final = 7 * DAY
SEEN_SECONDS: Final = 7 * DAY
NEWS_SECONDS: Final = 3600
"""What is older is no news and is not pushed: Redis is being filled again."""
PUSHED: Final = 10_000
_TIMEOUT: Final = 5.0
_RETRY: Final = 1.0
_LONGEST: Final = 30.0
"""Seconds at most until Redis is asked again."""

_TAKE: Final = """
local at = tonumber(redis.call('GET', KEYS[1]) or '0')
if at ~= tonumber(ARGV[1]) then return at end
redis.call('SET', KEYS[1], ARGV[2])
if not redis.call('SET', KEYS[2], '', 'NX', 'EX', ARGV[3]) then return -1 end
local line, id, state, updated, keep = ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8]
redis.call('SET', KEYS[3], line, 'EX', keep)
if state == 'open' then redis.call('ZADD', KEYS[4], updated, id) else redis.call('ZREM', KEYS[4], id) end
if KEYS[6] then redis.call('HSET', KEYS[6], id, line) redis.call('EXPIRE', KEYS[6], ARGV[9]) end
if ARGV[10] ~= '0' then redis.call('XADD', KEYS[5], 'MAXLEN', '~', ARGV[10], '*', 'alert', line) end
return -1
"""


class Projection:
    """Fills Redis from `alerts`. Holds nobody up: it has a consumer of its own, and waits for Redis alone."""

    name = "redis (alerts)"
    """in metrics; no sink of the configuration can be called so"""

    def __init__(self, application: str, kafka: Kafka, redis: RedisServer, topic: str, metrics: Metrics) -> None:
        self._kafka = kafka
        self._prefix = application
        self._at = TopicPartition(topic, 0)
        self._metrics = metrics
        self._redis = redis.client(_TIMEOUT)
        self._take = self._redis.register_script(_TAKE)
        self._offset = 0
        self.circuit = Circuit(_LONGEST)
        self.sent = self.given_up = 0

    async def run(self) -> None:
        """Go on until cancelled, whatever happens. Of several workers one does the work."""
        try:
            while True:
                try:
                    await self._follow()
                except Exception:
                    log.exception("Redis is not kept up to date for a moment")
                    await asyncio.sleep(_RETRY)
        finally:
            await self._redis.aclose()

    async def _follow(self) -> None:
        consumer = AIOKafkaConsumer(
            **self._kafka.options,
            group_id=f"{self._prefix}.redis",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            client_id="sentinel-redis",
        )
        seek = _Seek()
        try:
            await consumer.start()
            consumer.subscribe([self._at.topic], listener=seek)
            while True:
                self.circuit.again()
                try:
                    await self._step(consumer, seek)
                    self.circuit.succeeded()
                except (RedisError, OSError, TimeoutError) as error:
                    if not self.circuit.reason:
                        log.warning("Redis does not answer (%s); alerts wait on Kafka", type(error).__name__)
                    seek.wanted = True
                    await asyncio.sleep(self.circuit.failed(type(error).__name__))
        finally:
            await consumer.stop()

    async def rebuild(self, reader_batches: Any) -> int:
        """Throw away what Redis holds of this application and fill it again; return how many messages were read."""
        read = 0
        async for key in self._redis.scan_iter(match=f"{self._prefix}:*", count=1000):
            await self._redis.unlink(key)
        self._offset = 0
        async for batch in reader_batches:
            read += len(batch)
            if not await self.take(batch):
                raise RedisError("something else fills Redis at the same time; try again")
        await self._redis.aclose()
        return read

    async def take(self, messages: Sequence[Message]) -> bool:
        """Write messages that follow each other; False if Redis stands elsewhere than was thought."""
        if not messages:
            return True
        before = self._offset
        async with self._redis.pipeline(transaction=False) as pipeline:
            for message in messages:
                await self._queue(pipeline, message, before)
                before = message.offset + 1
            began = time.perf_counter()
            answers = await pipeline.execute()
            self._metrics.sink_seconds.labels(self.name).observe(time.perf_counter() - began)
        if any(answer != -1 for answer in answers):
            return False
        self._offset = before
        self.sent += len(messages)
        return True

    async def _step(self, consumer: AIOKafkaConsumer, seek: _Seek) -> None:
        if seek.wanted and self._at in consumer.assignment():
            self._offset = int(await self._redis.get(f"{self._prefix}:offset") or 0)
            consumer.seek(self._at, self._offset)
            seek.wanted = False
        found = await consumer.getmany(timeout_ms=500)
        if seek.wanted:
            return
        messages = [message_of(record) for records in found.values() for record in records]
        if not messages:
            await self._redis.ping()
            if int(await self._redis.get(f"{self._prefix}:offset") or 0) != self._offset:
                seek.wanted = True
        elif not await self.take(messages):
            seek.wanted = True

    async def _queue(self, pipeline: Any, message: Message, before: int) -> None:
        alert = json.loads(message.value or b"{}")
        identity, prefix = header(message.headers, "ce_id"), self._prefix
        keys = [
            f"{prefix}:offset",
            f"{prefix}:seen:{identity}",
            f"{prefix}:alert:{alert['alert_id']}",
            f"{prefix}:alerts:open",
            f"{prefix}:push",
        ]
        if alert["issue_id"]:
            keys.append(f"{prefix}:issue:{alert['issue_id']}")
        news = time.time() - message.appended < NEWS_SECONDS
        await self._take(
            keys=keys,
            args=[
                before,
                message.offset + 1,
                SEEN_SECONDS,
                message.value or b"",
                alert["alert_id"],
                alert["state"],
                datetime.fromisoformat(alert["updated_at"]).timestamp(),
                OPEN_SECONDS if alert["state"] == "open" else ENDED_SECONDS,
                OPEN_SECONDS,
                PUSHED if news else 0,
            ],
            client=pipeline,
        )


class _Seek(ConsumerRebalanceListener):  # type: ignore[misc]
    """Notes that the consumer must be set to where Redis stands."""

    def __init__(self) -> None:
        self.wanted = True

    def on_partitions_revoked(self, revoked: Any) -> None:
        """Nothing is committed, so there is nothing to do."""

    def on_partitions_assigned(self, assigned: Any) -> None:  # noqa: ARG002
        """Whoever gets the partition begins where Redis stands."""
        self.wanted = True
