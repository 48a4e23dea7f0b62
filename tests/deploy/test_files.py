"""Dockerfile, compose file and units: linted, and in step with what the program knows."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from sentinel.stream import environment

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "deploy" / "systemd" / "sentinel-worker@.service"
KNOWN = {value for name, value in vars(environment).items() if name.isupper() and str(value).startswith("SENTINEL_")}
KNOWN |= {"SENTINEL_CALLER_KEY_FILE"}


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    program = Path(sys.executable).with_name("hadolint")
    if not program.exists():
        pytest.skip("hadolint comes with the `dev` extra on Linux, x86-64")
    done = subprocess.run([program, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_image_copies_what_the_context_holds() -> None:
    admitted = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line[:1] == "!"}
    lines = [line.split() for line in (ROOT / "Dockerfile").read_text("utf-8").splitlines()]
    copied = {source for words in lines if words[:1] == ["COPY"] and "--from" not in words[1] for source in words[1:-1]}
    assert copied == admitted
    assert all((ROOT / name).exists() for name in copied)


def test_the_image_runs_as_nobody_in_particular() -> None:
    text = (ROOT / "Dockerfile").read_text("utf-8")
    assert "\nUSER 10001\n" in text.rpartition("FROM ")[2]


def test_compose_sets_variables_that_there_are_and_secrets_that_it_declares() -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
    workers = [service for name, service in compose["services"].items() if name.startswith("worker")]
    assert len(workers) == 2
    for worker in workers:
        assert worker["environment"].keys() <= KNOWN
        assert worker["read_only"]
    for service in compose["services"].values():
        assert set(service.get("secrets", [])) <= compose["secrets"].keys()
        named = {volume.split(":")[0] for volume in service.get("volumes", [])}
        assert {name for name in named if not name.startswith(".")} <= compose["volumes"].keys()
        assert all((ROOT / name).exists() for name in named if name.startswith("."))
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_the_unit_sets_variables_that_there_are() -> None:
    pairs = [
        line.removeprefix("Environment=") for line in UNIT.read_text("utf-8").splitlines() if "Environment=" in line
    ]
    names = {pair.split("=")[0] for line in pairs for pair in line.split()}
    assert {name for name in names if name.startswith("SENTINEL_")} <= KNOWN


def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is missing")
    unit = tmp_path / "sentinel-worker@1.service"
    unit.write_text(UNIT.read_text("utf-8").replace("/opt/sentinel/bin/sentinel", sys.executable), encoding="utf-8")
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    complaints = [line for line in done.stderr.splitlines() if "sentinel-worker" in line]
    assert not complaints
