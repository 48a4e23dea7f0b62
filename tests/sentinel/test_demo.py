"""`simulate`, `demo` and `score`: they end well, and nothing looks at the truth before the replay is over."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sentinel import demo
from sentinel.cli import main

SMALL = ("--days", "4", "--tickets-per-day", "150")
TRUTH = ("incidents.jsonl", "issues_truth.jsonl")


def invoke(*arguments: object) -> Result:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    return result


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result, list[str]]:
    """A small demo during whose replay the truth is out of reach: its directory, its output, what was hidden."""
    out = tmp_path_factory.mktemp("demo")
    hidden: list[str] = []
    replay: Callable[..., object] = demo.run_replay

    def without_truth(*arguments: object) -> None:
        for name in TRUTH:
            os.rename(out / name, out / f"{name}.away")
            hidden.append(name)
        replay(*arguments)
        for name in TRUTH:
            os.rename(out / f"{name}.away", out / name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "run_replay", without_truth)
        return out, invoke("demo", "--out", out, *SMALL), hidden


def test_a_demo_ends_with_what_was_found(shown: tuple[Path, Result, list[str]]) -> None:
    out, result, hidden = shown
    assert result.exit_code == 0, result.output
    assert hidden == list(TRUTH)
    planted = (out / "incidents.jsonl").read_text("utf-8").count("\n")
    assert planted > 0
    assert f"of {planted} found" in result.output
    assert json.loads((out / "summary.json").read_text("utf-8"))["tickets"] > 300


def test_score_compares_the_files_of_a_demo(shown: tuple[Path, Result, list[str]]) -> None:
    out, told, _ = shown
    result = invoke("score", out / "alerts.jsonl", out / "incidents.jsonl")
    assert result.exit_code == 0, result.output
    found = next(row for row in result.output.splitlines() if " found" in row)
    assert found.strip() in told.output


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"{broken\n", "not JSON"), (b"[1]\n", "no field"), (b"\xff\xfe\x00\n", "not JSON"), (None, "no such file")],
    ids=["broken", "no object", "binary", "absent"],
)
def test_a_truth_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None, said: str) -> None:
    (tmp_path / "alerts.jsonl").touch()
    if content is not None:
        (tmp_path / "incidents.jsonl").write_bytes(content)
    result = invoke("score", tmp_path / "alerts.jsonl", tmp_path / "incidents.jsonl")
    assert result.exit_code == 2
    assert said in result.output
    assert "incidents.jsonl" in result.output


def test_simulate_writes_tickets_and_truth_and_says_how_many(tmp_path: Path) -> None:
    result = invoke("simulate", "--out", tmp_path, *SMALL, "--no-incidents")
    assert result.exit_code == 0, result.output
    assert "0 incidents planted" in result.output
    tickets = (tmp_path / "tickets.jsonl").read_text("utf-8").splitlines()
    assert len(tickets) > 300
    assert (tmp_path / "incidents.jsonl").read_text("utf-8") == ""
