"""Delivery in a worker: `feedback` into the journal, the journal into `pushes` (`decide.py`), `pushes` into the sinks.

Of several workers one does each.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError
from pydantic import ValidationError

from alerts.actions import Action
from alerts.pushes import Push, PushReason, push_id
from sentinel.delivery.courier import Courier
from sentinel.delivery.logs import KafkaSink, RedisSink
from sentinel.delivery.opening import open_local
from sentinel.delivery.settings import SinkSettings
from sentinel.delivery.sink import Sink
from sentinel.settings import Settings
from sentinel.stream import envelope
from sentinel.stream.decide import Decider
from sentinel.stream.envelope import Message, PoisonError, header
from sentinel.stream.environment import REDIS, Environment, EnvironmentValueError
from sentinel.stream.journal import action_entry
from sentinel.stream.log_reader import message_of
from sentinel.stream.metrics import Metrics
from sentinel.stream.outbox import open_producer, send_all
from sentinel.stream.snapshot import StateError
from sentinel.stream.topics import FEEDBACK, JOURNAL, PUSHES, Topics

log = logging.getLogger(__name__)

_KNOW_REPEATS: Final = frozenset({"file", "kafka", "redis"})
"""Sinks that take each push once, or whose readers do: of them it is enough to remember every few where they are."""
NEWS_SECONDS: Final = 3600.0
"""A sink that people read, or a platform, gets the pushes of so long when it is new, and not those of weeks."""
_RETRY: Final = 1.0
GRACE: Final = 3.0
"""Seconds that a worker which is told to stop gives to a push under way, so that it is noted as taken and whoever comes
next does not send it again."""


class Deliverer:
    """All of delivery in one worker.

    Parameters
    ----------
    settings
        Those of this worker's directory; from the journal's first entry on, those that the log says.
    """

    def __init__(self, environment: Environment, settings: Settings, topics: Topics, metrics: Metrics) -> None:
        self._environment = environment
        self._settings = settings
        self._topics = topics
        self._metrics = metrics
        self.couriers: dict[str, Courier] = {}

    async def run(self) -> None:
        """Go on until cancelled, whatever happens. Raises `StateError` where delivery's state is missing."""
        work = [
            self._kept_going("delivery", self._deliver),
            self._kept_going("feedback", self._take_feedback),
            *(self._kept_going(f"sink {sink.name}", self._courier(sink)) for sink in self._settings.sinks.sinks),
        ]
        async with asyncio.TaskGroup() as group:
            for one in work:
                group.create_task(one)

    async def _kept_going(self, what: str, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await work()
            except StateError:
                raise
            except (KafkaError, OSError) as error:
                log.warning("%s stops for a moment (%s)", what, type(error).__name__)
            except Exception:
                log.exception("%s stops for a moment", what)
            await asyncio.sleep(_RETRY)

    # -- the journal into pushes -------------------------------------------------------------------------

    async def _deliver(self) -> None:
        async with self._owning("delivery", JOURNAL) as owned:
            await owned.wait()
            await until_cleared(owned, Decider(self._environment, self._settings, self._topics).run())

    # -- feedback into the journal -----------------------------------------------------------------------

    async def _take_feedback(self) -> None:
        producer = await open_producer(self._environment.kafka)
        consumer = self._consumer("feedback")
        try:
            await consumer.start()
            consumer.subscribe([self._topics.name(FEEDBACK)])
            while True:
                found = await consumer.getmany(timeout_ms=500)
                for message in (message_of(record) for records in found.values() for record in records):
                    try:
                        action = action_of(message)
                    except PoisonError as error:
                        log.error("%s, offset %d: %s", message.topic, message.offset, error)
                        continue
                    entry = action_entry(self._topics.name(JOURNAL), self._topics.application, action)
                    await send_all(producer, [entry])
                if found:
                    await consumer.commit()
        finally:
            await consumer.stop()
            await producer.stop()

    # -- pushes into sinks -------------------------------------------------------------------------------

    def _courier(self, settings: SinkSettings) -> Callable[[], Awaitable[None]]:
        async def work() -> None:
            courier = Courier(
                settings.name,
                self._opened(settings),
                settings.allowed,
                self._tell_trouble,
                took=self._metrics.sink_seconds.labels(settings.name).observe,
            )
            self.couriers[settings.name] = courier
            consumer, owned = self._consumer(f"sink.{settings.name}"), asyncio.Event()
            all_of_it = settings.kind in _KNOW_REPEATS
            try:
                await consumer.start()
                consumer.subscribe([self._topics.name(PUSHES)], listener=_Owned(owned, consumer, all_of_it=all_of_it))
                while True:
                    await owned.wait()  # until it is settled where to begin
                    found, mine = await consumer.getmany(timeout_ms=500, max_records=20), True
                    for at, records in found.items():
                        for message in map(message_of, records):
                            push = _push_of(message) if settings.takes((message.key or b"").decode()) else None
                            if push is not None:
                                # signs of life go on meanwhile: the consumer sends them by itself
                                after = None if all_of_it else {at: message.offset + 1}
                                mine = await until_cleared(owned, _taken_along(courier, push, consumer, after), GRACE)
                            if not mine:
                                break  # another worker goes on from what was noted last
                    if found and mine:
                        await consumer.commit()
            finally:
                await consumer.stop()
                await courier.close()

        return work

    def _opened(self, settings: SinkSettings) -> Sink:
        application, zone = self._topics.application, self._settings.timezone
        if settings.kind == "kafka":
            stream = self._settings.stream
            return KafkaSink(
                self._environment.kafka,
                application,
                zone,
                replication=stream.replication,
                retention=stream.retention.alerts,
            )
        if settings.kind == "redis":
            if self._environment.redis is None:
                raise EnvironmentValueError(f"{REDIS}: is not set, and the sink {settings.name} needs it")
            return RedisSink(self._environment.redis, application, zone)
        return open_local(settings, application, zone)

    async def _tell_trouble(self, name: str, reason: str, lasted: float) -> None:
        """Tell the command centre, through `pushes`, that a sink fails or takes pushes again."""
        at = datetime.fromtimestamp(time.time(), UTC)
        minutes = f"{lasted / 60:.0f}分钟"
        title = f"推送通道{name}故障已{minutes}" if reason else f"推送通道{name}已恢复，故障历时{minutes}"
        text = f"{title}\n{reason}；推送已排队，恢复后按序补发。" if reason else f"{title}，排队的推送正在按序补发。"
        kind: PushReason = "sink_failing" if reason else "sink_recovered"
        push = Push.model_validate({
            "push_id": push_id("command-center", at, 0, kind, (), text),
            "subscriber": "command-center",
            "at": at,
            "seq": 0,
            "reason": kind,
            "severity": None,
            "title": title,
            "text": text,
        })  # fmt: skip
        producer = await open_producer(self._environment.kafka)
        try:
            await self._send_alone(producer, push)
        finally:
            await producer.stop()

    async def _send_alone(self, producer: AIOKafkaProducer, push: Push) -> None:
        """Send a push that came of no entry of the journal."""
        source = f"{self._topics.application}/delivery"
        await producer.send_and_wait(
            self._topics.name(PUSHES),
            push.to_json_line(self._settings.timezone).encode(),
            push.subscriber.encode(),
            partition=0,
            headers=list(envelope.envelope(envelope.PUSH, push.push_id, source)),
        )

    # -- groups ------------------------------------------------------------------------------------------

    def _consumer(self, name: str) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            **self._environment.kafka.options,
            group_id=f"{self._topics.application}.{name}",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            client_id=f"sentinel-{name}",
            # a sink may be down for a day, and what was fetched meanwhile is still its own
            max_poll_interval_ms=7 * 86_400_000,
        )

    @asynccontextmanager
    async def _owning(self, name: str, topic: str) -> AsyncIterator[asyncio.Event]:
        """An event that is set while this worker is the one of its group that has a topic."""
        consumer, owned = self._consumer(name), asyncio.Event()
        await consumer.start()
        try:
            consumer.subscribe([self._topics.name(topic)], listener=_Owned(owned, consumer))
            beat = asyncio.get_running_loop().create_task(_poll(consumer, TopicPartition(self._topics.name(topic), 0)))
            try:
                yield owned
            finally:
                beat.cancel()
        finally:
            await consumer.stop()


class _Owned(ConsumerRebalanceListener):  # type: ignore[misc]
    """Sets an event while this worker has a topic. A group that never had it begins with all, or with the news."""

    def __init__(self, owned: asyncio.Event, consumer: AIOKafkaConsumer, *, all_of_it: bool = True) -> None:
        self._owned = owned
        self._consumer = consumer
        self._all_of_it = all_of_it

    def on_partitions_revoked(self, revoked: Any) -> None:  # noqa: ARG002
        self._owned.clear()

    async def on_partitions_assigned(self, assigned: Any) -> None:
        for at in () if self._all_of_it else assigned:
            if await self._consumer.committed(at) is None:
                await self._begin_with_the_news(at)
        if assigned:
            self._owned.set()

    async def _begin_with_the_news(self, at: TopicPartition) -> None:
        since = round(1000 * (time.time() - NEWS_SECONDS))
        first = (await self._consumer.offsets_for_times({at: since}))[at]
        offset = first.offset if first is not None else (await self._consumer.end_offsets([at]))[at]
        log.info("a new sink begins with the pushes since %s", datetime.fromtimestamp(since / 1000, UTC))
        self._consumer.seek(at, offset)
        await self._consumer.commit({at: offset})  # else it would begin anew as long as nothing comes


async def _poll(consumer: AIOKafkaConsumer, at: TopicPartition) -> None:
    """Stay in the group; what there is to read is read by another reader."""
    while True:
        if at in consumer.assignment():
            consumer.pause(at)
        await consumer.getmany(timeout_ms=200)


async def until_cleared(owned: asyncio.Event, work: Coroutine[Any, Any, None], grace: float = 0.0) -> bool:
    """Work for as long as an event is set; return whether the work has ended.

    When cancelled, let it end first if it does within a grace, in seconds.
    """
    task = asyncio.ensure_future(work)
    try:
        while owned.is_set() and not task.done():
            await asyncio.wait({task}, timeout=0.2)
        if task.done():
            task.result()
            return True
        return False
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=grace)
        raise
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _taken_along(
    courier: Courier, push: Push, consumer: AIOKafkaConsumer, after: dict[TopicPartition, int] | None
) -> None:
    """Deliver a push and note at once that it was, as the place after which to go on."""
    await courier.deliver(push)
    if after is not None:
        await consumer.commit(after)


def _push_of(message: Message) -> Push | None:
    """The push in a message; None, and a line in the log, if there is none: it would not become one by waiting."""
    try:
        return Push.model_validate_json(message.value or b"")
    except ValidationError:
        log.error("%s, offset %d: is no push", message.topic, message.offset)
        return None


def action_of(message: Message) -> Action:
    """The action in a message of `feedback`. Raises `PoisonError`."""
    try:
        data = json.loads(message.value or b"")
        if isinstance(data, dict) and header(message.headers, "content-type").startswith(envelope.STRUCTURED):
            data = data["data"]
        return Action.model_validate(data)
    except (ValueError, KeyError) as error:
        raise PoisonError(f"is no action ({type(error).__name__})") from None
