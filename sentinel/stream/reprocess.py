"""A second application beside the first: the retained log again, under another program or other settings.

`copy` puts the first's routed log before the second; workers of the second then do their work, and `compared` says how
what they found differs. `take_over` ends it: the second's intake goes on where the first's has stopped.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from sentinel.door.streets import PARTITIONS
from sentinel.errors import SentinelError
from sentinel.intake import Intake
from sentinel.pipeline import intake_settings
from sentinel.records import ConfigChange, Routed, of_one_street
from sentinel.replay import door_of
from sentinel.settings import ConfigDocument
from sentinel.shared import Shared
from sentinel.stream import envelope, snapshot, store
from sentinel.stream.admin import administering, committed
from sentinel.stream.codec import CodecError, decode_batch, encode_batch
from sentinel.stream.configurations import Configurations
from sentinel.stream.envelope import Message, Outgoing
from sentinel.stream.environment import Environment
from sentinel.stream.export import in_order
from sentinel.stream.intake import Routing
from sentinel.stream.log_reader import LogReader
from sentinel.stream.outbox import Outbox
from sentinel.stream.topics import FEEDBACK, JOURNAL, ROUTED, TICKETS, Topics

_ALL: Final = range(PARTITIONS)


class ReprocessError(SentinelError):
    """It cannot be done as things stand; the message says what to do first."""


class Log(NamedTuple):
    """How far a routed log goes."""

    last: dict[int, int]
    """partition -> number of its last record; those without one are left out"""

    @property
    def end(self) -> int:
        """Number of the last record, -1 if there is none."""
        return max(self.last.values(), default=-1)


async def log_of(environment: Environment, topics: Topics) -> Log:
    """Read the last message of each partition."""
    last: dict[int, int] = {}
    async with LogReader(environment.kafka, topics.name(ROUTED), _ALL) as reader:
        begins, ends = await reader.begins(), await reader.ends()
        reader.seek({number: max(begins[number], ends[number] - 1) for number in _ALL})
        async for batch in reader.to_end():
            for message in batch:
                last[message.partition] = decode_batch(message.value or b"").records[-1].seq
    return Log(last)


async def copy(
    environment: Environment, old: Topics, new: Topics, document: ConfigDocument | None, moved: Callable[[int], None]
) -> Log:
    """Copy what the second's log lacks of the first's; return how far it goes now.

    Batches are made anew, so that each partition's begins with number 0 and a configuration: the `document`, which
    then stands for every one in the first's log too, else what is in the log. Where brokers have thrown away the
    beginning of the log, all partitions begin after the latest beginning. `moved` is told how many messages were read.
    """
    there = await log_of(environment, new)
    last = dict(there.last)
    failed: list[BaseException] = []
    outbox = Outbox(environment.kafka, failed.append)
    await outbox.start()
    try:
        async with LogReader(environment.kafka, old.name(ROUTED), _ALL) as reader:
            first, begin = await _beginning(reader)
            if document is None and last:
                document = await _chosen(environment, new, begin)
            if document is None and begin is None and not last:
                raise ReprocessError("the log's first settings are not kept any more; give some with --config")
            skip = -1 if begin is not None else first
            opening = document if document is not None else begin
            sent = 0
            async for batch in reader.to_end():
                for message in batch:
                    records = list(_records(message, max(skip, last.get(message.partition, -1)), document))
                    opens = message.partition not in last and not (records and records[0].seq == 0)
                    if opens and opening is not None:
                        records.insert(0, ConfigChange(0, 0.0, opening))
                    if records:
                        sent = outbox.put([_batch(new, message.partition, last.get(message.partition, -1), records)])
                        last[message.partition] = records[-1].seq
                moved(len(batch))
                await outbox.room()
            await outbox.confirmed(sent)
    finally:
        await outbox.stop()
    return Log(last)


async def _beginning(reader: LogReader) -> tuple[int, ConfigDocument | None]:
    """The highest of the numbers that partitions begin with, and the settings they all begin with, if they do."""
    begins, ends = await reader.begins(), await reader.ends()
    wanted = {number for number in _ALL if ends[number] > begins[number]}
    firsts: dict[int, Routed] = {}
    if wanted:
        async for batch in reader.to_end():
            for message in batch:
                firsts.setdefault(message.partition, decode_batch(message.value or b"").records[0])
            if firsts.keys() >= wanted:
                break
    reader.seek(begins)
    records = list(firsts.values())
    if records and all(isinstance(record, ConfigChange) and record.seq == 0 for record in records):
        return 0, records[0].document  # type: ignore[union-attr]
    return max((record.seq for record in records), default=-1), None


async def _chosen(environment: Environment, new: Topics, begin: ConfigDocument | None) -> ConfigDocument | None:
    """The settings that were chosen when copying began, None if they are the log's own."""
    async with LogReader(environment.kafka, new.name(ROUTED), _ALL) as reader:
        _, chosen = await _beginning(reader)
    return None if chosen == begin else chosen


def _records(message: Message, after: int, document: ConfigDocument | None) -> Iterator[Routed]:
    try:
        records = decode_batch(message.value or b"").records
    except CodecError:
        return  # a dead letter was made of it
    for record in records:
        if record.seq > after:
            yield record._replace(document=document) if document and isinstance(record, ConfigChange) else record


def _batch(topics: Topics, partition: int, before: int, records: list[Routed]) -> Outgoing:
    identity = f"{partition}/{records[0].seq}-{records[-1].seq}"
    source = f"{topics.application}/reprocess"
    headers = envelope.envelope(envelope.ROUTED, identity, source)
    street = next((record.street for record in records if of_one_street(record)), "")
    return Outgoing(topics.name(ROUTED), partition, street.encode(), encode_batch(before, records), headers)


# -- taking over -------------------------------------------------------------------------------------------------


class TakenOver(NamedTuple):
    """What was handed to the second application."""

    number: int
    """of the record after which it goes on"""
    tickets: int
    """messages on `tickets` that the first had not taken"""
    actions: int


async def members(environment: Environment, application: str) -> int:
    """How many workers of an application are at work."""
    async with administering(environment.kafka) as admin:
        answers = await admin.describe_consumer_groups([application])
    return sum(len(group[5]) for answer in answers for group in answer.groups)


async def take_over(environment: Environment, old: Topics, new: Topics, configurations: Configurations) -> TakenOver:
    """Let the second application's intake go on after the copied log, with the tickets that the first has not taken.

    Both applications' workers must have stopped. Doing it again hands over what has come to the first since.

    Raises `ReprocessError`.
    """
    group = f"{new.application}.reprocess"
    rest = TopicPartition(old.name(TICKETS), 0)
    consumer = AIOKafkaConsumer(**environment.kafka.options, group_id=group, enable_auto_commit=False)
    failed: list[BaseException] = []
    outbox = Outbox(environment.kafka, failed.append)
    try:
        await consumer.start()
        await outbox.start()
        consumer.assign([rest])
        handed = await consumer.committed(rest)
        number, actions, place = -1, 0, handed or 0
        if handed is None:
            taken = (await committed(environment.kafka, old.application, rest.topic, [0]))[0] or 0
            intake, routing = await _remembered(environment, new, configurations)
            await _write(environment, new, outbox, intake, routing)
            actions = await _actions(environment, old, new, outbox)
            number, place = intake.seq, taken
        tickets, sent = 0, 0
        async with LogReader(environment.kafka, rest.topic) as reader:
            reader.seek({0: max(place, (await reader.begins())[0])})
            async for batch in reader.to_end():
                sent = outbox.put(Outgoing(new.name(TICKETS), 0, m.key, m.value, m.headers) for m in batch)
                tickets += len(batch)
                place = max([place, *(message.offset + 1 for message in batch)])
                await outbox.room()
        await outbox.confirmed(sent)
        await consumer.commit({rest: OffsetAndMetadata(place, "")})
    finally:
        await outbox.stop()
        await consumer.stop()
    return TakenOver(number, tickets, actions)


async def _remembered(
    environment: Environment, topics: Topics, configurations: Configurations
) -> tuple[Intake, Routing]:
    """The intake that has made a log, as far as the log tells, and what it remembers of its sending."""
    shared: Shared | None = None
    intake: Intake | None = None
    document: ConfigDocument = {}
    async with LogReader(environment.kafka, topics.name(ROUTED), _ALL) as reader:
        async for record in in_order(reader):
            if isinstance(record, ConfigChange):
                document = record.document
                shared = configurations.of(document).shared
                settings = intake_settings(shared.settings)
                intake = intake or Intake(door_of(shared), settings)
                intake.attach(door_of(shared), settings)
            assert intake is not None, "the log begins with settings"
            intake.go_on_after(record)
    log = await log_of(environment, topics)
    if intake is None or shared is None:
        raise ReprocessError(f"{topics.name(ROUTED)} is empty: copy the log first, without --take-over")
    lacking = await _lacking(environment, topics, shared.partitions)
    if lacking:
        raise ReprocessError(
            f"partitions {lacking} of the log lack a tick that others have: the old application's intake was killed; "
            "start a worker of it, stop it with SIGTERM, and try again"
        )
    return intake, Routing(document, log.last)


async def _lacking(environment: Environment, topics: Topics, partitions: Iterable[int]) -> list[int]:
    """Partitions in which the latest record for all is not the same as in the others."""
    latest: dict[int, int] = dict.fromkeys(partitions, -1)
    async with LogReader(environment.kafka, topics.name(ROUTED), _ALL) as reader:
        async for batch in reader.to_end():
            for message in batch:
                for record in decode_batch(message.value or b"").records:
                    if not of_one_street(record) and message.partition in latest:
                        latest[message.partition] = record.seq
    newest = max(latest.values(), default=-1)
    return sorted(number for number, seq in latest.items() if seq != newest)


async def _write(environment: Environment, topics: Topics, outbox: Outbox, intake: Intake, routing: Routing) -> None:
    """Put the intake's snapshot where its worker will look for it, in place of whatever is there."""
    state = topics.state(TICKETS)
    keys: set[bytes] = set()
    async with LogReader(environment.kafka, state) as reader:
        async for batch in reader.to_end():
            keys |= {message.key for message in batch if message.key is not None}
    async with LogReader(environment.kafka, topics.name(TICKETS)) as reader:
        offset = (await reader.ends())[0]
    intake.position = offset - 1
    objects: Mapping[str, object] = {"intake": intake, "routing": routing}
    taken = snapshot.take(objects, None, "reprocess", offset, intake.seq, frozenset(objects))
    outbox.put(Outgoing(state, 0, key, None) for key in sorted(keys))
    outbox.put(store.segments_of(state, 0, taken))
    await outbox.confirmed(outbox.put([store.manifest_of(state, 0, taken.manifest)]))


async def _actions(environment: Environment, old: Topics, new: Topics, outbox: Outbox) -> int:
    """Give the second application what people did about the first's alerts."""
    sent = 0
    async with LogReader(environment.kafka, old.name(JOURNAL)) as reader:
        async for batch in reader.to_end():
            for message in batch:
                entry: dict[str, Any] = json.loads(message.value or b"{}")
                if "action" not in entry:
                    continue
                action = entry["action"]
                headers = envelope.envelope(envelope.ACTION, action["action_id"], f"{new.application}/reprocess")
                value = json.dumps(action, ensure_ascii=False, separators=(",", ":")).encode()
                outbox.put([Outgoing(new.name(FEEDBACK), 0, message.key, value, headers)])
                sent += 1
            await outbox.room()
    await outbox.confirmed(outbox.put([]))
    return sent
