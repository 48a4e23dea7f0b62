"""The street stage in this process and over several: the same rounds, and no hanging on a dead child."""

import multiprocessing
import os
import signal
from collections.abc import Sequence
from math import inf

import pytest

from sentinel.intake import Door, Intake, IntakeSettings
from sentinel.partitions import InlinePartitions, Partitions, ProcessPartitions, WorkerError
from sentinel.records import Digest, Outputs, Routed, RoutedTicket
from sentinel.settings import Settings
from sentinel.shared import Shared
from sentinel.tickets import TicketEvent


@pytest.fixture(scope="module")
def log(events: list[TicketEvent], door: Door) -> list[Routed]:
    """The first part of the routed log; a tick an hour."""
    intake = Intake(door, IntakeSettings(tick=3600.0))
    records = [record for n, event in enumerate(events[:400]) for record in intake.take(n, event).records]
    return [*records, *intake.end()]


def run_one(partitions: Partitions, record: Routed, shared: Shared) -> Sequence[list[Outputs]]:
    if isinstance(record, RoutedTicket):
        partitions.ticket(shared.streets.partition(record.street), record)
    else:
        partitions.tick(record)
    return partitions.ready()


def run(partitions: Partitions, log: list[Routed], shared: Shared) -> list[list[Outputs]]:
    rounds = [outputs for record in log for outputs in run_one(partitions, record, shared)]
    return rounds + left(partitions)


def left(partitions: Partitions) -> list[list[Outputs]]:
    """What is said at the end: the summaries, which come a part at a time, as one round."""
    rounds: list[list[Outputs]] = []
    summaries: list[Outputs] = []
    for outputs in partitions.finish():
        if any(said.heartbeat for said in outputs):
            rounds.append(outputs)
        else:
            summaries += outputs
    return [*rounds, summaries]


def told(rounds: list[list[Outputs]]) -> list[tuple[list[str], list[object], list[tuple[int, str]], list[str]]]:
    """Each round, whoever said it: alerts, assignments, digests and summaries, each in order."""
    told = []
    for outputs in rounds:
        digests: list[Digest] = [d for said in outputs if said.heartbeat for d in said.heartbeat.digests]
        told.append(
            (
                sorted(alert.model_dump_json() for said in outputs for alert in said.alerts),
                sorted(said.assigned for said in outputs if said.assigned),
                sorted((digest.seq, type(digest).__name__) for digest in digests),
                sorted(issue.issue_id for said in outputs for issue in said.issues),
            )
        )
    return told


def test_processes_say_what_one_process_says(settings: Settings, shared: Shared, log: list[Routed]) -> None:
    alone = run(InlinePartitions(shared, shared.partitions), log, shared)
    spread = ProcessPartitions(settings, shared.partitions, 2)
    try:
        assert told(run(spread, log, shared)) == told(alone)
    finally:
        spread.close()
    assert multiprocessing.active_children() == []


def test_summaries_are_made_a_partition_at_a_time(shared: Shared, log: list[Routed]) -> None:
    partitions = InlinePartitions(shared, shared.partitions)
    for record in log:
        run_one(partitions, record, shared)
    rounds = list(partitions.finish())
    assert len(rounds) == len(shared.partitions)
    assert all(len({issue.street for issue in said.issues}) <= 1 for (said,) in rounds)
    assert sum(len(said.issues) for (said,) in rounds) > 100


def test_every_tick_is_answered_by_every_source(shared: Shared, log: list[Routed]) -> None:
    partitions = InlinePartitions(shared, shared.partitions)
    ticks = [record.seq for record in log if not isinstance(record, RoutedTicket)]
    beats = [said.heartbeat for outputs in run(partitions, log, shared) for said in outputs if said.heartbeat]
    assert [beat.seq for beat in beats] == ticks
    assert {beat.source for beat in beats} == set(range(partitions.sources))


def test_a_partition_without_work_is_skipped_and_learns_of_it_later(shared: Shared, log: list[Routed]) -> None:
    """Skipping is a saving only: the last summaries are those of partitions that took every tick."""
    skipping = InlinePartitions(shared, shared.partitions)
    thorough = InlinePartitions(shared, shared.partitions)
    every_tick: list[list[Outputs]] = []
    for record in log:
        if not isinstance(record, RoutedTicket):
            thorough._due = -inf
            for partition in thorough.partitions.values():
                partition.due = -inf
                for street in partition.streets.values():
                    street.due = lambda: -inf  # type: ignore[method-assign]
        every_tick += run_one(thorough, record, shared)
    assert told(run(skipping, log, shared)) == told(every_tick + left(thorough))


def test_a_killed_child_is_an_error_and_never_a_hang(settings: Settings, shared: Shared, log: list[Routed]) -> None:
    partitions = ProcessPartitions(settings, shared.partitions, 2)
    try:
        run_until = len(log) // 2
        for record in log[:run_until]:
            if isinstance(record, RoutedTicket):
                partitions.ticket(shared.streets.partition(record.street), record)
        os.kill(multiprocessing.active_children()[0].pid or 0, signal.SIGKILL)
        with pytest.raises(WorkerError, match="ended early"):
            run(partitions, log[run_until:], shared)
    finally:
        partitions.close()
    assert multiprocessing.active_children() == []


def test_closing_before_the_end_ends_the_children(settings: Settings, shared: Shared) -> None:
    partitions = ProcessPartitions(settings, shared.partitions, 2)
    assert len(multiprocessing.active_children()) == 2
    partitions.close()
    assert multiprocessing.active_children() == []
