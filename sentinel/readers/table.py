"""Rows under a header: what CSV files and spreadsheets have in common."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from sentinel.readers.columns import Columns
from sentinel.readers.rejections import ReadError, Rejection
from sentinel.readers.rows import Entry, entries_of

Row = tuple[int, Sequence[object]]
"""Line number and cells."""
_HEADER_WITHIN = 10
"""Exports put a title, a date or blank rows above the header: it is looked for in so many rows."""


def read_table(
    name: str, index: int, rows: Iterable[Row | Rejection], mapping: Mapping[str, str]
) -> Iterator[Entry | Rejection]:
    """The events of a table, in its order.

    Raises `ReadError` where none of the first rows is a header with the ticket's number and a time.
    """
    iterator = iter(rows)
    header, columns = _header(name, iterator, mapping)
    bound = [(place, field) for place, cell in header.items() for field in columns.fields.get(cell, ())]
    for row in iterator:
        if isinstance(row, Rejection):
            yield row
            continue
        line, cells = row
        fields: dict[str, object] = {}
        for place, field in bound:
            if place < len(cells) and (cell := cells[place]) is not None and cell != "":
                fields[field] = cell
        if fields:
            yield from entries_of(fields, name, index, line)


def _header(name: str, rows: Iterator[Row | Rejection], mapping: Mapping[str, str]) -> tuple[dict[int, str], Columns]:
    """The first row that is a header, {place: column name}, of two columns with one name the first."""
    problem = ""
    widest = 0
    for _, row in zip(range(_HEADER_WITHIN), rows, strict=False):
        if isinstance(row, Rejection):
            problem = problem or row.reason
            continue
        named: dict[str, int] = {}
        for place, cell in enumerate(row[1]):
            text = "" if cell is None else str(cell).strip()
            if text:
                named.setdefault(text, place)
        try:
            return {place: text for text, place in named.items()}, Columns(named, mapping)
        except ReadError as error:
            if len(named) > widest:
                problem, widest = str(error), len(named)
    raise ReadError(f"{name}: {problem or 'holds no rows'}")
