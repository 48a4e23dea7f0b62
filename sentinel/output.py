"""The files a replay leaves: alerts, pushes, issues and rejected lines as JSONL, assignments.csv, summary.json."""

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
from alerts.pushes import Push
from sentinel.readers import Rejection
from sentinel.records import Assigned, IssueSummary, Merged

_BATCH = 5000
_json = json.JSONEncoder(ensure_ascii=False).encode


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
        self.pushed = 0
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
                for name in ("alerts.jsonl", "pushes.jsonl", "assignments.csv", "rejected.jsonl")
            ]
            self._alerts, self._pushes, assignments, self._rejected = opened
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
                "CREATE TABLE issue (issue INTEGER, before TEXT, after TEXT);"
                "CREATE TABLE merged (issue INTEGER, other INTEGER);"
            )
            self._pending: list[tuple[int, int, str]] = []
            self._ended: list[tuple[int, str, str]] = []
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

    def pushes(self, pushes: Sequence[Push]) -> None:
        """Write what subscribers are told, in the order in which it was decided."""
        for push in pushes:
            self._pushes.write(push.to_json_line(self.zone))
            self._pushes.write("\n")
            self.pushed += 1
        if pushes:
            self._pushes.flush()

    def assignments(self, assigned: Iterable[Assigned]) -> None:
        """Write which issue each ticket went to, given in log order."""
        for seq, ticket_id, issue_id, issue_seq in assigned:
            self._assignments.writerow((ticket_id, issue_id))
            self._pending.append((issue_seq, seq, ticket_id))
            self.assigned += 1
        if len(self._pending) >= _BATCH:
            self._flush()

    def issue_ended(self, summaries: Iterable[IssueSummary]) -> None:
        """Keep what an issue's line says before and after its members, until they are known."""
        for s in summaries:
            before = {
                "issue_id": s.issue_id,
                "title": s.title,
                "keywords": s.keywords,
                "street": s.street,
                "topic": s.topic,
            }
            after = {
                "callers": s.callers,
                "unknown_callers": s.unknown_callers,
                "first_at": self._time(s.first_at),
                "last_at": self._time(s.last_at),
            }
            self._ended.append((s.issue_seq, _json(before)[:-1], _json(after)[1:]))
            self.issues += 1
            if len(self._ended) >= _BATCH:
                self._flush()

    def merges(self, merged: Sequence[Merged]) -> None:
        """Note issues that have turned out to be one."""
        if merged:
            self._members.executemany("INSERT INTO merged VALUES (?, ?)", merged)

    def rejections(self, rejections: Iterable[Rejection]) -> None:
        """Write rows that could not be read."""
        for rejection in rejections:
            self._rejected.write(json.dumps(rejection._asdict(), ensure_ascii=False) + "\n")
            self.rejected += 1

    def finish(self, summary: dict[str, object]) -> None:
        """Write issues.jsonl in order of the issues' first tickets, and summary.json."""
        self._flush()
        self._follow_merges()
        issues = self._members.execute("SELECT issue, before, after FROM issue ORDER BY issue")
        rows = self._members.execute("SELECT issue, ticket FROM member ORDER BY issue, seq")
        with (self.directory / "issues.jsonl").open("w", encoding="utf-8") as file:
            for (number, before, after), (issue, members) in zip(issues, groupby(rows, itemgetter(0)), strict=True):
                assert number == issue, "an issue has a line and members"
                file.write(f'{before}, "ticket_ids": {_json([ticket for _, ticket in members])}, {after}\n')
        (self.directory / "summary.json").write_text(
            json.dumps(summary, ensure_ascii=False, indent=2) + "\n", encoding="utf-8"
        )

    def _follow_merges(self) -> None:
        """Give the tickets of issues that have ended in a merge to those that live on, one merge after the other."""
        merges = self._members.execute("SELECT issue, other FROM merged ORDER BY rowid").fetchall()
        if merges:
            self._members.execute("CREATE INDEX by_member ON member (issue)")
        for issue, other in merges:
            self._members.execute("UPDATE member SET issue = ? WHERE issue = ?", (other, issue))

    def _flush(self) -> None:
        self._members.executemany("INSERT INTO member VALUES (?, ?, ?)", self._pending)
        self._members.executemany("INSERT INTO issue VALUES (?, ?, ?)", self._ended)
        self._pending.clear()
        self._ended.clear()

    def _time(self, at: float) -> str:
        return datetime.fromtimestamp(at, self.zone).isoformat(timespec="seconds")
