"""One worker from start to stop, and the commands around it. The tests of this file share one application."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sentinel.stream.envelope import header
from sentinel.stream.outbox import open_producer
from tests.integration.conftest import Application
from tests.integration.servers import Broker, Worker, total, wait_until

pytestmark = pytest.mark.integration
Make = Callable[..., Application]
Input = tuple[Path, list[bytes]]
PHONE, CALLER = "13917654321", "wx_account_77881"
TICKET = {"ticket_id": "P9", "created_at": "2025-03-09T08:00:00+08:00", "text": f"停水，电话{PHONE}", "caller": CALLER}
Sent = tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]
POISON: list[Sent] = [
    (b"k", b"{no json", []),
    (b"k", b"[1]", []),
    (b"k", json.dumps({**TICKET, "created_at": [1]}).encode(), []),
    (b"k", b" " * (10 << 20), []),
    (b"k", None, []),
    (None, json.dumps(TICKET).encode(), []),
    (b"k", json.dumps(TICKET).encode(), [("ce_type", b"sentinel.ticket.v7")]),
]


def send(app: Application, topic: str, messages: list[Sent]) -> None:
    """Put messages on a topic as they are."""

    async def send_all() -> None:
        producer = await open_producer(app.kafka, largest=12 << 20)
        for key, value, headers in messages:
            await producer.send_and_wait(f"{app.name}.{topic}", value, key, partition=0, headers=headers)
        await producer.stop()

    asyncio.run(send_all())


def idle(worker: Worker) -> bool:
    """Whether it has taken everything."""
    figures = worker.figures()
    return worker.ready and total(figures, "sentinel_lag_messages") == 0 and total(figures, "sentinel_partitions") == 66


@pytest.fixture(scope="module")
def app(application: Make) -> Application:
    return application(records=50, every="2s")


@pytest.fixture(scope="module")
def worker(app: Application, week: Input) -> Iterator[Worker]:
    """A worker that has taken some poison and a week."""
    worker = app.worker()
    worker.begin()
    send(app, "tickets", POISON)
    done = app.command("produce", week[0], "--finish")
    assert done.returncode == 0, done.stderr
    wait_until(lambda: len(app.read("alerts")) >= len(week[1]), 90, "all alerts are there")
    wait_until(lambda: idle(worker), 30, "all is taken")
    yield worker
    worker.kill()


def test_it_says_which_broker(broker: Broker, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(f"\nbroker of the integration tests: {broker.name} ", end="")
    assert broker.alive


@pytest.mark.usefixtures("worker")
def test_a_worker_says_what_a_replay_says(app: Application, week: Input) -> None:
    said = app.read("alerts")
    assert sorted(message.value or b"" for message in said) == sorted(week[1])
    assert len({header(message.headers, "ce_id") for message in said}) == len(week[1])
    assert {header(message.headers, "ce_type") for message in said} == {"sentinel.alert.v1"}
    assert all((message.key or b"") == json.loads(message.value or b"")["dedup_key"].encode() for message in said)


def test_poison_becomes_dead_letters_and_the_stream_goes_on(app: Application, worker: Worker) -> None:
    dead = app.read("dead")
    letters = [json.loads(message.value or b"") for message in dead]
    assert [letter["offset"] for letter in letters] == list(range(len(POISON)))
    assert {letter["topic"] for letter in letters} == {f"{app.name}.tickets"}
    assert all(letter["reason"] for letter in letters)
    for private in (PHONE, CALLER):
        assert private not in repr(dead)
        assert private not in worker.said()
    figures = worker.figures()
    assert figures['sentinel_ticket_events_total{outcome="refused"}'] == len(POISON)
    assert worker.get("/healthz")[0] == worker.get("/readyz")[0] == 200


@pytest.mark.usefixtures("worker")
def test_poison_between_the_stages_is_a_dead_letter_too(app: Application, worker: Worker) -> None:
    before = len(app.read("dead"))
    send(app, "routed", [(b"k", b"{nonsense", [])])
    send(app, "digests", [(b"k", b"SD\x09\x00nonsense", [])])
    wait_until(lambda: len(app.read("dead")) == before + 2, 20, "both are dead letters")
    assert worker.ready


@pytest.mark.usefixtures("worker")
def test_no_topic_but_tickets_holds_a_caller_or_a_phone_number(app: Application, week: Input) -> None:
    callers = {json.loads(line).get("caller") for line in week[0].read_text(encoding="utf-8").splitlines()}
    callers -= {None, ""}
    assert len(callers) > 50
    for topic, partitions in (("routed", range(64)), ("digests", [0]), ("alerts", [0]), ("dead", [0])):
        held = repr(app.read(topic, list(partitions)))
        assert not [caller for caller in callers if caller in held], topic


@pytest.mark.usefixtures("worker")
def test_tail_shows_the_alerts_that_are_kept(app: Application, week: Input, tmp_path: Path) -> None:
    process = app.process("tail", "alerts", "--all", "--lines", log=tmp_path / "tail.log")
    process.start()
    wait_until(lambda: process.said().count("\n") >= len(week[1]), 30, "all are shown")
    process.kill()
    assert sorted(line.encode() for line in process.said().splitlines()) == sorted(week[1])


@pytest.mark.usefixtures("worker")
def test_a_replay_of_the_exported_log_gives_the_same_alerts(app: Application, week: Input, tmp_path: Path) -> None:
    done = app.command("export", tmp_path / "log.jsonl")
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [record["seq"] for record in records] == list(range(len(records)))
    assert records[0]["type"] == "config"
    done = app.command("replay", tmp_path / "log.jsonl", "--order", "log", "--out", tmp_path / "out", "--quiet")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "alerts.jsonl").read_bytes().splitlines() == week[1]


@pytest.mark.usefixtures("worker")
def test_dead_letters_are_listed_and_sent_again(app: Application) -> None:
    before = len(app.read("dead"))
    listed = app.command("dead-letters", "list", COLUMNS="200")
    assert listed.returncode == 0, listed.stderr
    assert "ticket_id as the key" in " ".join(listed.stdout.split())
    assert PHONE not in listed.stdout
    first = app.command("dead-letters", "requeue")
    assert f"{len(POISON)} messages sent" in first.stdout, first.stdout + first.stderr
    assert "2 are not from" in first.stdout
    wait_until(lambda: len(app.read("dead")) == before + len(POISON), 20, "what is still poison comes back")
    again = app.command("dead-letters", "requeue")
    assert f"{len(POISON)} messages sent" in again.stdout, "the new letters, and not the old ones again"
    wait_until(lambda: len(app.read("dead")) == before + 2 * len(POISON), 20, "and back they come")


@pytest.mark.usefixtures("worker")
def test_a_config_that_is_applied_holds_from_there_on(app: Application, worker: Worker, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.mkdir()
    (config / "sentinel.yaml").write_text("detectors:\n  urgent:\n    strength: 1.0\n", encoding="utf-8")
    before = len(app.read("alerts"))
    danger = {"text": "锦绣花园三号楼燃气泄漏味道很重", "street": "川沙新镇"}

    routed = 'sentinel_ticket_events_total{outcome="routed"}'
    taken = worker.figures()[routed]

    def ticket(number: int, minute: int) -> Sent:
        at = f"2025-03-09T09:{minute:02}:00+08:00"
        fields = {**danger, "ticket_id": f"C{number}", "created_at": at, "arrived_at": at}
        fields["text"] = f"第{number}街坊" + fields["text"]
        return b"C", json.dumps(fields).encode(), []

    send(app, "tickets", [ticket(1, 1)])
    done = app.command("config", "apply", config)
    assert done.returncode == 0, done.stderr
    send(app, "tickets", [ticket(2, 2)])
    wait_until(lambda: worker.figures()[routed] == taken + 2, 20, "both are routed")
    time.sleep(1)
    wait_until(lambda: idle(worker), 20, "all is taken")
    urgent = [json.loads(m.value or b"") for m in app.read("alerts")[before:] if b'"kind":"urgent"' in (m.value or b"")]
    assert [alert["representative_ticket_id"] for alert in urgent] == ["C1"]

    wrong = tmp_path / "wrong"
    wrong.mkdir()
    (wrong / "sentinel.yaml").write_text("tick: never\n", encoding="utf-8")
    refused = app.command("config", "apply", wrong)
    assert refused.returncode == 2
    assert "tick" in refused.stderr


def test_a_stopped_worker_leaves_nothing_to_be_done_again(app: Application, worker: Worker) -> None:
    alerts = len(app.read("alerts"))
    wait_until(lambda: idle(worker), 20, "all is taken")
    status, seconds = worker.terminate()
    assert (status, seconds < 10) == (0, True), worker.said()[-2000:]
    again = app.worker()
    again.begin()
    wait_until(lambda: idle(again), 30, "nothing is left to do")
    assert total(again.figures(), "sentinel_messages_skipped_total") == 0
    assert total(again.figures(), "sentinel_alert_transitions_total") == 0
    assert len(app.read("alerts")) == alerts, "nothing is said again"
    assert total(again.figures(), "sentinel_recovery_seconds_count") == 3
    again.kill()
