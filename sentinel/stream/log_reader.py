"""Reads partitions of a topic outside of any group: from where one says, to where they end now."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from sentinel.errors import SentinelError
from sentinel.stream.access import Kafka
from sentinel.stream.envelope import Message
from sentinel.stream.topics import LARGEST_RAW

_FETCH_BYTES: Final = 4 << 20


class TopicUnseenError(SentinelError, KafkaError):  # type: ignore[misc]
    """There is no such topic for this account; whoever follows a topic tries again, a command says so and ends."""

    exit_code = 1
    __str__ = Exception.__str__  # without the class's name before it


class LogReader:
    """An open reader of one topic. Use as an async context manager.

    A partition is read from offset 0, which stands for the oldest message that is still there.
    """

    def __init__(self, kafka: Kafka, topic: str, partitions: Sequence[int] = (0,)) -> None:
        self._topic = topic
        self._partitions = [TopicPartition(topic, number) for number in partitions]
        self.left = set(partitions)
        """partitions of which `to_end` has not given everything"""
        self._consumer = AIOKafkaConsumer(
            **kafka.options,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=_FETCH_BYTES,
            fetch_max_bytes=max(_FETCH_BYTES, LARGEST_RAW),
        )

    async def __aenter__(self) -> Self:
        """Connect, and stand at the beginning."""
        try:
            await self._consumer.start()
            if self._topic not in await self._consumer.topics():
                raise TopicUnseenError(f"topic {self._topic} is not there, or this account may not read it")
        except BaseException:
            await self._consumer.stop()
            raise
        self._consumer.assign(self._partitions)
        await self._consumer.seek_to_beginning(*self._partitions)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect."""
        await self._consumer.stop()

    async def begins(self) -> dict[int, int]:
        """The oldest offset of each partition."""
        offsets = await self._consumer.beginning_offsets(self._partitions)
        return {tp.partition: offset for tp, offset in offsets.items()}

    async def ends(self) -> dict[int, int]:
        """The offset that each partition's next message will have."""
        offsets = await self._consumer.end_offsets(self._partitions)
        return {tp.partition: offset for tp, offset in offsets.items()}

    def seek(self, offsets: Mapping[int, int]) -> None:
        """Stand before an offset of each of some partitions."""
        for partition, offset in offsets.items():
            self._consumer.seek(TopicPartition(self._topic, partition), offset)

    def hold(self, partition: int, held: bool) -> None:
        """Read no more of a partition for now, or read on."""
        (self._consumer.pause if held else self._consumer.resume)(TopicPartition(self._topic, partition))

    async def batches(self) -> AsyncIterator[list[Message]]:
        """Messages as they come, without end; those of one partition in order. An empty batch where none came."""
        while True:
            found = await self._consumer.getmany(timeout_ms=500)
            yield [message_of(record) for records in found.values() for record in records]

    async def to_end(self) -> AsyncIterator[list[Message]]:
        """What the partitions hold by now, from where the reader stands."""
        ends = await self.ends()
        left = {tp for tp in self._partitions if await self._consumer.position(tp) < ends[tp.partition]}
        self.left = {tp.partition for tp in left}
        if not left:
            return
        known: dict[int, int] = {}
        async for batch in self.batches():
            for tp in left:
                # what a fetch says of the end is right with every broker, what one asks for is not
                end = self._consumer.highwater(tp)
                if end is not None:
                    known.setdefault(tp.partition, end)
            # the last message may be one that compaction has removed, so the position decides
            left = {tp for tp in left if await self._consumer.position(tp) < known.get(tp.partition, 1 << 62)}
            self.left = {tp.partition for tp in left}
            yield [message for message in batch if message.offset < known.get(message.partition, 0)]
            if not left:
                return


def message_of(record: Any) -> Message:
    """A record of aiokafka as a message."""
    return Message(
        record.topic,
        record.partition,
        record.offset,
        record.timestamp / 1000.0,
        record.key,
        record.value,
        tuple(record.headers),
    )
