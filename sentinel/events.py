"""The short way to a `TicketEvent`: from a row that is in order, or from a file where one was put aside.

The functions that the model's validators name read the fields here too, without pydantic's detour, which takes as
long again. Whatever they refuse is left to pydantic: there is one set of rules and one set of messages.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel, BeforeValidator

from sentinel.tickets import TicketEvent, missing_field
from sentinel.times import SHANGHAI, posix_seconds

_READERS: Final[dict[str, Callable[..., object]]] = {
    name: reader.func
    for name, field in TicketEvent.model_fields.items()
    for reader in field.metadata
    if isinstance(reader, BeforeValidator)
}
"""What reads each field, as the model's annotations say."""
_DEFAULTS: Final[dict[str, object]] = {
    name: "" if field.is_required() else field.default for name, field in TicketEvent.model_fields.items()
}
_ALL: Final = set(_DEFAULTS)
_TIMES: Final = ("created_at", "event_at", "due_at", "arrived_at")
_set_fields, _set_given, _set_extra, _set_private = (
    BaseModel.__dict__[slot].__set__
    for slot in ("__dict__", "__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__")
)


def read_event(row: Mapping[str, object]) -> TicketEvent:
    """What `TicketEvent.model_validate` makes of a row; every field counts as given.

    Raises `pydantic.ValidationError` as it does.
    """
    fields = _DEFAULTS.copy()
    try:
        for name, value in row.items():
            reader = _READERS.get(name)
            if reader is not None:
                fields[name] = reader(value)
    except ValueError:
        return TicketEvent.model_validate(row)
    if not fields["ticket_id"] or missing_field(fields):
        return TicketEvent.model_validate(row)
    return _event(fields)


def pack(event: TicketEvent) -> dict[str, object]:
    """The event's fields as plain values that `marshal` can write; times as POSIX seconds."""
    fields = event.__dict__.copy()
    for name in _TIMES:
        moment = fields[name]
        if moment is not None:
            fields[name] = posix_seconds(moment)
    return fields


def unpack(fields: dict[str, Any]) -> TicketEvent:
    """An event from what `pack` gave, which becomes its own."""
    for name in _TIMES:
        moment = fields[name]
        if moment is not None:
            fields[name] = datetime.fromtimestamp(moment, SHANGHAI)
    return _event(fields)


def _event(fields: dict[str, Any]) -> TicketEvent:
    """An event of valid fields, all of them, in the model's order: `model_construct` without its questions."""
    event = object.__new__(TicketEvent)
    _set_fields(event, fields)
    _set_given(event, _ALL)
    _set_extra(event, None)
    _set_private(event, None)
    return event
