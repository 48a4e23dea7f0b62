"""Which tickets are about the same thing where people tell of it in words of their own: issues that were written.

    python -m benchmarks.written_issues [--vectors out/vectors]

Hotlines of 45 to 55 issues and some 150 short tickets each over six streets or fewer (`written_issues.tsv`), by writers
who had seen nothing of the project: most issues of 2 to 15 tickets by different people, some of them neighbours' calls
in much the same words within an hour, the rest of one; several problems at one place, one problem at neighbouring
places, names cut short or mistyped, half without an address or a title, no topic. Three of three weeks, each by another
writer, and two of five months by a fourth, in which issues return after weeks and other trouble comes up at old places.
Nothing was learned from them; from twenty-eight others, by other writers, encoders and scorers were
(`embeddings/train/written_issues.tsv`, `unseen_issues.tsv`). Every street begins with what ships. B-cubed over all
tickets, beside every ticket alone. Writes benchmarks/results/written_issues.json. Nothing is drawn at random.
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
PARTS = {"three weeks": ("1", "2", "3"), "five months": ("4", "5")}


def assigned(encoder: str, store: VectorStore) -> dict[str, tuple[str, str]]:
    """Each ticket's issue, and the one it was given."""
    shared = Shared.load(load_settings(None, encoder), store)
    streams, truth = written(WRITTEN, shared)
    store.close()
    found: dict[str, tuple[str, str]] = {}
    for stream in streams:
        clusterer = shared.clusterer()
        for reading in stream:
            # an issue has the id of its first ticket, so no two streams share one
            own = clusterer.assign(reading, reading.ticket_id).issue_id
            found[reading.ticket_id] = truth[reading.ticket_id], own
    return found


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--vectors", type=Path, default=ROOT / "out/vectors", help="where vectors are kept")
    options = parser.parse_args()
    found = {encoder: assigned(encoder, VectorStore(options.vectors)) for encoder in ("static", "small")}
    truth = {ticket: issue for ticket, (issue, _) in found["static"].items()}
    table = Table(title=f"{len(truth):,} written tickets of {len(set(truth.values()))} issues", title_justify="left")
    for heading in ("", "", "precision", "recall", "B³ F1", "issues in parts"):
        table.add_column(heading, justify="right" if heading else "left")
    rows = []
    for part, hotlines in PARTS.items():
        of_part = {ticket: issue for ticket, issue in truth.items() if ticket.split("-")[0] in hotlines}
        several = sum(count > 1 for count in Counter(of_part.values()).values())
        alone = {ticket: (issue, ticket) for ticket, issue in of_part.items()}
        for name, own in (("every ticket alone", alone), *found.items()):
            figures = b_cubed({ticket: own[ticket][1] for ticket in of_part}, of_part)
            pieces = Counter(issue for issue, _ in {own[ticket] for ticket in of_part})
            split = sum(count > 1 for count in pieces.values())
            rows.append({"hotlines": part, "by": name, "b_cubed": figures, "split": split, "several": several})
            table.add_row(part, name, *(f"{figure:.3f}" for figure in figures), f"{split} of {several}")
    Console().print(table)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(rows, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
