"""A stage on Kafka: source messages into its state, one after the other, and a checkpoint now and then.

What holds whatever is killed when:

1. A message is applied to the partition's state at once and what it makes the stage say is sent at once.
2. A checkpoint first waits until all of that is confirmed; then it writes a snapshot of the state, waits, commits the
   source offset that the snapshot stands for, and only then deletes what the snapshot replaces.
3. Whoever takes the partition over loads the snapshot that goes furthest and applies what follows again. State is a
   function of the log, so it says the same again, byte for byte and with the same ids.
4. Offsets are applied once and without a gap; a gap halts the partition, and the worker says so.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import Any, Final

from sentinel.stream import snapshot, store
from sentinel.stream.access import Kafka
from sentinel.stream.dead import letter
from sentinel.stream.envelope import Message, Outgoing, PoisonError
from sentinel.stream.metrics import Metrics
from sentinel.stream.outbox import Outbox
from sentinel.stream.slot import Slot, Unit
from sentinel.stream.snapshot import Snapshot, StateError

log = logging.getLogger(__name__)

MOST_OF_THE_TIME: Final = 40
"""A snapshot waits until the partition has worked so many times as long as the last one took."""
YIELD_SECONDS: Final = 0.005
"""For so long a stage applies messages before everything else gets a turn: sending, signs of life, the others."""
_TOGETHER: Final = 8
"""Snapshots that are held in memory at a time when all are written."""


class Stage:
    """One stage of this worker: all its partitions, from loading to checkpoint.

    Parameters
    ----------
    source
        Full name of the topic it reads; `state` that of its state.
    make
        Builds a partition's unit, from the objects of a snapshot or, given None, from nothing.
    outbox, bulk
        For what the stage says, and for its state: a snapshot must not hold up an alert.
    commit
        Commits source offsets; returns whether the group still counts this worker as the owner.
    """

    def __init__(
        self,
        source: str,
        state: str,
        dead: str,
        kafka: Kafka,
        make: Callable[[int, Mapping[str, Any] | None], Unit],
        outbox: Outbox,
        bulk: Outbox,
        commit: Callable[[str, Mapping[int, int]], Any],
        committed: Callable[[str, Iterable[int]], Any],
        records: int,
        every: float,
        writing: asyncio.Lock,
        on_failure: Callable[[BaseException], None],
        metrics: Metrics,
    ) -> None:
        self.source = source
        self._state = state
        self._dead = dead
        self._kafka = kafka
        self._make = make
        self._outbox = outbox
        self._bulk = bulk
        self._commit = commit
        self._committed = committed
        self._records = records
        self._every = every
        self._writing = writing
        self.on_failure = on_failure
        self._metrics = metrics
        metrics.dead.labels(source)  # counts from nought on
        self.slots: dict[int, Slot] = {}
        self._parked: dict[int, Slot] = {}
        self._expected: set[int] = set()
        self._ready = asyncio.Event()
        self._loading: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    # -- ownership ---------------------------------------------------------------------------------------

    def assign(self, partitions: Collection[int], generation: int) -> None:
        """Own these partitions from a group generation on; what this worker does not have is loaded meanwhile.

        Nothing is waited for: as long as a rebalance lasts, the group hears nothing of this worker, and would take it
        for dead if loading took longer than a session.
        """
        self._expected = set(partitions)
        parked, self._parked = self._parked, {}
        for partition in partitions:
            slot = parked.get(partition)
            # in the generation before, and in this one: nobody can have had it in between
            if slot is not None and slot.generation + 1 == generation:
                slot.generation, slot.closed = generation, False
                self.slots[partition] = slot
        self._loading = asyncio.get_running_loop().create_task(self._complete(generation))

    async def _complete(self, generation: int) -> None:
        try:
            missing = sorted(self._expected - self.slots.keys())
            if missing:
                await self._load(missing, generation)
            for slot in list(self.slots.values()):
                await self._finish(slot)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            self.on_failure(error)
        self._ready.set()
        self._show()

    def give_up(self) -> list[Slot]:
        """Own nothing any more; return what `write` should see to. It is kept until it is known who gets it."""
        self._ready.clear()
        if self._loading is not None:
            self._loading.cancel()
        given, self.slots = list(self.slots.values()), {}
        for slot in given:
            slot.closed = True
        self._parked = {slot.partition: slot for slot in given if not slot.halted}
        self._expected = set()
        self._show()
        return given

    async def write(self, slots: list[Slot]) -> None:
        """Write a checkpoint of all that has changed."""
        async with self._writing:
            due = [slot for slot in slots if slot.messages and not slot.halted]
            # what takes longest to apply again comes first: there may not be time for all
            due.sort(key=lambda slot: -slot.worked)
            for start in range(0, len(due), _TOGETHER):
                await self._checkpoint(due[start : start + _TOGETHER])

    @property
    def ready(self) -> bool:
        """Whether every partition it owns is loaded and goes on."""
        return self._ready.is_set() and all(not slot.halted for slot in self.slots.values())

    @property
    def halted(self) -> list[str]:
        """Why partitions have stopped."""
        return [slot.halted for slot in self.slots.values() if slot.halted]

    # -- messages ----------------------------------------------------------------------------------------

    async def take(self, messages: Sequence[Message], generation: int, *, more: bool) -> None:
        """Apply messages of one partition, fetched in a group generation; `more` says that there are others."""
        began = time.perf_counter()
        for message in messages:
            await self._outbox.room()
            await self._ready.wait()
            slot = self.slots.get(message.partition)
            if slot is None or slot.halted or slot.generation != generation:
                return
            slot.more = more or message is not messages[-1]
            self._apply(slot, message)
            await self._finish(slot, message)
            if time.perf_counter() - began > YIELD_SECONDS:
                await asyncio.sleep(0)
                began = time.perf_counter()
        if not more:
            self.send_ripe()

    def _apply(self, slot: Slot, message: Message) -> None:
        if slot.position is not None and message.offset != slot.position:
            if message.offset > slot.position:
                self._halt(slot, message.offset)
            else:
                self._metrics.skipped.labels(self.source).inc()
            return
        self._do(slot, message, lambda: slot.unit.take(message))
        slot.position = message.offset + 1
        slot.messages += 1
        self._checkpoint_if_due(slot)

    async def _finish(self, slot: Slot, message: Message | None = None) -> None:
        """Do what is left to do about what was taken, the `message` last, with a turn for everything else between."""
        while slot.unit.unfinished and not slot.closed:
            self._do(slot, message, slot.unit.go_on)
            self._checkpoint_if_due(slot)
            await asyncio.sleep(0)
            await self._outbox.room()

    def _checkpoint_if_due(self, slot: Slot) -> None:
        """Start a checkpoint if much was done since the last one."""
        many = slot.unit.records - slot.records >= self._records and slot.worked >= MOST_OF_THE_TIME * slot.cost
        if many or slot.first:
            slot.first = False
            self._start_checkpoint(slot)

    def send_ripe(self) -> None:
        """Send what units have held back for long enough."""
        for slot in self.slots.values():
            self._outbox.put(slot.unit.ripe(slot.more))

    def _do(self, slot: Slot, message: Message | None, work: Callable[[], list[Outgoing]]) -> None:
        began = time.perf_counter()
        try:
            sent = work()
        except PoisonError as error:
            sent = self._refused(message, str(error))
        except MemoryError:
            raise
        except Exception as error:
            # a fault of ours: the same message will have it again, so going on is as repeatable as anything else
            log.exception("%s, partition %d, offset %s", self.source, slot.partition, slot.position)
            sent = self._refused(message, f"could not be processed: {type(error).__name__}")
        self._outbox.put(sent)
        slot.worked += time.perf_counter() - began

    def _refused(self, message: Message | None, reason: str) -> list[Outgoing]:
        self._metrics.dead.labels(self.source).inc()
        return [letter(self._dead, message, reason)] if message is not None else []

    def _halt(self, slot: Slot, offset: int) -> None:
        slot.halted = (
            f"{self.source}, partition {slot.partition}: offset {slot.position} should come next and {offset} came: "
            f"{offset - (slot.position or 0)} messages are missing (kept for too short a time, or deleted); this "
            "partition is not processed any more"
        )
        log.error(slot.halted)
        self._show()

    # -- checkpoints -------------------------------------------------------------------------------------

    def checkpoint_old(self) -> None:
        """Start a checkpoint of whatever has waited long enough."""
        now = time.monotonic()
        for slot in self.slots.values():
            if slot.messages and now - slot.since >= self._every:
                self._start_checkpoint(slot)

    def _start_checkpoint(self, slot: Slot) -> None:
        if slot.writing:
            return
        slot.writing = True
        task = asyncio.get_running_loop().create_task(self._checkpoint_one(slot))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _checkpoint_one(self, slot: Slot) -> None:
        try:
            async with self._writing:
                if not slot.closed:
                    await self._checkpoint([slot])
        except asyncio.CancelledError:
            raise
        except Exception as error:
            self.on_failure(error)
        finally:
            slot.writing = False

    async def _checkpoint(self, slots: list[Slot]) -> None:
        began = time.perf_counter()
        taken = [(slot, self._snapshot(slot)) for slot in slots]
        said = self._outbox.put(())
        written = self._bulk.put(self._segments(taken))
        await self._outbox.confirmed(said)
        await self._bulk.confirmed(written)
        written = self._bulk.put(store.manifest_of(self._state, s.partition, snap.manifest) for s, snap in taken)
        await self._bulk.confirmed(written)
        if await self._commit(self.source, {slot.partition: snap.manifest.offset for slot, snap in taken}):
            for slot, snap in taken:
                slot.committed = snap.manifest.offset
        for slot, snap in taken:
            self._bulk.put(store.superseded(self._state, slot.partition, slot.manifest, snap.manifest))
            self._bulk.put(Outgoing(self._state, slot.partition, key, None) for key in slot.others)
            slot.manifest, slot.others = snap.manifest, []
            self._metrics.checkpoint_bytes.labels(self.source).inc(sum(map(len, snap.changed.values())))
        self._metrics.checkpoints.labels(self.source).observe(time.perf_counter() - began)
        self._show()

    def _segments(self, taken: list[tuple[Slot, Snapshot]]) -> list[Outgoing]:
        """What to write, the partitions by turns: a broker takes from several at once, from one only in turn."""
        queues = [store.segments_of(self._state, slot.partition, snap) for slot, snap in taken]
        return [part for turn in zip_longest(*queues) for part in turn if part is not None]

    def _snapshot(self, slot: Slot) -> Snapshot:
        """Everything up to here happens at one moment: what was held back is sent, and the state is taken."""
        began = time.perf_counter()
        self._outbox.put(slot.unit.flush())
        taken = snapshot.take(
            slot.unit.objects(),
            slot.manifest,
            slot.owner,
            slot.position or 0,
            slot.unit.applied,
            slot.unit.touched(),
        )
        slot.messages, slot.records, slot.worked, slot.since = 0, slot.unit.records, 0.0, time.monotonic()
        slot.cost = time.perf_counter() - began
        self._metrics.stalls.labels(self.source).observe(slot.cost)
        return taken

    # -- recovery ----------------------------------------------------------------------------------------

    async def _load(self, partitions: list[int], generation: int) -> None:
        began = time.perf_counter()
        found = await store.recover(self._kafka, self._state, partitions)
        committed: Mapping[int, int | None] = await self._committed(self.source, partitions)
        size = 0
        for partition in partitions:
            recovered = found.pop(partition)
            size += sum(map(len, recovered.segments.values()))
            self.slots[partition] = self._slot(partition, recovered, committed[partition], generation)
            await asyncio.sleep(0)
        seconds = time.perf_counter() - began
        self._metrics.recoveries.labels(self.source).observe(seconds)
        log.info("%s: %d partitions, %.1f MB loaded in %.2f s", self.source, len(partitions), size / 1e6, seconds)

    def _slot(self, partition: int, found: store.Recovered, committed: int | None, generation: int) -> Slot:
        manifest = found.manifest
        if found.problem is not None:
            raise found.problem
        if manifest is None and committed:
            raise StateError(
                f"{self.source}, partition {partition}: offset {committed} is committed, but {self._state} holds no "
                "state for it; restore that topic, or start a new application (SENTINEL_APPLICATION)"
            )
        unit = self._make(partition, snapshot.restore(manifest, found.segments) if manifest is not None else None)
        owner = f"{generation}-{uuid.uuid4().hex[:12]}"
        slot = Slot(partition, unit, owner, manifest.offset if manifest is not None else None, generation)
        slot.others = found.others
        return slot

    # -- figures -----------------------------------------------------------------------------------------

    def _show(self) -> None:
        self._metrics.halted.labels(self.source).set(len(self.halted))
        self._metrics.owned.labels(self.source).set(len(self.slots))
