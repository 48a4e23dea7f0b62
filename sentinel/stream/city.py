"""The city on Kafka: the partitions' answers in; transitions of what spans streets out. One partition, one owner."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import faust

from sentinel.city import City
from sentinel.records import ConfigChange, Digest, ForAll, Heartbeat
from sentinel.rounds import Rounds, Waiting
from sentinel.shared import Shared
from sentinel.stream.codec import Answer, decode_answer
from sentinel.stream.configurations import Configurations, Configured
from sentinel.stream.envelope import Message, Outgoing, PoisonError
from sentinel.stream.faust_source import follow, raw_topic
from sentinel.stream.journal import entries_of, number_of
from sentinel.stream.metrics import Metrics
from sentinel.stream.slot import Unit
from sentinel.stream.stage import Stage
from sentinel.stream.street import alert_message

log = logging.getLogger(__name__)


class CityUnit(Unit):
    """The city's state: the core's `City`, the rounds that are not over yet, and answers of which parts are missing.

    A partition's answers come in the order of their ticks, each telling the tick before. What is answered already is
    skipped; an answer whose predecessor is missing is not taken.
    """

    def __init__(
        self,
        configurations: Configurations,
        alerts: str,
        source: str,
        journal: str,
        metrics: Metrics,
        objects: Mapping[str, Any] | None,
    ) -> None:
        self._journal = journal
        self._said = Waiting[str]()
        """lines of the streets' transitions whose round is not over"""
        self._configurations = configurations
        self._alerts = alerts
        self._source = source
        self._metrics = metrics
        self._touched = {"rounds", "city", "config"}
        self.missing = 0
        """number of the tick of which an answer should have come, 0 if none is missing"""
        self.records = 0
        self._appended = 0.0
        """the brokers' time of the last answer, POSIX seconds"""
        self._configured: Configured | None = None
        self._city: City | None = None
        self._rounds = Rounds(())
        self._parts: dict[int, tuple[int, dict[int, tuple[Digest, ...]]]] = {}
        if objects is None:
            return
        self._rounds, self._parts, self._said, self._appended = objects["rounds"]
        if objects["config"] is not None:
            self._configured = configurations.of(objects["config"])
            self._city = objects["city"]
            objects["city"].attach(self._configured.shared)

    @property
    def applied(self) -> int:
        """Number of the last round that is over."""
        return self._rounds.applied

    @property
    def clock(self) -> float:
        """The log's time here, POSIX seconds."""
        return self._city.clock if self._city is not None else 0.0

    @property
    def issues(self) -> int:
        """Issues alive, those of one street among them."""
        return len(self._city) if self._city is not None else 0

    @property
    def cells(self) -> int:
        """Series of counts of the whole city."""
        return self._city.cells if self._city is not None else 0

    def objects(self) -> Mapping[str, object]:
        """The state."""
        config = self._configured.document if self._configured else None
        rounds = (self._rounds, self._parts, self._said, self._appended)
        return {"rounds": rounds, "city": self._city, "config": config}

    def touched(self) -> frozenset[str]:
        """What may have changed since this was last asked."""
        touched, self._touched = frozenset(self._touched), set()
        return touched

    def take(self, message: Message) -> list[Outgoing]:
        """Take one partition's answer, or a part of it. Raises `CodecError`."""
        answer = decode_answer(message.value or b"")
        self._touched.add("rounds")
        self._appended = message.appended
        if not self._follows(answer):
            return []
        digests = self._gathered(answer)
        if digests is None:
            return []
        if self._city is None:
            self._begin(answer.ticks[0])
        answered = self._rounds.answered.get(answer.partition, -1)
        for line in answer.said:
            if (number := number_of(line)) > answered:
                self._said.put(number, line)
        self._rounds.take(answer.partition, answer.ticks, digests)
        return self.go_on()

    @property
    def unfinished(self) -> bool:
        """Whether a round is over that the city has not taken: the answer of the slowest may end hundreds."""
        return self._rounds.over

    def go_on(self) -> list[Outgoing]:
        """Take the next round that is over."""
        heartbeat = self._rounds.next()
        return self._round(heartbeat) if heartbeat is not None else []

    def _round(self, heartbeat: Heartbeat) -> list[Outgoing]:
        assert self._city is not None
        assert self._configured is not None
        self._touched |= {"rounds", "city"}
        self.records += len(heartbeat.digests)
        sent: list[Outgoing] = []
        for alert in self._city.take(heartbeat):
            self._metrics.alert(alert, self._appended)
            sent.append(alert_message(alert, self._alerts, self._source, self._configured.shared))
        said = self._said.up_to(heartbeat.seq)
        said += [(one.value or b"").decode() for one in sent]
        sent += entries_of(self._journal, self._source, said, heartbeat)
        told = heartbeat.record
        if isinstance(told, ConfigChange):
            if told.document != self._configured.document:
                self._city.configure(self._configure(told))
        elif told is not None:
            self._city.feedback(told)
        return sent

    def _begin(self, first: ForAll) -> None:
        """Take the configuration that the log begins with, which every partition's first answer carries."""
        if not isinstance(first, ConfigChange):
            raise PoisonError("comes before any configuration")
        self._city = City(self._configure(first), 1)

    def _configure(self, change: ConfigChange) -> Shared:
        self._touched.add("config")
        self._configured = self._configurations.of(change.document)
        self._rounds.wait_for(self._configured.shared.partitions)
        return self._configured.shared

    def _gathered(self, answer: Answer) -> list[Digest] | None:
        """All digests of an answer once its last part is here, None before. Parts may come more than once."""
        before, parts = self._parts.get(answer.partition, (-1, {}))
        if before != answer.before:
            parts = {}
        parts[answer.part] = answer.digests
        if not answer.ticks or len(parts) < answer.parts:
            self._parts[answer.partition] = (answer.before, parts)
            return None
        self._parts.pop(answer.partition, None)
        return [digest for number in sorted(parts) for digest in parts[number]]

    def _follows(self, answer: Answer) -> bool:
        answered = self._rounds.answered.get(answer.partition, -1)
        if answer.before <= answered:
            self.missing = 0
            return True
        if not self.missing:
            log.error(
                "partition %d answers what follows tick %d, and has answered %d only; waiting for it to be sent again",
                answer.partition, answer.before, answered,
            )  # fmt: skip
        self.missing = answered + 1
        return False


def agent(app: faust.App, stage: Stage) -> None:
    """Register the agent that reads the partitions' answers."""

    @app.agent(raw_topic(app, stage.source), name="city")
    async def city(stream: Any) -> None:
        await follow(stream, stage)
