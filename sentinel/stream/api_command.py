"""`sentinel api`: the HTTP API. Its state is the journal's; what people do goes to `feedback`, and comes back by it."""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path
from typing import Final

from aiohttp import web
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from rich.console import Console

from alerts import Delivery
from alerts.actions import Action, Outcome
from sentinel.delivery.api import Api
from sentinel.delivery.tokens import Tokens
from sentinel.settings import Settings, load_settings
from sentinel.stream import envelope
from sentinel.stream.envelope import PoisonError
from sentinel.stream.environment import Environment, EnvironmentValueError
from sentinel.stream.journal import Follower
from sentinel.stream.keeping import begin
from sentinel.stream.log_reader import LogReader
from sentinel.stream.outbox import open_producer
from sentinel.stream.topics import FEEDBACK, JOURNAL, Topics, wait_for_brokers

log = logging.getLogger(__name__)

TOKENS: Final = "SENTINEL_TOKENS_FILE"
PATIENCE: Final = 5.0
"""Seconds that a request waits for its action to come back through the journal."""
_RETRY: Final = 1.0


def run_api(environment: Environment, console: Console, host: str, port: int) -> None:
    """Serve until interrupted."""
    file = os.environ.get(TOKENS)
    if not file:
        raise EnvironmentValueError(f"{TOKENS}: is not set; name a file with lines that `sentinel token` makes")
    tokens = Tokens.read(Path(file))
    settings = load_settings(environment.config)

    async def serve() -> None:
        await wait_for_brokers(environment)
        backend = JournalBackend(environment, settings)
        runner = web.AppRunner(Api(backend, tokens).app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, host, port).start()
        console.print(f"http://{host}:{port}/api/v1/openapi.json", highlight=False)
        try:
            await backend.run()
        finally:
            await runner.cleanup()

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    asyncio.run(serve())


class JournalBackend:
    """Delivery's state as the journal tells it; nothing is delivered from here."""

    def __init__(self, environment: Environment, settings: Settings) -> None:
        self._environment = environment
        self._settings = settings
        self._topics = Topics(environment.application, settings.stream)
        self._follower: Follower | None = None
        self._waiting: dict[str, asyncio.Future[Outcome]] = {}
        self._producer: AIOKafkaProducer | None = None

    @property
    def delivery(self) -> Delivery | None:
        """The state, once the journal has been read to its end."""
        return self._follower.delivery if self._follower is not None else None

    async def run(self) -> None:
        """Follow the journal until cancelled."""
        while True:
            try:
                self._producer = await open_producer(self._environment.kafka)
                await self._follow()
            except (KafkaError, OSError) as error:
                log.warning("the journal is not followed for a moment (%s)", type(error).__name__)
                await asyncio.sleep(_RETRY)
            finally:
                if self._producer is not None:
                    await self._producer.stop()

    async def act(self, action: Action) -> Outcome | None:
        """Send an action to `feedback`; return what came of it, None if it takes too long."""
        if self._producer is None:
            return None
        waiting = self._waiting.setdefault(action.action_id, asyncio.get_running_loop().create_future())
        headers = list(envelope.envelope(envelope.ACTION, action.action_id, f"{self._topics.application}/api"))
        value = action.model_dump_json(exclude_defaults=True).encode()
        try:
            async with asyncio.timeout(PATIENCE):
                await self._producer.send_and_wait(
                    self._topics.name(FEEDBACK), value, action.alert_id.encode() or b"-", partition=0, headers=headers
                )
                return await asyncio.shield(waiting)
        except (TimeoutError, KafkaError):
            return None
        finally:
            self._waiting.pop(action.action_id, None)

    async def _follow(self) -> None:
        kafka, topics = self._environment.kafka, self._topics
        async with LogReader(kafka, topics.name(JOURNAL)) as reader:
            follower, offset, _ = await begin(kafka, topics, self._settings, reader)
            reader.seek({0: offset})
            end = (await reader.ends())[0]
            if end <= offset:
                self._follower = follower
            async for batch in reader.batches():
                for message in batch:
                    try:
                        follower.take(message)
                    except PoisonError as error:
                        log.error("%s, offset %d: %s", message.topic, message.offset, error)
                        continue
                    for identity, outcome in follower.outcomes.items():
                        waiting = self._waiting.get(identity)
                        if waiting is not None and not waiting.done():
                            waiting.set_result(outcome)
                    if message.offset + 1 >= end:
                        self._follower = follower
