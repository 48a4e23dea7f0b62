"""Which messages are about the same thing: B-cubed F1 on issues that were read by hand out of a real year.

    python benchmarks/issues.py [--teacher] [--kept-back issues.json]

Streams the real messages of 2019 in order of time, one pass, each given its issue at once. Term statistics come from
the shipped prior and from the past alone. Five-fold by issue: what has something to choose or to learn (a leader's
threshold, a pair scorer's weights) learns it on four fifths of the development issues, and the rest is scored; a
message of no issue is clustered by what all issues taught. `--kept-back` scores the shipped weights on issues that
nobody looked at. `--teacher` adds rows with bge-small, of which `small` was made (some ten minutes; its vectors are
kept). Needs the messages in SENTINEL_SHARED (default: ../shared beside the repository).

Writes benchmarks/results/issues.json. Nothing is drawn at random: folds go by the order of issue ids.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy import sparse

from embeddings.clusterer import ClustererSettings, Reading
from embeddings.encoder import SCORER, load_encoder, model_of
from embeddings.lexicon import MODELS, Lexicon
from embeddings.pairs import FEATURES
from embeddings.scorer import PairScorer
from embeddings.tickets import F64
from embeddings.train.pair_scorer import FOLDS, SHIFT, VECTOR, Pairs, assign, b_cubed, collect, fit_letters, readings
from embeddings.vectors import VectorStore

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("SENTINEL_SHARED", ROOT.parent / "shared"))
MESSAGES = SHARED / "data/citizen_messages"
TEACHER = SHARED / "models/bge-small-zh-v1.5"
RESULT = ROOT / "benchmarks/results/issues.json"
#: Nothing is forgotten: an issue of January may be told again in December.
SETTINGS = ClustererSettings(single_days=400, issue_days=400, confirmed_days=400)
NEAREST = 60
MEMBERS = 3  # a leader's issue is as near as the mean of so many of its members
TERM_CUTS, VECTOR_CUTS = np.arange(0.10, 0.50, 0.02), np.arange(0.30, 0.90, 0.02)

Truth = dict[str, str]


class Row(NamedTuple):
    """One line of the table."""

    name: str
    precision: float
    recall: float
    f1: float
    kept_back: float
    messages_per_second: float
    """of the clustering alone, texts read and vectors at hand"""


class Year(NamedTuple):
    """The messages in order of time, and which are one issue."""

    ids: list[str]
    truth: Truth
    kept_back: Truth

    def fold(self) -> dict[str, int]:
        """Return the fold of every issue."""
        return {issue: n % FOLDS for n, issue in enumerate(sorted(set(self.truth.values())))}


def read_truth(path: Path) -> Truth:
    """Return message -> issue."""
    return {m["id"]: issue["issue_id"] for issue in json.loads(path.read_text("utf-8")) for m in issue["members"]}


# -- leaders ---------------------------------------------------------------------------------------------


class Nearest(NamedTuple):
    """For each message the nearest ones before it."""

    places: list[NDArray[np.int64]]
    cosines: list[F64]


def nearest_by_terms(stream: Sequence[Reading]) -> Nearest:
    """Cosine of TF-IDF of words, each inverse frequency counted up to the message in hand."""
    rows = [reading.terms.words for reading in stream]
    known, columns = np.unique(np.concatenate(rows), return_inverse=True)
    ends = np.cumsum([0, *map(len, rows)])
    counts = sparse.csr_matrix((np.ones(len(columns)), columns, ends), (len(rows), len(known)))
    seen = np.zeros(len(known))
    found = Nearest([], [])
    for n in range(len(rows)):
        mine = columns[ends[n] : ends[n + 1]]
        seen[mine] += 1.0
        worth = np.maximum(0.0, np.log((n + 2.0) / (seen + 0.5))) ** 2
        before = counts[:n]
        only_mine = np.zeros(len(known))
        only_mine[mine] = worth[mine]
        lengths = np.sqrt(np.maximum(before @ worth, 1e-9) * max(1e-9, worth[mine].sum()))
        _keep(found, (before @ only_mine) / lengths)
    return found


def nearest_by_vectors(stream: Sequence[Reading]) -> Nearest:
    """Cosine of vectors, which are centred and of unit length."""
    vectors = np.array([reading.vector for reading in stream])
    found = Nearest([], [])
    for n in range(len(vectors)):
        _keep(found, vectors[:n] @ vectors[n])
    return found


def _keep(found: Nearest, cosines: F64) -> None:
    best = np.argsort(-cosines, kind="stable")[:NEAREST]
    found.places.append(best)
    found.cosines.append(cosines[best])


def lead(ids: Sequence[str], nearest: Nearest, cut: float) -> Truth:
    """Single-pass leader: join the issue whose three nearest members are nearest on average, from `cut` on."""
    issue_of = np.zeros(len(ids), np.int64)
    for n in range(len(ids)):
        by_issue: dict[int, list[float]] = {}
        for place, cosine in zip(nearest.places[n], nearest.cosines[n], strict=True):
            members = by_issue.setdefault(int(issue_of[place]), [])
            if len(members) < MEMBERS:
                members.append(float(cosine))
        best = max(by_issue, key=lambda issue: (sum(by_issue[issue]) / len(by_issue[issue]), -issue), default=-1)
        joins = best >= 0 and sum(by_issue[best]) / len(by_issue[best]) >= cut
        issue_of[n] = best if joins else n
    return {ticket: ids[issue] for ticket, issue in zip(ids, issue_of, strict=True)}


def leader(name: str, year: Year, nearest: Nearest, cuts: NDArray[np.float64]) -> Row:
    """Choose the cut on four fifths of the issues, score the rest; on the kept-back issues, the cut of them all."""
    began = time.process_time()
    led = {float(cut): lead(year.ids, nearest, float(cut)) for cut in cuts}
    seconds = (time.process_time() - began) / len(cuts)
    fold = year.fold()
    scored: Truth = {}
    for k in range(FOLDS):
        others = {ticket: issue for ticket, issue in year.truth.items() if fold[issue] != k}
        best = max(led, key=lambda cut: b_cubed(led[cut], others)[2])
        # within a fold an issue's name says by which cut it was found, so that none of two folds are one
        scored |= {t: f"{k}/{led[best][t]}" for t, issue in year.truth.items() if fold[issue] == k}
    best = max(led, key=lambda cut: b_cubed(led[cut], year.truth)[2])
    kept_back = b_cubed(led[best], year.kept_back)[2] if year.kept_back else float("nan")
    return Row(name, *b_cubed(scored, year.truth), kept_back, len(year.ids) / seconds)


# -- ours ------------------------------------------------------------------------------------------------


def ours(name: str, year: Year, stream: list[Reading], lexicon: Lexicon, shipped: PairScorer, vectors: bool) -> Row:
    """The clusterer; the logistic model of letters is fitted anew without each fold, its trees are the shipped ones."""
    pairs = collect(stream, lexicon, year.truth, complete=False)
    shift = SHIFT.get(name.removeprefix("ours, "), 0.0)
    if not vectors:
        pairs.features[:, VECTOR] = 0.0
    fold = year.fold()
    owners = np.array([fold[owner] for owner in pairs.owners])
    scorers = [_fitted(pairs, owners != k, shipped, shift) for k in range(FOLDS)]
    everything = _fitted(pairs, owners >= 0, shipped, shift)

    def held_out(ticket: str) -> PairScorer:
        return scorers[fold[year.truth[ticket]]] if ticket in year.truth else everything

    began = time.process_time()
    predicted = assign(stream, lexicon, held_out, SETTINGS)
    seconds = time.process_time() - began
    kept_back = float("nan")
    if year.kept_back:
        kept_back = b_cubed(assign(stream, lexicon, lambda _: shipped, SETTINGS), year.kept_back)[2]
    return Row(name, *b_cubed(predicted, year.truth), kept_back, len(stream) / seconds)


def _fitted(pairs: Pairs, kept: NDArray[np.bool_], shipped: PairScorer, shift: float) -> PairScorer:
    letters = fit_letters(pairs.features[kept], pairs.labels[kept], pairs.weights[kept], shift)
    return PairScorer(letters, shipped.notes)


def scorer_of(encoder: str) -> PairScorer:
    """The shipped scorer of an encoder, or that without vectors."""
    path = model_of(encoder) / SCORER
    return PairScorer.load(path if path.is_file() else MODELS / SCORER)


# -- the table -------------------------------------------------------------------------------------------


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--teacher", action="store_true", help="also with bge-small")
    parser.add_argument("--kept-back", type=Path, help="issues that were looked at by nobody")
    parser.add_argument("--vectors", type=Path, default=ROOT / "out/vectors", help="where vectors are kept")
    options = parser.parse_args()
    console = Console()
    if not MESSAGES.is_dir():
        console.print(f"{MESSAGES}: no such directory; set SENTINEL_SHARED to the evaluation data")
        sys.exit(0)
    lexicon = Lexicon.shipped()
    truth = read_truth(MESSAGES / "issues_dev.json")
    kept_back = read_truth(options.kept_back) if options.kept_back else {}
    encoders: dict[str, Callable[[], str]] = {"static": lambda: "static", "small": lambda: "small"}
    if options.teacher:
        encoders["bge-small"] = lambda: str(TEACHER)
    rows: list[Row] = []
    identities: dict[str, Any] = {}
    for name, path in encoders.items():
        store = VectorStore(options.vectors)
        with console.status(f"reading the year with {name}"):
            encoder = load_encoder(path(), store)
            stream = list(readings(SHARED / "data", lexicon, encoder))
            store.close()
        identities[name] = encoder.identity._asdict()
        year = Year([reading.ticket_id for reading in stream], truth, kept_back)
        if not rows:
            rows.append(leader("leader, TF-IDF of words", year, nearest_by_terms(stream), TERM_CUTS))
            rows.append(
                ours("ours, no vectors", year, stream, lexicon, PairScorer.load(MODELS / SCORER), vectors=False)
            )
        rows.append(leader(f"leader, {name} vectors", year, nearest_by_vectors(stream), VECTOR_CUTS))
        rows.append(ours(f"ours, {name}", year, stream, lexicon, scorer_of(path()), vectors=True))
    table = Table(title=f"issues of 2019: {len(truth)} messages of {len(set(truth.values()))}, five-fold by issue")
    for heading in ("evidence", "precision", "recall", "B³ F1", "kept back", "messages/s"):
        table.add_column(heading, justify="left" if heading == "evidence" else "right")
    for row in rows:
        back = f"{row.kept_back:.3f}" if year.kept_back else "–"
        table.add_row(
            row.name, f"{row.precision:.3f}", f"{row.recall:.3f}", f"{row.f1:.3f}", back,
            f"{row.messages_per_second:,.0f}",
        )  # fmt: skip
    console.print(table)
    RESULT.parent.mkdir(exist_ok=True)
    figures = {
        "folds": FOLDS,
        "seed": None,
        "join_at": SETTINGS.join_at,
        "features": FEATURES,
        "encoders": identities,
        "rows": [row._asdict() for row in rows],
    }
    RESULT.write_text(json.dumps(figures, indent=2).replace("NaN", "null") + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
