"""Dead letters: what could not be processed, why, and where it stands, with nothing of it unmasked."""

from __future__ import annotations

import json
from typing import Any, Final

from pydantic_core import from_json

from sentinel.door.masking import mask
from sentinel.stream.envelope import DEAD, Message, Outgoing, envelope
from sentinel.tickets import FIELD_NAMES_ZH

SHOWN: Final = 300
"""Characters shown of a field."""
_PARSED_MAX: Final = 1 << 20
_SHOWN_FIELDS: Final = tuple(name for name in FIELD_NAMES_ZH if name != "caller")


def letter(topic: str, message: Message, reason: str) -> Outgoing:
    """The dead letter of a message; the same message has the same letter.

    Of its content only a ticket's known fields are shown, masked and cut, and never the caller: in anything else
    nobody knows what stands where.
    """
    key = mask(message.key.decode("utf-8", "replace")[:SHOWN]) if message.key is not None else None
    data = {
        "reason": reason,
        "topic": message.topic,
        "partition": message.partition,
        "offset": message.offset,
        "key": key,
        "bytes": len(message.value) if message.value is not None else 0,
        "fields": _fields(message.value),
    }
    value = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
    identity = f"{message.topic}/{message.partition}/{message.offset}"
    return Outgoing(topic, 0, key.encode() if key is not None else None, value, envelope(DEAD, identity, message.topic))


def _fields(value: bytes | None) -> dict[str, str]:
    if value is None or len(value) > _PARSED_MAX:
        return {}
    try:
        data: Any = from_json(value)
    except ValueError:
        return {}
    if not isinstance(data, dict):
        return {}
    if isinstance(data.get("data"), dict):
        data = data["data"]
    found = {name: data[name] for name in _SHOWN_FIELDS if data.get(name) not in (None, "")}
    return {name: mask(str(shown)[: 10 * SHOWN])[:SHOWN] for name, shown in found.items()}
