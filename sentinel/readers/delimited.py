"""CSV, and its cousins with semicolons or tabs."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice

from sentinel.readers.rejections import Rejection
from sentinel.readers.rows import Entry
from sentinel.readers.sources import Source, lines_of
from sentinel.readers.table import Row, read_table

_LOOK_AHEAD = 10
"""Lines among which the header, and so the delimiter, is looked for."""


def read_csv(source: Source, index: int, mapping: Mapping[str, str]) -> Iterator[Entry | Rejection]:
    """The events of a delimited file, in its order. Raises `ReadError` as `read_table` does."""
    return read_table(source.name, index, _rows(source), mapping)


class _Lines:
    """Feeds decoded lines to the CSV parser and keeps what was refused on the way."""

    def __init__(self, source: Source) -> None:
        self.number = 0
        self.refused: list[Rejection] = []
        decoded = self._decoded(source)
        self.ahead = list(islice(decoded, _LOOK_AHEAD))
        self._lines = chain(self.ahead, decoded)

    def __iter__(self) -> Iterator[str]:
        for number, text in self._lines:
            self.number = number
            yield text

    def _decoded(self, source: Source) -> Iterator[tuple[int, str]]:
        for line in lines_of(source):
            if isinstance(line, Rejection):
                self.refused.append(line)
                continue
            number, text = line
            try:
                yield number, text if isinstance(text, str) else text.decode()
            except UnicodeDecodeError:
                reason = "the line is not UTF-8 like the rest; save the file as UTF-8"
                self.refused.append(Rejection(source.name, number, "", reason))


def _rows(source: Source) -> Iterator[Row | Rejection]:
    lines = _Lines(source)
    parser = csv.reader(lines, delimiter=_delimiter(text for _, text in lines.ahead))
    while True:
        try:
            cells = next(parser)
        except StopIteration:
            yield from lines.refused
            return
        except csv.Error as error:
            reason = f"is no row ({error}); look for a quotation mark that is never closed"
            yield Rejection(source.name, lines.number, "", reason)
            continue
        yield from lines.refused
        lines.refused.clear()
        yield lines.number, cells


def _delimiter(lines: Iterable[str]) -> str:
    """Whichever of comma, semicolon and tab the header has most of: the first line that has two of one."""
    for line in lines:
        likely = max(",;\t", key=line.count)
        if line.count(likely) > 1:
            return likely
    return ","
