"""`sentinel config apply`: a directory of settings as one record of the log, in force from there on."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import Final

from rich.console import Console

from sentinel.errors import SentinelError
from sentinel.settings import load_document, load_settings
from sentinel.stream import envelope
from sentinel.stream.environment import Environment
from sentinel.stream.inbox import control
from sentinel.stream.outbox import open_producer
from sentinel.stream.topics import TICKETS, Topics, ensure

BYTES_MAX: Final = 700_000
"""It travels in one message, to every partition."""


class ConfigTooLargeError(SentinelError):
    """The settings do not fit into one record."""


def run_config_apply(directory: Path, environment: Environment, console: Console) -> None:
    """Validate a directory and write it to the log. Raises `ConfigError` with all that is wrong with it."""
    document = load_document(directory)
    topics = Topics(environment.application, load_settings(environment.config).stream)
    key, value, _ = control(environment.application, envelope.CONFIG, "", document)
    if len(value) > BYTES_MAX:
        raise ConfigTooLargeError(f"{directory}: {len(value):,} bytes of settings, more than {BYTES_MAX:,}")
    identity = hashlib.blake2b(value, digest_size=8).hexdigest()
    headers = envelope.envelope(envelope.CONFIG, f"config-{identity}", environment.application)

    async def send() -> int:
        await ensure(environment, topics, TICKETS)
        producer = await open_producer(environment.kafka)
        try:
            sent = await producer.send_and_wait(topics.name(TICKETS), value, key, partition=0, headers=list(headers))
        finally:
            await producer.stop()
        return int(sent.offset)

    offset = asyncio.run(send())
    console.print(f"{directory} is in force after offset {offset} of {topics.name(TICKETS)}", highlight=False)
