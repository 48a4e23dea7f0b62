"""`sentinel export`: the routed log as one file, in the order of its numbers; a replay of it gives the same alerts."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from rich.console import Console

from sentinel.door.streets import PARTITIONS
from sentinel.records import Routed, of_one_street
from sentinel.settings import load_settings
from sentinel.stream.codec import CodecError, decode_batch, record_to_json
from sentinel.stream.environment import Environment
from sentinel.stream.log_reader import LogReader
from sentinel.stream.topics import ROUTED, Topics

_WAITING_MAX: Final = 5000
"""Records of one partition in memory, from which on it waits for the others."""


def run_export(file: Path, environment: Environment, console: Console) -> None:
    """Write every record of the routed log, ticks and configurations too, one a line."""
    topic = Topics(environment.application, load_settings(environment.config).stream).name(ROUTED)

    async def export() -> int:
        written = 0
        with file.open("w", encoding="utf-8") as out:
            async with LogReader(environment.kafka, topic, range(PARTITIONS)) as reader:
                async for record in in_order(reader):
                    out.write(json.dumps(record_to_json(record), ensure_ascii=False, separators=(",", ":")) + "\n")
                    written += 1
        return written

    written = asyncio.run(export())
    console.print(f"{written:,} records of {topic} written to {file}", highlight=False)


async def in_order(reader: LogReader) -> AsyncIterator[Routed]:
    """All records by number, each once: what goes to every partition, and what was sent again, included.

    Partitions are merged as they come; one that is far ahead waits.
    """
    merge = _Merge()
    async for batch in reader.to_end():
        for message in batch:
            merge.add(message.partition, message.value or b"")
        for number, held in merge.held():
            reader.hold(number, held)
        for record in merge.ready(reader.left):
            yield record


class _Merge:
    """Merges the partitions' records by number."""

    def __init__(self) -> None:
        self._waiting: defaultdict[int, deque[Routed]] = defaultdict(deque)
        self._last: defaultdict[int, int] = defaultdict(lambda: -1)
        self._held: set[int] = set()
        self._given = -1

    def add(self, partition: int, value: bytes) -> None:
        """Take one message; one that is no batch is left out, as the streets did."""
        try:
            records = decode_batch(value).records
        except CodecError:
            return
        for record in records:
            if record.seq > self._last[partition]:
                self._last[partition] = record.seq
                self._waiting[partition].append(record)

    def held(self) -> list[tuple[int, bool]]:
        """Partitions that must wait now, or need not any more."""
        full = {number for number, waiting in self._waiting.items() if len(waiting) > _WAITING_MAX}
        changes = [(number, number in full) for number in full ^ self._held]
        self._held = full
        return changes

    def ready(self, left: set[int]) -> list[Routed]:
        """Records whose turn has come: every partition that more is to come from has one at least as late."""
        found: list[Routed] = []
        while any(self._waiting.values()) and all(self._waiting[number] for number in left):
            found += self._next()
        return found

    def _next(self) -> list[Routed]:
        number = min((n for n, waiting in self._waiting.items() if waiting), key=lambda n: self._waiting[n][0].seq)
        record = self._waiting[number].popleft()
        again = record.seq <= self._given and not of_one_street(record)
        self._given = max(self._given, record.seq)
        return [] if again else [record]
