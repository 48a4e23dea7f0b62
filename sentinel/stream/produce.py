"""`sentinel produce`: ticket files onto Kafka, in the order in which a replay would take them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from rich.console import Console

from sentinel.readers import Entry, Rejection, in_order, open_tickets
from sentinel.settings import load_settings
from sentinel.stream import envelope
from sentinel.stream.environment import Environment
from sentinel.stream.inbox import control
from sentinel.stream.outbox import open_producer
from sentinel.stream.topics import TICKETS, Topics, declare
from sentinel.tickets import FIELD_NAMES_ZH, TicketEvent

_UNCONFIRMED_MAX: Final = 2000
Sent = tuple[bytes, bytes, list[tuple[str, bytes]]]


def run_produce(
    files: Sequence[Path],
    columns: dict[str, str],
    rate: float,
    finish: bool,
    environment: Environment,
    console: Console,
) -> None:
    """Send every event of the files; `rate` is events a second, 0 for as fast as the brokers take them."""
    rejected: list[Rejection] = []
    entries = in_order(open_tickets(files, columns), rejected.append)
    topics = Topics(environment.application, load_settings(environment.config).stream)
    messages = _messages(entries, environment.application, finish)
    began = time.perf_counter()
    sent = asyncio.run(_send(messages, rate, environment, topics))
    seconds = time.perf_counter() - began
    console.print(f"{sent:,} messages on {topics.name(TICKETS)} in {seconds:.1f} s, {len(rejected):,} rows refused")
    for rejection in rejected[:5]:
        console.print(f"  {rejection.file}:{rejection.line} {rejection.reason}", markup=False, highlight=False)


def event_to_json(event: TicketEvent) -> bytes:
    """An event as `tickets` takes it, its arrival filled in."""
    fields = {name: _plain(getattr(event, name)) for name in FIELD_NAMES_ZH}
    fields["arrived_at"] = event.arrival.isoformat()
    given = {name: value for name, value in fields.items() if value not in (None, "", [])}
    return json.dumps(given, ensure_ascii=False, separators=(",", ":")).encode()


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value


def _messages(entries: Iterable[Entry], application: str, finish: bool) -> Iterator[Sent]:
    for entry in entries:
        event = entry.event
        identity = f"{event.ticket_id}/{event.event}/{event.at.timestamp()!r}"
        yield (
            event.ticket_id.encode(),
            event_to_json(event),
            list(envelope.envelope(envelope.TICKET, identity, application)),
        )
    if finish:
        yield control(application, envelope.END, f"end-{time.time_ns()}", {})


async def _send(messages: Iterator[Sent], rate: float, environment: Environment, topics: Topics) -> int:
    await declare(environment, topics)
    producer = await open_producer(environment.kafka)
    topic, sent, began = topics.name(TICKETS), 0, time.monotonic()
    under_way: set[asyncio.Future[object]] = set()
    try:
        for key, value, headers in messages:
            if rate and (ahead := began + sent / rate - time.monotonic()) > 0:
                await asyncio.sleep(ahead)
            under_way.add(await producer.send(topic, value, key, partition=0, headers=headers))
            sent += 1
            if len(under_way) >= _UNCONFIRMED_MAX:
                done, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
                for future in done:
                    future.result()
        await asyncio.gather(*under_way)
    finally:
        await producer.stop()
    return sent
