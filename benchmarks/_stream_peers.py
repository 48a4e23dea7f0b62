"""The two programs that the service is held against: `python benchmarks/_stream_peers.py bare|plain`.

They find their brokers as a worker does, and print `count N` now and then. See `stream.py`.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import faust
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import OffsetAndMetadata

sys.path.insert(0, str(Path(__file__).parents[1]))

from sentinel.stream.environment import Environment
from sentinel.stream.log_reader import message_of
from sentinel.stream.service import Service


def run_bare() -> None:
    """A Faust worker that writes one table entry an event, and nothing else."""
    environment = Environment.read()
    app = faust.App(
        f"{environment.application}-bare", broker=f"aiokafka://{environment.kafka.servers[0]}", store="memory://",
        web_enabled=False, topic_disable_leader=True, broker_session_timeout=10, broker_heartbeat_interval=2,
        stream_recovery_delay=0.0, worker_redirect_stdouts=False, topic_partitions=1, datadir=tempfile.mkdtemp(),
    )  # fmt: skip
    topic = app.topic(
        f"{environment.application}.tickets", key_type=bytes, value_type=bytes,
        key_serializer="raw", value_serializer="raw",
    )  # fmt: skip
    table = app.Table("counts", default=int, partitions=1)
    seen = 0

    @app.agent(topic)
    async def count(stream: Any) -> None:
        nonlocal seen
        async for event in stream.events():
            table[event.key.decode()] += 1
            seen += 1
            if seen % 500 == 0 or seen < 5:
                os.write(1, f"count {seen}\n".encode())  # past Faust, which takes standard output for itself

    sys.argv = ["bare", "worker", "--without-web", "-l", "error"]
    app.main()


def run_plain() -> None:
    """The same stages driven by aiokafka alone."""
    logging.basicConfig(level=logging.WARNING)
    environment = Environment.read()._replace(metrics=None)

    async def run() -> None:
        consumer = AIOKafkaConsumer(
            **environment.kafka.options, group_id=environment.application, enable_auto_commit=False,
            auto_offset_reset="earliest",
        )  # fmt: skip

        class Group:
            async def commit(self, topic: str, offsets: dict[int, int]) -> bool:
                places = {TopicPartition(topic, p): OffsetAndMetadata(o, "") for p, o in offsets.items()}
                await consumer.commit(places)
                return True

            async def look_for_ends(self) -> None:
                pass

            def end(self, topic: str, partition: int) -> int | None:
                return consumer.highwater(TopicPartition(topic, partition))

        service = Service(environment, Group())  # type: ignore[arg-type]
        await service.start()
        await consumer.start()
        places = [(stage.source, p) for stage in service.stages for p in range(64 if stage is service.street else 1)]
        consumer.assign([TopicPartition(*place) for place in places])
        service.assign(places, 1)
        stages = {stage.source: stage for stage in service.stages}
        while True:
            found = await consumer.getmany(timeout_ms=200, max_records=500)
            for place, records in found.items():
                more = records[-1].offset + 1 < (consumer.highwater(place) or 0)
                await stages[place.topic].take([message_of(record) for record in records], 1, more=more)
            if not (service.intake.ready and service.city.ready):
                continue
            intake, city = service.intake.slots[0], service.city.slots[0]
            # whole only when the city has closed the round of the last record; the end of the stream counts too
            whole = city.unit.applied == intake.unit.applied and not service.outbox.under_way
            print(
                "count", (intake.position or 0) - (0 if whole else 2), flush=True
            )  # the end of the stream counts, too

    asyncio.run(run())


if __name__ == "__main__":
    run_bare() if sys.argv[1] == "bare" else run_plain()
