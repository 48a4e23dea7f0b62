"""A second application beside the first: the same log, the same alerts; other settings, others; then in its place."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.conftest import Application
from tests.integration.servers import wait_until

pytestmark = pytest.mark.integration
Make = Callable[..., Application]


def beside(app: Application) -> Application:
    """An application of another name on the same broker, of the same settings."""
    directory = app.directory / "next"
    directory.mkdir()
    other = Application(app.broker, directory, records=100, every="5s", session="6s")
    other.name = f"{app.name}-next"
    return other


def test_a_second_application_says_the_same_and_goes_on_in_the_place_of_the_first(
    application: Make, week: tuple[Path, list[bytes]], tmp_path: Path
) -> None:
    tickets, expected = week
    lines = tickets.read_bytes().splitlines(keepends=True)
    half = len(lines) // 2
    (tmp_path / "first.jsonl").write_bytes(b"".join(lines[:half]))
    (tmp_path / "second.jsonl").write_bytes(b"".join(lines[half:]))
    app = application()
    other = beside(app)
    worker = app.worker()
    successor = other.worker()
    try:
        worker.begin()
        assert app.command("produce", tmp_path / "first.jsonl").returncode == 0
        wait_until(lambda: app.read("alerts"), 60, "alerts of the first half")
        lag = f'sentinel_lag_messages{{partition="0",topic="{app.name}.tickets"}}'
        wait_until(lambda: worker.figures().get(lag) == 0, 60, "all is taken")

        # beside it, under the same settings
        before = app.command("reprocess", other.name, "--patience", 0, COLUMNS="200")
        assert before.returncode == 0, before.stderr
        successor.begin()
        done = app.command("reprocess", other.name, "--patience", 60, COLUMNS="200")
        assert done.returncode == 0, done.stderr
        assert "transitions are the same by every byte, 0 only" in done.stdout
        assert f"0 only {other.name}'s" in done.stdout
        assert "has not caught up" not in done.stdout

        # not while anybody is at work
        refused = app.command("reprocess", other.name, "--take-over", COLUMNS="200")
        assert refused.returncode == 2
        assert "are at work" in refused.stderr

        if not app.broker.persistent:
            pytest.skip(f"{app.broker.name} counts workers that have left: taking over is tried on Apache Kafka")
        # what the first does not take any more goes to the second
        for one in (worker, successor):
            status, _ = one.terminate()
            assert status == 0, one.said()[-2000:]
        third = len(lines) * 3 // 4
        (tmp_path / "second.jsonl").write_bytes(b"".join(lines[half:third]))
        (tmp_path / "third.jsonl").write_bytes(b"".join(lines[third:]))
        assert app.command("produce", tmp_path / "second.jsonl").returncode == 0
        over = app.command("reprocess", other.name, "--take-over", COLUMNS="200")
        assert over.returncode == 0, over.stderr
        assert f"{third - half:,} messages of {app.name}.tickets went" in over.stdout
        again = app.command("reprocess", other.name, "--take-over", COLUMNS="200")
        assert f"0 messages of {app.name}.tickets went" in again.stdout, again.stderr

        successor.begin()
        assert other.command("produce", tmp_path / "third.jsonl", "--finish").returncode == 0
        wait_until(lambda: {m.value for m in other.read("alerts")} >= set(expected), 60, "all alerts of a replay")
        assert {message.value for message in other.read("alerts")} == set(expected)
    finally:
        app.end()
        other.end()


def test_other_settings_find_other_things_in_the_same_past(
    application: Make, week: tuple[Path, list[bytes]], tmp_path: Path
) -> None:
    tickets, expected = week
    app = application()
    other = beside(app)
    wide = tmp_path / "wide"
    wide.mkdir()
    (wide / "sentinel.yaml").write_text("budget: {false_alarms_per_week: 40}\n", "utf-8")
    try:
        app.worker().begin()
        assert app.command("produce", tickets, "--finish").returncode == 0
        wait_until(lambda: {m.value for m in app.read("alerts")} >= set(expected), 60, "all alerts")
        assert app.command("reprocess", other.name, "--config", wide, "--patience", 0, COLUMNS="200").returncode == 0
        other.worker().begin()
        done = app.command("reprocess", other.name, "--config", wide, "--patience", 60, COLUMNS="200")
        assert done.returncode == 0, done.stderr
        assert f"only {other.name}" in done.stdout
        was, now = ({json.loads(m.value or b"")["alert_id"] for m in a.read("alerts")} for a in (app, other))
        assert len(now - was) > 3, "a wider budget opens more"
        assert not done.stdout.splitlines()[-1].rpartition(",")[2].strip().startswith("0 only")
    finally:
        app.end()
        other.end()
