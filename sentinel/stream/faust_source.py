"""Faust as a source of messages: topics taken raw, acknowledged by checkpoints alone."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import faust
from aiokafka.errors import ConsumerStoppedError
from faust.transport.drivers import aiokafka as driver

from sentinel.stream.envelope import Message
from sentinel.stream.stage import Stage

_YIELD_EVERY: Final = 100


class Consumer(driver.Consumer):
    """Faust's consumer with a shorter way for each message.

    Faust's own races the delivery of every message against a suspension of the flow, four asyncio tasks a message and
    half the cost of reading it, so as not to hang in a full queue while partitions are revoked. There is no hanging:
    Faust empties the queues then, and what is delivered late is of an old generation, which nobody takes.
    """

    async def _drain_messages(self, fetcher: Any) -> None:
        read = self._read_offset
        try:
            while not (self.should_stop or fetcher.should_stop):
                await asyncio.sleep(0)
                count = 0
                async for tp, message in self.getmany(timeout=1.0):
                    count += 1
                    if count % _YIELD_EVERY == 0:
                        await asyncio.sleep(0)
                    before = read[tp]
                    if before is None or message.offset >= before:
                        await self.callback(message)
                        read[tp] = message.offset
        except (ConsumerStoppedError, asyncio.CancelledError):
            if not self.transport.app.should_stop:
                raise


def raw_topic(app: faust.App, name: str) -> Any:
    """A topic whose messages come as bytes.

    Faust keeps no account of what is acknowledged (`acks=False`): it would acknowledge messages that it skips around a
    rebalance, and commit them.
    """
    return app.topic(name, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw", acks=False)


async def follow(stream: Any, stage: Stage) -> None:
    """Give a stream's messages to a stage, one by one.

    An error ends the process: Faust would start the agent again, past the message that failed.
    """
    try:
        async for event in stream.noack().events():
            m = event.message
            message = Message(m.topic, m.partition, m.offset, m.timestamp, m.key, m.value, tuple(m.headers or ()))
            await stage.handle(message, m.generation_id)
    except asyncio.CancelledError:
        raise
    except Exception as error:
        stage.on_failure(error)
