"""The topics: what each is called and kept like, declared at start and compared with what the brokers have."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, for_code

from sentinel.door.streets import PARTITIONS
from sentinel.errors import SentinelError
from sentinel.stream.admin import administering
from sentinel.stream.environment import Environment
from sentinel.stream.reach import trouble_with
from sentinel.stream.settings import StreamFile

log = logging.getLogger(__name__)

TICKETS, DEAD, ROUTED, DIGESTS, ALERTS = "tickets", "dead", "routed", "digests", "alerts"
JOURNAL, PUSHES, FEEDBACK = "journal", "pushes", "feedback"
STATE: Final = "state"

LARGEST_RAW: Final = 16 << 20
"""Bytes of a message that `tickets` takes: what is too large for a ticket must get in to become a dead letter."""
LARGEST: Final = 1 << 20
"""Bytes of any other message."""
_SEGMENT: Final = 16 << 20
"""State is compacted a closed segment at a time, and whoever recovers reads what is not compacted yet."""
_ALREADY_EXISTS: Final = 36
_TELL_SECONDS: Final = 10.0


class TopicError(SentinelError):
    """A topic cannot be used as it is; the message says what to do."""

    exit_code = 1


class Topic(NamedTuple):
    """One topic as it should be."""

    name: str
    partitions: int
    replication: int
    config: Mapping[str, str]


class Topics:
    """The names and shapes of an application's topics.

    Those of a stage's state have a partition for each of its source's: `state("routed")` belongs to `routed`.
    """

    def __init__(self, application: str, stream: StreamFile) -> None:
        self.application = application
        self._stream = stream

    def name(self, short: str) -> str:
        """The full name of a topic."""
        return f"{self.application}.{short}"

    def state(self, source: str) -> str:
        """The full name of the topic that holds the state of the stage which reads `source`."""
        return self.name(f"{STATE}.{source}")

    @property
    def all(self) -> tuple[Topic, ...]:
        """Every topic."""
        kept = self._stream.retention
        return (
            self._deleted(TICKETS, 1, kept.tickets, LARGEST_RAW),
            self._deleted(ROUTED, PARTITIONS, kept.routed),
            self._deleted(DIGESTS, 1, kept.digests),
            self._deleted(ALERTS, 1, kept.alerts),
            self._deleted(DEAD, 1, kept.dead),
            self._deleted(JOURNAL, 1, kept.alerts),
            self._deleted(PUSHES, 1, kept.alerts),
            self._deleted(FEEDBACK, 1, kept.alerts),
            self._compacted(TICKETS, 1),
            self._compacted(ROUTED, PARTITIONS),
            self._compacted(DIGESTS, 1),
            self._compacted(JOURNAL, 1),
        )

    def _deleted(self, short: str, partitions: int, seconds: float, largest: int = LARGEST) -> Topic:
        return self._topic(
            self.name(short),
            partitions,
            {
                "cleanup.policy": "delete",
                "retention.ms": str(round(1000 * seconds)),
                "max.message.bytes": str(largest),
                # an event's time is held against the time at which the brokers got it, not its sender's
                "message.timestamp.type": "LogAppendTime",
            },
        )

    def _compacted(self, source: str, partitions: int) -> Topic:
        return self._topic(
            self.state(source),
            partitions,
            {
                "cleanup.policy": "compact",
                "segment.bytes": str(_SEGMENT),
                "min.cleanable.dirty.ratio": "0.2",
                "max.message.bytes": str(LARGEST),
            },
        )

    def _topic(self, name: str, partitions: int, config: dict[str, str]) -> Topic:
        replication = self._stream.replication
        if replication > 2:
            config["min.insync.replicas"] = str(replication - 1)
        return Topic(name, partitions, replication, config)


async def wait_for_brokers(environment: Environment) -> None:
    """Return once a broker answers; say every few seconds why none does."""
    began, told = time.monotonic(), -_TELL_SECONDS
    while why := await trouble_with(environment.kafka):
        waited = time.monotonic() - began
        if waited - told >= _TELL_SECONDS:
            told = waited
            log.warning("waiting for Kafka, %.0f s so far: %s", waited, why)
        await asyncio.sleep(1.0)


async def declare(environment: Environment, topics: Topics) -> list[str]:
    """Create what is missing; return, in words, where what is there differs from what it should be.

    Raises `TopicError` for a topic whose number of partitions differs: a street would change its partition.
    """
    async with administering(environment.kafka) as admin:
        await _create_missing(admin, topics.all)
        return await _differences(admin, topics.all)


class Look(NamedTuple):
    """What the brokers have of an application's topics."""

    missing: list[str]
    differences: list[str]


async def look_at(environment: Environment, topics: Topics) -> Look:
    """Compare without changing anything. Raises `TopicError` as `declare` does."""
    async with administering(environment.kafka) as admin:
        present = set(await admin.list_topics())
        there = tuple(topic for topic in topics.all if topic.name in present)
        missing = [topic.name for topic in topics.all if topic.name not in present]
        return Look(missing, await _differences(admin, there) if there else [])


async def ensure(environment: Environment, topics: Topics, short: str) -> None:
    """Create what is missing, unless one topic is there: who may only send to it is shown no other."""
    async with administering(environment.kafka) as admin:
        if topics.name(short) not in await admin.list_topics():
            await _create_missing(admin, topics.all)


async def _create_missing(admin: AIOKafkaAdminClient, wanted: tuple[Topic, ...]) -> None:
    present = set(await admin.list_topics())
    missing = [topic for topic in wanted if topic.name not in present]
    if not missing:
        return
    response = await admin.create_topics(
        [NewTopic(t.name, t.partitions, t.replication, topic_configs=dict(t.config)) for t in missing]
    )
    for name, code, *rest in response.topic_errors:
        if code not in (0, _ALREADY_EXISTS):
            said = rest[0] if rest and rest[0] else for_code(code).__name__
            raise TopicError(f"topic {name} cannot be created: {said}")
    for _ in range(100):
        if {topic.name for topic in wanted} <= set(await admin.list_topics()):
            return
        await asyncio.sleep(0.1)
    raise TopicError("the brokers do not show the topics that they said they created; try again")


async def _differences(admin: AIOKafkaAdminClient, wanted: tuple[Topic, ...]) -> list[str]:
    described = {topic["topic"]: topic["partitions"] for topic in await admin.describe_topics([t.name for t in wanted])}
    found: list[str] = []
    for topic in wanted:
        partitions = described.get(topic.name, [])
        if len(partitions) != topic.partitions:
            raise TopicError(
                f"topic {topic.name} has {len(partitions)} partitions and must have {topic.partitions}; delete it if "
                "it holds nothing, or give this application another name"
            )
        copies = min(len(partition["replicas"]) for partition in partitions)
        if copies != topic.replication:
            found.append(f"{topic.name}: {copies} copies where stream.yaml says replication: {topic.replication}")
    configs = await _configs(admin, wanted)
    for topic in wanted:
        there = configs.get(topic.name, {})
        found += [
            f"{topic.name}: {name} is {there[name]} where stream.yaml means {value}"
            for name, value in topic.config.items()
            if name in there and there[name] != value
        ]
    return found


async def _configs(admin: AIOKafkaAdminClient, wanted: tuple[Topic, ...]) -> dict[str, dict[str, str]]:
    """What the brokers hold of each topic; nothing where they cannot be asked."""
    resources = [ConfigResource(ConfigResourceType.TOPIC, topic.name, dict.fromkeys(topic.config)) for topic in wanted]
    try:
        responses: list[Any] = await admin.describe_configs(resources)
    except KafkaError as error:
        log.warning("the brokers do not tell how topics are configured (%s); nothing was compared", error)
        return {}
    return {
        name: {str(entry[0]): str(entry[1]) for entry in entries}
        for response in responses
        for code, _, _, name, entries in response.resources
        if code == 0
    }
