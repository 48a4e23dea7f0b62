"""One worker from start to stop: what it says is what a replay says, and nothing is done twice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from sentinel.stream.envelope import header
from tests.integration.conftest import Application
from tests.integration.servers import Broker, total, wait_until

pytestmark = pytest.mark.integration
Make = Callable[..., Application]
PHONE = "13917654321"


def test_it_says_which_broker(broker: Broker, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(f"\nbroker of the integration tests: {broker.name} ", end="")
    assert broker.alive


def send(application: Application, messages: list[tuple[bytes | None, bytes | None]]) -> None:
    async def send_all() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=application.broker.address, max_request_size=12 << 20)
        await producer.start()
        for key, value in messages:
            await producer.send_and_wait(f"{application.name}.tickets", value, key, partition=0)
        await producer.stop()

    asyncio.run(send_all())


def test_a_worker_says_what_a_replay_says_and_goes_on_where_it_stopped(
    application: Make, week: tuple[Path, list[bytes]]
) -> None:
    tickets, expected = week
    app = application(records=50, every="2s")
    worker = app.worker()
    worker.begin()
    poison: list[tuple[bytes | None, bytes | None]] = [
        (b"k", b"{no json"),
        (b"k", b"[1]"),
        (b"k", b'{"ticket_id":"P1","created_at":[1],"text":"' + PHONE.encode() + b'"}'),
        (b"k", b" " * (10 << 20)),
        (b"k", None),
        (None, b'{"ticket_id":"P2","created_at":"2025-03-03T00:00:00","text":"x"}'),
    ]
    send(app, poison)
    done = app.command("produce", tickets, "--finish")
    assert done.returncode == 0, done.stderr
    said = wait_until(
        lambda: len(app.read("alerts")) >= len(expected) and app.read("alerts"), 90, "all alerts are there"
    )
    assert sorted(message.value for message in said) == sorted(expected)
    assert len({header(message.headers, "ce_id") for message in said}) == len(expected)

    dead = app.read("dead")
    assert [json.loads(message.value or b"")["offset"] for message in dead] == list(range(len(poison)))
    assert PHONE not in repr(dead)

    figures = worker.figures()
    assert figures['sentinel_ticket_events_total{outcome="refused"}'] == len(poison)
    assert total(figures, "sentinel_alert_transitions_total") == len(expected)
    assert worker.get("/healthz")[0] == 200

    status, seconds = worker.terminate()
    assert seconds < 10
    assert status == 0, worker.said()[-2000:]

    again = app.worker()
    again.begin()
    wait_until(lambda: total(again.figures(), "sentinel_lag_messages") == 0, 30, "nothing is left to do")
    assert total(again.figures(), "sentinel_messages_skipped_total") == 0, "the last checkpoint had everything"
    assert len(app.read("alerts")) == len(expected), "nothing was said again"
