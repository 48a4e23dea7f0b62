"""The envelope: CloudEvents 1.0 in binary mode, so that a message's value is the data itself, byte for byte."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple, TypeVar

Item = TypeVar("Item")

Headers = tuple[tuple[str, bytes], ...]

JSON: Final = "application/json"
BINARY: Final = "application/octet-stream"
STRUCTURED: Final = "application/cloudevents+json"

TICKET, FEEDBACK, CONFIG = "sentinel.ticket.v1", "sentinel.feedback.v1", "sentinel.config.v1"
CLOCK, END, TICK = "sentinel.clock.v1", "sentinel.end.v1", "sentinel.tick.v1"
ROUTED, DIGESTS, ALERT, DEAD = "sentinel.routed.v1", "sentinel.digests.v1", "sentinel.alert.v1", "sentinel.dead.v1"
JOURNAL, PUSH, ACTION = "sentinel.journal.v1", "sentinel.push.v1", "sentinel.action.v1"
"""What a message is, with the version of its schema."""


class PoisonError(ValueError):
    """A message that cannot be processed; says why and shows nothing of it."""


class Message(NamedTuple):
    """One message as a stage reads it."""

    topic: str
    partition: int
    offset: int
    appended: float
    """when the broker got it, POSIX seconds"""
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


class Outgoing(NamedTuple):
    """One message to send. The same input makes the same one, with the same id, however often."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


def envelope(kind: str, identity: str, source: str, content: str = JSON) -> Headers:
    """The headers of a message: what it is, its id, and which topic of ours it came from."""
    return (
        ("ce_specversion", b"1.0"),
        ("ce_id", identity.encode()),
        ("ce_source", f"/{source}".encode()),
        ("ce_type", kind.encode()),
        ("content-type", content.encode()),
    )


APPENDED: Final = "sentinel_appended"
"""Header: when the brokers got the newest ticket that a message is about, milliseconds."""


def header(headers: Iterable[tuple[str, bytes]], name: str) -> str:
    """A header's value, "" if it is not there; names do not depend on case."""
    return next((value.decode("utf-8", "replace") for key, value in headers if key.lower() == name), "")


def identity_of(value: bytes) -> str:
    """An id made of the content alone: equal bytes are the same message."""
    return hashlib.blake2b(value, digest_size=16).hexdigest()


def in_parts(items: Iterable[Item], size_of: Callable[[Item], int], most: int) -> Iterator[list[Item]]:
    """Cut items into parts of at most so many bytes, of a single larger item else; at least one, which may be empty."""
    part: list[Item] = []
    size = 0
    for item in items:
        length = size_of(item)
        if part and size + length > most:
            yield part
            part, size = [], 0
        part.append(item)
        size += length
    yield part
