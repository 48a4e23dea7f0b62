"""The files of a replay: written in order, members complete, nothing left behind."""

import json
from pathlib import Path

import pytest

from sentinel.output import OutputFiles
from sentinel.readers import Rejection
from sentinel.records import Assigned, IssueSummary
from sentinel.times import SHANGHAI

NOON = 1_740_974_400.0  # 2025-03-03 12:00 +08:00


def summary(issue_seq: int) -> IssueSummary:
    return IssueSummary(
        f"iss-{issue_seq}", issue_seq, "310115103", "公用事业/供水", "停水", ("停水", "水泵"), 2, 1, NOON, NOON + 60
    )


def rows(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_an_issue_lists_its_members_in_order_of_arrival_whenever_it_ended(tmp_path: Path) -> None:
    with OutputFiles(tmp_path, SHANGHAI) as output:
        output.assignments([Assigned(2, "B", "iss-2", 2), Assigned(3, "A", "iss-1", 1)])
        output.issue_ended([summary(2)])
        output.assignments([Assigned(1, "C", "iss-1", 1)])
        output.issue_ended([summary(1)])
        output.finish({})
    first, second = rows(tmp_path / "issues.jsonl")
    assert (first["issue_id"], first["ticket_ids"]) == ("iss-1", ["C", "A"])
    assert (second["issue_id"], second["ticket_ids"]) == ("iss-2", ["B"])


def test_an_issue_has_the_fields_of_the_contract_and_local_times(tmp_path: Path) -> None:
    with OutputFiles(tmp_path, SHANGHAI) as output:
        output.assignments([Assigned(1, "A", "iss-1", 1)])
        output.issue_ended([summary(1)])
        output.finish({})
    (issue,) = rows(tmp_path / "issues.jsonl")
    assert list(issue) == [
        "issue_id", "title", "keywords", "street", "topic", "ticket_ids", "callers", "unknown_callers",
        "first_at", "last_at",
    ]  # fmt: skip
    assert issue["first_at"] == "2025-03-03T12:00:00+08:00"


def test_assignments_are_a_table_with_a_heading_and_quoting(tmp_path: Path) -> None:
    with OutputFiles(tmp_path, SHANGHAI) as output:
        output.assignments([Assigned(1, 'A,"1"', "iss-1", 1)])
    assert (tmp_path / "assignments.csv").read_bytes() == b'ticket_id,issue_id\n"A,""1""",iss-1\n'


def test_rejections_are_written_and_counted(tmp_path: Path) -> None:
    with OutputFiles(tmp_path, SHANGHAI) as output:
        output.rejections([Rejection("a.csv", 3, "created_at", "受理时间 is no date", "2019-02-30")])
        assert output.rejected == 1
    assert rows(tmp_path / "rejected.jsonl") == [
        {"file": "a.csv", "line": 3, "field": "created_at", "reason": "受理时间 is no date", "value": "2019-02-30"}
    ]


def test_a_second_run_overwrites_the_first_and_leaves_no_other_file(tmp_path: Path) -> None:
    for ticket in ("A", "B"):
        with OutputFiles(tmp_path, SHANGHAI) as output:
            output.assignments([Assigned(1, ticket, "iss-1", 1)])
            output.issue_ended([summary(1)])
            output.finish({"files": [ticket]})
    assert [issue["ticket_ids"] for issue in rows(tmp_path / "issues.jsonl")] == [["B"]]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "alerts.jsonl", "assignments.csv", "issues.jsonl", "pushes.jsonl", "rejected.jsonl", "summary.json",
    ]  # fmt: skip


def test_an_error_leaves_no_temporary_file(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), OutputFiles(tmp_path, SHANGHAI):
        raise RuntimeError
    assert not list(tmp_path.glob(".*"))
