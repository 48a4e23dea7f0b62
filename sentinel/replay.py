"""Replay: ticket files through all three stages, as fast as possible or at a chosen speed."""

import resource
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from alerts import Alert
from sentinel.city import City
from sentinel.door.callers import PUBLIC_KEY, CallerHasher, load_key
from sentinel.door.masking import mask
from sentinel.intake import Door, Intake, IntakeSettings
from sentinel.output import OutputFiles
from sentinel.partitions import InlinePartitions, Partitions, ProcessPartitions
from sentinel.readers import Entry
from sentinel.records import Assigned, Outputs, RoutedTicket, in_log_order
from sentinel.settings import Settings
from sentinel.shared import Shared


@dataclass(frozen=True)
class ReplayOptions:
    """How a replay is run; none of it changes what is found."""

    workers: int = 0
    """processes beside this one; 0: everything in this one"""
    speed: float = 0.0
    """times real time; 0: as fast as it goes"""
    on_alert: Callable[[Alert], None] = lambda _: None
    on_progress: Callable[[int], None] = lambda _: None
    """told the events taken so far"""


@dataclass
class ReplayCounts:
    """What went in and what came out."""

    events: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    tickets: int = 0
    first_at: float = 0.0
    last_at: float = 0.0


class Replay:
    """One replay: intake, the street stage however it is spread, the city, and the files."""

    def __init__(self, settings: Settings, shared: Shared, output: OutputFiles, options: ReplayOptions) -> None:
        self.settings = settings
        self.counts = ReplayCounts()
        self._output = output
        self._options = options
        key = load_key() or PUBLIC_KEY
        door = Door(shared.streets.resolve, mask, CallerHasher(key).hash)
        self._intake = Intake(
            door,
            IntakeSettings(settings.tick, settings.arrival.future_limit, settings.memory.tickets),
        )
        self._partition_of = shared.streets.partition
        numbers = shared.partitions
        self._partitions: Partitions = (
            ProcessPartitions(settings, numbers, options.workers)
            if options.workers
            else InlinePartitions(shared, numbers)
        )
        self._city = City(shared, self._partitions.sources)

    def run(self, entries: Iterable[Entry]) -> None:
        """Take every event in its order of arrival, then the end."""
        pacer = _Pacer(self._options.speed)
        try:
            for position, entry in enumerate(entries):
                taken = self._intake.take(position, entry.event)
                self.counts.events += 1
                if taken.refused:
                    self.counts.refused[taken.refused.value] += 1
                for record in taken.records:
                    if isinstance(record, RoutedTicket):
                        pacer.wait(record.clock)
                        self._count(record)
                        self._partitions.ticket(self._partition_of(record.street), record)
                    else:
                        self._partitions.tick(record)
                self._collect(self._partitions.ready())
                if self.counts.events % 500 == 0:
                    self._options.on_progress(self.counts.events)
            for record in self._intake.end():
                self._partitions.tick(record)
            self._collect(self._partitions.finish())
            self._options.on_progress(self.counts.events)
        finally:
            self._partitions.close()

    def _count(self, record: RoutedTicket) -> None:
        counts = self.counts
        counts.tickets += record.event == "created"
        counts.first_at = counts.first_at or record.clock
        counts.last_at = record.clock

    def _collect(self, rounds: Sequence[list[Outputs]]) -> None:
        """Take what all partitions said up to a tick: let the city answer, write everything in log order."""
        for outputs in rounds:
            alerts: list[tuple[int, str, Alert]] = []
            assigned: list[Assigned] = []
            for said in outputs:
                alerts += [(alert.seq, alert.street, alert) for alert in said.alerts]
                if said.assigned is not None:
                    assigned.append(said.assigned)
                self._output.issue_ended(said.issues)
                if said.heartbeat is not None:
                    alerts += [(alert.seq, "", alert) for alert in self._city.take(said.heartbeat)]
            assigned.sort()
            ordered = in_log_order(alerts)
            self._output.assignments(assigned)
            self._output.alerts(ordered)
            for alert in ordered:
                self._options.on_alert(alert)


class _Pacer:
    """Holds a replay back to a multiple of real time. The only clock of a replay; it decides nothing."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._start: tuple[float, float] | None = None

    def wait(self, clock: float) -> None:
        if not self._speed:
            return
        if self._start is None:
            self._start = (time.monotonic(), clock)
        began, first = self._start
        ahead = began + (clock - first) / self._speed - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)


def peak_memory_mb() -> float:
    """Return the most memory this process and its ended children have held, in MiB each added up."""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return round((own + children) / 1024, 1)

