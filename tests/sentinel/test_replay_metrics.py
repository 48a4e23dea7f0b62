"""Metrics of a replay, asked for over HTTP as Prometheus does."""

from __future__ import annotations

import socket
import urllib.request
from pathlib import Path

import pytest
from rich.console import Console

from sentinel.replay_command import run_replay
from sentinel.replay_metrics import PortTakenError, ReplayMetrics
from sentinel.simulate import simulate


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        found: int = probe.getsockname()[1]
        return found


def test_a_replay_shows_what_it_has_taken_and_said(port: int, tmp_path: Path) -> None:
    simulate(3, 1003, tmp_path / "in", tickets_per_day=60, incidents_per_day=2.0, quiet_days=1)
    metrics = ReplayMetrics(port)
    console = Console(quiet=True)
    files = (tmp_path / "in" / "tickets.jsonl",)
    summary = run_replay(files, tmp_path / "out", None, "", 0.0, 0, True, console, metrics=metrics)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    figures = {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")}
    opened = sum(value for name, value in figures.items() if name.startswith("sentinel_alerts_opened_total{"))
    assert opened == summary["alerts"]
    assert figures['sentinel_replay_events_total{outcome="routed"}'] == summary["events"]
    assert figures["sentinel_encoder_seconds_count"] == summary["tickets"]
    assert figures['sentinel_clock_seconds{partition="0",topic="replay"}'] > 1.7e9


def test_a_port_that_is_taken_is_said(port: int) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        with pytest.raises(PortTakenError, match=f"port {port}"):
            ReplayMetrics(port)
