"""Faust as a source of messages: topics taken raw and by batches, acknowledged by checkpoints alone.

Faust makes tasks, locks and events for every message, and reads from Kafka in a thread that fights the stages for the
interpreter: together more than the stages' own work. Here its agents get what a fetch brought of a partition as one
event, from a consumer that lives in the worker's own loop.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from math import ceil
from typing import Any, Final, NamedTuple, cast

import faust
from aiokafka.errors import ConsumerStoppedError
from faust.transport.drivers import aiokafka as driver
from faust.types import ConsumerMessage
from mode import Service
from mode.utils.futures import maybe_async

from sentinel.stream.envelope import Message
from sentinel.stream.log_reader import message_of
from sentinel.stream.stage import Stage

_FETCH_MESSAGES: Final = 500
_FETCH_OF_EACH: Final = 2
"""Messages that a round takes of a partition on the average, where there are several: each is a batch by itself."""
_FETCH_WAIT_MS: Final = 100
"""The brokers' longest wait for messages. A fetch leaves out partitions whose last messages are not taken yet, and
until it is answered nothing new of those comes; Faust would let them wait for 1.5 s."""
_ROUND_SECONDS: Final = 0.02
"""A round lasts at least so long: a fetch costs the worker and the brokers a millisecond, whatever it brings."""
_IDLE_SECONDS: Final = 0.1


class Batch(NamedTuple):
    """What a fetch brought of one partition."""

    messages: list[Message]
    generation: int
    """of the group, when it was fetched"""
    more: bool
    """whether the brokers have more of that partition already"""
    done: Callable[[], None]


class _Round:
    """Batches that were given to an agent together: over when all are done, or nobody will do them any more."""

    def __init__(self, batches: int) -> None:
        self._left = batches
        self.over = asyncio.Event()

    def one_done(self) -> None:
        self._left -= 1
        if self._left == 0:
            self.over.set()


class Consumer(driver.Consumer):
    """Faust's consumer, reading each topic by rounds: the next is fetched when the last is applied.

    So nothing piles up in the worker, a topic with a backlog does not hold up the others, and no queue of Faust's is
    ever full.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._rounds: dict[str, _Round] = {}
        super().__init__(*args, **kwargs)

    def _new_consumer_thread(self) -> _InOurLoop:
        return _InOurLoop(self, loop=self.loop, thread_loop=self.loop, beacon=self.beacon)

    def stop_flow(self) -> None:
        """Hold everything, since partitions are moving. What agents have not begun to do is taken from them."""
        super().stop_flow()
        for under_way in self._rounds.values():
            under_way.over.set()

    async def _drain_messages(self, fetcher: Any) -> None:
        app: Any = self.app
        await asyncio.gather(*(self._read(topic, fetcher) for topic in app.sources))

    async def _read(self, topic: str, fetcher: Any) -> None:
        fetch = cast(_InOurLoop, self._thread).fetch
        try:
            while not (self.should_stop or fetcher.should_stop):
                if not self.flow_active:
                    await self.wait(self.can_resume_flow.wait())
                    continue
                wanted = {tp for tp in self._get_active_partitions() if tp.topic == topic}
                if not wanted:
                    await asyncio.sleep(_IDLE_SECONDS)
                    continue
                found = await fetch(wanted)
                began = time.monotonic()
                await self._round(topic, found)
                left = began + _ROUND_SECONDS - time.monotonic()
                if left > 0:
                    await asyncio.sleep(left)
        except (ConsumerStoppedError, asyncio.CancelledError):
            if not self.transport.app.should_stop:
                raise

    async def _round(self, topic: str, found: Mapping[Any, list[Any]]) -> None:
        # if partitions are moving, positions are set anew before the flow goes on, so all this will come again
        if not found or not self.flow_active:
            return
        generation = self.app.consumer_generation_id
        under_way = self._rounds[topic] = _Round(len(found))
        for tp, records in found.items():
            more = records[-1].offset + 1 < (self.highwater(tp) or 0)
            batch = Batch([message_of(record) for record in records], generation, more, under_way.one_done)
            await self.callback(_as_one(tp, batch))
        await under_way.over.wait()


class _InOurLoop(driver.AIOKafkaConsumerThread):
    """Faust's consumer thread without the thread: a service like any other.

    The loop must be free often enough for signs of life to the group; stages see to that.
    """

    wait_for_shutdown = False

    start = Service.start
    stop = Service.stop
    _stopped_set = Service._stopped_set
    _stop_children = Service._stop_children
    _stop_futures = Service._stop_futures
    _stop_exit_stacks = Service._stop_exit_stacks

    async def on_stop(self) -> None:
        """Leave the group."""
        if self._consumer is not None:
            await self._consumer.stop()

    async def call_thread(self, fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call it here."""
        return await maybe_async(fun(*args, **kwargs))

    async def fetch(self, partitions: set[Any]) -> Mapping[Any, list[Any]]:
        """Records of some partitions, of each as many as it has of what waits; none where none came for a second.

        So with a backlog all partitions come to its end together. What the brokers sent of a partition of few tickets
        reaches weeks farther than of one of many; were it taken as it comes, the city would have to hold those weeks
        until the last partition is as far.
        """
        consumer = self._ensure_consumer()
        found = dict(await self._fetch_records(consumer, partitions, timeout=1.0, max_records=1))
        if not found:
            return found
        here = consumer._fetcher._records.keys() & partitions & consumer.assignment()
        waiting = {tp: max(1, (consumer.highwater(tp) or 0) - await consumer.position(tp)) for tp in here}
        most = _FETCH_MESSAGES if len(partitions) == 1 else _FETCH_OF_EACH * len(partitions)
        all_waiting = sum(waiting.values())
        for tp, messages in waiting.items():
            share = ceil(most * messages / all_waiting)
            more = await self._fetch_records(consumer, {tp}, timeout=0.0, max_records=share)
            if tp in more:
                found[tp] = [*found.get(tp, ()), *more[tp]]
        return found

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = _FETCH_WAIT_MS
        return consumer


def _as_one(tp: Any, batch: Any) -> ConsumerMessage:
    """A batch as the value of a message that Faust can carry."""
    first: Message = batch.messages[0]
    return ConsumerMessage(
        tp.topic, tp.partition, first.offset, first.appended, 1, [], b"", batch, None, 0, 0, tp,
        generation_id=batch.generation,
    )  # fmt: skip


def raw_topic(app: faust.App, name: str) -> Any:
    """A topic whose messages come as they are.

    Faust keeps no account of what is acknowledged (`acks=False`): it would acknowledge messages that it skips around a
    rebalance, and commit them.
    """
    return app.topic(name, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw", acks=False)


async def follow(stream: Any, stage: Stage) -> None:
    """Give a stream's batches to a stage.

    An error ends the process: Faust would start the agent again, past the message that failed.
    """
    try:
        async for event in stream.noack().events():
            batch: Batch = event.value
            await stage.take(batch.messages, batch.generation, more=batch.more)
            batch.done()
    except asyncio.CancelledError:
        raise
    except Exception as error:
        stage.on_failure(error)
