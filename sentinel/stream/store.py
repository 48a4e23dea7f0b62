"""The state topics: snapshots in, and out again for whoever takes over a partition.

Every owner of a partition writes under a name of its own, and first everything. So nothing that an earlier owner
still does, woken after it lost the partition, can spoil what a later one has written; and since state is a function
of the log, any complete snapshot is right, and the one that goes furthest is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sentinel.stream.access import Kafka
from sentinel.stream.envelope import Outgoing
from sentinel.stream.log_reader import LogReader
from sentinel.stream.snapshot import Manifest, Place, Segment, Snapshot, StateError

_MANIFEST = "manifest"


class Recovered(NamedTuple):
    """What a partition's new owner finds."""

    manifest: Manifest | None
    """None where there was never a snapshot"""
    segments: dict[Place, bytes]
    others: list[bytes]
    """keys of earlier owners, to be deleted once the new one has a snapshot"""
    problem: StateError | None = None
    """why what is there cannot be used; then there is no manifest"""


def segments_of(topic: str, partition: int, snapshot: Snapshot) -> list[Outgoing]:
    """The messages that must be confirmed before the manifest is sent."""
    owner = snapshot.manifest.owner
    return [
        Outgoing(topic, partition, _key(owner, place, snapshot.manifest.segments[place]), part)
        for place, part in snapshot.changed.items()
    ]


def manifest_of(topic: str, partition: int, manifest: Manifest) -> Outgoing:
    """The message that makes a snapshot count."""
    return Outgoing(topic, partition, f"{manifest.owner}/{_MANIFEST}".encode(), manifest.to_bytes())


def superseded(topic: str, partition: int, before: Manifest | None, manifest: Manifest) -> list[Outgoing]:
    """Tombstones for what only the snapshot before needed; to be sent once the manifest is confirmed."""
    if before is None:
        return []
    return [
        Outgoing(topic, partition, _key(before.owner, place, segment), None)
        for place, segment in before.segments.items()
        if manifest.segments.get(place) != segment
    ]


async def recover(
    kafka: Kafka, topic: str, partitions: Sequence[int], schema: int | None = None
) -> dict[int, Recovered]:
    """Read the state of some partitions, of the stages' version or the one given."""
    found: dict[int, dict[bytes, bytes]] = {partition: {} for partition in partitions}
    async with LogReader(kafka, topic, partitions) as reader:
        async for batch in reader.to_end():
            for message in batch:
                records = found[message.partition]
                assert message.key is not None, "state is always written with a key"
                if message.value is None:
                    records.pop(message.key, None)
                else:
                    records[message.key] = message.value
    return {partition: _recovered(topic, partition, found.pop(partition), schema) for partition in partitions}


def _recovered(topic: str, partition: int, records: dict[bytes, bytes], schema: int | None) -> Recovered:
    try:
        manifests = [
            Manifest.from_bytes(value, schema)
            for key, value in records.items()
            if key.endswith(f"/{_MANIFEST}".encode())
        ]
    except StateError as error:
        return Recovered(None, {}, list(records), error)
    for manifest in sorted(manifests, key=lambda m: (m.offset, m.owner), reverse=True):
        keys = {place: _key(manifest.owner, place, segment) for place, segment in manifest.segments.items()}
        if all(key in records for key in keys.values()):
            return Recovered(manifest, {place: records[key] for place, key in keys.items()}, list(records))
    incomplete = StateError(
        f"{topic}, partition {partition}: no snapshot is complete; the topic was cut or is being written by something "
        "else"
    )
    return Recovered(None, {}, list(records), incomplete if manifests else None)


def _key(owner: str, place: Place, segment: Segment) -> bytes:
    return f"{owner}/{place.name}/{place.buffer}/{place.segment}/{segment.version}".encode()
