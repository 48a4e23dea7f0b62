"""Order of arrival over all files: (arrival, file, line, position in the row), in bounded memory.

Up to `RUN` entries are sorted in memory. Beyond that, sorted runs go to an anonymous temporary file, which no
one else can open and which is gone when the process ends, and are merged from there, a few entries at a time.
"""

import heapq
import pickle
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from typing import IO, Final

from sentinel.readers.rejections import Rejection
from sentinel.readers.rows import Entry

RUN: Final = 20_000
"""Entries sorted in memory at a time; about 50 MB of tickets of usual length."""
_CHUNK: Final = 64
"""Entries of a run that are in memory while runs are merged."""


def in_order(
    reads: Iterable[Entry | Rejection], on_rejection: Callable[[Rejection], None], run: int = RUN
) -> Iterator[Entry]:
    """All entries in the order of arrival; rejections go to `on_rejection` while the files are read.

    Reads everything before it yields the first entry, since the last line of a file may be the earliest.
    """
    pending: list[Entry] = []
    runs: list[Iterator[Entry]] = []
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
                runs.append(_read_run(spill, *_write_run(spill, pending)))
                pending = []
        pending.sort()
        yield from heapq.merge(*runs, pending)


def _write_run(spill: IO[bytes], entries: list[Entry]) -> tuple[int, int]:
    """Append a sorted run; where it begins and ends in the file."""
    entries.sort()
    start = spill.tell()
    for first in range(0, len(entries), _CHUNK):
        pickle.dump(entries[first : first + _CHUNK], spill, protocol=pickle.HIGHEST_PROTOCOL)
    return start, spill.tell()


def _read_run(spill: IO[bytes], start: int, end: int) -> Iterator[Entry]:
    position = start
    while position < end:
        spill.seek(position)
        chunk: list[Entry] = pickle.load(spill)
        position = spill.tell()
        yield from chunk
