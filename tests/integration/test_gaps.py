"""When something is not as it must be: messages that are gone, topics of another shape, no broker at all."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete

from sentinel.settings import load_settings
from sentinel.stream.access import Kafka
from sentinel.stream.environment import Environment
from sentinel.stream.topics import PARTITIONS, TopicError, Topics, declare
from tests.integration.conftest import Application
from tests.integration.servers import Broker, Worker, listens, total, wait_until

pytestmark = pytest.mark.integration
Make = Callable[..., Application]


def administer(broker: Broker, work: Callable[[AIOKafkaAdminClient], object]) -> None:
    async def administer() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=broker.address)
        await admin.start()
        await work(admin)  # type: ignore[misc]
        await admin.close()

    asyncio.run(administer())


def test_topics_are_declared_and_what_differs_is_said(broker: Broker, application: Make) -> None:
    app = application()
    topics = Topics(app.name, load_settings().stream)
    environment = Environment(app.name, Kafka((broker.address,)))
    mine = NewTopic(topics.name("alerts"), 1, 1, topic_configs={"retention.ms": "3600000"})
    administer(broker, lambda admin: admin.create_topics([mine]))
    said = asyncio.run(declare(environment, topics))
    if broker.persistent:  # the small broker does not tell
        assert f"{app.name}.alerts: retention.ms is 3600000 where stream.yaml means 34560000000" in said
    assert asyncio.run(declare(environment, topics)) == said, "declaring again changes nothing"

    async def partitions(admin: AIOKafkaAdminClient) -> None:
        found = {t["topic"]: len(t["partitions"]) for t in await admin.describe_topics([t.name for t in topics.all])}
        assert found == {topic.name: topic.partitions for topic in topics.all}
        assert found[topics.name("routed")] == found[topics.state("routed")] == PARTITIONS

    administer(broker, partitions)


def test_a_topic_with_another_number_of_partitions_is_refused(broker: Broker, application: Make) -> None:
    app = application()
    wrong = NewTopic(f"{app.name}.routed", 8, 1)
    administer(broker, lambda admin: admin.create_topics([wrong]))
    with pytest.raises(TopicError, match="8 partitions and must have 64"):
        asyncio.run(declare(Environment(app.name, Kafka((broker.address,))), Topics(app.name, load_settings().stream)))
    worker = app.worker()
    worker.start()
    wait_until(lambda: not worker.alive, 30, "the worker ends")
    assert "must have 64" in worker.said()


def checkpoints(worker: Worker, after: float = 0.0) -> float:
    time.sleep(after)
    return total(worker.figures(), "sentinel_checkpoint_seconds_count")


def test_a_gap_stops_the_partition_and_the_worker_says_so(
    broker: Broker, application: Make, week: tuple[Path, list[bytes]]
) -> None:
    if not broker.persistent:
        pytest.skip(f"{broker.name} cannot delete records")
    app = application()
    worker = app.worker()
    worker.begin()
    assert app.command("produce", week[0]).returncode == 0
    taken = f'sentinel_applied_offset{{partition="0",topic="{app.name}.tickets"}}'
    wait_until(lambda: worker.figures().get(taken, 0) > 1000, 60, "all is taken")
    # each partition writes its first checkpoint at once, which a slow disk under the broker may hold up for long
    wait_until(lambda: checkpoints(worker) == checkpoints(worker, after=1.0), 60, "all is written")
    assert worker.terminate()[0] == 0, worker.said()[-2000:]
    assert app.command("produce", week[0]).returncode == 0
    place = TopicPartition(f"{app.name}.tickets", 0)
    administer(broker, lambda admin: admin.delete_records({place: RecordsToDelete(before_offset=1500)}))

    again = app.worker()
    again.start()
    status, body = wait_until(lambda: again.get("/healthz")[0] == 503 and again.get("/healthz"), 60, "it says so")
    (wrong,) = json.loads(body)["wrong"]
    assert status == 503
    assert "messages are missing" in wrong
    assert again.get("/readyz")[0] == 503
    assert again.alive, "so that it can be asked"
    assert again.figures()[taken] < 1500, "nothing is applied past the gap"


def test_a_worker_waits_for_its_broker(broker: Broker, application: Make) -> None:
    """Started as Faust starts one, so that this way is tried too."""
    if not broker.persistent:
        pytest.skip(f"{broker.name} keeps nothing when it is killed")
    worker = application().worker(program=("-m", "faust", "-A", "sentinel.app", "worker", "-l", "info"))
    broker.kill()
    try:
        worker.start()
        wait_until(lambda: "waiting for Kafka" in worker.said(), 30, "it waits")
        assert worker.get("/healthz")[0] == 200
        assert worker.get("/readyz")[0] == 503
    finally:
        broker.begin()
    wait_until(lambda: worker.ready or not worker.alive, 60, "it is at work")
    assert worker.alive, worker.said()[-2000:]
    assert not listens(6066), "Faust's web view, which would show state to everybody"


@pytest.mark.chaos
def test_a_worker_is_stopped_in_time_without_its_broker(
    broker: Broker, application: Make, week: tuple[Path, list[bytes]]
) -> None:
    app = application(records=100_000, every="1h")
    worker = app.worker()
    worker.begin()
    assert app.command("produce", week[0]).returncode == 0
    time.sleep(3)
    broker.kill()
    try:
        status, seconds = worker.terminate()
        assert seconds < 10
        assert status == 1, "it says that it could not write its last checkpoint"
    finally:
        broker.begin()
