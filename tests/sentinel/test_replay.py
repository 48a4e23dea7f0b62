"""Replay: the same input gives the same bytes, however it is run; no personal data leaves."""

import gzip
import json
import random
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from rich.console import Console

from sentinel.replay_command import run_replay
from sentinel.tickets import TicketEvent

RESULTS = ("alerts.jsonl", "pushes.jsonl", "issues.jsonl", "assignments.csv")


def replay(file: Path, out: Path, *, workers: int = 0, speed: float = 0.0) -> dict[str, bytes]:
    with (out.parent / f"{out.name}.txt").open("w", encoding="utf-8") as screen:
        run_replay((file,), out, None, "", speed, workers, True, Console(file=screen))
    return results(out)


def results(out: Path) -> dict[str, bytes]:
    return {name: (out / name).read_bytes() for name in RESULTS}


def rows(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def out(hotline: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("replay") / "out"
    replay(hotline / "tickets.jsonl", out)
    return out


def test_the_same_file_twice_at_any_speed_gives_the_same_bytes(out: Path, hotline: Path, tmp_path: Path) -> None:
    assert replay(hotline / "tickets.jsonl", tmp_path / "again", speed=1e12) == results(out)


def test_a_gzipped_file_gives_the_same_bytes(out: Path, hotline: Path, tmp_path: Path) -> None:
    packed = tmp_path / "tickets.jsonl.gz"
    packed.write_bytes(gzip.compress((hotline / "tickets.jsonl").read_bytes()))
    assert replay(packed, tmp_path / "out") == results(out)


def test_rows_in_another_order_give_the_same_bytes_where_arrivals_differ(hotline: Path, tmp_path: Path) -> None:
    lines = (hotline / "tickets.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    distinct = list({TicketEvent.model_validate_json(line).arrival: line for line in lines[:700]}.values())
    ordered, shuffled = tmp_path / "ordered.jsonl", tmp_path / "shuffled.jsonl"
    ordered.write_text("".join(distinct), encoding="utf-8")
    random.Random(5).shuffle(distinct)
    shuffled.write_text("".join(distinct), encoding="utf-8")
    assert replay(shuffled, tmp_path / "b") == replay(ordered, tmp_path / "a")


@pytest.mark.parametrize(("seed", "workers"), [("1", 0), ("2", 2)])
def test_neither_hash_seed_nor_workers_change_a_byte(
    seed: str,
    workers: int,
    out: Path,
    hotline: Path,
    tmp_path: Path,
    sentinel: Callable[..., CompletedProcess[str]],
) -> None:
    done = sentinel(
        ["replay", hotline / "tickets.jsonl", "--out", tmp_path / "out", "--workers", workers],
        PYTHONHASHSEED=seed,
    )
    assert done.returncode == 0, done.stderr
    assert results(tmp_path / "out") == results(out)


def test_every_accepted_ticket_is_assigned_once_and_a_member_of_that_issue(
    out: Path, events: list[TicketEvent]
) -> None:
    _, *assigned = (out / "assignments.csv").read_text(encoding="utf-8").splitlines()
    pairs = [tuple(line.rsplit(",", 1)) for line in assigned]
    created = {event.ticket_id for event in events if event.event == "created"}
    assert sorted(ticket for ticket, _ in pairs) == sorted(created)
    issues = rows(out / "issues.jsonl")
    member_of = {ticket: row["issue_id"] for row in issues for ticket in row["ticket_ids"]}
    assert sum(len(row["ticket_ids"]) for row in issues) == len(member_of)
    assert sorted(member_of) == sorted(created)
    # an issue that was merged into another is gone in the end; any other still has its tickets
    lasting = {row["issue_id"] for row in issues}
    assert all(member_of[ticket] == issue for ticket, issue in pairs if issue in lasting)
    assert len([issue for _, issue in pairs if issue not in lasting]) < len(pairs) / 10


def test_alerts_come_in_order_of_number_and_street_the_citys_last(out: Path) -> None:
    transitions = rows(out / "alerts.jsonl")
    order = [(alert["seq"], alert["street"] == "", alert["street"]) for alert in transitions]
    assert len(order) > 5
    assert order == sorted(order)


def test_an_alert_never_names_a_ticket_from_its_future(out: Path, events: list[TicketEvent]) -> None:
    # of a ticket sent twice, the first counts
    at = {event.ticket_id: event.arrival for event in reversed(events) if event.event == "created"}
    for alert in rows(out / "alerts.jsonl"):
        latest = max(at[ticket].timestamp() for ticket in alert["ticket_ids"])
        opened = TicketEvent.model_validate(
            {"ticket_id": "x", "created_at": alert["updated_at"], "text": "x"}
        ).at.timestamp()
        assert latest <= opened


def test_the_summary_counts_what_was_written(out: Path, events: list[TicketEvent]) -> None:
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    transitions = rows(out / "alerts.jsonl")
    opened = [alert for alert in transitions if alert["reason"] == "opened"]
    assert summary["events"] == len(events)
    assert summary["transitions"] == len(transitions)
    assert summary["alerts"] == len(opened) == sum(summary["alerts_by_kind"].values())
    assert summary["issues"] == len(rows(out / "issues.jsonl"))
    assert summary["tickets"] == len({event.ticket_id for event in events})


PLANTED = {
    "phone": "13917654321",
    "landline": "021-58881234",
    "identity": "310115198503071234",
    "plate": "沪A·D4829",
    "card": "6222021001116245702",
    "mail": "zhangsan85@example.com",
    "name": "诸葛建国",
    "name after 我叫": "欧阳翠花",
    "caller": "wx_account_77881",
}


def test_no_output_holds_a_phone_number_name_or_caller(tmp_path: Path) -> None:
    """Six callers in danger, so that alerts, issues and rejections are all written about them."""
    said = (
        "锦绣花园3号楼现在燃气泄漏，味道很重，又停水，"
        f"我叫{PLANTED['name after 我叫']}，电话{PLANTED['phone']}或{PLANTED['landline']}，"
        f"身份证{PLANTED['identity']}，车牌{PLANTED['plate']}，银行卡{PLANTED['card']}，"
        f"邮箱{PLANTED['mail']}，姓名：{PLANTED['name']}"
    )
    tickets = [
        {"ticket_id": f"T{n}", "created_at": f"2025-03-03T12:{n:02}:00", "text": said, "title": said[:60],
         "address": f"川沙新镇锦绣花园{PLANTED['phone']}", "handler": f"川沙水务所{PLANTED['phone']}",
         "street": "川沙新镇", "caller": f"{PLANTED['caller']}{n}"}
        for n in range(6)
    ]  # fmt: skip
    tickets.append({**tickets[0], "ticket_id": "T9", "created_at": f"2025-13-01 {PLANTED['phone']}"})
    file = tmp_path / "tickets.jsonl"
    file.write_text("".join(json.dumps(t, ensure_ascii=False) + "\n" for t in tickets), encoding="utf-8")
    replay(file, tmp_path / "out")
    assert rows(tmp_path / "out" / "alerts.jsonl")
    assert rows(tmp_path / "out" / "rejected.jsonl")
    written = "".join(path.read_text(encoding="utf-8") for path in sorted((tmp_path / "out").iterdir()))
    assert "停水" in written
    assert [what for what, value in PLANTED.items() if value in written] == []
