"""Known incidents to hold a back-test against: `incidents.jsonl`, or a CSV of which ticket belongs to which."""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from sentinel.readers import Entry, ReadError
from sentinel.scoring import Planted, read_planted

_COLUMNS: Final = {
    "incident_id": ("incident_id", "incident", "事件编号", "事件"),
    "ticket_id": ("ticket_id", "ticket", "工单编号", "工单号"),
    "kind": ("kind", "类型"),
    "name": ("name", "名称", "事件名称"),
}
_NEEDED: Final = ("incident_id", "ticket_id")


@dataclass
class _Known:
    """An incident as a CSV tells it, and what the ticket files add."""

    kind: str
    name: str
    tickets: dict[str, int] = field(default_factory=dict)
    """the line of each"""
    seen: dict[str, tuple[datetime, str]] = field(default_factory=dict)
    """when each was called in, and by whom; never leaves this object"""


class Labels:
    """The incidents of a file of labels, which the tickets that pass by complete.

    Raises `ReadError` where the file cannot be read or is not what it should be; the message says where.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._planted: list[Planted] | None = None
        self._known: dict[str, _Known] = {}
        self._incidents_of: dict[str, list[str]] = {}
        if not path.is_file():
            raise ReadError(f"{path}: no such file")
        if path.suffix.lower() == ".csv":
            self._read_csv()
        else:
            self._planted = read_planted(path)

    def watch(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """Pass entries on, and note when the tickets of incidents were called in, and by whom."""
        wanted = self._incidents_of
        if not wanted:
            yield from entries
            return
        for entry in entries:
            event = entry.event
            if event.event == "created" and event.ticket_id in wanted and event.created_at is not None:
                for incident in wanted[event.ticket_id]:
                    self._known[incident].seen.setdefault(event.ticket_id, (event.created_at, event.caller))
            yield entry

    def incidents(self) -> list[Planted]:
        """Return the incidents, once all tickets have passed by.

        Raises `ReadError` if the ticket files lack a ticket of one.
        """
        if self._planted is None:
            self._planted = [self._complete(name, known) for name, known in self._known.items()]
        return self._planted

    def _complete(self, incident: str, known: _Known) -> Planted:
        for ticket, line in known.tickets.items():
            if ticket not in known.seen:
                raise ReadError(f"{self._path}, line {line}: ticket {ticket!r} is in none of the ticket files")
        tickets = sorted(known.seen.items(), key=lambda item: (item[1][0], item[0]))
        numbers: dict[str, int] = {}
        # a ticket whose caller nobody knows counts as a caller of its own
        callers = [numbers.setdefault(caller or f"\0{ticket}", len(numbers)) for ticket, (_, caller) in tickets]
        times = [at for _, (at, _) in tickets]
        return Planted(
            incident,
            known.kind,
            known.name,
            tuple(ticket for ticket, _ in tickets),
            times[0],
            times[-1],
            len(numbers),
            tuple(times),
            tuple(callers),
        )

    def _read_csv(self) -> None:
        raw = self._path.read_bytes()
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = raw.decode("gb18030", errors="replace")
        rows = csv.reader(io.StringIO(text, newline=""))
        header = [cell.strip() for cell in next(rows, [])]
        place = {
            field: next((header.index(name) for name in names if name in header), None)
            for field, names in _COLUMNS.items()
        }
        for name in _NEEDED:
            if place[name] is None:
                raise ReadError(
                    f"{self._path}, line 1: no column {name!r}; a file of labels has one row a ticket, with the columns"
                    " incident_id and ticket_id (事件编号, 工单编号) and, where wanted, kind and name"
                )
        for cells in rows:
            if not any(cell.strip() for cell in cells):
                continue
            line = rows.line_num
            incident, ticket, kind, name = (
                cells[at].strip() if (at := place[column]) is not None and at < len(cells) else ""
                for column in _COLUMNS
            )
            for column, value in (("incident_id", incident), ("ticket_id", ticket)):
                if not value:
                    raise ReadError(f"{self._path}, line {line}: {column} is empty; give the row one or leave it out")
            known = self._known.setdefault(incident, _Known(kind or "known", name or incident))
            known.tickets[ticket] = line
            incidents = self._incidents_of.setdefault(ticket, [])
            if incident not in incidents:
                incidents.append(incident)
        if not self._known:
            raise ReadError(f"{self._path}: holds no incident; give it a row for each ticket of one")
