"""Servers for the session, and one application a test."""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from sentinel.replay_command import run_replay
from sentinel.simulate import simulate
from sentinel.stream.access import Kafka
from sentinel.stream.envelope import Message
from sentinel.stream.log_reader import LogReader, TopicUnseenError
from tests.integration.servers import ROOT, Broker, Process, Redis, Worker, broker_in

CONFIG = """\
checkpoint:
  records: {records}
  every: {every}
session: {session}
replication: 1
retention: {{tickets: 7d, digests: 7d, routed: 400d, alerts: 400d, dead: 90d}}
"""


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    broker = broker_in(tmp_path_factory.mktemp("broker"))
    broker.begin()
    yield broker
    broker.kill()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    server = Redis(tmp_path_factory.mktemp("redis"))
    server.begin()
    yield server
    server.kill()


class Application:
    """One application on the broker: its workers, its topics, the command line beside it."""

    def __init__(self, broker: Broker, directory: Path, *, records: int, every: str, session: str) -> None:
        self.name = f"t-{uuid.uuid4().hex[:10]}"
        self.broker = broker
        self.directory = directory
        self.config = directory / "config"
        self.config.mkdir()
        stream = CONFIG.format(records=records, every=every, session=session)
        (self.config / "stream.yaml").write_text(stream, encoding="utf-8")
        self.workers: list[Worker] = []
        self.others: list[Process] = []

    def worker(self, **options: object) -> Worker:
        """A worker that is not started yet."""
        worker = Worker(self.name, self.broker, self.directory, self.config, len(self.workers), **options)  # type: ignore[arg-type]
        self.workers.append(worker)
        return worker

    @property
    def kafka(self) -> Kafka:
        """How a client gets in."""
        return Kafka((self.broker.address,))

    @property
    def environment(self) -> dict[str, str]:
        """What the command line needs to find it."""
        return {
            "PYTHONPATH": str(ROOT),
            "SENTINEL_APPLICATION": self.name,
            "SENTINEL_KAFKA": self.broker.address,
            "SENTINEL_CONFIG": str(self.config),
        }

    def command(self, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run `sentinel ...`."""
        return subprocess.run(
            [sys.executable, "-m", "sentinel.cli", *map(str, arguments)],
            env={**os.environ, **self.environment, **environment},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def process(self, *arguments: object, log: Path) -> Process:
        """`sentinel ...` beside the test; not started yet."""
        self.others.append(Process([sys.executable, "-m", "sentinel.cli", *arguments], log, self.environment))
        return self.others[-1]

    def read(self, short: str, partitions: Sequence[int] = (0,)) -> list[Message]:
        """Everything that a topic holds; nothing where it is not made yet."""

        async def read() -> list[Message]:
            try:
                async with LogReader(self.kafka, f"{self.name}.{short}", partitions) as reader:
                    return [message async for batch in reader.to_end() for message in batch]
            except TopicUnseenError:
                return []

        return asyncio.run(read())

    def end(self) -> None:
        """Kill whatever still runs."""
        for process in (*self.workers, *self.others):
            process.kill()


@pytest.fixture(scope="session")
def application(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Application]]:
    """Makes applications; whose workers still run when another is made is killed."""
    made: list[Application] = []

    def make(records: int = 100, every: str = "5s", session: str = "6s") -> Application:
        for one in made:
            one.end()
        directory = tmp_path_factory.mktemp("application")
        made.append(Application(broker, directory, records=records, every=every, session=session))
        return made[-1]

    yield make
    for one in made:
        one.end()


def replayed(tickets: Path, out: Path) -> list[bytes]:
    """The lines of alerts.jsonl that a replay writes."""
    with (out.parent / f"{out.name}.txt").open("w", encoding="utf-8") as screen:
        run_replay((tickets,), out, None, "", 0.0, 0, True, Console(file=screen))
    return (out / "alerts.jsonl").read_bytes().splitlines()


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[bytes]]:
    """20,000 ticket events of every type, 2 % late and some doubled, and what a replay says of them."""
    out = tmp_path_factory.mktemp("town")
    simulate(12, 11, out, tickets_per_day=540, incidents_per_day=5.0, quiet_days=1)
    chance = random.Random(5)
    lines = (out / "tickets.jsonl").read_text(encoding="utf-8").splitlines()
    events = [json.loads(line) for line in lines]
    late = chance.sample(events, len(events) // 50)
    for event in late:
        at = datetime.fromisoformat(event.get("event_at") or event["created_at"])
        event["arrived_at"] = (at + timedelta(hours=chance.uniform(1, 30))).isoformat()
    events += chance.sample(events, len(events) // 100)
    file = out / "town.jsonl"
    file.write_text("".join(json.dumps(event, ensure_ascii=False) + "\n" for event in events), encoding="utf-8")
    assert len(events) >= 20_000
    assert len({event.get("event", "created") for event in events}) == 8
    expected = replayed(file, out / "replay")
    alerts = [json.loads(line) for line in expected]
    assert len({alert["street"] for alert in alerts} - {""}) >= 10
    assert len({alert["alert_id"] for alert in alerts if alert["street"] == ""}) >= 3
    return file, expected


@pytest.fixture(scope="session")
def week(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[bytes]]:
    """A small hotline's tickets, and what a replay says of them, alerts of the city among it."""
    out = tmp_path_factory.mktemp("week")
    simulate(6, 1006, out, tickets_per_day=60, incidents_per_day=2.0, quiet_days=1)
    lines = replayed(out / "tickets.jsonl", out / "replay")
    assert any(b'"street":""' in line for line in lines)
    assert len(lines) > 10
    return out / "tickets.jsonl", lines
