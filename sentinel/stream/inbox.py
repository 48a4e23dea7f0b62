"""What a message on `tickets` is: a ticket event, a control record of our own, or poison with the reason."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from pydantic import ValidationError
from pydantic_core import from_json

from sentinel.events import read_event
from sentinel.stream import envelope
from sentinel.stream.envelope import Message, PoisonError, header
from sentinel.tickets import TicketEvent, problems_of

BYTES_MAX: Final = 1 << 20
"""A larger message is no ticket; the same limit that files have a line."""


class ClockPassed(NamedTuple):
    """Nothing has arrived, and the clock has reached this time (POSIX seconds)."""

    clock: float


class TickWanted(NamedTuple):
    """Delivery waits for a round to be over: somebody must be told something."""

    after: int
    """number of the transition that it waits for"""
    clock: float
    """when something that waits falls due (POSIX seconds)"""


class StreamEnded(NamedTuple):
    """The input has ended, as a file ends."""


class FeedbackGiven(NamedTuple):
    """What people found out about an alert."""

    street: str
    scope: str
    subject: str
    real: bool


class ConfigApplied(NamedTuple):
    """Another configuration is to hold from here on."""

    document: Mapping[str, dict[str, object]]


Received = TicketEvent | FeedbackGiven | ClockPassed | TickWanted | StreamEnded | ConfigApplied


def receive(message: Message) -> Received:
    """Read one message of `tickets`. Raises `PoisonError`."""
    value = message.value
    if value is None:
        raise PoisonError("is a tombstone: it has no value; nothing on this topic is deleted by key")
    if len(value) > BYTES_MAX:
        raise PoisonError(f"has {len(value):,} bytes, more than {BYTES_MAX:,}; send no attachments")
    if message.key is None:
        raise PoisonError("has no key; send the ticket_id as the key")
    kind, data = _opened(message.headers, value)
    if kind == envelope.TICKET:
        return _ticket(data)
    if kind == envelope.FEEDBACK:
        return _feedback(data)
    if kind == envelope.CLOCK:
        clock = data.get("clock")
        if not isinstance(clock, float):
            raise PoisonError("tells no time")
        return ClockPassed(clock)
    if kind == envelope.TICK:
        after, clock = data.get("after"), data.get("clock")
        if not isinstance(after, int) or not isinstance(clock, float):
            raise PoisonError("tells no number and no time")
        return TickWanted(after, clock)
    if kind == envelope.END:
        return StreamEnded()
    if kind == envelope.CONFIG:
        return ConfigApplied(data)
    raise PoisonError(f"is of type {kind[:80]!r}, which this version does not know")


def _opened(headers: envelope.Headers, value: bytes) -> tuple[str, dict[str, Any]]:
    """The type and data of a message: plain JSON, or CloudEvents in binary or structured mode."""
    try:
        data = from_json(value)
    except ValueError:
        raise PoisonError("is not JSON") from None
    if not isinstance(data, dict):
        raise PoisonError('is JSON but no object; send {"ticket_id": …}')
    if header(headers, "content-type").startswith(envelope.STRUCTURED):
        inner = data.get("data")
        if not isinstance(inner, dict):
            raise PoisonError("is a structured CloudEvent without a JSON object as its data")
        return str(data.get("type") or ""), inner
    return header(headers, "ce_type") or envelope.TICKET, data


def _feedback(data: dict[str, Any]) -> FeedbackGiven:
    """`street` and `dedup_key` as in the alert, and whether it was `real`."""
    street, key, real = data.get("street"), data.get("dedup_key"), data.get("real")
    parts = key.split(":", 2) if isinstance(key, str) else []
    if not isinstance(street, str) or len(parts) != 3 or not isinstance(real, bool):
        raise PoisonError(
            'is no feedback; send {"street": …, "dedup_key": … (both of the alert), "real": true or false}'
        )
    return FeedbackGiven(street, parts[1], parts[2], real)


def _ticket(data: dict[str, Any]) -> TicketEvent:
    try:
        return read_event(data)
    except ValidationError as error:
        problem = problems_of(error)[0]
        raise PoisonError(f"field {problem.field}: {problem.reason}" if problem.field else problem.reason) from None


def control(application: str, kind: str, identity: str, data: object) -> tuple[bytes, bytes, envelope.Headers]:
    """Key, value and headers of a control record for `tickets`."""
    value = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
    return b"sentinel", value, envelope.envelope(kind, identity, application)
