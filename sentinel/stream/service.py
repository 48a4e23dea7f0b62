"""One worker: its stages, what they share, and what it says of itself. Knows nothing of Faust."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any, Final, Protocol

from sentinel.door.callers import key_origin
from sentinel.errors import SentinelError
from sentinel.garbage import seldom_collected
from sentinel.records import UNKNOWN_STREET
from sentinel.replay import door_of
from sentinel.settings import load_document, load_settings
from sentinel.shared import Shared
from sentinel.stream.admin import committed
from sentinel.stream.city import CityUnit
from sentinel.stream.configurations import Configurations
from sentinel.stream.deliver import GRACE, Deliverer
from sentinel.stream.environment import Environment
from sentinel.stream.health import HealthServer
from sentinel.stream.intake import IntakeUnit, clock_record, wall_clock
from sentinel.stream.metrics import CITY, Metrics, Progress
from sentinel.stream.outbox import Outbox
from sentinel.stream.projection import Projection
from sentinel.stream.slot import Unit
from sentinel.stream.stage import Stage
from sentinel.stream.street import StreetUnit
from sentinel.stream.topics import ALERTS, DEAD, DIGESTS, JOURNAL, ROUTED, TICKETS, Topics, declare, wait_for_brokers
from sentinel.stream.warmup import warm_up

log = logging.getLogger(__name__)

RIPE_SECONDS: Final = 0.05
"""How often what waits for company is looked at."""

ENDS_SECONDS: Final = 1.0
"""How often the brokers are asked how far behind this worker is."""


class Group(Protocol):
    """The consumer group, as far as a worker must ask it."""

    async def commit(self, topic: str, offsets: Mapping[int, int]) -> bool:
        """Commit the next offset of each partition; False if the group counts this worker out."""

    async def look_for_ends(self) -> None:
        """Find out where partitions end, for `end`."""

    def end(self, topic: str, partition: int) -> int | None:
        """The offset that the partition's next message will have, as far as known."""


class Service:
    """Everything of one worker that is not Faust's.

    Parameters
    ----------
    environment
        Where its servers are. Settings are read from `environment.config`.
    group
        Its consumer group.
    """

    def __init__(self, environment: Environment, group: Group) -> None:
        self.environment = environment
        self.settings = load_settings(environment.config)
        self.metrics = Metrics()
        self.topics = Topics(environment.application, self.settings.stream)
        self.outbox = Outbox(environment.kafka, self.fail)
        self._bulk = Outbox(environment.kafka, self.fail)
        self._document = load_document(environment.config)
        self._group = group
        self._configurations = Configurations(lambda: self.metrics.timed(Shared.load(self.settings)))
        self._writing = asyncio.Lock()
        self._seldom = ExitStack()
        self._started = False
        self._tasks: list[asyncio.Task[None]] = []
        self._last_write: asyncio.Task[None] | None = None
        self._clock_sent = 0.0
        self._health: HealthServer | None = None
        self.intake = self._stage(TICKETS, self._make_intake)
        self.street = self._stage(ROUTED, self._make_street)
        self.city = self._stage(DIGESTS, self._make_city)
        self.metrics.expect([CITY, UNKNOWN_STREET, *(street.code for street in self.settings.streets.streets)])
        self.metrics.expect_messages()
        self.metrics.budget.set(self.settings.budget.false_alarms_per_week)
        self.metrics.follow(self._progress, self._end)

    # -- from start to stop ------------------------------------------------------------------------------

    async def start(self) -> None:
        """Wait for the brokers, declare the topics, and begin to send. Raises `SentinelError`."""
        if self.environment.metrics is not None:
            self._health = HealthServer(self.environment.metrics, self.metrics.registry, self.broken, self.unready)
            await self._health.start()
        await wait_for_brokers(self.environment)
        for difference in await declare(self.environment, self.topics):
            log.warning("topic %s", difference)
        if key_origin() == "public":
            log.warning("callers are hashed with the public key, which protects nobody; set SENTINEL_CALLER_KEY_FILE")
        shared = self._configurations.of(self._document).shared
        if untaught := shared.untaught:
            log.warning(untaught)
        # takes seconds, and must not when partitions come; in a thread, since /healthz is asked for meanwhile
        await asyncio.to_thread(lambda: warm_up(shared))
        self._seldom.enter_context(seldom_collected())  # to the end: what is loaded need not be looked through then
        await self.outbox.start()
        await self._bulk.start()
        self._begin(self._send_ripe())
        self._begin(self._look_at_the_clock())
        self._begin(self._look_for_ends())
        deliverer = Deliverer(self.environment, self.settings, self.topics, self.metrics)
        self._begin(deliverer.run())
        here, projections = self.environment, list[Projection]()
        if here.redis is not None:
            name = self.topics.name(ALERTS)
            projections.append(Projection(here.application, here.kafka, here.redis, name, self.metrics))
            self._begin(projections[0].run())
        self.metrics.follow_sinks(lambda: [*deliverer.couriers.values(), *projections])
        self._started = True

    async def stop(self, seconds: float) -> bool:
        """Write what is not written, within a time; whether all was written. If so, let go; if not, just end."""
        self._started = False
        for task in self._tasks:
            task.cancel()
        try:
            await asyncio.wait_for(self.revoke(), seconds)
        except TimeoutError:
            log.error("the last checkpoint was not confirmed in %.0f s; what it lacks will be applied again", seconds)
            return False
        if self._tasks:  # a push under way is seen through, see `deliver.GRACE`
            await asyncio.wait(self._tasks, timeout=GRACE)
        await asyncio.gather(self.outbox.stop(), self._bulk.stop())
        if self._health is not None:
            await self._health.stop()
        return True

    def assign(self, assigned: Iterable[tuple[str, int]], generation: int) -> None:
        """Own these partitions, and only these, from a group generation on."""
        by_topic: dict[str, list[int]] = {stage.source: [] for stage in self.stages}
        for topic, partition in assigned:
            by_topic[topic].append(partition)
        for stage in self.stages:
            stage.assign(sorted(by_topic[stage.source]), generation)

    async def revoke(self, patience: float | None = None) -> None:
        """Own nothing any more, after a checkpoint.

        One that takes longer than `patience` goes on by itself: the group would take this worker for dead, and if
        others get the partitions meanwhile, they apply again what it lacks.
        """
        given = [(stage, stage.give_up()) for stage in self.stages]

        async def write() -> None:
            for stage, slots in given:
                await stage.write(slots)

        if patience is None:
            await write()
            return
        # never cancelled: what a snapshot has taken and not written would be missing from the next
        self._last_write = asyncio.get_running_loop().create_task(self._guarded(write()))
        await asyncio.wait({self._last_write}, timeout=patience)

    def fail(self, error: BaseException) -> None:
        """End the process: it cannot go on, and another can, from the last checkpoint."""
        if isinstance(error, SentinelError):
            log.critical("%s", error)
        else:
            log.critical("cannot go on", exc_info=error)
        logging.shutdown()
        os._exit(1)

    # -- what it says of itself --------------------------------------------------------------------------

    @property
    def stages(self) -> tuple[Stage, ...]:
        """All stages, in the order in which messages pass them."""
        return (self.intake, self.street, self.city)

    def broken(self) -> list[str]:
        """Why this worker, or a part of its work, has stopped for good."""
        return [reason for stage in self.stages for reason in stage.halted]

    def unready(self) -> list[str]:
        """What keeps it from being at work."""
        if not self._started:
            return ["starting or stopping"]
        waiting = [f"{stage.source}: not assigned, or still loading" for stage in self.stages if not stage.ready]
        missing = [
            f"{stage.source}, partition {number}: waits for records to be sent again"
            for stage in self.stages
            for number, slot in stage.slots.items()
            if slot.unit.missing
        ]
        return waiting + missing

    def _progress(self) -> Iterator[Progress]:
        for stage in self.stages:
            for number, slot in stage.slots.items():
                unit, manifest = slot.unit, slot.manifest
                size = sum(map(sum, manifest.layout.values())) if manifest is not None else 0
                applied = (slot.position or 0) - unit.unfinished  # what is not worked through counts as waiting
                yield Progress(stage.source, number, applied, slot.committed, unit.clock, unit.issues, unit.cells, size)

    def _end(self, topic: str, partition: int) -> int | None:
        return self._group.end(topic, partition)

    # -- units -------------------------------------------------------------------------------------------

    def _stage(self, short: str, make: Callable[[int, Mapping[str, Any] | None], Unit]) -> Stage:
        checkpoint = self.settings.stream.checkpoint
        return Stage(
            self.topics.name(short),
            self.topics.state(short),
            self.topics.name(DEAD),
            self.environment.kafka,
            make,
            self.outbox,
            self._bulk,
            self._group.commit,
            self._committed,
            checkpoint.records,
            checkpoint.every,
            self._writing,
            self.fail,
            self.metrics,
        )

    def _make_intake(self, _: int, objects: Mapping[str, Any] | None) -> IntakeUnit:
        unit = IntakeUnit(
            self._configurations,
            door_of,
            self._document,
            self.topics.name(ROUTED),
            self.topics.name(TICKETS),
            self.metrics,
            objects,
        )
        if unit.document != self._document:
            log.warning(
                "the configuration in force came through the log and is not that of this worker's directory; to put "
                "the latter in force: sentinel config apply DIR"
            )
        return unit

    def _make_street(self, partition: int, objects: Mapping[str, Any] | None) -> StreetUnit:
        return StreetUnit(
            partition,
            self._configurations,
            self.topics.name(ALERTS),
            self.topics.name(DIGESTS),
            self.topics.name(DEAD),
            self.topics.name(ROUTED),
            self.metrics,
            objects,
        )

    def _make_city(self, _: int, objects: Mapping[str, Any] | None) -> CityUnit:
        return CityUnit(
            self._configurations,
            self.topics.name(ALERTS),
            self.topics.name(DIGESTS),
            self.topics.name(JOURNAL),
            self.metrics,
            objects,
        )

    async def _committed(self, topic: str, partitions: Iterable[int]) -> dict[int, int | None]:
        return await committed(self.environment.kafka, self.environment.application, topic, partitions)

    # -- what happens by the wall clock ------------------------------------------------------------------

    def _begin(self, work: Awaitable[None]) -> None:
        self._tasks.append(asyncio.get_running_loop().create_task(self._guarded(work)))

    async def _guarded(self, work: Awaitable[None]) -> None:
        try:
            await work
        except asyncio.CancelledError:
            raise
        except Exception as error:
            self.fail(error)

    async def _send_ripe(self) -> None:
        while True:
            await asyncio.sleep(RIPE_SECONDS)
            self.intake.send_ripe()

    async def _look_for_ends(self) -> None:
        while True:
            await asyncio.sleep(ENDS_SECONDS)
            if any(stage.slots for stage in self.stages):
                await self._group.look_for_ends()

    async def _look_at_the_clock(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            for stage in self.stages:
                stage.checkpoint_old()
            slot = self.intake.slots.get(0)
            if slot is None or not isinstance(slot.unit, IntakeUnit):
                continue
            clock = wall_clock(slot.unit, time.time())
            if clock is not None and clock != self._clock_sent:
                self._clock_sent = clock
                self.outbox.put([clock_record(self.environment.application, self.topics.name(TICKETS), clock)])
