"""`sentinel tail alerts`: transitions in a terminal, as they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from rich.console import Console

from alerts import Alert
from sentinel.replay_command import print_alert
from sentinel.settings import load_settings
from sentinel.stream.envelope import header
from sentinel.stream.environment import Environment
from sentinel.stream.log_reader import LogReader
from sentinel.stream.topics import ALERTS, Topics

_REMEMBERED: Final = 100_000
"""Ids of the latest transitions: repeats come soon after the first, if at all."""


def run_tail(environment: Environment, console: Console, *, everything: bool, lines: bool) -> None:
    """Print alerts until interrupted; `everything` begins with the oldest kept, `lines` prints them as they are."""
    settings = load_settings(environment.config)
    topic = Topics(environment.application, settings.stream).name(ALERTS)

    async def tail() -> None:
        async with LogReader(environment.kafka, topic) as reader:
            if not everything:
                reader.seek(await reader.ends())
            async for line in first_times(reader):
                if lines:
                    console.out(line.decode(), highlight=False)
                else:
                    print_alert(console, Alert.model_validate_json(line), settings.timezone)

    asyncio.run(tail())


async def first_times(reader: LogReader, *, to_end: bool = False) -> AsyncIterator[bytes]:
    """The lines of alerts, each once: repeats after a crash have the id of the first and the same bytes."""
    seen: dict[str, None] = {}
    async for batch in reader.to_end() if to_end else reader.batches():
        for message in batch:
            identity = header(message.headers, "ce_id")
            if message.value is not None and identity not in seen:
                seen[identity] = None
                if len(seen) > _REMEMBERED:
                    del seen[next(iter(seen))]
                yield message.value
