"""How fast the clusterer is as live issues grow: 1,000 of them and 100,000, over 37 streets as unevenly as real ones.

    python benchmarks/clusterer_speed.py [--live 100000] [--peer-seconds 30]

Simulated tickets (the seed stands in the results), each read (terms, static vector) and given its issue by its street's
clusterer, nothing forgotten. Processor time a ticket while the city has about 1,000 live issues, and while it has about
`--live`. Beside it, on the same tickets in the same run: a leader over TF-IDF centroids, one a street, and River's
TextClust and DBSTREAM over what they manage in `--peer-seconds`. Writes benchmarks/results/clusterer_speed.json.
"""

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from embeddings.clusterer import IssueClusterer
from sentinel.door.streets import StreetResolver
from sentinel.reading import with_topic
from sentinel.records import RoutedTicket
from sentinel.settings import load_settings
from sentinel.shared import Shared
from sentinel.simulate import simulate

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from benchmarks.short_text_streams import dbstream, leader, textclust

RESULT = Path(__file__).resolve().parent / "results/clusterer_speed.json"
SEED, FEW, PER_DAY = 43, 1000, 6000
AIM_PER_SECOND, AIM_RATIO, AIM_RIVER = 3000, 3.0, 200


class Span(NamedTuple):
    """Processor time over some tickets while so many issues were alive."""

    live: int
    tickets: int
    read_us: float
    assign_us: float


def tickets(days: int, shared: Shared) -> list[RoutedTicket]:
    """Created tickets of a simulated city, in order, with their streets."""
    resolver = StreetResolver(shared.settings.streets)
    with tempfile.TemporaryDirectory() as folder:
        simulate(days, SEED, Path(folder), tickets_per_day=PER_DAY)
        rows = [json.loads(line) for line in (Path(folder) / "tickets.jsonl").read_text("utf-8").splitlines()]
    return [
        RoutedTicket(
            n, float(n), resolver.resolve(row.get("street", ""), row.get("address", ""), row["text"], ""), "created",
            row["ticket_id"], 20.0 * n, row.get("title", ""), row["text"], topic=row.get("topic", ""),
            address=row.get("address", ""), company=row.get("company", ""),
        )
        for n, row in enumerate(row for row in rows if row["event"] == "created")
    ]  # fmt: skip


def ours(stream: Sequence[RoutedTicket], shared: Shared, most: int) -> list[Span]:
    """Two spans: about `FEW` live issues, and about `most`; the last tenth on the way to each."""
    settings = replace(shared.clusterer_settings, single_days=1e9, issue_days=1e9, confirmed_days=1e9)
    clusterers: dict[str, IssueClusterer] = {}
    live = 0
    spans = []
    goals = [FEW, most]
    reading = assigning = 0.0
    counted = 0
    for ticket in stream:
        began = time.process_time_ns()
        read = with_topic(shared.reader.read(ticket), ticket.topic, 1.0 if ticket.topic else 0.0)
        between = time.process_time_ns()
        clusterer = clusterers.get(ticket.street)
        if clusterer is None:
            clusterer = clusterers[ticket.street] = shared.clusterer()
            clusterer.settings = settings
            between = time.process_time_ns()
        assignment = clusterer.assign(read, ticket.ticket_id)
        ended = time.process_time_ns()
        live += assignment.opened - len(assignment.merged)
        if live >= 0.9 * goals[0]:
            reading += between - began
            assigning += ended - between
            counted += 1
        if live >= 1.1 * goals[0]:
            spans.append(Span(goals.pop(0), counted, reading / counted / 1e3, assigning / counted / 1e3))
            reading, assigning, counted = 0.0, 0.0, 0
            if not goals:
                break
    return spans


def peers(stream: Sequence[RoutedTicket], shared: Shared, seconds: float) -> dict[str, float]:
    """Tickets a second of processor time, street by street, words already cut."""
    cut = shared.lexicon.cut
    by_street: dict[str, list[str]] = {}
    for ticket in stream[:20_000]:
        by_street.setdefault(ticket.street, []).append(" ".join(cut(f"{ticket.title} {ticket.text}")))
    methods: dict[str, Callable[[list[str], float], Sequence[str]]] = {
        "leader, TF-IDF centroids": lambda texts, _: leader(texts),
        "River TextClust": lambda texts, left: textclust(texts, {}, left),
        "River DBSTREAM": dbstream,
    }
    found = {}
    for name, run in methods.items():
        done, spent = 0, 0.0
        for texts in by_street.values():
            began = time.process_time()
            done += len(run(texts, seconds - spent))
            spent += time.process_time() - began
            if spent >= seconds:
                break
        found[name] = done / spent
    return found


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--live", type=int, default=100_000)
    parser.add_argument("--peer-seconds", type=float, default=30.0)
    options = parser.parse_args()
    console = Console()
    shared = Shared.load(load_settings())
    with console.status("simulating"):
        stream = tickets(round(1.75 * options.live / PER_DAY) + 2, shared)
    sizes = Counter(ticket.street for ticket in stream)
    run = partial(ours, stream, shared)
    with console.status("compiling"):
        for ticket in stream[:300]:
            shared.clusterer().assign(shared.reader.read(ticket), ticket.ticket_id)
    with console.status(f"{options.live:,} live issues"):
        spans = run(options.live)
    with console.status("peers"):
        others = peers(stream, shared, options.peer_seconds)
    table = Table(
        title=f"{len(sizes)} streets, the largest with {max(sizes.values()) / len(stream):.0%} of all tickets"
    )
    for heading in ("", "live issues", "read µs", "issue µs", "tickets/s"):
        table.add_column(heading, justify="right" if heading else "left")
    for span in spans:
        speed = 1e6 / (span.read_us + span.assign_us)
        table.add_row("ours", f"{span.live:,}", f"{span.read_us:,.0f}", f"{span.assign_us:,.0f}", f"{speed:,.0f}")
    for name, speed in others.items():
        table.add_row(name, "", "", "", f"{speed:,.0f}")
    console.print(table)
    if len(spans) < 2:
        console.print(f"the simulation was too short for {options.live:,} live issues")
        sys.exit(1)
    few, many = spans
    ratio = (many.read_us + many.assign_us) / (few.read_us + few.assign_us)
    speed = 1e6 / (many.read_us + many.assign_us)
    river = speed / max(speed for name, speed in others.items() if name.startswith("River"))
    console.print(
        f"{speed:,.0f} tickets/s at {many.live:,} (the aim is {AIM_PER_SECOND:,}); {ratio:.1f} times the time at "
        f"{few.live:,} (at most {AIM_RATIO:g}); {river:,.0f} times River's faster one (at least {AIM_RIVER})"
    )
    RESULT.parent.mkdir(exist_ok=True)
    figures = {
        "seed": SEED,
        "streets": len(sizes),
        "largest_share": max(sizes.values()) / len(stream),
        "spans": [span._asdict() for span in spans],
        "peers": others,
        "ratio": ratio,
    }
    RESULT.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
