"""A stage's state as segments of bytes: only those that changed since the last snapshot need to be written.

Each object is pickled with its large arrays beside the pickle. The pickle and the arrays are cut into segments of
fixed length; an array that only grows, or changes here and there, keeps most of its segments as they were.

Pickles are read from our own state topic only. A manifest names every segment of a snapshot with its checksum
and the version of the state's classes; anything else is refused.
"""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from sentinel.errors import SentinelError
from sentinel.garbage import uncollected

SCHEMA: Final = 9
"""Version of the state. Raise it when a class that is pickled changes so that old state can no longer be read."""

SEGMENT: Final = 256 << 10
"""Bytes of a segment; a message holds one."""
_ARRAY: Final = 16 << 10
"""Arrays from this size on stand beside the pickle."""


class StateError(SentinelError):
    """State cannot be read; the message says why and what to do."""

    exit_code = 1


class Segment(NamedTuple):
    """One written segment: the number of the snapshot that wrote it, and its checksum."""

    version: int
    checksum: str


class Place(NamedTuple):
    """Where a segment belongs: object, number of the buffer (0 is the pickle), number within it."""

    name: str
    buffer: int
    segment: int


@dataclass
class Manifest:
    """What a snapshot consists of, and which input it stands for."""

    owner: str
    """who wrote it"""
    version: int
    """counts the snapshots of this owner, from 1"""
    offset: int
    """the source offset to go on from: everything before it is in here"""
    applied: int
    """number of the last record in here"""
    layout: dict[str, list[int]] = field(default_factory=dict)
    """object -> length of each of its buffers"""
    segments: dict[Place, Segment] = field(default_factory=dict)
    schema: int = SCHEMA
    """version of the classes in it"""

    def to_bytes(self) -> bytes:
        """The manifest for its record: a checksum, then JSON."""
        data = {
            "schema": self.schema,
            "owner": self.owner,
            "version": self.version,
            "offset": self.offset,
            "applied": self.applied,
            "layout": self.layout,
            "segments": [[*place, *segment] for place, segment in self.segments.items()],
        }
        text = json.dumps(data, separators=(",", ":")).encode()
        return checksum(text).encode() + text

    @classmethod
    def from_bytes(cls, value: bytes, schema: int | None = None) -> Manifest:
        """Read a manifest, of the stages' version or the one given. Raises `StateError` if it is damaged or another."""
        schema = SCHEMA if schema is None else schema
        length = len(checksum(b""))
        text = value[length:]
        if checksum(text).encode() != value[:length]:
            raise StateError("a manifest of the state is damaged; the state topic was written by something else")
        data: dict[str, Any] = json.loads(text)
        if data["schema"] != schema:
            raise StateError(
                f"the state is of version {data['schema']} and this program reads {schema}; run the program that "
                "wrote it, or give a new application the log with this one: sentinel reprocess NAME"
            )
        return cls(
            data["owner"],
            data["version"],
            data["offset"],
            data["applied"],
            data["layout"],
            {Place(name, b, s): Segment(v, c) for name, b, s, v, c in data["segments"]},
            schema,
        )


class Snapshot(NamedTuple):
    """A manifest, and the segments to write before it."""

    manifest: Manifest
    changed: dict[Place, bytes]


def take(
    objects: Mapping[str, object],
    before: Manifest | None,
    owner: str,
    offset: int,
    applied: int,
    touched: frozenset[str],
) -> Snapshot:
    """Return a snapshot of objects that go on changing afterwards.

    Those not `touched` are as they were in the snapshot `before`, and are not looked at.
    """
    snapshot = begin(before, owner, offset, applied)
    for name, value in objects.items():
        if before is not None and name in before.layout and name not in touched:
            snapshot.manifest.layout[name] = before.layout[name]
            snapshot.manifest.segments |= {place: part for place, part in before.segments.items() if place.name == name}
        else:
            add(snapshot, before, name, value)
    return snapshot


def begin(before: Manifest | None, owner: str, offset: int, applied: int, schema: int | None = None) -> Snapshot:
    """Return a snapshot without objects, of the stages' version or the one given."""
    version = before.version + 1 if before is not None else 1
    return Snapshot(Manifest(owner, version, offset, applied, schema=SCHEMA if schema is None else schema), {})


def add(snapshot: Snapshot, before: Manifest | None, name: str, value: object) -> None:
    """Put an object into a snapshot; only what was not in the one `before` is to be written."""
    manifest, changed = snapshot
    old = before.segments if before is not None else {}
    buffers = _buffers(value)
    manifest.layout[name] = [len(buffer) for buffer in buffers]
    for number, buffer in enumerate(buffers):
        for index, start in enumerate(range(0, len(buffer), SEGMENT)):
            part = buffer[start : start + SEGMENT]
            place, digest = Place(name, number, index), checksum(part)
            known = old.get(place)
            if known is not None and known.checksum == digest:
                manifest.segments[place] = known
            else:
                manifest.segments[place] = Segment(manifest.version, digest)
                changed[place] = bytes(part)


def restore(manifest: Manifest, segments: Mapping[Place, bytes]) -> dict[str, Any]:
    """Return the objects of a snapshot. Raises `StateError` where a segment is not what the manifest says."""
    objects: dict[str, Any] = {}
    for name, lengths in manifest.layout.items():
        buffers: list[bytearray] = []
        for number, length in enumerate(lengths):
            buffer = bytearray(length)
            for index, start in enumerate(range(0, length, SEGMENT)):
                place = Place(name, number, index)
                part = segments[place]
                if checksum(part) != manifest.segments[place].checksum:
                    raise StateError(f"a segment of the state is damaged ({name})")
                buffer[start : start + SEGMENT] = part
            buffers.append(buffer)
        with uncollected():
            objects[name] = pickle.loads(buffers[0], buffers=buffers[1:])
    return objects


def checksum(value: bytes | memoryview) -> str:
    """32 hexadecimal digits of BLAKE2b."""
    return hashlib.blake2b(value, digest_size=16).hexdigest()


def _buffers(value: object) -> list[memoryview]:
    """The pickle, then each large array, as flat views of bytes."""
    arrays: list[memoryview] = []

    def keep(buffer: pickle.PickleBuffer) -> bool:
        raw = buffer.raw()
        if raw.nbytes < _ARRAY:
            return True  # stays within the pickle
        arrays.append(raw)
        return False

    with uncollected():
        body = pickle.dumps(value, protocol=5, buffer_callback=keep)
    return [memoryview(body), *arrays]
