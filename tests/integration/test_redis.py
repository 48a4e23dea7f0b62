"""Redis: what people look at, written from `alerts` alone, and written again whenever it is lost."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis as Client

from sentinel.settings import Settings, load_settings
from sentinel.stream import envelope
from sentinel.stream.access import RedisServer
from sentinel.stream.environment import Environment
from sentinel.stream.metrics import Metrics
from sentinel.stream.outbox import open_producer
from sentinel.stream.projection import Projection
from sentinel.stream.topics import ALERTS, Topics, declare
from tests.integration.chaos import producing, settle
from tests.integration.conftest import Application
from tests.integration.servers import Redis, wait_until

pytestmark = pytest.mark.integration
Make = Callable[..., Application]


@pytest.fixture
def client(redis_server: Redis) -> Iterator[Client]:
    client = Client.from_url(redis_server.url)
    yield client
    client.close()


def say(app: Application, lines: Sequence[bytes], settings: Settings) -> None:
    """Put transitions on the topic, as a stage would."""
    topics = Topics(app.name, settings.stream)

    async def send() -> None:
        await declare(Environment(app.name, app.kafka), topics)
        producer = await open_producer(app.kafka)
        for line in lines:
            headers = list(envelope.envelope(envelope.ALERT, envelope.identity_of(line), "test"))
            await producer.send_and_wait(topics.name(ALERTS), line, partition=0, headers=headers)
        await producer.stop()

    asyncio.run(send())


@contextmanager
def projecting(app: Application, redis: Redis, settings: Settings) -> Iterator[Metrics]:
    """A projection at work beside the test."""
    import threading

    metrics, loop = Metrics(), asyncio.new_event_loop()
    topic = Topics(app.name, settings.stream).name(ALERTS)

    async def start() -> asyncio.Task[None]:
        projection = Projection(app.name, app.kafka, RedisServer(redis.url), topic, metrics)
        return loop.create_task(projection.run())

    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    task = asyncio.run_coroutine_threadsafe(start(), loop).result()

    async def stop() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    try:
        yield metrics
    finally:
        asyncio.run_coroutine_threadsafe(stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def held(client: Client, app: Application) -> dict[str, bytes]:
    """The alerts that Redis holds, by id."""
    found = {key.decode().rpartition(":")[2]: client.get(key) for key in client.keys(f"{app.name}:alert:*")}
    return {identity: line for identity, line in found.items() if line is not None}


def latest(lines: Sequence[bytes]) -> dict[str, bytes]:
    """The last transition of each alert."""
    return {json.loads(line)["alert_id"]: line for line in lines}


def test_redis_holds_the_latest_of_each_alert_and_is_filled_again_when_it_is_lost(
    application: Make, redis_server: Redis, client: Client, week: tuple[Path, list[bytes]]
) -> None:
    _, lines = week
    settings = load_settings()
    app = application()
    say(app, [*lines[:6], *lines[3:6], *lines[6:]], settings)  # some come again, as after a crash
    with projecting(app, redis_server, settings):
        wait_until(lambda: held(client, app) == latest(lines), 30, "all alerts are there")

        still_open = {i for i, line in latest(lines).items() if json.loads(line)["state"] == "open"}
        assert {key.decode() for key in client.zrange(f"{app.name}:alerts:open", 0, -1)} == still_open
        assert 0 < len(still_open) < len(latest(lines))
        assert client.xlen(f"{app.name}:push") == len(lines), "each is pushed once"
        issue = next(json.loads(line) for line in lines if json.loads(line)["issue_id"])
        about = client.hgetall(f"{app.name}:issue:{issue['issue_id']}")
        assert about[issue["alert_id"].encode()] == latest(lines)[issue["alert_id"]]
        unbounded = {f"{app.name}:{name}".encode() for name in ("offset", "alerts:open", "push")}
        assert all(client.ttl(key) > 0 for key in client.keys(f"{app.name}:*") if key not in unbounded)

        client.flushall()
        wait_until(lambda: held(client, app) == latest(lines), 30, "a wiped Redis is filled again")

        redis_server.kill()
        say(app, [lines[0].replace(b'"seq":', b'"seq":9')], settings)
        time.sleep(1)
        redis_server.begin()
        wait_until(lambda: held(client, app).keys() == latest(lines).keys(), 30, "so is one that was killed")

    client.set(f"{app.name}:alert:stray", b"{}")
    client.set("another-application:alert:x", b"{}")
    done = app.command("rebuild", SENTINEL_REDIS=redis_server.url)
    assert done.returncode == 0, done.stderr
    assert held(client, app).keys() == latest(lines).keys()
    assert client.get("another-application:alert:x") == b"{}"


def test_without_redis_there_is_nothing_to_rebuild(application: Make) -> None:
    done = application().command("rebuild", SENTINEL_REDIS="")
    assert done.returncode == 2
    assert "SENTINEL_REDIS" in done.stderr


def test_a_redis_that_hangs_holds_up_nobody_and_loses_nothing(
    application: Make, redis_server: Redis, client: Client, week: tuple[Path, list[bytes]]
) -> None:
    """It takes connections and answers nothing. Alerts go on; its circuit opens, and closes once it answers."""
    tickets, expected = week
    app = application(records=200, every="5s")
    worker = app.worker(SENTINEL_REDIS=redis_server.url)
    worker.begin()
    redis_server.signal(signal.SIGSTOP)
    try:
        assert app.command("produce", tickets, "--finish", SENTINEL_REDIS="").returncode == 0
        wait_until(lambda: {m.value for m in app.read("alerts")} >= set(expected), 60, "all alerts are there")
        state = 'sentinel_sink_circuit{sink="redis (alerts)",state="%s"}'
        wait_until(lambda: not worker.figures()[state % "closed"], 30, "its circuit is not closed")
        assert worker.ready
    finally:
        redis_server.signal(signal.SIGCONT)
    wait_until(lambda: held(client, app) == latest(expected), 60, "Redis has the latest of each alert")
    wait_until(lambda: worker.figures()[state % "closed"] == 1, 30, "its circuit is closed")


@pytest.mark.chaos
def test_redis_killed_started_again_and_wiped_under_load(
    application: Make, redis_server: Redis, client: Client, town: tuple[Path, list[bytes]]
) -> None:
    """Detection goes on as if nothing had happened, and Redis has everything in the end."""
    tickets, expected = town
    app = application(records=200, every="5s")
    worker = app.worker(SENTINEL_REDIS=redis_server.url)
    worker.begin()
    producer = producing(app, tickets, rate=600)
    for _ in range(2):
        time.sleep(6)
        redis_server.kill()
        wait_until(lambda: worker.figures()['sentinel_sink_up{sink="redis (alerts)"}'] == 0, 20, "the worker notices")
        assert worker.ready
        time.sleep(2)
        redis_server.begin()
    time.sleep(4)
    client.flushall()
    verdict = settle(app, producer, expected, 300)
    assert verdict.equal, str(verdict)
    wait_until(lambda: held(client, app) == latest(expected), 30, "Redis has the latest of each alert")
