"""Delivery on Kafka: what a replay delivers, once and in order, whatever is killed and whoever is down."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from redis import Redis as Client

from alerts.actions import Action
from sentinel.delivery.tokens import made
from sentinel.settings import load_settings
from sentinel.stream import envelope, keeping, store
from sentinel.stream.envelope import header
from sentinel.stream.log_reader import LogReader
from sentinel.stream.outbox import open_producer
from sentinel.stream.snapshot import StateError
from sentinel.stream.topics import JOURNAL, Topics
from tests.integration.conftest import Application
from tests.integration.servers import HERE, Redis, free_ports, wait_until

pytestmark = pytest.mark.integration
Make = Callable[..., Application]
SECRET = "a-shared-secret"


class Receiver:
    """The platform of a subscriber: takes signed CloudEvents, and keeps their data."""

    def __init__(self, port: int) -> None:
        self.taken: list[bytes] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                stamp = self.headers["X-Sentinel-Timestamp"]
                signed = hmac.new(SECRET.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
                good = hmac.compare_digest(self.headers["X-Sentinel-Signature"], f"v1={signed}")
                if good:
                    data = json.loads(body)["data"]
                    receiver.taken.append(json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode())
                self.send_response(204 if good else 401)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer((HERE, port), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)

    @contextmanager
    def up(self) -> Iterator[None]:
        self.thread.start()
        try:
            yield
        finally:
            self.server.shutdown()
            self.server.server_close()
            self.thread.join()


def of(lines: Sequence[bytes], subscriber: str) -> list[bytes]:
    return [line for line in lines if json.loads(line)["subscriber"] == subscriber]


def act(app: Application, action: Action) -> None:
    async def send() -> None:
        producer = await open_producer(app.kafka)
        value = action.model_dump_json(exclude_defaults=True).encode()
        headers = list(envelope.envelope(envelope.ACTION, action.action_id, "test"))
        await producer.send_and_wait(f"{app.name}.feedback", value, b"k", partition=0, headers=headers)
        await producer.stop()

    asyncio.run(send())


def topics_of(app: Application) -> set[str]:
    async def ask() -> set[str]:
        admin = AIOKafkaAdminClient(bootstrap_servers=[app.broker.address])
        await admin.start()
        try:
            return set(await admin.list_topics())
        finally:
            await admin.close()

    return asyncio.run(ask())


def test_every_sink_gets_what_a_replay_delivers_once_and_in_order(
    application: Make, redis_server: Redis, week: tuple[Path, list[bytes]], tmp_path: Path
) -> None:
    tickets, _ = week
    expected = (tickets.parent / "replay" / "pushes.jsonl").read_bytes().splitlines()
    assert len(of(expected, "command-center")) > 3
    app = application(records=50, every="2s")
    (port,) = free_ports(1)
    (tmp_path / "url").write_text(f"http://{HERE}:{port}/hook?key=x", "utf-8")
    (tmp_path / "secret").write_text(SECRET, "utf-8")
    (app.config / "sinks.yaml").write_text(
        "sinks:\n"
        f'  - {{name: file, kind: file, subscribers: ["*"], path: {tmp_path}/pushes.jsonl}}\n'
        '  - {name: kafka, kind: kafka, subscribers: ["*"]}\n'
        '  - {name: redis, kind: redis, subscribers: ["street-*", command-center]}\n'
        f"  - {{name: platform, kind: webhook, subscribers: [command-center], url_file: {tmp_path}/url,\n"
        f"     secret_file: {tmp_path}/secret, private: true}}\n",
        "utf-8",
    )
    worker = app.worker(SENTINEL_REDIS=redis_server.url)
    worker.begin()
    done = app.command("produce", tickets, "--finish")
    assert done.returncode == 0, done.stderr

    wait_until(lambda: len(app.read("pushes")) >= len(expected) // 2, 180, "half of the pushes are there")
    worker.kill()  # in the middle of it
    worker.begin()
    wait_until(lambda: len(app.read("pushes")) >= len(expected), 180, "all pushes are there")
    messages = app.read("pushes")
    assert [message.value for message in messages] == expected
    identities = [header(message.headers, "ce_id") for message in messages]
    assert identities == [json.loads(line)["push_id"] for line in expected]

    file = tmp_path / "pushes.jsonl"
    wait_until(lambda: file.exists() and len(file.read_bytes().splitlines()) >= len(expected), 180, "the file has all")
    assert file.read_bytes().splitlines() == expected

    subscribers = list(dict.fromkeys(json.loads(line)["subscriber"] for line in expected))
    last = f"{app.name}.alerts.{json.loads(expected[-1])['subscriber']}"
    wait_until(lambda: last in topics_of(app), 180, "the topics of the subscribers are there")
    for subscriber in subscribers[:6]:
        wanted = of(expected, subscriber)
        wait_until(
            lambda s=subscriber, w=wanted: len({m.value for m in app.read(f"alerts.{s}")}) >= len(w), 180, subscriber
        )
        held = {header(m.headers, "ce_id"): m.value for m in app.read(f"alerts.{subscriber}")}
        assert list(held.values()) == wanted

    client = Client.from_url(redis_server.url)
    center = of(expected, "command-center")
    key = f"{app.name}:pushes:command-center"
    wait_until(lambda: client.xlen(key) >= len(center), 180, "Redis has all")
    assert [fields[b"push"] for _, fields in client.xrange(key)] == center
    client.close()

    receiver = Receiver(port)  # it was down all the time
    with receiver.up():
        wait_until(lambda: len(receiver.taken) >= len(center), 180, "the platform has caught up")
    assert receiver.taken == center
    assert "key=x" not in worker.said()
    assert SECRET not in worker.said()

    opened = json.loads(center[-1])
    alert = opened["alerts"][0]["alert_id"] if opened.get("alerts") else _some_alert(center)
    before = len(app.read("pushes"))
    for _ in range(2):  # it comes twice
        act(
            app,
            Action.model_validate({
                "action_id": "once", "at": opened["at"], "by": "command-center", "verb": "silence",
                "match": {"alert_id": [alert]}, "until": "2099-01-01T00:00:00+08:00", "why": "演练",
            }),
        )  # fmt: skip
    act(app, Action.model_validate({
        "action_id": "real", "at": opened["at"], "by": "command-center", "verb": "confirm", "alert_id": alert,
    }))  # fmt: skip
    wait_until(lambda: len(app.read("pushes")) > before, 90, "the silence is told")
    wait_until(lambda: any(header(m.headers, "ce_id") == "real" for m in app.read("tickets")), 90, "streets learn")
    assert [json.loads(m.value or b"")["reason"] for m in app.read("pushes")[before:]] == ["silenced"]

    answer_over_http(app, tmp_path, alert)


def answer_over_http(app: Application, directory: Path, alert: str, *, acts: bool = True) -> None:
    """Somebody reads an alert and acknowledges it over the API of another process; the same request does it once."""
    token, line = made("command-center", ("read", "act"))
    (directory / "tokens").write_text(line, "utf-8")
    (port,) = free_ports(1)
    api = app.process("api", "--port", port, log=directory / "api.log")
    api.environment["SENTINEL_TOKENS_FILE"] = str(directory / "tokens")
    api.start()

    def ask(method: str, path: str) -> tuple[int, Any]:
        request = urllib.request.Request(
            f"http://{HERE}:{port}/api/v1{path}", method=method, data=b"{}" * (method == "POST")
        )
        request.add_header("Authorization", f"Bearer {token}")
        request.add_header("Idempotency-Key", "k")
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())
        except OSError:
            return 0, None

    wait_until(lambda: ask("GET", f"/alerts/{alert}")[0] == 200, 90, f"the API knows the journal: {api.said()[-800:]}")
    if not acts:
        assert ask("GET", f"/alerts/{alert}")[1]["history"]
        api.kill()
        return
    for _ in range(2):
        status, told = ask("POST", f"/alerts/{alert}/note")
        assert status == 400, told
        status, told = ask("POST", f"/alerts/{alert}/acknowledge")
        assert status in (200, 202, 409), told
    wait_until(lambda: ask("GET", f"/alerts/{alert}")[1]["status"] != "open", 60, "it is acknowledged")
    events = [event["what"] for event in ask("GET", f"/alerts/{alert}")[1]["history"]]
    assert events.count("acknowledge") <= 1
    assert "confirm" in events
    api.kill()


def _some_alert(lines: Sequence[bytes]) -> str:
    return next(str(view["alert_id"]) for line in reversed(lines) for view in json.loads(line).get("alerts", []))


def test_a_start_reads_the_journal_only_from_the_last_snapshot_on(
    application: Make, week: tuple[Path, list[bytes]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tickets, _ = week
    expected = (tickets.parent / "replay" / "pushes.jsonl").read_bytes().splitlines()
    app = application(records=20, every="1s")
    if not app.broker.persistent:
        pytest.skip(f"{app.broker.name} cannot delete records: this is tried on Apache Kafka")
    kafka, topics = app.kafka, Topics(app.name, load_settings(app.config).stream)

    def kept() -> int:
        found = asyncio.run(store.recover(kafka, topics.state(JOURNAL), [0], keeping.SCHEMA))[0]
        return found.manifest.offset if found.manifest is not None else 0

    async def start() -> int:
        async with LogReader(kafka, topics.name(JOURNAL)) as reader:
            return (await keeping.begin(kafka, topics, load_settings(app.config), reader)).offset

    worker = app.worker()
    worker.begin()
    assert app.command("produce", tickets, "--finish").returncode == 0
    wait_until(lambda: len(app.read("pushes")) >= len(expected) // 3 and kept() > 0, 180, "some is said and kept")
    worker.kill()
    # what it had handed to its sockets reaches the broker after its death: a snapshot may become whole meanwhile
    least = kept()
    offset = asyncio.run(start())
    assert 0 < least <= offset <= kept()
    with monkeypatch.context() as patch:
        patch.setattr(keeping, "SCHEMA", 99)
        assert asyncio.run(start()) == 0, "another version: the journal is read from its beginning"
    asyncio.run(_cut(app, offset))
    with monkeypatch.context() as patch:
        patch.setattr(keeping, "SCHEMA", 99)
        with pytest.raises(StateError, match="not whole either"):
            asyncio.run(start())

    worker.begin()
    wait_until(lambda: len(app.read("pushes")) >= len(expected), 180, "all pushes are there")
    assert [message.value for message in app.read("pushes")] == expected
    assert app.read("journal")[0].offset >= offset, "the first entries are gone"
    answer_over_http(app, tmp_path, _some_alert(of(expected, "command-center")), acts=False)


async def _cut(app: Application, offset: int) -> None:
    """Let the journal begin with an entry, as retention does."""
    admin = AIOKafkaAdminClient(**app.kafka.options)
    await admin.start()
    try:
        await admin.delete_records({TopicPartition(f"{app.name}.journal", 0): RecordsToDelete(before_offset=offset)})
    finally:
        await admin.close()
