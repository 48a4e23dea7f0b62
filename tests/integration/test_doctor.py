"""`sentinel doctor` on deployments that are well and on such as are not."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from redis import Redis as Client

from tests.integration.conftest import Application
from tests.integration.servers import ROOT, Redis

pytestmark = pytest.mark.integration


@pytest.fixture
def doctor(
    application: Callable[..., Application], redis_server: Redis, tmp_path: Path
) -> Callable[..., tuple[int, str]]:
    """Ask it about an application; return its exit status and what it said, in one line."""
    app = application()
    key = tmp_path / "caller.key"
    key.write_bytes(os.urandom(32))
    key.chmod(0o600)
    usual = {"SENTINEL_REDIS": redis_server.url, "SENTINEL_CALLER_KEY_FILE": str(key), "COLUMNS": "400"}

    def ask(**environment: str) -> tuple[int, str]:
        done = app.command("doctor", **{**usual, **environment})
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, " ".join((done.stdout + done.stderr).split())

    ask.app = app  # type: ignore[attr-defined]
    return ask


def test_a_deployment_at_work_is_well(doctor: Callable[..., tuple[int, str]]) -> None:
    status, before = doctor()
    assert status == 0, before
    assert re.search(r"(\d+) of \1 are not there", before)
    assert "none is at work" not in before, "of what is not declared nothing is said"
    worker = doctor.app.worker()  # type: ignore[attr-defined]
    worker.begin()
    status, said = doctor()
    assert status == 0, said
    assert "0 bad" in said
    if doctor.app.broker.persistent:  # type: ignore[attr-defined]  # the other tells nothing of groups
        assert "0 doubtful" in said
        assert "1 at work" in said
    assert "stands at offset 0 of the alerts" in said


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        ({"SENTINEL_KAFKA": "127.0.0.1:9"}, "✗ brokers 127.0.0.1:9 cannot be connected to (connection refused)"),
        ({"SENTINEL_REDIS": "redis://127.0.0.1:9/0"}, "✗ Redis redis://127.0.0.1:9/0: "),
        ({"SENTINEL_CONFIG": "/nowhere"}, "✗ config /nowhere: 1 to correct"),
        ({"SENTINEL_CALLER_KEY_FILE": "/nowhere"}, "✗ caller key"),
    ],
)
def test_what_is_wrong_is_said_with_what_to_do(
    doctor: Callable[..., tuple[int, str]], change: dict[str, str], seen: str
) -> None:
    status, said = doctor(**change)
    assert status == 1
    assert seen in said
    assert "→" in said[said.index(seen) :]


def test_a_machine_with_the_wrong_time_is_found(doctor: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    clock = tmp_path / "clock"
    clock.write_text("-3600", encoding="ascii")
    here = Path(__file__).parent
    status, said = doctor(PYTHONPATH=f"{here / 'clock'}:{ROOT}", SENTINEL_TEST_CLOCK=str(clock))
    assert status == 1
    assert "the brokers' clock +36" in said
    assert "clock +36" in said[said.index("Redis") :]


def test_secrets_that_all_may_read_and_a_redis_that_forgets_are_doubtful(
    doctor: Callable[..., tuple[int, str]], redis_server: Redis, tmp_path: Path
) -> None:
    key = tmp_path / "open.key"
    key.write_bytes(os.urandom(32))
    key.chmod(0o644)
    with Client.from_url(redis_server.url) as client:
        client.config_set("maxmemory", "100mb")
        client.config_set("maxmemory-policy", "allkeys-lru")
        try:
            status, said = doctor(SENTINEL_CALLER_KEY_FILE=str(key))
        finally:
            client.config_set("maxmemory", "0")
            client.config_set("maxmemory-policy", "noeviction")
    assert status == 0, said
    assert f"! secret everybody here may read {key}" in said
    assert "! Redis it throws keys away when it is full (allkeys-lru)" in said
