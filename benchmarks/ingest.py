"""CPU time on the way from a file to routed records: what an event costs before any street sees it.

    python benchmarks/ingest.py [--days 14] [--tickets-per-day 1200] [--rounds 5]

Simulates a hotline and measures, of several rounds the fastest: reading, validating and ordering its tickets.jsonl,
and intake (numbers, duplicates, masking, streets, callers) over the events, new tickets and later ones apart. Prints a
table of microseconds and writes benchmarks/results/ingest.json.
"""

import argparse
import json
import platform
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from sentinel.door.callers import PUBLIC_KEY, CallerHasher
from sentinel.door.masking import mask
from sentinel.door.streets import StreetResolver
from sentinel.garbage import seldom_collected
from sentinel.intake import Door, Intake, IntakeSettings
from sentinel.readers import Entry, Rejection, in_order, open_tickets
from sentinel.settings import load_settings
from sentinel.simulate import simulate

RESULT = Path(__file__).parent / "results" / "ingest.json"


def _rejected(rejection: Rejection) -> None:
    raise SystemExit(f"{rejection}: the simulation is broken")


def reading(tickets: Path) -> tuple[float, int]:
    """CPU seconds to read, validate and order a file, and how many events it has."""
    began = time.process_time()
    events = sum(1 for _ in in_order(open_tickets([tickets]), _rejected))
    return time.process_time() - began, events


def intake(entries: Sequence[Entry], door: Door, settings: IntakeSettings) -> tuple[float, float]:
    """CPU seconds for all new tickets, and for all later events.

    Both go through one intake in their order; the clock is read where the kind changes, and what reading it
    costs is taken off.
    """
    stage = Intake(door, settings)
    spent = {True: 0.0, False: 0.0}
    readings = 0
    position = 0
    for created, run in _runs(entries):
        began = time.process_time()
        for entry in run:
            stage.take(position, entry.event)
            position += 1
        spent[created] += time.process_time() - began
        readings += 1
    began = time.process_time()
    for _ in range(readings):
        time.process_time()
    clock = (time.process_time() - began) / 2
    return spent[True] - clock, spent[False] - clock


def _runs(entries: Sequence[Entry]) -> Iterator[tuple[bool, Sequence[Entry]]]:
    """Stretches of new tickets and of later events, by turns."""
    first = 0
    for last, entry in enumerate(entries, start=1):
        created = entry.event.event == "created"
        if last == len(entries) or (entries[last].event.event == "created") is not created:
            yield created, entries[first:last]
            first = last


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--days", type=int, default=14)
    parser.add_argument("--tickets-per-day", type=int, default=1200)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    settings = load_settings(None)
    reads: list[float] = []
    takes: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as folder, seldom_collected():
        simulate(options.days, options.seed, Path(folder), tickets_per_day=options.tickets_per_day)
        tickets = Path(folder) / "tickets.jsonl"
        for _ in range(options.rounds):
            seconds, events = reading(tickets)
            reads.append(seconds)
        for _ in range(options.rounds):
            # a round of its own has its own resolver, so that nothing is remembered from the one before
            door = Door(StreetResolver(settings.streets).resolve, mask, CallerHasher(PUBLIC_KEY).hash)
            entries = list(in_order(open_tickets([tickets]), _rejected))
            takes.append(intake(entries, door, IntakeSettings()))
    created = sum(entry.event.event == "created" for entry in entries)
    figures = {
        "read, validate and order, an event": 1e6 * min(reads) / events,
        "intake, a new ticket": 1e6 * min(new for new, _ in takes) / created,
        "intake, a later event": 1e6 * min(later for _, later in takes) / (events - created),
    }
    figures["all of it, a ticket with its events"] = 1e6 * (min(reads) + min(map(sum, takes))) / created
    table = Table(title=f"{created:,} tickets, {events:,} events, CPU time", title_justify="left")
    table.add_column("stage")
    table.add_column("µs", justify="right")
    for name, value in figures.items():
        table.add_row(name, f"{value:.1f}")
    Console().print(table)
    RESULT.parent.mkdir(exist_ok=True)
    report = {"microseconds": figures, "tickets": created, "events": events, "python": platform.python_version()}
    RESULT.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
