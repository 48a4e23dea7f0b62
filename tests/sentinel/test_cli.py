"""The command line: what is wrong is said clearly, what can be read is read, and there is no traceback."""

import json
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from click.testing import CliRunner, Result

from sentinel.cli import main

GOOD = {"ticket_id": "T1", "created_at": "2025-03-03T12:00:00", "text": "小区停水三天没人管", "street": "川沙新镇"}
WATER = "川沙路88号锦绣花园小区停水三天没人管"


def line(**fields: object) -> bytes:
    return json.dumps({**GOOD, **fields}, ensure_ascii=False).encode() + b"\n"


def invoke(*arguments: object) -> Result:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    assert "Traceback" not in result.output
    return result


@pytest.fixture
def replay(tmp_path: Path) -> Callable[..., Result]:
    """Writes a file and replays it."""

    def run(content: bytes, *arguments: object, name: str = "tickets.jsonl") -> Result:
        (tmp_path / name).write_bytes(content)
        return invoke("replay", tmp_path / name, "--out", tmp_path / "out", *arguments)

    return run


def rejected(tmp_path: Path) -> list[dict[str, object]]:
    return [json.loads(row) for row in (tmp_path / "out" / "rejected.jsonl").read_text("utf-8").splitlines()]


def summary(tmp_path: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((tmp_path / "out" / "summary.json").read_text("utf-8"))
    return found


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (bytes(range(256)) * 8, "binary"),
        ("Übermäßig große Gebühren für Müll\n".encode("latin-1") * 9, "columns"),
        (b"\xfd\xff\xa0\xe9 " * 50, "neither UTF-8"),
        (b"\xff\xfe" + bytes(range(128, 256)) * 9, "tickets.jsonl"),
        (b"{broken\n" * 3, "no line is a JSON object"),
        (b"[1, 2]", "one object a line"),
        (b"\x1f\x8b\x08\x00broken", "cannot be read"),
    ],
    ids=["empty", "blank", "binary", "latin-1", "no encoding", "utf-16 of nonsense", "broken", "array", "broken gzip"],
)
def test_a_file_of_which_nothing_can_be_read_is_named_with_the_reason(
    replay: Callable[..., Result], content: bytes, said: str
) -> None:
    result = replay(content)
    assert result.exit_code == 2
    assert said in result.output
    assert "tickets.jsonl" in result.output


def test_a_missing_column_names_those_found_and_the_map(replay: Callable[..., Result]) -> None:
    result = replay("编号x,内容y\n1,停水\n".encode(), name="tickets.csv")
    assert result.exit_code == 2
    for expected in ("编号x", "内容y", "--map", "ticket_id"):
        assert expected in result.output


@pytest.mark.parametrize("mapping", ["ticket_id", "nothing=id", "ticket_id=", "=", "ticket_id=a,ticket_id=b"])
def test_a_bad_map_is_refused(replay: Callable[..., Result], mapping: str) -> None:
    result = replay(line(), "--map", mapping)
    assert result.exit_code == 2
    assert "map" in result.output


def test_a_map_to_a_column_that_is_not_there_names_it(replay: Callable[..., Result]) -> None:
    result = replay(line(), "--map", "caller=who")
    assert result.exit_code == 2
    assert "who" in result.output


def test_rows_that_cannot_be_read_are_rejected_and_the_rest_goes_on(
    replay: Callable[..., Result], tmp_path: Path
) -> None:
    result = replay(
        line()
        + b"{broken\n"
        + line(ticket_id="T2", created_at="2019-02-30")
        + line(ticket_id="T3", text="")
        + line(ticket_id="")
        + b"[1]\n"
        + line(ticket_id="T4", text="水" * 3_500_000)
        + line(ticket_id="T5")
    )
    assert result.exit_code == 0
    rows = rejected(tmp_path)
    assert [(row["line"], row["field"]) for row in rows] == [
        (2, ""), (3, "created_at"), (4, "text"), (5, "ticket_id"), (6, ""), (7, ""),
    ]  # fmt: skip
    assert all(row["reason"] and str(row["file"]).endswith("tickets.jsonl") for row in rows)
    assert (summary(tmp_path)["rejected"], summary(tmp_path)["tickets"]) == (6, 2)
    assert (tmp_path / "out" / "assignments.csv").read_text("utf-8").count("\n") == 3


def test_the_evidence_of_every_alert_adds_up(replay: Callable[..., Result], tmp_path: Path) -> None:
    gas = line(ticket_id="G", text="世博路88号厨房煤气泄漏了，味道很浓，快来人", caller="13900000000")
    water = [
        line(ticket_id=f"W{n}", created_at=f"2025-03-03T12:{n:02}:00", caller=f"1380000{n:04}", text=WATER)
        for n in range(9)
    ]
    assert replay(gas + b"".join(water)).exit_code == 0
    rows = (tmp_path / "out" / "alerts.jsonl").read_text("utf-8").splitlines()
    alerts = [json.loads(row) for row in rows]
    assert {alert["kind"] for alert in alerts} >= {"urgent", "mass"}
    for alert in alerts:
        seen = alert["evidence"]
        assert seen["count"] >= seen["distinct_callers"] + seen["unknown_callers"], alert
        assert (seen["recurrence_days"] or 0) <= 36_500, alert
        if alert["basis"] == "rule":
            assert [seen["expected"], seen["score"], seen["p_value"], seen["recurrence_days"]] == [None] * 4, alert


def test_an_event_twice_is_counted_in_the_summary(replay: Callable[..., Result], tmp_path: Path) -> None:
    assert replay(line() + line(text="又说了一遍")).exit_code == 0
    assert summary(tmp_path)["refused"] == {"duplicate": 1}
    assert summary(tmp_path)["tickets"] == 1


def test_a_path_that_is_not_there_and_a_directory_are_refused(tmp_path: Path) -> None:
    for path, said in ((tmp_path / "nothing.jsonl", "no such file"), (tmp_path, "directory")):
        result = invoke("replay", path, "--out", tmp_path / "out")
        assert result.exit_code == 2
        assert said in result.output
        assert str(path) in result.output


def test_an_output_directory_that_cannot_be_made_is_named(replay: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    result = replay(line(), "--out", tmp_path / "file" / "out")
    assert result.exit_code == 2
    assert str(tmp_path / "file") in result.output


def test_all_errors_of_a_config_are_told_at_once(replay: Callable[..., Result], tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.mkdir()
    (config / "sentinel.yaml").write_text("tick: 5\nbudget: {city_share: 3}\nnonsense: 1\n", "utf-8")
    result = replay(line(), "--config", config)
    assert result.exit_code == 2
    for field in ("tick", "budget.city_share", "nonsense"):
        assert field in result.output
    checked = invoke("check-config", config)
    assert checked.exit_code == 2
    assert "nonsense" in checked.output


@pytest.mark.parametrize(
    "arguments", [["--speed", "-1"], ["--workers", "x"], ["--nope"], ["--workers", "999"]], ids=" ".join
)
def test_bad_options_are_refused(replay: Callable[..., Result], arguments: list[str]) -> None:
    result = replay(line(), *arguments)
    assert result.exit_code == 2
    assert arguments[0] in result.output


def test_the_shipped_config_is_in_order() -> None:
    assert invoke("check-config").exit_code == 0


def test_the_installed_command_says_what_is_wrong_and_exits_with_two(
    tmp_path: Path, sentinel: Callable[..., CompletedProcess[str]]
) -> None:
    done = sentinel(["replay", tmp_path / "nothing.jsonl", "--out", tmp_path / "out"])
    assert done.returncode == 2
    assert "nothing.jsonl" in done.stderr
    assert "Traceback" not in done.stderr + done.stdout


def test_a_bug_is_one_line_and_its_traceback_is_there_for_the_asking(
    replay: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("not the\nuser's fault")

    monkeypatch.delenv("SENTINEL_DEBUG", raising=False)
    monkeypatch.setattr("sentinel.replay.Replay.run", broken)
    result = replay(line())
    assert result.exit_code == 1
    (told,) = [row for row in result.stderr.splitlines() if "error" in row]
    assert "unexpected ValueError: not the user's fault" in told
    assert "SENTINEL_DEBUG=1" in told
    monkeypatch.setenv("SENTINEL_DEBUG", "1")
    with pytest.raises(AssertionError, match="not the"):  # invoke() lets nothing pass but an exit
        replay(line())


@pytest.mark.parametrize(("key", "said"), [(None, "cannot read"), (b"short", "wrong length")], ids=["absent", "short"])
def test_a_caller_key_that_cannot_be_used_is_refused_before_anything_is_written(
    replay: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: bytes | None, said: str
) -> None:
    if key is not None:
        (tmp_path / "key").write_bytes(key)
    monkeypatch.setenv("SENTINEL_CALLER_KEY_FILE", str(tmp_path / "key"))
    result = replay(line())
    assert result.exit_code == 2
    assert said in result.output
    assert not (tmp_path / "out").exists()


def test_the_summary_says_whose_key_hashed_the_callers(
    replay: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SENTINEL_CALLER_KEY_FILE", raising=False)
    result = replay(line())
    assert summary(tmp_path)["caller_key"] == "public"
    assert "public" in result.output
    (tmp_path / "key").write_bytes(b"0123456789abcdef")
    monkeypatch.setenv("SENTINEL_CALLER_KEY_FILE", str(tmp_path / "key"))
    assert replay(line()).exit_code == 0
    assert summary(tmp_path)["caller_key"] == "configured"


def test_a_worker_that_is_killed_ends_the_replay_with_a_message(hotline: Path, tmp_path: Path) -> None:
    """Its process is killed as soon as it is there: the replay must notice, say so, and not hang."""
    done = threading.Event()

    def kill() -> None:
        while not (children := multiprocessing.active_children()):
            if done.wait(0.01):
                return
        os.kill(children[0].pid or 0, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    result = invoke("replay", hotline / "tickets.jsonl", "--out", tmp_path / "out", "--workers", 2)
    done.set()
    killer.join()
    assert result.exit_code == 1
    assert "worker process ended early" in result.output
    assert multiprocessing.active_children() == []


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_replay_with_the_small_encoder_is_the_same_from_kept_vectors(
    replay: Callable[..., Result], tmp_path: Path
) -> None:
    content = b"".join(line(ticket_id=f"T{n}", text=f"{WATER}，第{n}次打电话", caller=f"c{n}") for n in range(12))
    options = ("--encoder", "small", "--vectors", tmp_path / "vectors")
    assert replay(content, *options).exit_code == 0
    found = summary(tmp_path)["encoder"]
    assert isinstance(found, dict)
    assert (found["name"], found["dimension"]) == ("small", 256)
    (kept,) = (tmp_path / "vectors").glob("*.sqlite")
    assert found["checksum"] in kept.name
    first = (tmp_path / "out" / "alerts.jsonl").read_bytes(), (tmp_path / "out" / "assignments.csv").read_bytes()
    assert len({row.split(b",")[1] for row in first[1].splitlines()[1:]}) == 1, "one issue"
    assert replay(content, *options).exit_code == 0
    assert first == (
        (tmp_path / "out" / "alerts.jsonl").read_bytes(),
        (tmp_path / "out" / "assignments.csv").read_bytes(),
    )


def test_an_encoder_that_is_none_is_told_before_anything_is_read(replay: Callable[..., Result]) -> None:
    result = replay(line(), "--encoder", "smal")
    assert result.exit_code == 2
    assert "did you mean small?" in result.output
