"""Order of arrival over all files: (arrival, file, line, position in the row), in bounded memory.

Up to `RUN` entries are sorted in memory. Beyond that, sorted runs go to an anonymous temporary file, which no
one else can open and which is gone when the process ends, and are merged from there, a few entries at a time.
Of files that are in order already each run follows the one before, and nothing needs to be compared.
"""

import heapq
import marshal
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from itertools import chain, pairwise
from typing import IO, Final, NamedTuple

from sentinel.events import pack, unpack
from sentinel.readers.rejections import Rejection
from sentinel.readers.rows import Entry

RUN: Final = 20_000
"""Entries sorted in memory at a time; about 50 MB of tickets of usual length."""
_LENGTH_BYTES: Final = 4
_CHUNK: Final = 64
"""Entries of a run that are in memory while runs are merged."""


def in_order(
    reads: Iterable[Entry | Rejection], on_rejection: Callable[[Rejection], None], run: int = RUN
) -> Iterator[Entry]:
    """All entries in the order of arrival; rejections go to `on_rejection` while the files are read.

    Reads everything before it yields the first entry, since the last line of a file may be the earliest.
    """
    pending: list[Entry] = []
    runs: list[_Run] = []
    with ExitStack() as files:
        spill: IO[bytes] | None = None
        for read in reads:
            if isinstance(read, Rejection):
                on_rejection(read)
                continue
            pending.append(read)
            if len(pending) >= run:
                if spill is None:
                    spill = files.enter_context(tempfile.TemporaryFile(prefix="sentinel-order-"))
                runs.append(_write_run(spill, pending))
                pending = []
        if spill is None:
            pending.sort()
            yield from pending
            return
        if pending:  # what waits for its turn to the end would be held to the end
            runs.append(_write_run(spill, pending))
            del pending
        parts = [_read_run(spill, run) for run in runs]
        follow = all(before.last < after.first for before, after in pairwise(runs))
        yield from chain.from_iterable(parts) if follow else heapq.merge(*parts)


class _Run(NamedTuple):
    """A sorted run: its outermost entries, and where it begins and ends in the file."""

    first: Entry
    last: Entry
    start: int
    end: int


def _write_run(spill: IO[bytes], entries: list[Entry]) -> _Run:
    """Sort entries and append them as a run."""
    entries.sort()
    start = spill.tell()
    for first in range(0, len(entries), _CHUNK):
        chunk = marshal.dumps([(*entry[:4], pack(entry.event)) for entry in entries[first : first + _CHUNK]])
        spill.write(len(chunk).to_bytes(_LENGTH_BYTES))
        spill.write(chunk)
    return _Run(entries[0], entries[-1], start, spill.tell())


def _read_run(spill: IO[bytes], run: _Run) -> Iterator[Entry]:
    position = run.start
    while position < run.end:
        spill.seek(position)
        length = int.from_bytes(spill.read(_LENGTH_BYTES))
        chunk = marshal.loads(spill.read(length))
        position += _LENGTH_BYTES + length
        for arrival, file, line, place, fields in chunk:
            yield Entry(arrival, file, line, place, unpack(fields))
