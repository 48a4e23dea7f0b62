"""Streets on Kafka: one partition of the routed log in; transitions, and answers for the city, out."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import faust

from alerts import Alert
from sentinel.partition import Partition
from sentinel.records import ConfigChange, Digest, ForAll, IssueDigest, Outputs, Routed, RoutedTicket, of_one_street
from sentinel.shared import Shared
from sentinel.stream import envelope
from sentinel.stream.codec import Answer, Batch, decode_batch, encode_answer
from sentinel.stream.configurations import Configurations, Configured
from sentinel.stream.dead import letter
from sentinel.stream.envelope import Message, Outgoing, PoisonError, in_parts
from sentinel.stream.faust_source import follow, raw_topic
from sentinel.stream.metrics import Metrics
from sentinel.stream.slot import Unit
from sentinel.stream.stage import Stage
from sentinel.street import Street

log = logging.getLogger(__name__)

_STREET: Final = "street"
_ANSWER_BYTES: Final = 400_000
"""Of digests in one message, roughly."""


class MissingRecordsError(Exception):
    """A batch follows records that are not here: its sender must send again, and will."""


class StreetUnit(Unit):
    """The streets of one partition of the routed log.

    Records come in the order of their numbers, each batch telling the number before it. What is applied already is
    skipped; a batch whose predecessor is missing is not applied.
    """

    def __init__(
        self,
        partition: int,
        configurations: Configurations,
        alerts: str,
        digests: str,
        dead: str,
        source: str,
        metrics: Metrics,
        objects: Mapping[str, Any] | None,
    ) -> None:
        self._number = partition
        self._configurations = configurations
        self._alerts = alerts
        self._digests = digests
        self._dead = dead
        self._source = source
        self._metrics = metrics
        self._configured: Configured | None = None
        self._partition: Partition | None = None
        self._applied = -1
        self._answered = -1
        self._said: list[str] = []
        """lines of the transitions said since the last answer"""
        self._touched = {"partition", "config"}
        self.missing = 0
        """number of the record that should have come, 0 if none is missing"""
        self.records = 0
        if objects is None:
            return
        self._applied, self._answered, self._said = objects["partition"]
        if objects["config"] is None:
            return
        self._configured = configurations.of(objects["config"])
        self._partition = Partition(partition, self._configured.shared)
        self._partition.adopt(self._applied, (o for name, o in objects.items() if name.startswith(_STREET)))

    @property
    def applied(self) -> int:
        """Number of the last record applied."""
        return self._applied

    @property
    def clock(self) -> float:
        """The log's time here, POSIX seconds."""
        return max((street.clock for street in self._streets()), default=0.0)

    @property
    def issues(self) -> int:
        """Issues alive in all its streets."""
        return sum(len(street) for street in self._streets())

    @property
    def cells(self) -> int:
        """Series of counts in all its streets."""
        return sum(street.cells for street in self._streets())

    def _streets(self) -> Iterable[Street]:
        return self._partition.streets.values() if self._partition is not None else ()

    def objects(self) -> Mapping[str, object]:
        """The state, each street by itself."""
        streets = self._partition.streets if self._partition is not None else {}
        return {
            "partition": (self._applied, self._answered, self._said),
            "config": self._configured.document if self._configured else None,
            **{f"{_STREET}:{code}": street for code, street in streets.items()},
        }

    def touched(self) -> frozenset[str]:
        """What may have changed since this was last asked."""
        touched, self._touched = frozenset(self._touched), set()
        return touched

    def take(self, message: Message) -> list[Outgoing]:
        """Apply one batch. Raises `CodecError`."""
        batch = decode_batch(message.value or b"")
        self._touched.add("partition")
        fresh = [record for record in batch.records if self.fresh(record)]
        if fresh and not self._follows(batch):
            return []
        sent: list[Outgoing] = []
        ticks: list[ForAll] = []
        digests: list[Digest] = []
        for record in fresh:
            self._applied = record.seq
            try:
                outputs = self._apply(record)
            except MemoryError:
                raise
            except Exception as error:
                # a fault of ours: the same record will have it again, so going on is as repeatable as anything else
                log.exception("%s, partition %d, record %d", message.topic, self._number, record.seq)
                reason = f"record {record.seq} could not be processed: {type(error).__name__}"
                self._metrics.dead.labels(self._source).inc()
                sent.append(letter(self._dead, message, reason))
                outputs = Outputs([])
            sent += [self._alert(alert, message) for alert in outputs.alerts]
            digests += outputs.digests
            if not of_one_street(record):
                assert not isinstance(record, RoutedTicket)
                ticks.append(record)
        if ticks:
            sent += self._answers(ticks, digests)
        return sent

    def fresh(self, record: Routed) -> bool:
        """Whether a record has not been applied."""
        return record.seq > self._applied

    def _follows(self, batch: Batch) -> bool:
        if batch.before <= self._applied:
            self.missing = 0
            return True
        if not self.missing:
            log.error(
                "%s, partition %d: records between %d and %d are missing; waiting for them to be sent again",
                self._source, self._number, self._applied, batch.before + 1,
            )  # fmt: skip
        self.missing = self._applied + 1
        return False

    def _apply(self, record: Routed) -> Outputs:
        if isinstance(record, ConfigChange):
            return self._change(record)
        partition = self._partition
        if partition is None:
            raise PoisonError("comes before any configuration")
        if of_one_street(record):
            self.records += 1
            self._touched.add(f"{_STREET}:{record.street}")
            return partition.take(record)
        if partition.due > record.clock:
            partition.applied = record.seq
            return Outputs([])
        self._touched |= {
            f"{_STREET}:{code}" for code, street in partition.streets.items() if street.due() <= record.clock
        }
        return partition.take(record)

    def _change(self, record: ConfigChange) -> Outputs:
        self._configured = self._configurations.of(record.document)
        shared = self._configured.shared
        self._touched.add("config")
        if self._partition is None:
            self._partition = Partition(self._number, shared)
            self._partition.adopt(record.seq, ())
            return Outputs([])
        self._touched |= {f"{_STREET}:{code}" for code in self._partition.streets}
        return self._partition.change(record, shared)

    def _alert(self, alert: Alert, message: Message) -> Outgoing:
        appended = envelope.header(message.headers, envelope.APPENDED)
        self._metrics.alert(alert, int(appended) / 1000 if appended.isdecimal() else message.appended)
        assert self._configured is not None, "only a configured partition says anything"
        sent = alert_message(alert, self._alerts, self._source, self._configured.shared)
        self._said.append((sent.value or b"").decode())
        return sent

    def _answers(self, ticks: Sequence[ForAll], digests: Sequence[Digest]) -> list[Outgoing]:
        before, self._answered = self._answered, ticks[-1].seq
        said, self._said = tuple(self._said), []
        parts = list(in_parts(digests, _bytes_of, _ANSWER_BYTES))
        return [
            Outgoing(
                self._digests,
                0,
                str(self._number).encode(),
                # all but the last part leave the ticks out: what is not whole is no answer yet
                encode_answer(
                    Answer(
                        self._number,
                        before,
                        tuple(ticks) if part == len(parts) - 1 else (),
                        tuple(some),
                        part,
                        len(parts),
                        said if part == len(parts) - 1 else (),
                    )
                ),
                envelope.envelope(
                    envelope.DIGESTS, f"{self._number}/{ticks[-1].seq}/{part}", self._source, envelope.BINARY
                ),
            )
            for part, some in enumerate(parts)
        ]


def alert_message(alert: Alert, topic: str, source: str, shared: Shared) -> Outgoing:
    """A transition for `alerts`: its value is the very line that a replay writes."""
    line = alert.to_json_line(shared.settings.timezone).encode()
    identity = f"{alert.alert_id}-{alert.seq}-{envelope.identity_of(line)[:12]}"
    return Outgoing(topic, 0, alert.dedup_key.encode(), line, envelope.envelope(envelope.ALERT, identity, source))


def _bytes_of(digest: Digest) -> int:
    """About how many bytes a digest takes in a message."""
    length = 300
    if isinstance(digest, IssueDigest):
        arrays = sum(array.nbytes for array in digest.reading.terms) + digest.reading.vector.nbytes
        length += arrays + 3 * (len(digest.text) + len(digest.title))
    return length


def agent(app: faust.App, stage: Stage) -> None:
    """Register the agent that reads the routed log."""

    @app.agent(raw_topic(app, stage.source), name="street")
    async def street(stream: Any) -> None:
        await follow(stream, stage)
