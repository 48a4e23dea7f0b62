"""From a path to bytes whose kind and encoding are known, by content rather than by the file's name."""

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, Literal, NamedTuple

from sentinel.readers.rejections import ReadError, Rejection

LINE_BYTES_MAX: Final = 1 << 20
"""A longer line is refused without being read into memory: no ticket is that long."""
_HEAD: Final = 1 << 16

BROKEN_STREAM: Final = (EOFError, OSError, zlib.error)
"""What a damaged gzip file, or a failing disk, raises in the middle of reading."""

Kind = Literal["jsonl", "csv", "xlsx"]


class Source(NamedTuple):
    """An open file at its first byte after any byte-order mark; `encoding` is "" for XLSX."""

    name: str
    stream: BinaryIO
    kind: Kind
    encoding: str


def open_source(path: Path) -> Source:
    """Open a file and find out what it is. Close `stream` after use.

    Raises `ReadError` where it does not exist, is empty, binary, of no known encoding, or of no known kind.
    """
    stream = _open(path)
    try:
        return _identified(path, stream)
    except BROKEN_STREAM as error:
        stream.close()
        raise ReadError(f"{path}: cannot be read ({error}); check that the file is complete") from None
    except ReadError:
        stream.close()
        raise


def _open(path: Path) -> BinaryIO:
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise ReadError(f"{path}: there is no such file; check the path") from None
    except IsADirectoryError:
        raise ReadError(f"{path}: is a directory; name the files in it") from None
    except (OSError, ValueError) as error:
        raise ReadError(f"{path}: cannot be opened ({error})") from None
    magic = file.read(2)
    file.seek(0)
    if magic != b"\x1f\x8b":
        return file
    file.close()
    return io.BufferedReader(gzip.GzipFile(path))


def _identified(path: Path, stream: BinaryIO) -> Source:
    head = stream.read(_HEAD)
    stream.seek(0)
    if head.startswith(b"PK\x03\x04"):
        return Source(str(path), stream, "xlsx", "")
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        raise ReadError(f"{path}: is an old Excel file (.xls); save it as .xlsx or CSV")
    encoding, mark = _encoding(path, head)
    text = codecs.getincrementaldecoder(encoding)("replace").decode(head[mark:])
    start = text.lstrip()
    if not start.strip("\x00"):
        raise ReadError(f"{path}: is empty")
    if start.startswith("["):
        raise ReadError(f"{path}: is one JSON array; write one object a line (jq -c '.[]' FILE > FILE.jsonl)")
    stream.seek(mark)
    return Source(str(path), stream, "jsonl" if start.startswith("{") else "csv", encoding)


def _encoding(path: Path, head: bytes) -> tuple[str, int]:
    """The encoding and the length of its mark, from the first 64 KiB."""
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8", 3
    for mark, encoding in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if head.startswith(mark):
            return encoding, 2
    if b"\x00" in head:
        raise ReadError(f"{path}: is a binary file; give JSONL, CSV or XLSX, gzipped or not")
    for encoding in ("utf-8", "gb18030"):
        try:
            text = codecs.getincrementaldecoder(encoding)().decode(head)
        except UnicodeDecodeError:
            continue
        if encoding == "utf-8" or _reads_like_chinese(text):
            return encoding, 0
    if _mostly_utf8(head):
        return "utf-8", 0
    raise ReadError(f"{path}: is neither UTF-8, UTF-16 nor GB18030 text; save it as UTF-8")


def _reads_like_chinese(text: str) -> bool:
    """Whether most characters are ASCII, Chinese or its punctuation: GB18030 decodes much that is no text."""
    plain = sum(char < "\x7f" or "\u3000" <= char <= "\u9fff" or "\uff00" <= char <= "\uffef" for char in text)
    return plain >= 0.95 * len(text)


def _mostly_utf8(head: bytes) -> bool:
    """Whether it is UTF-8 with a few bad bytes, whose lines will be refused one by one."""
    text = head.decode("utf-8", "replace")
    return text.count("\ufffd") <= 0.01 * len(text) and _reads_like_chinese(text.replace("\ufffd", ""))


def lines_of(source: Source) -> Iterator[tuple[int, bytes | str] | Rejection]:
    """The lines of a text file with their numbers, bounded in memory; UTF-8 lines stay bytes.

    A line that is too long, or in another encoding than the file, is a `Rejection`; so is the place where a
    damaged file breaks off.
    """
    if not source.encoding.startswith("utf-16"):
        yield from _numbered(source, source.stream)
        return
    wide = io.TextIOWrapper(source.stream, encoding=source.encoding, errors="replace", newline="\n")
    try:
        yield from _numbered(source, wide)
    finally:
        wide.detach()


def _numbered(source: Source, stream: io.TextIOWrapper | BinaryIO) -> Iterator[tuple[int, bytes | str] | Rejection]:
    number = 0
    try:
        while line := stream.readline(LINE_BYTES_MAX + 1):
            number += 1
            if len(line) > LINE_BYTES_MAX:
                _skip_line(stream)
                reason = f"the line is longer than {LINE_BYTES_MAX >> 10} KiB; send no attachments"
                yield Rejection(source.name, number, "", reason)
            elif source.encoding == "gb18030" and isinstance(line, bytes):
                try:
                    yield number, line.decode("gb18030")
                except UnicodeDecodeError:
                    yield Rejection(source.name, number, "", "the line is not GB18030 like the rest")
            else:
                yield number, line
    except BROKEN_STREAM as error:
        reason = f"the file breaks off here ({error}); what stands before was read, get a complete copy"
        yield Rejection(source.name, number + 1, "", reason)


def _skip_line(stream: io.TextIOWrapper | BinaryIO) -> None:
    while piece := stream.readline(LINE_BYTES_MAX):
        if piece[-1:] in (b"\n", "\n"):
            return
