"""The journal into `pushes`: delivery in a worker, from its last snapshot on.

Each push on `pushes` tells which entry of the journal it came of and as which of that entry's pushes; what `pushes`
holds already is not sent again. So whatever is killed when, `pushes` holds everything once and in order.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Final

from aiokafka import AIOKafkaProducer

from sentinel.settings import Settings
from sentinel.stream import envelope
from sentinel.stream.asking import Asker
from sentinel.stream.envelope import Message, Outgoing, PoisonError, header
from sentinel.stream.environment import Environment
from sentinel.stream.inbox import control
from sentinel.stream.journal import Follower
from sentinel.stream.keeping import Keeper, begin
from sentinel.stream.log_reader import LogReader
from sentinel.stream.outbox import open_producer, send_all
from sentinel.stream.stage import YIELD_SECONDS
from sentinel.stream.topics import ALERTS, JOURNAL, PUSHES, TICKETS, Topics

log = logging.getLogger(__name__)

ORIGIN: Final = "sentinel_origin"
"""Header: offset of the journal's entry that a push came of, and its number among that entry's pushes."""
_BATCH: Final = 200


class Decider:
    """Follows the journal and sends what delivery makes of it. One at a time does, of all workers."""

    def __init__(self, environment: Environment, settings: Settings, topics: Topics) -> None:
        self._environment = environment
        self._settings = settings
        self._topics = topics
        self._next = 0
        """offset of the journal's next entry"""

    async def run(self) -> None:
        """Go on until cancelled. Raises `StateError` where state is missing."""
        kafka, topics = self._environment.kafka, self._topics
        done = await self._said()
        producer = await open_producer(kafka)
        try:
            async with LogReader(kafka, topics.name(JOURNAL)) as journal, LogReader(kafka, topics.name(ALERTS)) as news:
                begun = await begin(kafka, topics, self._settings, journal)
                self._next = begun.offset
                journal.seek({0: self._next})
                checkpoint = self._settings.stream.checkpoint
                keeper = Keeper(topics.state(JOURNAL), producer, begun, checkpoint.records, checkpoint.every)
                asker = Asker(topics, begun.follower, lambda message: send_all(producer, [message]))
                asking = asyncio.get_running_loop().create_task(asker.run(news))
                try:
                    async for batch in journal.batches():
                        await self._take(batch, begun.follower, done, keeper, producer)
                        if asking.done():
                            asking.result()
                finally:
                    asking.cancel()
                    await asyncio.gather(asking, return_exceptions=True)
                    await keeper.stop()
        finally:
            await producer.stop()

    async def _take(
        self,
        batch: list[Message],
        follower: Follower,
        done: tuple[int, int],
        keeper: Keeper,
        producer: AIOKafkaProducer,
    ) -> None:
        sent: list[Outgoing] = []
        busy = 0.0
        for message in batch:
            began = time.perf_counter()
            sent += self._taken(follower, message, done)
            seconds = time.perf_counter() - began
            keeper.worked(1, seconds)
            busy += seconds
            if busy > YIELD_SECONDS:
                # a fetch may hold thousands of entries: the stages, and signs of life to the group, come between
                await asyncio.sleep(0)
                busy = 0.0
        await send_all(producer, sent)
        if batch:
            self._next = batch[-1].offset + 1
        await keeper.keep(self._next)

    def _taken(self, follower: Follower, message: Message, done: tuple[int, int]) -> list[Outgoing]:
        try:
            pushes = follower.take(message)
        except PoisonError as error:
            log.error("%s, offset %d: %s", message.topic, message.offset, error)
            return []
        source, zone = f"{self._topics.application}/delivery", self._settings.timezone
        sent = [
            Outgoing(
                self._topics.name(PUSHES),
                0,
                push.subscriber.encode(),
                push.to_json_line(zone).encode(),
                (*envelope.envelope(envelope.PUSH, push.push_id, source), (ORIGIN, f"{message.offset}/{n}".encode())),
            )
            for n, push in enumerate(pushes)
            if (message.offset, n) > done
        ]
        for identity, outcome in follower.outcomes.items():
            if outcome.learned is not None and message.offset > done[0]:
                street, dedup_key, real = outcome.learned
                data = {"street": street, "dedup_key": dedup_key, "real": real}
                key, value, headers = control(self._topics.application, envelope.FEEDBACK, identity, data)
                sent.append(Outgoing(self._topics.name(TICKETS), 0, key, value, headers))
        follower.outcomes = {}
        return sent

    async def _said(self) -> tuple[int, int]:
        """What the newest push came of, (-1, -1) if there is none."""
        async with LogReader(self._environment.kafka, self._topics.name(PUSHES)) as reader:
            end = (await reader.ends())[0]
            first = (await reader.begins())[0]
            newest, back = (-1, -1), _BATCH
            while newest == (-1, -1):
                reader.seek({0: max(first, end - back)})
                async for batch in reader.to_end():
                    for message in batch:
                        offset, _, number = header(message.headers, ORIGIN).partition("/")
                        if offset:
                            newest = max(newest, (int(offset), int(number)))
                if end - back <= first:
                    break
                back *= 8  # nothing but what sinks have told of themselves
            return newest
