"""From one row to the events it tells of.

A row with an `event` is that event. A row without one tells of a ticket as it stood when the table was
exported; what became known only later is taken off its first event and put on events of their own time:

- each later date (派单时间, 办结时间 …, several in one cell separated by `;`) is an event at that date;
- answers (满意, 解决) belong to the call-back, else to the closing; `returned_by` to the returns;
- the handler belongs to the dispatching where that has a date;
- what has no date of its own (退单次数 without 退单时间, an answer without call-back or closing) is left out:
  no time is invented.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from pydantic import ValidationError

from sentinel.events import read_event
from sentinel.readers.columns import LATER_DATES
from sentinel.readers.rejections import Rejection, rejection_of
from sentinel.tickets import FieldProblem, TicketEvent, field_label, problems_of
from sentinel.times import posix_seconds


class Entry(NamedTuple):
    """An event and its place in the order of arrival, by which entries compare; no two share one."""

    arrival: float
    """POSIX seconds."""
    file: int
    line: int
    position: int
    """Place among the events of its row."""
    event: TicketEvent


_SEVERAL_DATES = re.compile(r"[;；,，、\n]+")
_ANSWERS: Final = frozenset({"satisfied", "solved", "returned_by"})
_LATER_DATES: Final = frozenset(LATER_DATES)
_LATER_ONLY: Final = frozenset({*LATER_DATES, *_ANSWERS, "event_at"})


def entries_of(fields: Mapping[str, object], file: str, number: int, line: int) -> Sequence[Entry | Rejection]:
    """The events of one row, or why they were refused. `number` is the file's place among all files."""
    event = fields.get("event")
    named = event.strip() if isinstance(event, str) else event  # then it is that event, whatever later dates it holds
    if named or (_LATER_DATES.isdisjoint(fields) and (event or _ANSWERS.isdisjoint(fields))):
        return (_validated(fields, file, number, line, 0, "event_at"),)
    return [
        _validated(part, file, number, line, position, source) for position, (part, source) in enumerate(_split(fields))
    ]


def _validated(
    fields: Mapping[str, object], file: str, number: int, line: int, position: int, source: str
) -> Entry | Rejection:
    """The event, or its first problem; a bad `event_at` is reported under the column it came from."""
    try:
        event = read_event(fields)
    except ValidationError as error:
        problem = problems_of(error)[0]
        if problem.field == "event_at" and source != "event_at":
            reason = problem.reason.replace(field_label("event_at"), source, 1)
            problem = FieldProblem(source, reason, problem.value)
        return rejection_of(problem, file, line)
    return Entry(posix_seconds(event.arrival), number, line, position, event)


def _split(fields: Mapping[str, object]) -> Iterator[tuple[dict[str, object], str]]:
    """The events of a wide row and the field each one's time came from."""
    dates = {field: _dates(fields[field]) for field in LATER_DATES if field in fields}
    created = {field: value for field, value in fields.items() if field not in _LATER_ONLY}
    if dates.get("dispatched_at"):
        created.pop("handler", None)
    yield created, "created_at"
    answers_on = "callback_at" if dates.get("callback_at") else "closed_at"
    for field, moments in dates.items():
        later: dict[str, object] = {"ticket_id": fields.get("ticket_id"), "event": LATER_DATES[field]}
        kept = ["handler"]
        if field == answers_on:
            kept += ["satisfied", "solved"]
        if field == "returned_at":
            kept += ["returned_by"]
        later |= {name: fields[name] for name in kept if name in fields}
        for moment in moments:
            yield {**later, "event_at": moment}, field


def _dates(value: object) -> list[object]:
    if isinstance(value, str):
        return [part for part in _SEVERAL_DATES.split(value) if part.strip(" \t\r-/")]
    return [] if value is None else [value]
