"""Which tickets are about the same thing where people tell of it in words of their own: issues that were written.

    python -m benchmarks.written_issues [--vectors out/vectors]

Three hotlines of 45 to 55 issues and some 150 short tickets each over three weeks and six streets
(`written_issues.tsv`), each by another writer who had seen nothing of the project: most issues of 3 to 9 tickets by
different people, some of them neighbours' calls in much the same words within an hour, the rest of one; several
problems at one place, one problem at neighbouring places, names cut short or mistyped, half without an address or a
title, no topic. Nothing was learned from them; from fourteen others, by other writers, encoders and scorers were
(`embeddings/train/written_issues.tsv`). Every street begins with what ships. B-cubed over all tickets, beside
every ticket alone. Writes benchmarks/results/written_issues.json. Nothing is drawn at random.
"""

import argparse
import json
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.table import Table

from embeddings.train.pair_scorer import b_cubed
from embeddings.train.told import written
from embeddings.vectors import VectorStore
from sentinel.settings import load_settings
from sentinel.shared import Shared

ROOT = Path(__file__).resolve().parent.parent
WRITTEN = Path(__file__).with_name("written_issues.tsv")
RESULT = ROOT / "benchmarks/results/written_issues.json"


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
        streams, truth = written(WRITTEN, [shared])
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
