"""Faust as a source of messages: topics taken raw, acknowledged by checkpoints alone."""

from __future__ import annotations

import asyncio
from typing import Any

import faust

from sentinel.stream.envelope import Message
from sentinel.stream.stage import Stage


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
