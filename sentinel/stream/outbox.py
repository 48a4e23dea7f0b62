"""The outbox: sends messages in the order they were put, and knows what the brokers have confirmed."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    KafkaError,
    KafkaTimeoutError,
    UnknownError,
    UnknownTopicOrPartitionError,
    UnsupportedVersionError,
)

from sentinel.stream.access import Kafka
from sentinel.stream.envelope import Outgoing

log = logging.getLogger(__name__)

FULL: Final = 4000
"""Messages under way from which on stages wait before they take more."""
_LINGER_MS: Final = 5
_BATCH_BYTES: Final = 512 << 10
_TIMEOUT_MS: Final = 40_000


async def open_producer(kafka: Kafka, largest: int = 1 << 20) -> AIOKafkaProducer:
    """A producer that is started: idempotent, unless the brokers know no such thing (small ones for tests do not).

    Without, a batch may come twice, and after an error one may come without the one before it. Readers of the routed
    log and of digests check both.
    """
    options = {
        **kafka.options,
        "acks": "all",
        "linger_ms": _LINGER_MS,
        "max_batch_size": _BATCH_BYTES,
        "request_timeout_ms": _TIMEOUT_MS,
        "max_request_size": largest,
    }
    producer = AIOKafkaProducer(enable_idempotence=True, **options)
    try:
        await producer.start()
    except (UnknownError, UnsupportedVersionError):
        await producer.stop()
        log.warning("the brokers know no idempotent producers; messages may come twice")
        producer = AIOKafkaProducer(**options)
        await producer.start()
    except KafkaError:
        await producer.stop()
        raise
    return producer


async def send_all(producer: AIOKafkaProducer, messages: Iterable[Outgoing]) -> None:
    """Return once the brokers have the messages."""
    pending = [
        await producer.send(m.topic, m.value, m.key, partition=m.partition, headers=list(m.headers)) for m in messages
    ]
    for future in pending:
        await future


class Outbox:
    """Puts messages on Kafka through one idempotent producer: none lost, doubled or out of order while it lives.

    A batch is sent again until the brokers have it, and they refuse what comes after one they lack. So what is
    confirmed has everything before it confirmed too, partition by partition. A send that fails for good calls
    `on_failure` once: the process must end, and another goes on from the last checkpoint.
    """

    def __init__(self, kafka: Kafka, on_failure: Callable[[BaseException], None]) -> None:
        self._kafka = kafka
        self._on_failure = on_failure
        self._waiting: deque[Outgoing] = deque()
        self._sent: deque[asyncio.Future[Any]] = deque()
        self._wake = asyncio.Event()
        self._moved = asyncio.Event()
        self._put = 0
        self._confirmed = 0
        self._failed: BaseException | None = None
        self._task: asyncio.Task[None] | None = None
        self._producer: AIOKafkaProducer | None = None

    async def start(self) -> None:
        """Connect."""
        self._producer = await open_producer(self._kafka)
        self._task = asyncio.get_running_loop().create_task(self._pump())

    def put(self, messages: Iterable[Outgoing]) -> int:
        """Queue messages; return the number of the last, for `confirmed`. Never waits, so order is that of calls."""
        before = self._put
        for message in messages:
            self._waiting.append(message)
            self._put += 1
        if self._put != before:
            self._wake.set()
        return self._put

    @property
    def under_way(self) -> int:
        """How many messages are not confirmed yet."""
        return self._put - self._confirmed

    async def room(self) -> None:
        """Wait while too much is under way."""
        while self.under_way > FULL:
            await self._next_move()

    async def confirmed(self, number: int) -> None:
        """Wait until the brokers have everything up to a number. Raises what made a send fail."""
        while self._confirmed < number:
            await self._next_move()
        if self._failed is not None:
            raise self._failed

    async def stop(self) -> None:
        """Let go at once; what is not confirmed may or may not have been sent."""
        if self._task is not None:
            self._task.cancel()
        for future in self._sent:
            future.cancel()
        if self._producer is not None:
            # its own stop waits for everything under way, for ever if there is no broker
            try:
                await asyncio.wait_for(self._producer.stop(), 2.0)
            except (TimeoutError, asyncio.CancelledError):
                await self._producer.client.close()

    async def _next_move(self) -> None:
        if self._failed is not None:
            raise self._failed
        self._moved.clear()
        await self._moved.wait()
        if self._failed is not None:
            raise self._failed

    async def _pump(self) -> None:
        try:
            while True:
                while self._waiting:
                    self._sent.append(await self._send(self._waiting.popleft()))
                    self._sent[-1].add_done_callback(self._done)
                self._wake.clear()
                if not self._waiting:
                    await self._wake.wait()
        except asyncio.CancelledError:
            raise
        except Exception as error:
            self._fail(error)

    async def _send(self, message: Outgoing) -> asyncio.Future[Any]:
        assert self._producer is not None
        while True:
            try:
                return await self._producer.send(  # type: ignore[no-any-return]
                    message.topic,
                    message.value,
                    message.key,
                    message.partition,
                    headers=list(message.headers),
                )
            except KafkaTimeoutError:
                continue  # no room, or no broker, for a while: it was not taken, so nothing can overtake it
            except UnknownTopicOrPartitionError:
                # the first message to a topic while no broker answers, for as long as a request may take
                log.warning("%s: no broker tells of this topic; trying on", message.topic)

    def _done(self, _: asyncio.Future[Any]) -> None:
        while self._sent and self._sent[0].done():
            future = self._sent.popleft()
            if future.cancelled():
                return
            error = future.exception()
            if error is not None:
                self._fail(error)
                return
            self._confirmed += 1
        self._moved.set()

    def _fail(self, error: BaseException) -> None:
        if self._failed is None:
            self._failed = error
            self._moved.set()
            self._on_failure(error)
