"""Delivery's state on Kafka: a snapshot now and then, so that a start reads the journal from there on only.

The topic and the rules are those of the stages (`snapshot.py`, `store.py`). What differs: state is taken part by part,
since a worker must go on with tickets meanwhile; and a snapshot that cannot be used is no loss while the journal is
whole.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from typing import Final, NamedTuple

from aiokafka import AIOKafkaProducer

from sentinel.settings import Settings
from sentinel.stream import snapshot, store
from sentinel.stream.access import Kafka
from sentinel.stream.envelope import Outgoing
from sentinel.stream.journal import Follower
from sentinel.stream.log_reader import LogReader
from sentinel.stream.outbox import send_all
from sentinel.stream.snapshot import Manifest, Snapshot, StateError
from sentinel.stream.stage import MOST_OF_THE_TIME
from sentinel.stream.topics import JOURNAL, Topics

log = logging.getLogger(__name__)

SCHEMA: Final = 2
"""Version of delivery's state. Raise it when a class in it changes so that old state can no longer be read."""


class Begun(NamedTuple):
    """Where to go on."""

    follower: Follower
    offset: int
    """of the journal's first entry that is not in it"""
    others: list[bytes]
    """keys of state that a snapshot of one's own replaces"""


async def begin(kafka: Kafka, topics: Topics, settings: Settings, reader: LogReader) -> Begun:
    """Return delivery as the newest snapshot has it, and the place where `reader`, one of the journal, must go on.

    Raises `StateError` where entries are gone that no snapshot holds.
    """
    began = time.perf_counter()
    topic = topics.state(JOURNAL)
    found = (await store.recover(kafka, topic, [0], SCHEMA))[0]
    first = (await reader.begins())[0]
    manifest = found.manifest
    if manifest is not None:
        if first > manifest.offset:
            raise StateError(
                f"{topics.name(JOURNAL)} begins with offset {first} and the state ends before {manifest.offset}: what "
                f"lies between was kept for too short a time; delete {topic} to go on with what is there"
            )
        follower = Follower(settings, snapshot.restore(manifest, found.segments))
        log.info("delivery's state is there, up to offset %d, in %.2f s", manifest.offset, time.perf_counter() - began)
        return Begun(follower, manifest.offset, found.others)
    if found.problem is not None:
        if first > 0:
            raise StateError(
                f"{found.problem}; the journal, which begins with offset {first}, is not whole either; delete {topic} "
                "to go on with what is there"
            )
        log.warning("delivery's state cannot be used (%s); the journal is read from its beginning", found.problem)
    return Begun(Follower(settings), first, found.others)


class Keeper:
    """Takes snapshots of what follows the journal, and writes them beside it.

    Parameters
    ----------
    records, every
        After so many entries, or so many seconds if any came: a snapshot, unless it would take more than a fortieth
        of the time.
    """

    def __init__(self, topic: str, producer: AIOKafkaProducer, begun: Begun, records: int, every: float) -> None:
        self._topic = topic
        self._producer = producer
        self._follower = begun.follower
        self._others = begun.others
        self._records = records
        self._every = every
        self._owner = uuid.uuid4().hex[:12]
        self._before: Manifest | None = None
        self._entries = 0
        self._worked = self._cost = 0.0
        self._since = time.monotonic()
        self._writing: asyncio.Task[None] | None = None

    def worked(self, entries: int, seconds: float) -> None:
        """Note that entries were taken, and how long that took."""
        self._entries += entries
        self._worked += seconds

    async def keep(self, offset: int) -> None:
        """Take a snapshot if it is time; `offset` is that of the next entry. What is said must be confirmed before.

        Raises what made the last one fail.
        """
        if self._writing is not None:
            if not self._writing.done():
                return
            self._writing.result()
        many = self._entries >= self._records and self._worked >= MOST_OF_THE_TIME * self._cost
        old = self._entries > 0 and time.monotonic() - self._since >= self._every
        if not many and not old:
            return
        cost = 0.0
        taken = snapshot.begin(self._before, self._owner, offset, self._follower.decided, SCHEMA)
        for name, part in self._follower.objects().items():
            began = time.perf_counter()
            snapshot.add(taken, self._before, name, part)
            cost += time.perf_counter() - began
            await asyncio.sleep(0)  # the stages go on meanwhile; what follows the journal does not
        self._entries, self._worked, self._cost, self._since = 0, 0.0, cost, time.monotonic()
        self._writing = asyncio.get_running_loop().create_task(self._write(taken))

    async def stop(self) -> None:
        """Let go; a snapshot that is not whole does not count."""
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)

    async def _write(self, taken: Snapshot) -> None:
        await send_all(self._producer, store.segments_of(self._topic, 0, taken))
        await send_all(self._producer, [store.manifest_of(self._topic, 0, taken.manifest)])
        gone = store.superseded(self._topic, 0, self._before, taken.manifest)
        gone += [Outgoing(self._topic, 0, key, None) for key in self._others]
        self._before, self._others = taken.manifest, []
        await send_all(self._producer, gone)
