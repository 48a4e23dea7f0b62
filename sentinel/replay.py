"""Replay: ticket files through all three stages, as fast as possible or at a chosen speed."""

import resource
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from alerts import Alert
from sentinel.door.callers import PUBLIC_KEY, CallerHasher, load_key
from sentinel.door.masking import mask
from sentinel.garbage import seldom_collected
from sentinel.intake import Door
from sentinel.output import OutputFiles
from sentinel.partitions import InlinePartitions, Partitions, ProcessPartitions
from sentinel.pipeline import Pipeline, Said
from sentinel.readers import Entry
from sentinel.records import Routed, RoutedTicket
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

    def taken(self, record: Routed) -> None:
        """Count an event that was routed."""
        self.tickets += isinstance(record, RoutedTicket) and record.event == "created"
        self.first_at = self.first_at or record.clock
        self.last_at = record.clock


class Replay:
    """One replay: the pipeline, however its streets are spread, and the files."""

    def __init__(self, settings: Settings, shared: Shared, output: OutputFiles, options: ReplayOptions) -> None:
        self.settings = settings
        self.counts = ReplayCounts()
        self._output = output
        self._options = options
        self._partitions: Partitions = (
            ProcessPartitions(settings, shared.partitions, options.workers, shared.store)
            if options.workers
            else InlinePartitions(shared, shared.partitions)
        )
        self._shared = shared
        self._pipeline = Pipeline(shared, door_of(shared), self._partitions)

    def run(self, entries: Iterable[Entry]) -> None:
        """Take every event in its order of arrival, then the end."""
        try:
            with seldom_collected():
                self._run(entries)
        finally:
            self._partitions.close()
            self._shared.close()

    def _run(self, entries: Iterable[Entry]) -> None:
        pacer = _Pacer(self._options.speed)
        counts = self.counts
        for position, entry in enumerate(entries):
            pacer.wait(entry.arrival)
            taken = self._pipeline.take(position, entry.event)
            counts.events += 1
            if taken.refused:
                counts.refused[taken.refused.value] += 1
            else:
                counts.taken(taken.records[-1])
            if said := self._pipeline.said():
                self._write(said)
            if counts.events % 500 == 0:
                self._options.on_progress(counts.events)
        self._write(self._pipeline.finish())
        self._options.on_progress(counts.events)

    def _write(self, rounds: Iterable[Said]) -> None:
        for said in rounds:
            self._output.issue_ended(said.issues)
            self._output.merges(said.merged)
            self._output.assignments(said.assigned)
            self._output.alerts(said.alerts)
            self._output.pushes(said.pushes)
            for alert in said.alerts:
                self._options.on_alert(alert)


def door_of(shared: Shared) -> Door:
    """Return what intake does to tickets here: the city's streets, masking, and the configured key."""
    return Door(shared.streets.resolve, mask, CallerHasher(load_key() or PUBLIC_KEY).hash)


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
