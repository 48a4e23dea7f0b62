"""`sentinel replay --order log`: an exported log through the streets and the city; intake has had its turn."""

import json
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from rich.console import Console

from sentinel.door.streets import PARTITIONS
from sentinel.output import OutputFiles
from sentinel.partitions import InlinePartitions
from sentinel.pipeline import Pipeline, Said
from sentinel.readers.rejections import ReadError
from sentinel.records import ConfigChange, Routed, RoutedTicket
from sentinel.replay import door_of
from sentinel.replay_command import print_alert
from sentinel.settings import load_settings
from sentinel.shared import Shared
from sentinel.stream.codec import record_from_json

_EXPORT: Final = "give one file that `sentinel export` wrote"


def run_replay_log(files: tuple[Path, ...], out: Path, quiet: bool, console: Console | None = None) -> None:
    """Replay one exported log into a directory, under the configurations that stand in it.

    Raises `ReadError` for a file that is no exported log.
    """
    console = console or Console()
    if len(files) != 1:
        raise ReadError(f"{len(files)} files; {_EXPORT}")
    records = _records(files[0])
    first = next(records, None)
    if not isinstance(first, ConfigChange):
        raise ReadError(f"{files[0]}: does not begin with a configuration; {_EXPORT}")
    shared = Shared.load(load_settings().changed(first.document))
    # any street may come with a later configuration, in any partition
    pipeline = Pipeline(shared, door_of(shared), InlinePartitions(shared, list(range(PARTITIONS))))
    zone = shared.settings.timezone
    began, tickets, last = time.perf_counter(), 0, first.seq
    with OutputFiles(out, zone) as output:

        def write(rounds: Iterable[Said]) -> None:
            for said in rounds:
                output.issue_ended(said.issues)
                output.merges(said.merged)
                output.assignments(said.assigned)
                output.alerts(said.alerts)
                output.pushes(said.pushes)
                for alert in () if quiet else said.alerts:
                    print_alert(console, alert, zone)

        for record in records:
            pipeline.route(record)
            tickets += isinstance(record, RoutedTicket) and record.event == "created"
            last = record.seq
            write(pipeline.said())
        write(pipeline.rest())
        output.finish({
            "file": files[0].name,
            "records": last,
            "tickets": tickets,
            "transitions": output.transitions,
            "issues": output.issues,
            "seconds": round(time.perf_counter() - began, 2),
        })  # fmt: skip
    console.print(f"{last:,} records, {tickets:,} tickets, {output.transitions:,} transitions in {out}")


def _records(file: Path) -> Iterator[Routed]:
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                record = record_from_json(json.loads(line))
            except ValueError:
                raise ReadError(f"{file}:{number}: is no record of the routed log; {_EXPORT}") from None
            yield record
