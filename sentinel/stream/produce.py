"""`sentinel produce`: ticket files onto Kafka, in the order in which a replay would take them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from rich.console import Console

from sentinel.readers import Entry, Rejection, in_order, open_tickets
from sentinel.settings import load_settings
from sentinel.stream import envelope
from sentinel.stream.envelope import Outgoing
from sentinel.stream.environment import Environment
from sentinel.stream.inbox import control
from sentinel.stream.outbox import Outbox
from sentinel.stream.topics import TICKETS, Topics, ensure
from sentinel.tickets import FIELD_NAMES_ZH, TicketEvent


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
    messages = _messages(entries, environment.application, topics.name(TICKETS), finish)
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


def _messages(entries: Iterable[Entry], application: str, topic: str, finish: bool) -> Iterator[Outgoing]:
    for entry in entries:
        event = entry.event
        identity = f"{event.ticket_id}/{event.event}/{event.at.timestamp()!r}"
        headers = envelope.envelope(envelope.TICKET, identity, application)
        yield Outgoing(topic, 0, event.ticket_id.encode(), event_to_json(event), headers)
    if finish:
        key, value, headers = control(application, envelope.END, f"end-{time.time_ns()}", {})
        yield Outgoing(topic, 0, key, value, headers)


async def _send(messages: Iterator[Outgoing], rate: float, environment: Environment, topics: Topics) -> int:
    await ensure(environment, topics, TICKETS)
    failed: list[BaseException] = []
    outbox = Outbox(environment.kafka, failed.append)
    await outbox.start()
    sent, began = 0, time.monotonic()
    try:
        for message in messages:
            if rate and (ahead := began + sent / rate - time.monotonic()) > 0:
                await asyncio.sleep(ahead)
            await outbox.room()
            sent = outbox.put([message])
        await outbox.confirmed(sent)
    finally:
        await outbox.stop()
    return sent
