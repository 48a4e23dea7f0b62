"""Records to bytes and back: the routed log as JSON, digests as JSON with arrays behind it. Versioned; no pickle."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple

import numpy as np
import orjson

from embeddings.clusterer import Reading
from embeddings.terms import Terms
from embeddings.tickets import Fields
from sentinel.records import (
    ConfigChange,
    Digest,
    End,
    Feedback,
    ForAll,
    HandlerDigest,
    IssueDigest,
    Routed,
    RoutedTicket,
    Tick,
)
from sentinel.stream.envelope import PoisonError

VERSION: Final = 1
_HEAD: Final = struct.Struct("<2sHI")  # mark, version, length of the JSON
_MARK: Final = b"SD"
_ARRAYS: Final = frozenset({"|u1", "<u4", "<f4"})
"""Kinds of arrays in a reading, little-endian."""
_NATIVE: Final = {kind: np.dtype(kind).newbyteorder("=") for kind in _ARRAYS}
_DEFAULTS: Final = RoutedTicket._field_defaults
_TYPES: Final[dict[str, type[Tick] | type[End] | type[ConfigChange] | type[Feedback]]] = {
    "tick": Tick,
    "end": End,
    "config": ConfigChange,
    "feedback": Feedback,
}
_NAMES: Final = {kind: name for name, kind in _TYPES.items()}
_READING: Final = IssueDigest._fields.index("reading")
_TAGS: Final = IssueDigest._fields.index("tags")
_LEVEL: Final = IssueDigest._fields.index("level")


class CodecError(PoisonError):
    """Bytes that are no message of a version known here; says what is wrong and nothing of the content."""


class Batch(NamedTuple):
    """Records of one partition of the routed log that travel together."""

    before: int
    """number of the partition's record before them, -1 if there is none"""
    records: list[Routed]


class Answer(NamedTuple):
    """What a partition's streets say in answer to some ticks; digests that do not fit come in parts."""

    partition: int
    before: int
    """number of the tick the partition answered before these, -1 if none"""
    ticks: tuple[ForAll, ...]
    digests: tuple[Digest, ...]
    part: int = 0
    parts: int = 1
    said: tuple[str, ...] = ()
    """lines of the transitions said since the answer before; they come with the last part"""


def record_to_json(record: Routed) -> dict[str, object]:
    """A record as JSON can hold it; fields of a ticket that are not given are left out."""
    if isinstance(record, RoutedTicket):
        fields: dict[str, object] = {
            name: value
            for name, value in zip(RoutedTicket._fields, record, strict=True)
            if name not in _DEFAULTS or value != _DEFAULTS[name]
        }
        return {"type": "ticket", **fields}
    if isinstance(record, Tick):  # as most are, each in every partition: at half the time
        return {"type": "tick", "seq": record.seq, "clock": record.clock}
    return {"type": _NAMES[type(record)], **record._asdict()}


def record_from_json(fields: dict[str, Any]) -> Routed:
    """A record from what `record_to_json` gave. Raises `CodecError`."""
    try:
        kind = fields.pop("type")
        if kind == "ticket":
            if "tags" in fields:
                fields["tags"] = tuple(fields["tags"])
            return RoutedTicket(**fields)
        return _TYPES[kind](**fields)
    except (KeyError, TypeError, AttributeError) as error:
        raise CodecError(f"is no record of the routed log ({type(error).__name__})") from None


def encode_batch(before: int, records: Sequence[Routed]) -> bytes:
    """Records of one partition, in the order of their numbers."""
    return _dumps({"v": VERSION, "before": before, "records": [record_to_json(record) for record in records]})


def decode_batch(value: bytes) -> Batch:
    """Raises `CodecError` for anything but what `encode_batch` gave."""
    data = _loads(value)
    _check_version(data.get("v"))
    before, records = data.get("before"), data.get("records")
    if not isinstance(before, int) or not isinstance(records, list) or not records:
        raise CodecError("holds no records")
    decoded = [record_from_json(record) for record in records]
    numbers = [record.seq for record in decoded]
    if not all(isinstance(number, int) for number in numbers) or any(a >= b for a, b in pairwise([before, *numbers])):
        raise CodecError("its records are not in the order of their numbers")
    return Batch(before, decoded)


def encode_answer(answer: Answer) -> bytes:
    """An answer: JSON first, then the arrays of its readings."""
    arrays: list[bytes] = []
    head = {
        "partition": answer.partition,
        "before": answer.before,
        "part": answer.part,
        "parts": answer.parts,
        "ticks": [record_to_json(tick) for tick in answer.ticks],
        "digests": [_digest_to_json(digest, arrays) for digest in answer.digests],
        "said": answer.said,
    }
    text = _dumps(head)
    return b"".join((_HEAD.pack(_MARK, VERSION, len(text)), text, *arrays))


def decode_answer(value: bytes) -> Answer:
    """Raises `CodecError` for anything but what `encode_answer` gave."""
    if len(value) < _HEAD.size:
        raise CodecError("is too short for digests")
    mark, version, length = _HEAD.unpack_from(value)
    if mark != _MARK:
        raise CodecError("does not begin as digests do")
    _check_version(version)
    data = _loads(value[_HEAD.size : _HEAD.size + length])
    arrays = _Arrays(value, _HEAD.size + length)
    try:
        return Answer(
            int(data["partition"]),
            int(data["before"]),
            tuple(_for_all(record_from_json(tick)) for tick in data["ticks"]),
            tuple(_digest_from_json(digest, arrays) for digest in data["digests"]),
            int(data["part"]),
            int(data["parts"]),
            tuple(map(str, data["said"])),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CodecError(f"holds no digests ({type(error).__name__})") from None


def _for_all(record: Routed) -> ForAll:
    if isinstance(record, RoutedTicket):
        raise CodecError("answers a ticket, not a tick")
    return record


def _digest_to_json(digest: Digest, arrays: list[bytes]) -> list[object]:
    if isinstance(digest, HandlerDigest):
        return ["handler", *digest]
    reading = digest.reading
    kinds: list[tuple[str, int]] = []
    array: np.ndarray[Any, Any]
    for array in (*reading.terms, reading.vector):
        # the other way round on a machine with another order of bytes
        sent = array if array.dtype.str in _ARRAYS else array.astype(array.dtype.newbyteorder("<"))
        arrays.append(sent.tobytes())
        kinds.append((sent.dtype.str, len(sent)))
    values: list[object] = ["issue", *digest]
    values[1 + _READING] = [reading.ticket_id, list(reading.fields), kinds]
    return values


def _digest_from_json(fields: list[Any], arrays: _Arrays) -> Digest:
    kind, *values = fields
    if kind == "handler":
        return HandlerDigest(*values)
    if kind != "issue":
        raise CodecError("holds a digest of an unknown kind")
    if len(values) != len(IssueDigest._fields):
        raise CodecError("holds a digest of an unknown kind")
    ticket_id, plain, kinds = values[_READING]
    *terms, vector = [arrays.take(kind, length) for kind, length in kinds]
    values[_READING] = Reading(ticket_id, Terms(*terms), vector, Fields(*plain))
    values[_TAGS] = tuple(values[_TAGS])
    if values[_LEVEL] is not None:
        values[_LEVEL] = tuple(values[_LEVEL])
    return IssueDigest(*values)


class _Arrays:
    """Hands out the arrays behind the JSON, one after the other."""

    def __init__(self, value: bytes, at: int) -> None:
        self._value = value
        self._at = at

    def take(self, kind: str, length: int) -> Any:
        if kind not in _ARRAYS:
            raise CodecError("holds an array of an unknown kind")
        array = np.frombuffer(self._value, kind, length, self._at)
        self._at += array.nbytes
        # of its own, in the machine's order of bytes: what was sent must not be kept alive by a part of it
        return array.astype(_NATIVE[kind])


def _check_version(version: object) -> None:
    if version != VERSION:
        raise CodecError(f"is of schema version {version!r}, and this worker knows {VERSION}")


def _dumps(data: object) -> bytes:
    return orjson.dumps(data, option=orjson.OPT_NON_STR_KEYS)


def _loads(value: bytes) -> dict[str, Any]:
    try:
        data = orjson.loads(value)
    except ValueError:
        raise CodecError("is not JSON") from None
    if not isinstance(data, dict):
        raise CodecError("is JSON but no object")
    return data
