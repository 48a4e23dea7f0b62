"""The files a replay leaves: alerts.jsonl, issues.jsonl, assignments.csv, rejected.jsonl, summary.json."""

import csv
import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from datetime import datetime, tzinfo
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from types import TracebackType
from typing import Self

from alerts.model import Alert
from sentinel.readers import Rejection
from sentinel.records import Assigned, IssueSummary, Merged

_BATCH = 5000


class OutputFiles:
    """Writes what a replay says, as it says it, in memory that does not grow with the input.

    Member lists of issues are collected in a temporary database beside the output and written at the end.
    """

    def __init__(self, directory: Path, zone: tzinfo) -> None:
        self.directory = directory
        self.zone = zone
        self.opened: Counter[str] = Counter()
        self.by_basis: Counter[str] = Counter()
        self.transitions = 0
        self.assigned = 0
        self.rejected = 0
        self.issues = 0
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Create the directory and the files in it; what an earlier run left is overwritten."""
        self.directory.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            opened = [
                stack.enter_context((self.directory / name).open("w", encoding="utf-8", newline=""))
                for name in ("alerts.jsonl", "assignments.csv", "rejected.jsonl")
            ]
            self._alerts, assignments, self._rejected = opened
            self._assignments = csv.writer(assignments, lineterminator="\n")
            self._assignments.writerow(("ticket_id", "issue_id"))
            members = self.directory / ".members.sqlite"
            members.unlink(missing_ok=True)
            self._members = sqlite3.connect(members, isolation_level=None)
            stack.callback(members.unlink, missing_ok=True)
            stack.callback(self._members.close)
            # a crash loses the replay anyway: no journal, no waiting for the disk
            self._members.executescript(
                "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA temp_store=FILE; BEGIN;"
                "CREATE TABLE member (issue INTEGER, seq INTEGER, ticket TEXT);"
                "CREATE TABLE issue (issue INTEGER, line TEXT);"
                "CREATE TABLE merged (issue INTEGER, other INTEGER);"
            )
            self._pending: list[tuple[int, int, str]] = []
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close everything and remove the temporary database."""
        self._stack.close()

    def alerts(self, alerts: Sequence[Alert]) -> None:
        """Write transitions, given in log order."""
        for alert in alerts:
            self._alerts.write(alert.to_json_line(self.zone))
            self._alerts.write("\n")
            self.transitions += 1
            if alert.reason == "opened":
                self.opened[alert.kind] += 1
                self.by_basis[alert.basis] += 1
        if alerts:
            self._alerts.flush()

    def assignments(self, assigned: Iterable[Assigned]) -> None:
        """Write which issue each ticket went to, given in log order."""
        for seq, ticket_id, issue_id, issue_seq in assigned:
            self._assignments.writerow((ticket_id, issue_id))
            self._pending.append((issue_seq, seq, ticket_id))
            self.assigned += 1
        if len(self._pending) >= _BATCH:
            self._flush_members()

    def issue_ended(self, summaries: Iterable[IssueSummary]) -> None:
        """Keep an issue's line until its members are known."""
        for s in summaries:
            line = {
                "issue_id": s.issue_id,
                "title": s.title,
                "keywords": list(s.keywords),
                "street": s.street,
                "topic": s.topic,
                "callers": s.callers,
                "unknown_callers": s.unknown_callers,
                "first_at": self._time(s.first_at),
                "last_at": self._time(s.last_at),
            }
            self._members.execute(
                "INSERT INTO issue VALUES (?, ?)", (s.issue_seq, json.dumps(line, ensure_ascii=False))
            )
            self.issues += 1

    def merges(self, merged: Iterable[Merged]) -> None:
        """Note issues that have turned out to be one."""
        self._members.executemany("INSERT INTO merged VALUES (?, ?)", merged)

    def rejections(self, rejections: Iterable[Rejection]) -> None:
        """Write rows that could not be read."""
        for rejection in rejections:
            self._rejected.write(json.dumps(rejection._asdict(), ensure_ascii=False) + "\n")
            self.rejected += 1

    def finish(self, summary: dict[str, object]) -> None:
        """Write issues.jsonl in order of the issues' first tickets, and summary.json."""
        self._flush_members()
        self._members.execute("CREATE INDEX by_issue ON issue (issue)")
        self._members.execute("CREATE INDEX by_member ON member (issue)")
        for issue, other in self._members.execute("SELECT issue, other FROM merged ORDER BY rowid").fetchall():
            self._members.execute("UPDATE member SET issue = ? WHERE issue = ?", (other, issue))
        members = self._members.execute("SELECT issue, ticket FROM member ORDER BY issue, seq")
        with (self.directory / "issues.jsonl").open("w", encoding="utf-8") as file:
            for number, rows in groupby(members, key=itemgetter(0)):
                file.write(self._issue_line(number, [ticket for _, ticket in rows]))
        (self.directory / "summary.json").write_text(
            json.dumps(summary, ensure_ascii=False, indent=2) + "\n", encoding="utf-8"
        )

    def _issue_line(self, number: int, tickets: list[str]) -> str:
        (line,) = self._members.execute("SELECT line FROM issue WHERE issue = ?", (number,)).fetchone()
        fields = json.loads(line)
        ordered = {name: fields.pop(name) for name in ("issue_id", "title", "keywords", "street", "topic")}
        return json.dumps({**ordered, "ticket_ids": tickets, **fields}, ensure_ascii=False) + "\n"

    def _flush_members(self) -> None:
        self._members.executemany("INSERT INTO member VALUES (?, ?, ?)", self._pending)
        self._pending.clear()

    def _time(self, at: float) -> str:
        return datetime.fromtimestamp(at, self.zone).isoformat(timespec="seconds")
