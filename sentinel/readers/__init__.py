"""The readers: files of tickets into ticket events, in order of arrival, or the reason why not.

mapping = parse_map("created_at=time,ticket_id=id,caller=user")
for entry in in_order(open_tickets(paths, mapping), rejected.append):
    entry.event  # a TicketEvent
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from sentinel.readers.columns import parse_map
from sentinel.readers.delimited import read_csv
from sentinel.readers.jsonl import read_jsonl
from sentinel.readers.order import in_order
from sentinel.readers.rejections import ReadError, Rejection
from sentinel.readers.rows import Entry
from sentinel.readers.sources import open_source
from sentinel.readers.spreadsheet import read_xlsx

__all__ = ["Entry", "ReadError", "Rejection", "in_order", "open_tickets", "parse_map"]

_READERS = {"jsonl": read_jsonl, "csv": read_csv, "xlsx": read_xlsx}


def open_tickets(paths: Sequence[Path], mapping: Mapping[str, str] | None = None) -> Iterator[Entry | Rejection]:
    """The events of all files, file after file, each in its own order; what cannot be read as `Rejection`.

    Files are JSONL, CSV (comma, semicolon, tab) or XLSX, gzipped or not, in UTF-8, UTF-16 with a byte-order
    mark, or GB18030, told apart by content. `mapping` is what `parse_map` returns. Bounded in memory.

    Raises `ReadError` for a file of which nothing can be read.
    """
    for index, path in enumerate(paths):
        source = open_source(path)
        with source.stream:
            yield from _READERS[source.kind](source, index, mapping or {})
