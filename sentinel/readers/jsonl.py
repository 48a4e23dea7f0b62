"""JSON lines: one object a line, one event or one wide row each."""

from collections.abc import Iterator, Mapping
from itertools import chain

from pydantic_core import from_json

from sentinel.readers.columns import Columns
from sentinel.readers.rejections import ReadError, Rejection
from sentinel.readers.rows import Entry, entries_of
from sentinel.readers.sources import Source, lines_of

_LOOK_AHEAD = 50
"""Objects whose keys together are taken for the file's columns; later objects may bring further ones."""

_NAMES_MAX = 1000
"""Keys beyond so many are not looked at: a file of ever new keys must not fill the memory."""


def read_jsonl(source: Source, index: int, mapping: Mapping[str, str]) -> Iterator[Entry | Rejection]:
    """The events of a JSONL file, in its order.

    Raises `ReadError` where no line is an object, or where no key is the ticket's number or a time.
    """
    rows = _objects(source)
    ahead: list[tuple[int, dict[str, object]] | Rejection] = []
    names: dict[str, None] = {}
    for row in rows:
        ahead.append(row)
        if not isinstance(row, Rejection):
            names.update(dict.fromkeys(row[1]))
        if len(ahead) >= _LOOK_AHEAD and names:
            break
        if len(ahead) >= 100 * _LOOK_AHEAD:
            break
    if not names:
        raise ReadError(f"{source.name}: no line is a JSON object; write one object a line")
    columns = _bound(source, names, mapping)
    for row in chain(ahead, rows):
        if isinstance(row, Rejection):
            yield row
            continue
        line, fields = row
        if len(names) < _NAMES_MAX and not names.keys() >= fields.keys():
            names.update(dict.fromkeys(fields))
            columns = _bound(source, names, mapping)
        picked = fields if columns.plain else columns.pick(fields)
        yield from entries_of(picked, source.name, index, line)


def _bound(source: Source, names: Mapping[str, None], mapping: Mapping[str, str]) -> Columns:
    try:
        return Columns(names, mapping)
    except ReadError as error:
        raise ReadError(f"{source.name}: {error}") from None


def _objects(source: Source) -> Iterator[tuple[int, dict[str, object]] | Rejection]:
    for line in lines_of(source):
        if isinstance(line, Rejection):
            yield line
            continue
        number, text = line
        try:
            row = from_json(text)
        except ValueError as error:
            if text.strip():
                yield Rejection(source.name, number, "", f"is not JSON ({error}); correct the line")
            continue
        if isinstance(row, dict):
            yield number, row
        else:
            yield Rejection(source.name, number, "", 'is JSON but no object; write {"ticket_id": …} on each line')
