"""Which tickets are about the same thing where people tell of it in words of their own: issues that were written.

    python -m benchmarks.written_issues [--vectors out/vectors]

Nine hotlines of 45 issues and some 130 short tickets each over three weeks and six streets (`written_issues.tsv`), by
somebody who had seen nothing of the project: 25 issues of 3 to 7 tickets by different people, 20 of one; several
problems at one place, one problem at neighbouring places, names cut short or mistyped, half without an address or a
title, no topic. Nothing was learned from them. Every street begins with what ships. B-cubed over all tickets, beside
every ticket alone. Writes benchmarks/results/written_issues.json. Nothing is drawn at random.
"""

import argparse
import json
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.table import Table

from embeddings.clusterer import Reading
from embeddings.train.pair_scorer import b_cubed, by_street
from embeddings.vectors import VectorStore
from sentinel.door.callers import PUBLIC_KEY, CallerHasher
from sentinel.door.masking import mask
from sentinel.door.streets import StreetResolver
from sentinel.records import RoutedTicket
from sentinel.settings import load_settings
from sentinel.shared import Shared

ROOT = Path(__file__).resolve().parent.parent
WRITTEN = Path(__file__).with_name("written_issues.tsv")
RESULT = ROOT / "benchmarks/results/written_issues.json"


def written(shared: Shared) -> tuple[list[list[Reading]], dict[str, str]]:
    """The tickets of each hotline and street as the clusterer sees them, in order of time, and the true issue of each.

    A line is a ticket: hotline, issue, hours since it began, caller, street, address, title, text.
    """
    resolver, hasher = StreetResolver(shared.settings.streets), CallerHasher(PUBLIC_KEY)
    hotlines: dict[str, list[RoutedTicket]] = {}
    truth: dict[str, str] = {}
    rows = [line.split("\t") for line in WRITTEN.read_text("utf-8").splitlines()]
    for number, row in enumerate(sorted(rows, key=lambda row: (row[0], float(row[2])))):
        hotline, issue, hours, caller, street = row[:5]
        address, title, text = map(mask, row[5:])
        ticket = RoutedTicket(
            0, 0.0, resolver.resolve(street, address, text, title), "created", f"{hotline}-{number}",
            3600.0 * float(hours), title, text, address=address, caller=hasher.hash(f"{hotline}-{caller}"),
        )  # fmt: skip
        hotlines.setdefault(hotline, []).append(ticket)
        truth[ticket.ticket_id] = f"{hotline}-{issue}"
    return [stream for tickets in hotlines.values() for _, stream in by_street(tickets, shared)], truth


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--vectors", type=Path, default=ROOT / "out/vectors", help="where vectors are kept")
    options = parser.parse_args()
    rows: dict[str, tuple[float, float, float]] = {}
    split: dict[str, int] = {}
    for encoder in ("static", "small"):
        store = VectorStore(options.vectors)
        shared = Shared.load(load_settings(None, encoder), store)
        streams, truth = written(shared)
        store.close()
        found: dict[str, str] = {}
        for stream in streams:
            clusterer = shared.clusterer()
            for reading in stream:
                # an issue has the id of its first ticket, so no two streams share one
                found[reading.ticket_id] = clusterer.assign(reading, reading.ticket_id).issue_id
        rows["every ticket alone"] = b_cubed({ticket: ticket for ticket in truth}, truth)
        rows[f"ours, {encoder}"] = b_cubed(found, truth)
        parts = Counter(issue for issue, _ in {(truth[ticket], own) for ticket, own in found.items()})
        split[encoder] = sum(count > 1 for count in parts.values())
    several = sum(count > 1 for count in Counter(truth.values()).values())
    table = Table(title=f"{len(truth):,} written tickets of {len(set(truth.values()))} issues", title_justify="left")
    for heading in ("", "precision", "recall", "B³ F1"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, figures in rows.items():
        table.add_row(name, *(f"{figure:.3f}" for figure in figures))
    console = Console()
    console.print(table)
    console.print(f"of {several} issues of several tickets in more than one part: {split}")
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps({"b_cubed": rows, "issues": several, "split": split}, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
