"""Figures for Prometheus: base units, names of our own, one registry a worker."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import product
from typing import Final, NamedTuple, Protocol, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from alerts import Alert
from alerts.model import KINDS, SEVERITIES, Reason
from embeddings.encoder import Encoder
from embeddings.tickets import F32, I64
from sentinel.circuit import STATES, Circuit
from sentinel.shared import Shared

_LATENCY: Final = (0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0)
_ENCODING: Final = (0.00001, 0.00003, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 1.0)
_AGE: Final = (0.1, 0.5, 1.0, 5.0, 30.0, 60.0, 300.0, 600.0, 3600.0, 86400.0)
_WORK: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

OUTCOMES: Final = ("routed", "duplicate", "refused", "clock", "tick", "config", "feedback", "end")
"""What may become of a message that intake takes."""
REAL: Final = "real"
FALSE_ALARM: Final = "false alarm"

CITY: Final = "city"
"""Label of what no one street's alert is about."""


class Progress(NamedTuple):
    """Where a worker stands in one partition of a stage's source."""

    topic: str
    partition: int
    applied: int
    """messages applied: the offset of the next"""
    committed: int
    """those before it would not be applied again after a crash"""
    clock: float
    """the log's time there, POSIX seconds; 0 before the first message"""
    issues: int
    """alive in its state"""
    cells: int
    """series of counts in its state"""
    state: int
    """bytes of its last snapshot"""


class Delivered(Protocol):
    """What is known of one sink."""

    name: str
    sent: int
    given_up: int
    circuit: Circuit


class Metrics:
    """All figures of one worker."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        r = self.registry
        ProcessCollector(registry=r)
        self.tickets = Counter(
            "sentinel_ticket_events_total",
            "Messages that intake has taken, by what became of them.",
            ["outcome"],
            registry=r,
        )
        self.alerts = Counter(
            "sentinel_alert_transitions_total",
            "Transitions sent, repeats after a crash among them.",
            ["kind", "severity", "reason"],
            registry=r,
        )
        self.opened = Counter(
            "sentinel_alerts_opened_total", "Alerts opened, by street.", ["kind", "street"], registry=r
        )
        self.statistical = Counter(
            "sentinel_statistical_alerts_total", "Alerts opened within the budget of false alarms.", registry=r
        )
        self.budget = Gauge(
            "sentinel_false_alarm_budget_per_week", "False alarms a week that the configuration accepts.", registry=r
        )
        self.feedback = Counter(
            "sentinel_feedback_total",
            "What people found out about alerts.",
            ["found"],
            registry=r,
        )
        self.latency = Histogram(
            "sentinel_ticket_to_alert_seconds",
            "From the broker's time of the ticket that caused a transition to its sending.",
            registry=r,
            buckets=_LATENCY,
        )
        self.age = Histogram(
            "sentinel_event_to_alert_seconds",
            "From the time at which a transition's alert stands to its sending.",
            registry=r,
            buckets=_AGE,
        )
        self.skipped = Counter(
            "sentinel_messages_skipped_total",
            "Messages that had been applied and came again.",
            ["topic"],
            registry=r,
        )
        self.dead = Counter("sentinel_dead_letters_total", "Messages sent to the dead letters.", ["topic"], registry=r)
        self.stalls = Histogram(
            "sentinel_snapshot_seconds",
            "Taking a snapshot, during which nothing else happens.",
            ["topic"],
            registry=r,
            buckets=_WORK,
        )
        self.checkpoints = Histogram(
            "sentinel_checkpoint_seconds",
            "A checkpoint from its beginning to its commit.",
            ["topic"],
            registry=r,
            buckets=_WORK,
        )
        self.checkpoint_bytes = Counter(
            "sentinel_checkpoint_bytes_total", "Bytes of state written.", ["topic"], registry=r
        )
        self.recoveries = Histogram(
            "sentinel_recovery_seconds",
            "Loading the state of partitions that came to this worker.",
            ["topic"],
            registry=r,
            buckets=_WORK,
        )
        self.owned = Gauge("sentinel_partitions", "Source partitions of this worker.", ["topic"], registry=r)
        self.halted = Gauge(
            "sentinel_halted_partitions", "Source partitions that stopped at a gap.", ["topic"], registry=r
        )
        self.sink_seconds = Histogram(
            "sentinel_sink_seconds", "One write to a sink, taken or not.", ["sink"], registry=r, buckets=_LATENCY
        )
        self.encoder_seconds = Histogram(
            "sentinel_encoder_seconds", "Encoding one text.", registry=r, buckets=_ENCODING
        )
        self.late = Counter(
            "sentinel_late_events_total", "Events that came more than a tick behind the log's time.", registry=r
        )

    def expect_messages(self) -> None:
        """Show counts of what intake takes from nought on: see `expect`."""
        for outcome in OUTCOMES:
            self.tickets.labels(outcome)
        for found in (REAL, FALSE_ALARM):
            self.feedback.labels(found)

    def expect(self, streets: Iterable[str]) -> None:
        """Show counts of alerts from nought on: Prometheus takes the first value of a series for no increase."""
        for kind in KINDS:
            for street in streets:
                self.opened.labels(kind, street)
            for severity, reason in product(SEVERITIES, get_args(Reason)):
                self.alerts.labels(kind, severity, reason)

    def alert(self, alert: Alert, appended: float) -> None:
        """Count a transition about a ticket that the brokers got at a time (POSIX seconds)."""
        self.count(alert)
        now = time.time()
        self.latency.observe(max(0.0, now - appended))
        self.age.observe(max(0.0, now - alert.updated_at.timestamp()))

    def count(self, alert: Alert) -> None:
        """Count a transition. Of a complaint about an office's conduct the figures do not tell the street."""
        self.alerts.labels(alert.kind, alert.severity, alert.reason).inc()
        if alert.reason == "opened":
            street = CITY if alert.restricted else alert.street or CITY
            self.opened.labels(alert.kind, street).inc()
            self.statistical.inc(alert.basis == "statistical")

    def timed(self, shared: Shared) -> Shared:
        """What is shared, with an encoder whose work is timed."""
        return replace(shared, encoder=_TimedEncoder(shared.encoder, self.encoder_seconds))

    def follow(self, progress: Callable[[], Iterable[Progress]], end: Callable[[str, int], int | None]) -> None:
        """Show where the stages stand, each time that figures are asked for."""
        self.registry.register(_Offsets(progress, end))

    def follow_sinks(self, sinks: Callable[[], Iterable[Delivered]]) -> None:
        """Show what sinks take, each time that figures are asked for."""
        self.registry.register(_Sinks(sinks))


class _TimedEncoder:
    def __init__(self, encoder: Encoder, seconds: Histogram) -> None:
        self.identity = encoder.identity
        self._encoder = encoder
        self._seconds = seconds

    def encode(self, text: str, word_ids: I64) -> F32:
        """Encode, and note how long it took."""
        began = time.perf_counter()
        vector = self._encoder.encode(text, word_ids)
        self._seconds.observe(time.perf_counter() - began)
        return vector


class _Sinks(Collector):
    def __init__(self, sinks: Callable[[], Iterable[Delivered]]) -> None:
        self._sinks = sinks

    def collect(self) -> Iterator[Metric]:
        """Read the counts of this moment."""
        pushes = CounterMetricFamily(
            "sentinel_sink_pushes", "Pushes a sink has taken, or refused for good.", labels=["sink", "outcome"]
        )
        failures = CounterMetricFamily(
            "sentinel_sink_failures", "Writes that failed and were tried again.", labels=["sink"]
        )
        up = GaugeMetricFamily("sentinel_sink_up", "Whether the last write succeeded.", labels=["sink"])
        circuit = GaugeMetricFamily(
            "sentinel_sink_circuit", "1 for the state of the circuit to a sink.", labels=["sink", "state"]
        )
        for sink in self._sinks():
            pushes.add_metric([sink.name, "sent"], sink.sent)
            pushes.add_metric([sink.name, "given up"], sink.given_up)
            failures.add_metric([sink.name], sink.circuit.failures)
            up.add_metric([sink.name], not sink.circuit.reason)
            for state in STATES:
                circuit.add_metric([sink.name, state], sink.circuit.state == state)
        yield from (pushes, failures, up, circuit)


class _Offsets(Collector):
    def __init__(self, progress: Callable[[], Iterable[Progress]], end: Callable[[str, int], int | None]) -> None:
        self._progress = progress
        self._end = end

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Read the offsets of this moment."""
        labels = ["topic", "partition"]
        applied = GaugeMetricFamily("sentinel_applied_offset", "Offset of the next message.", labels=labels)
        committed = GaugeMetricFamily("sentinel_committed_offset", "Offset after the last snapshot.", labels=labels)
        lag = GaugeMetricFamily("sentinel_lag_messages", "Messages waiting.", labels=labels)
        clock = GaugeMetricFamily("sentinel_clock_seconds", "The log's time, POSIX seconds.", labels=labels)
        issues = GaugeMetricFamily("sentinel_live_issues", "Issues alive in the state.", labels=labels)
        cells = GaugeMetricFamily("sentinel_live_cells", "Series of counts in the state.", labels=labels)
        state = GaugeMetricFamily("sentinel_state_bytes", "Bytes of the last snapshot.", labels=labels)
        for at in self._progress():
            where = [at.topic, str(at.partition)]
            applied.add_metric(where, at.applied)
            committed.add_metric(where, at.committed)
            clock.add_metric(where, at.clock)
            issues.add_metric(where, at.issues)
            cells.add_metric(where, at.cells)
            state.add_metric(where, at.state)
            end = self._end(at.topic, at.partition)
            if end is not None:
                lag.add_metric(where, max(0, end - at.applied))
        yield from (applied, committed, lag, clock, issues, cells, state)
