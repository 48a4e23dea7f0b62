"""What could not be read: one row (`Rejection`), or a whole file (`ReadError`)."""

from typing import NamedTuple

from sentinel.door.masking import mask
from sentinel.errors import SentinelError
from sentinel.tickets import FieldProblem

VALUE_SHOWN = 80


class Rejection(NamedTuple):
    """One row, or one event of a row, that was refused. Holds nothing of the row but one masked value."""

    file: str
    line: int
    """Line of the file (row of the sheet), counted from 1; of a row over several lines, its last."""
    field: str
    """The field at fault, "" where the row as a whole is."""
    reason: str
    value: str = ""


class ReadError(SentinelError):
    """A file, or the way it was asked for, of which nothing can be read; the message says what to do."""


def rejection_of(problem: FieldProblem, file: str, line: int) -> Rejection:
    """A refused field, its value masked and cut to 80 characters (a caller's is left out)."""
    shown = "" if problem.field == "caller" or problem.value is None else str(problem.value)[: 10 * VALUE_SHOWN]
    return Rejection(file, line, problem.field, problem.reason, mask(shown)[:VALUE_SHOWN])
