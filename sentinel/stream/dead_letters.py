"""`sentinel dead-letters`: what could not be processed, and back onto `tickets` with it after a fix."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import OffsetAndMetadata
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sentinel.settings import load_settings
from sentinel.stream.envelope import Message
from sentinel.stream.environment import Environment
from sentinel.stream.log_reader import LogReader
from sentinel.stream.outbox import open_producer
from sentinel.stream.topics import DEAD, LARGEST_RAW, TICKETS, Topics

_SHOWN: Final = ("ticket_id", "event", "created_at", "event_at", "text")
_TEXT: Final = 60


class Letter(NamedTuple):
    """A dead letter: where it stands among them, and what it says."""

    offset: int
    data: dict[str, Any]

    @property
    def place(self) -> tuple[str, int, int]:
        """Topic, partition and offset of the message it is about."""
        return self.data["topic"], self.data["partition"], self.data["offset"]


def run_list(environment: Environment, console: Console) -> None:
    """Print every dead letter that is kept."""
    topics = Topics(environment.application, load_settings(environment.config).stream)
    letters = asyncio.run(_letters(environment, topics, 0))
    table = Table(title=f"{len(letters):,} dead letters", title_justify="left")
    for heading in ("source", "why", "bytes", "what"):
        table.add_column(heading, overflow="fold")
    for letter in letters:
        topic, partition, offset = letter.place
        fields = letter.data["fields"]
        what = " ".join(str(fields[name])[:_TEXT] for name in _SHOWN if name in fields)
        # as Text, since what a caller wrote may hold what rich would take for markup
        table.add_row(
            f"{topic}/{partition}/{offset}", Text(letter.data["reason"]), str(letter.data["bytes"]), Text(what)
        )
    console.print(table)


def run_requeue(environment: Environment, console: Console, *, everything: bool) -> None:
    """Send the messages behind the letters again, as they were; those sent again before are left out.

    What is put right goes its way; what still cannot be processed comes back as a letter.
    """
    topics = Topics(environment.application, load_settings(environment.config).stream)
    sent, gone, others = asyncio.run(_requeue(environment, topics, everything=everything))
    console.print(f"{sent:,} messages sent to {topics.name(TICKETS)} again", highlight=False)
    if gone:
        console.print(f"{gone:,} are not kept any more: their source must send them", highlight=False)
    if others:
        console.print(f"{others:,} are not from {topics.name(TICKETS)} and cannot be sent again", highlight=False)


async def _letters(environment: Environment, topics: Topics, first: int) -> list[Letter]:
    """Letters from an offset on, each source message once."""
    found: dict[tuple[str, int, int], Letter] = {}
    async with LogReader(environment.kafka, topics.name(DEAD)) as reader:
        begins = await reader.begins()
        reader.seek({0: max(first, begins[0])})
        async for batch in reader.to_end():
            for message in batch:
                letter = Letter(message.offset, json.loads(message.value or b"{}"))
                found.setdefault(letter.place, letter)
    return list(found.values())


async def _requeue(environment: Environment, topics: Topics, *, everything: bool) -> tuple[int, int, int]:
    place = TopicPartition(topics.name(DEAD), 0)
    # a group remembers how far the letters have been sent again
    group = AIOKafkaConsumer(
        **environment.kafka.options,
        group_id=f"{environment.application}.requeue",
        enable_auto_commit=False,
    )
    await group.start()
    try:
        group.assign([place])
        done = 0 if everything else await group.committed(place) or 0
        letters = await _letters(environment, topics, done)
        tickets = topics.name(TICKETS)
        wanted = {letter.place[2] for letter in letters if letter.place[0] == tickets}
        messages = await _messages(environment, tickets, wanted)
        await _send(environment, tickets, messages)
        if letters:
            await group.commit({place: OffsetAndMetadata(max(letter.offset for letter in letters) + 1, "")})
    finally:
        await group.stop()
    return len(messages), len(wanted) - len(messages), len(letters) - len(wanted)


async def _messages(environment: Environment, topic: str, offsets: set[int]) -> list[Message]:
    """The messages at some offsets of a topic, as far as they are kept."""
    found: list[Message] = []
    async with LogReader(environment.kafka, topic) as reader:
        begins = await reader.begins()
        left = sorted(offset for offset in offsets if offset >= begins[0])
        if not left:
            return []
        reader.seek({0: left[0]})
        async for batch in reader.to_end():
            found += [message for message in batch if message.offset in offsets]
            if batch and batch[-1].offset >= left[-1]:
                break
    return found


async def _send(environment: Environment, topic: str, messages: list[Message]) -> None:
    producer = await open_producer(environment.kafka, largest=LARGEST_RAW)
    try:
        for m in messages:
            await producer.send_and_wait(topic, m.value, m.key, partition=0, headers=list(m.headers))
    finally:
        await producer.stop()
