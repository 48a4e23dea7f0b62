"""XLSX workbooks: the first visible sheet that holds anything."""

import io
import shutil
import tempfile
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from typing import IO, Final

from sentinel.readers.rejections import ReadError, Rejection
from sentinel.readers.rows import Entry
from sentinel.readers.sources import Source
from sentinel.readers.table import Row, read_table

# What openpyxl lets through for damaged workbooks; a SyntaxError is how XML parsers report broken XML.
_DAMAGE: Final = (
    zipfile.BadZipFile,
    zlib.error,
    KeyError,
    ValueError,
    OSError,
    EOFError,
    SyntaxError,
    TypeError,
)


def read_xlsx(source: Source, index: int, mapping: Mapping[str, str]) -> Iterator[Entry | Rejection]:
    """The events of a workbook. Raises `ReadError` as `read_table` does, or where it is damaged."""
    return read_table(source.name, index, _rows(source), mapping)


def _rows(source: Source) -> Iterator[Row | Rejection]:
    from openpyxl import load_workbook  # a second to import: only who reads a workbook waits for it

    with tempfile.TemporaryFile() as copy, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # openpyxl warns of styles and extensions that hold no data
        stream: IO[bytes] = source.stream
        if not isinstance(getattr(stream, "raw", None), io.FileIO):
            shutil.copyfileobj(stream, copy)  # a workbook is read from its end, where gzip cannot go
            stream = copy
        number = 0
        try:
            workbook = load_workbook(stream, read_only=True, data_only=True)
            for sheet in workbook.worksheets:
                sheet.reset_dimensions()
                if sheet.sheet_state != "visible":
                    continue
                for number, cells in enumerate(sheet.iter_rows(values_only=True), start=1):
                    if any(cell is not None for cell in cells):
                        yield number, cells
                if number:
                    return
        except _DAMAGE as error:
            if not number:
                raise ReadError(f"{source.name}: is a damaged workbook ({error}); save it again") from None
            reason = f"the workbook is damaged here ({error}); what stands before was read, save it again"
            yield Rejection(source.name, number + 1, "", reason)
