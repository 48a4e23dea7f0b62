"""Metrics of a replay, over HTTP while it runs, in the terms of a worker's."""

from collections.abc import Iterator

from prometheus_client import start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from alerts import Alert
from sentinel.errors import SentinelError
from sentinel.records import UNKNOWN_STREET
from sentinel.replay import ReplayCounts
from sentinel.shared import Shared
from sentinel.stream.metrics import CITY, Metrics

HOST = "127.0.0.1"
SOURCE = "replay"
"""What stands for the topic in labels."""


class PortTakenError(SentinelError):
    """Nothing can listen there."""


class ReplayMetrics:
    """Figures of one replay. Raises `PortTakenError`."""

    def __init__(self, port: int) -> None:
        self._metrics = Metrics()
        try:
            start_http_server(port, HOST, self._metrics.registry)
        except OSError as error:
            raise PortTakenError(f"port {port} of {HOST} cannot be used ({error.strerror}); name another") from None

    def begin(self, shared: Shared) -> Shared:
        """Show what is configured; return what is shared, with an encoder whose work is timed."""
        settings = shared.settings
        self._metrics.expect([CITY, UNKNOWN_STREET, *(street.code for street in settings.streets.streets)])
        self._metrics.budget.set(settings.budget.false_alarms_per_week)
        return self._metrics.timed(shared)

    def count(self, alert: Alert) -> None:
        """Count a transition; how late it is says nothing here."""
        self._metrics.count(alert)

    def follow(self, counts: ReplayCounts) -> None:
        """Show how far the replay is, each time that figures are asked for."""
        self._metrics.registry.register(_Counts(counts))


class _Counts(Collector):
    def __init__(self, counts: ReplayCounts) -> None:
        self._counts = counts

    def collect(self) -> Iterator[Metric]:
        """Read the counts of this moment."""
        counts = self._counts
        taken = CounterMetricFamily(
            "sentinel_replay_events", "Events that the replay has taken, by what became of them.", labels=["outcome"]
        )
        refused = dict(counts.refused)
        for outcome, count in refused.items():
            taken.add_metric([outcome], count)
        taken.add_metric(["routed"], counts.events - sum(refused.values()))
        clock = GaugeMetricFamily(
            "sentinel_clock_seconds", "The log's time, POSIX seconds.", labels=["topic", "partition"]
        )
        clock.add_metric([SOURCE, "0"], counts.last_at)
        yield from (taken, clock)
