"""The Faust application around a `Service`: group membership, agents, start and stop."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final, cast

import faust
from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from aiokafka.structs import OffsetAndMetadata
from faust.app.base import BootStrategy
from faust.types.transports import TransportT

from sentinel.settings import load_settings
from sentinel.stream import city, intake, street
from sentinel.stream.access import Kafka
from sentinel.stream.assignor import PartitionAssignor
from sentinel.stream.environment import Environment
from sentinel.stream.faust_source import Consumer
from sentinel.stream.service import Service

log = logging.getLogger(__name__)

CHECKPOINT_SECONDS: Final = 7.0
"""For the last checkpoint when a worker is stopped."""
STOP_SECONDS: Final = 9.5
"""From being told to stop until it ends, whatever Faust still waits for."""
_HEARTBEATS: Final = 5
"""In the time after which a silent worker is taken for dead."""
_NO_MATTER: Final = 1e6


class _Boot(BootStrategy):
    """No web view: Faust's listens on every address, whatever `web_enabled` says."""

    enable_web = False


class SentinelApp(faust.App):
    """The Faust application of one worker. `sentinel` is all of it that is ours."""

    BootStrategy = _Boot

    def __init__(self, environment: Environment) -> None:
        session = load_settings(environment.config).stream.session
        self._patience = session / 3
        super().__init__(
            environment.application,
            broker=[f"aiokafka://{server}" for server in environment.kafka.servers],
            broker_credentials=_credentials(environment.kafka),
            store="memory://",
            autodiscover=False,
            broker_session_timeout=session,
            broker_heartbeat_interval=session / _HEARTBEATS,
            broker_request_timeout=max(90.0, session),
            # Faust commits nothing; what would tell of slow commits is out of place
            broker_commit_interval=_NO_MATTER,
            broker_commit_livelock_soft_timeout=_NO_MATTER,
            consumer_auto_offset_reset="earliest",
            stream_processing_timeout=_NO_MATTER,
            stream_recovery_delay=0.0,
            stream_wait_empty=False,
            PartitionAssignor=PartitionAssignor,
            table_standby_replicas=1,  # there are no tables; with 0, Faust takes another assignor than it is told
            topic_allow_declare=False,
            topic_disable_leader=True,
            web_enabled=False,
            worker_redirect_stdouts=False,
        )
        self.sentinel = Service(environment, _Group(self))
        for module, stage in (
            (intake, self.sentinel.intake),
            (street, self.sentinel.street),
            (city, self.sentinel.city),
        ):
            module.agent(self, stage)
        self.on_partitions_revoked.connect(self._revoked)
        self.on_partitions_assigned.connect(self._assigned)

    @property
    def sources(self) -> list[str]:
        """The topics that are read."""
        return [stage.source for stage in self.sentinel.stages]

    def _new_transport(self) -> TransportT:
        transport = super()._new_transport()
        transport.Consumer = Consumer  # type: ignore[misc]  # which Faust declares on the class
        return transport

    async def on_first_start(self) -> None:
        """Start what is ours before Faust talks to a broker. Makes no data directory, as Faust would."""
        try:
            await self.sentinel.start()
        except Exception as error:
            self.sentinel.fail(error)

    async def on_stop(self) -> None:
        """Write the last checkpoint while the group still counts this worker in, then let Faust stop.

        The exit status says whether everything was written. Faust waits for its broker without end, so it is not
        waited for.
        """
        began = time.monotonic()
        try:
            written = await self.sentinel.stop(CHECKPOINT_SECONDS)
        except Exception as error:
            self.sentinel.fail(error)
            return
        if not written:
            logging.shutdown()
            os._exit(1)
        left = threading.Timer(STOP_SECONDS - (time.monotonic() - began), os._exit, (0,))
        left.daemon = True
        left.start()
        # Python would take a large state apart, object by object, which can take longer than all the rest
        atexit.register(_end)
        await super().on_stop()

    async def _revoked(self, *_: Any, **__: Any) -> None:
        try:
            await self.sentinel.revoke(self._patience)
        except Exception as error:
            self.sentinel.fail(error)

    async def _assigned(self, *sent: Any, **__: Any) -> None:
        try:
            self.sentinel.assign([(tp.topic, tp.partition) for tp in sent[-1]], self.consumer_generation_id)
        except Exception as error:
            self.sentinel.fail(error)


def _credentials(kafka: Kafka) -> faust.SASLCredentials | faust.SSLCredentials | None:
    if kafka.account is not None:
        return faust.SASLCredentials(
            username=kafka.account.user,
            password=kafka.account.password.get_secret_value(),
            mechanism=kafka.account.mechanism,
            ssl_context=kafka.tls,
        )
    return faust.SSLCredentials(kafka.tls) if kafka.tls is not None else None


def _end() -> None:
    logging.shutdown()
    os._exit(0)


class _Group:
    """Faust's consumer as the service sees it."""

    def __init__(self, app: faust.App) -> None:
        self._app = app
        self._ends: Mapping[Any, int] = {}

    async def commit(self, topic: str, offsets: Mapping[int, int]) -> bool:
        """Commit past Faust's own bookkeeping, which would lose count around a rebalance."""
        thread = self._thread

        async def commit() -> None:
            await thread._consumer.commit(
                {TopicPartition(topic, p): OffsetAndMetadata(offset, "") for p, offset in offsets.items()}
            )

        try:
            await thread.call_thread(commit)
        except (CommitFailedError, IllegalStateError) as error:
            log.info("%s: not committed, the group has moved on (%s)", topic, type(error).__name__)
            return False
        return True

    @property
    def _thread(self) -> Any:
        """Faust's consumer lives in a thread of its own."""
        return cast(Any, self._app.consumer)._thread

    async def look_for_ends(self) -> None:
        """Ask the brokers where partitions end: what they said with the last fetch grows old while that is applied."""
        consumer = self._thread._consumer
        with suppress(KafkaError):
            self._ends = await consumer.end_offsets(consumer.assignment())

    def end(self, topic: str, partition: int) -> int | None:
        """The end of a partition as last heard."""
        consumer = self._thread._consumer
        at = TopicPartition(topic, partition)
        if consumer is None or at not in consumer.assignment():
            return None
        fetched: int | None = consumer.highwater(at)
        return None if fetched is None else max(fetched, self._ends.get(at, 0))
