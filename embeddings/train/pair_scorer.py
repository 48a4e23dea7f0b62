"""Learn the pair scorer from the hand-read issues, and say how good it is by cross-validation.

    for seed in 5 15 25 35 45 1005; do
        sentinel simulate --days 16 --seed $seed --tickets-per-day 1500 --incidents-per-day 8 --out out/pairs-$seed
    done
    python -m embeddings.train.pair_scorer --data ../shared/data --encoder static \\
        --simulated out/pairs-5 out/pairs-15 out/pairs-25 out/pairs-35 out/pairs-45 --held-out out/pairs-1005

An encoder needs a scorer of its own: `--encoder static`, `small` or the directory of a model. The result is written
into the encoder's directory, where `sentinel` finds it; `--encoder none` learns without vectors, which is what any
encoder without a scorer falls back to. `--thin 6` takes every sixth street of the simulations, since a contextual
encoder needs half an hour for them all; `--vectors DIR` keeps its vectors for the next time.

Streams the real messages of 2019, simulated hotlines and written ones (`told.py`), street by street, through
the clusterer's memory in order of time, and collects the features of each ticket against its candidates. Letters: a
standardised logistic model on the real pairs. Notes: boosted trees, monotone in all evidence whose direction is known,
on pairs of all three; simulated callers share phrases, written ones have words of their own. Some of the written
hotlines taught the encoders; there vectors are taken for worth what they are on the others (`unlearned`).

Figures are B-cubed F1: over the labelled real messages, five-fold by issue (each message is scored by a model that has
not seen its issue), and over the tickets of a simulation that shares no name and no phrase with those learned from (a
seed from 1000 on).
"""

import argparse
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from embeddings.clusterer import COUNTED_MEMBERS, ClustererSettings, IssueClusterer, Reading
from embeddings.encoder import SCORER, Encoder, load_encoder, model_of
from embeddings.lexicon import MODELS, Lexicon
from embeddings.memory import TicketMemory
from embeddings.pairs import FEATURES, pair_features
from embeddings.scorer import Logistic, PairScorer, Trees
from embeddings.tickets import F64, Fields, Seek
from embeddings.train.told import by_street, retold, written
from embeddings.train.tune import UNSEEN, WRITTEN
from embeddings.vectors import VectorStore
from sentinel.door.callers import PUBLIC_KEY, CallerHasher
from sentinel.door.masking import mask
from sentinel.door.streets import StreetResolver
from sentinel.readers import in_order, open_tickets
from sentinel.records import RoutedTicket
from sentinel.settings import load_settings
from sentinel.shared import Shared

FOLDS = 5
SIMULATED_WEIGHT, WRITTEN_WEIGHT, RETOLD_WEIGHT = 20.0, 8.0, 2.0
"""Of all such pairs against all real ones, in the model of notes."""
RETURNING = 0.1
"""How many of the pairs of one issue are to lie as far apart as others do: few issues learned from sleep for months."""
NEGATIVES = 500_000
NOTES_SHIFT = -2.25  # more joins more, and with it more that only chance brings together, which costs false alarms
SHIFT = {"small": 0.25}  # puts an encoder's best threshold where that of `static` is, so that one `join_at` serves all
DIRECTION = {  # 1: evidence for one issue; -1: against; 0: may be either
    "days": 0, "other_address": -1, "other_company": -1, "other_topic": -1, "shorter": 0, "longer": 0,
    "names_apart": -1, "names_less": 0, "names_more": 0,
}  # fmt: skip
LETTERS = FEATURES[: FEATURES.index("shorter")]
NAMES_LESS, VECTOR, DAYS = (FEATURES.index(name) for name in ("names_less", "vector", "days"))
FIRST_SENTENCE = re.compile(r".{12,}?[。！？\s]|.*", re.DOTALL)
NONE = "none"


def readings(data: Path, lexicon: Lexicon, encoder: Encoder) -> Iterator[Reading]:
    """The messages of 2019 as the clusterer sees them, in order of time."""
    zone = ZoneInfo("Asia/Shanghai")
    rows = [
        json.loads(line) for line in (data / "citizen_messages" / "messages_2019.jsonl").read_text("utf-8").splitlines()
    ]
    rows.sort(key=lambda row: (row["time"], row["id"]))
    for row in rows:
        at = datetime.fromisoformat(row["time"]).replace(tzinfo=zone).timestamp()
        terms, ids = lexicon.read(row["title"], row["text"])
        caller = int.from_bytes(row["user"].encode()[-7:], "little")
        yield Reading(row["id"], terms, encoder.encode(f"{row['title']} {row['text']}", ids), Fields(at, caller))


def simulated(
    directory: Path, shared: Shared, thin: int, bare: bool = False, short: bool = False
) -> list[tuple[str, list[Reading]]]:
    """A simulation's tickets as the clusterer sees them, by street, in order of time.

    Of the streets, every `thin`th. `bare` leaves out address, topic and company, as many a hotline does; `short` keeps
    of a text its first sentence with at least a dozen characters, as many an operator does.
    """
    resolver, hasher = StreetResolver(shared.settings.streets), CallerHasher(PUBLIC_KEY)
    skipped = {street.code for n, street in enumerate(shared.settings.streets.streets) if n % thin}
    tickets = []
    for entry in in_order(open_tickets([directory / "tickets.jsonl"]), lambda _: None):
        event = entry.event
        if event.event != "created":
            continue
        text, title, address = mask(event.text), mask(event.title), mask(event.address)
        if short:
            text = FIRST_SENTENCE.match(text)[0]  # type: ignore[index]  # matches anything
        street = resolver.resolve(event.street, address, text, title)
        if street in skipped:
            continue
        known = "" if bare else event.topic, "" if bare else mask(event.company), "" if bare else address
        ticket = RoutedTicket(
            0, 0.0, street, "created", event.ticket_id, event.at.timestamp(), title, text,
            topic=known[0], company=known[1], address=known[2],
            caller=hasher.hash(event.caller),
        )  # fmt: skip
        tickets.append(ticket)
    return by_street(tickets, shared)


def simulated_truth(directory: Path) -> dict[str, str]:
    """The true issue of every ticket that shares one with another."""
    rows = map(json.loads, (directory / "issues_truth.jsonl").read_text("utf-8").splitlines())
    return {row["ticket_id"]: row["issue_id"] for row in rows}


def b_cubed(predicted: dict[str, str], truth: dict[str, str]) -> tuple[float, float, float]:
    """B-cubed precision, recall and F1 over the items of `truth` (Bagga and Baldwin 1998)."""
    clusters: dict[str, set[str]] = {}
    issues: dict[str, set[str]] = {}
    for item, issue in truth.items():
        clusters.setdefault(predicted[item], set()).add(item)
        issues.setdefault(issue, set()).add(item)
    precision = recall = 0.0
    for item, issue in truth.items():
        both = len(clusters[predicted[item]] & issues[issue])
        precision += both / len(clusters[predicted[item]])
        recall += both / len(issues[issue])
    precision, recall = precision / len(truth), recall / len(truth)
    return precision, recall, 2 * precision * recall / (precision + recall)


class Pairs(NamedTuple):
    """Features, labels, weights of pairs, and the issue of each pair's later ticket ("" if none)."""

    features: F64
    labels: F64
    weights: F64
    owners: list[str]


def collect(
    stream: list[Reading], lexicon: Lexicon, truth: dict[str, str], complete: bool, named: bool = False
) -> Pairs:
    """Return every pair whose later ticket is of a known issue.

    `complete` says that a ticket of no issue is known to be alone: then its pairs count too. `named` leaves out pairs
    of which one ticket names nothing: where words are left out or names taken for common words, it may have named
    something, and what cannot be known must not be learned.
    """
    defaults = ClustererSettings()
    seek = Seek(defaults.candidates, defaults.common)
    memory = TicketMemory(lexicon.prior, len(stream[0].vector))
    ids: list[str] = []
    rows, labels, weights, owners = [], [], [], []
    sizes = Counter(truth.values())
    met: Counter[str] = Counter()
    for reading in stream:
        slot, others = memory.place(reading.terms, reading.vector, reading.fields, seek)
        ids.append(reading.ticket_id)
        issue = truth.get(reading.ticket_id, "")
        if not issue or met[issue] < COUNTED_MEMBERS:
            memory.count_terms(slot)
        met[issue] += 1
        if not (issue or complete) or not len(others):
            continue
        found = pair_features(memory, slot, others)
        if named:
            kept = found[:, NAMES_LESS] > 0.0
            found, others = found[kept], others[kept]
        rows.append(found)
        for other in others:
            same = bool(issue) and truth.get(ids[other]) == issue
            labels.append(float(same))
            # the few great issues of the real year must not decide alone; simulated ones are small and alike
            weights.append(2.0 / sizes[issue] if same and not complete else 1.0)
            owners.append(issue)
    return Pairs(np.vstack(rows), np.array(labels), np.array(weights), owners)


def together(parts: list[Pairs]) -> Pairs:
    """All pairs of several streams."""
    return Pairs(
        np.vstack([part.features for part in parts]),
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.weights for part in parts]),
        [owner for part in parts for owner in part.owners],
    )


def unlearned(known: Pairs, unseen: Pairs) -> Pairs:
    """Return the pairs of hotlines that an encoder knows, as if it did not know them.

    Of pairs of one issue, and of others, the cosines of vectors become those of `unseen` with the same rank.
    """
    features = known.features.copy()
    for label in (0.0, 1.0):
        rows = np.flatnonzero(known.labels == label)
        ranks = np.argsort(np.argsort(features[rows, VECTOR], kind="stable"), kind="stable")
        others = unseen.features[unseen.labels == label, VECTOR]
        features[rows, VECTOR] = np.quantile(others, (ranks + 0.5) / len(rows))
    return known._replace(features=features)


def returning(pairs: Pairs) -> Pairs:
    """Return the pairs as if more issues returned after a long time."""
    features, random = pairs.features.copy(), np.random.default_rng(1)
    same, others = np.flatnonzero(pairs.labels > 0), np.flatnonzero(pairs.labels == 0)
    late = same[random.random(len(same)) < RETURNING]
    features[late, DAYS] = features[random.choice(others, len(late)), DAYS]
    return pairs._replace(features=features)


def fit_letters(features: F64, labels: F64, weights: F64, shift: float) -> Logistic:
    """Standardised logistic regression, C = 1, folded back to raw features; lengths tell a line nothing."""
    features = features.copy()
    features[:, len(LETTERS) :] = 0.0
    scaler = StandardScaler().fit(features)
    model = LogisticRegression(C=1.0, max_iter=2000).fit(scaler.transform(features), labels, weights)
    scale = np.where(scaler.scale_ > 0, scaler.scale_, 1.0)
    coefficients = model.coef_[0] / scale
    return Logistic(coefficients, float(model.intercept_[0] - (coefficients * scaler.mean_).sum()) + shift)


def fit_notes(pairs: Pairs, shift: float) -> Trees:
    """Boosted trees as flat arrays. Beyond two weeks the time between says nothing: few notes whose issue is known lie
    further apart.
    """
    features = pairs.features.copy()
    features[:, DAYS] = np.minimum(features[:, DAYS], math.log1p(14.0))
    model = HistGradientBoostingClassifier(
        max_iter=160,
        max_leaf_nodes=10,
        learning_rate=0.12,
        min_samples_leaf=40,
        l2_regularization=5.0,
        monotonic_cst=[DIRECTION.get(name, 1) for name in FEATURES],
        early_stopping=False,
        random_state=0,
    ).fit(features, pairs.labels, sample_weight=pairs.weights)
    parts: dict[str, list[float]] = {name: [] for name in ("feature", "threshold", "left", "value")}
    roots = []
    for (tree,) in model._predictors:
        base = len(parts["value"])
        roots.append(base)
        order = [0]  # by level, so that the two below a node stand side by side
        for at in order:
            node = tree.nodes[at]
            leaf = bool(node["is_leaf"])
            parts["feature"].append(int(node["feature_idx"]))
            parts["threshold"].append(0.0 if leaf else round(float(node["num_threshold"]), 6))
            parts["left"].append(-1 if leaf else base + len(order))
            parts["value"].append(round(float(node["value"]), 6))
            order += [] if leaf else [int(node["left"]), int(node["right"])]
    return Trees(
        np.array(roots, np.int16),
        np.array(parts["feature"], np.int16),
        np.array(parts["threshold"], np.float32),
        np.array(parts["left"], np.int16),
        np.array(parts["value"], np.float32),
        float(model._baseline_prediction.ravel()[0]) + NOTES_SHIFT + shift,
    )


def thinned(pairs: Pairs) -> Pairs:
    """All pairs of one issue and a sample of the others, weighed up to stand for all."""
    positive = np.flatnonzero(pairs.labels > 0)
    negative = np.flatnonzero(pairs.labels == 0)
    kept = np.random.default_rng(0).choice(negative, min(NEGATIVES, len(negative)), replace=False)
    rows = np.concatenate([positive, kept])
    weights = pairs.weights[rows].copy()
    weights[len(positive) :] *= len(negative) / len(kept)
    return Pairs(pairs.features[rows], pairs.labels[rows], weights, [])


def assign(
    stream: list[Reading], lexicon: Lexicon, scorer: Callable[[str], PairScorer], settings: ClustererSettings
) -> dict[str, str]:
    """Cluster the stream; the scorer may differ by ticket (that is what cross-validation needs)."""
    memory = TicketMemory(lexicon.prior, len(stream[0].vector))
    clusterer = IssueClusterer(memory, scorer(""), settings)
    out = {}
    for reading in stream:
        clusterer.scorer = scorer(reading.ticket_id)
        out[reading.ticket_id] = clusterer.assign(reading, reading.ticket_id).issue_id
    return out


def main() -> None:
    """Train, cross-validate, save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--simulated", type=Path, nargs="+", required=True)
    parser.add_argument("--held-out", type=Path, required=True)
    parser.add_argument("--encoder", default="static")
    parser.add_argument("--thin", type=int, default=1)
    parser.add_argument("--vectors", type=Path)
    options = parser.parse_args()
    store = VectorStore(options.vectors) if options.vectors else None
    without = options.encoder == NONE
    encoder = load_encoder("static" if without else options.encoder, store)
    shared = replace(Shared.load(load_settings(None)), encoder=encoder)
    lexicon, thin, shift = shared.lexicon, options.thin, SHIFT.get(options.encoder, 0.0)
    familiar = replace(shared, lexicon=lexicon.knowing_all())
    stream = list(readings(options.data, lexicon, encoder))
    issues = json.loads((options.data / "citizen_messages" / "issues_dev.json").read_text("utf-8"))
    truth = {m["id"]: issue["issue_id"] for issue in issues for m in issue["members"]}
    real = collect(stream, lexicon, truth, complete=False)
    if without:
        real.features[:, VECTOR] = 0.0
    print(f"{len(real.labels):,} real pairs, {int(real.labels.sum()):,} of one issue")
    parts = []
    for directory in options.simulated:
        # all streets as they are, and some as those of other hotlines are: without fields, with names made of common
        # words (most real estates have such names), with short texts
        notes_truth = simulated_truth(directory)
        streets = simulated(directory, shared, thin) + simulated(directory, shared, thin, bare=True)[::4]
        parts += [collect(s, lexicon, notes_truth, complete=True) for _, s in streets if len(s) > 50]
        streets = simulated(directory, familiar, thin)[::3] + simulated(directory, familiar, thin, short=True)[1::3]
        streets += simulated(directory, shared, thin, bare=True, short=True)[1::4]
        parts += [collect(s, lexicon, notes_truth, complete=True, named=True) for _, s in streets if len(s) > 50]
    known, unseen, told = (
        together([collect(s, lexicon, issue_of, complete=True) for s in streams])
        for streams, issue_of in (written(WRITTEN, shared), written(UNSEEN, shared), retold(shared))
    )
    joined = together(parts)
    for pairs, source in ((joined, "simulated"), (known, "written"), (unseen, "unseen"), (told, "retold")):
        print(f"{len(pairs.labels):,} {source} pairs, {int(pairs.labels.sum()):,} of one issue")
        if without:
            pairs.features[:, VECTOR] = 0.0
    sources = [real]
    for pairs, weight in (
        (returning(thinned(joined)), SIMULATED_WEIGHT),
        (returning(together([unlearned(known, unseen), unseen])), WRITTEN_WEIGHT),
        (told, RETOLD_WEIGHT),
    ):
        sources.append(pairs._replace(weights=pairs.weights * weight * real.weights.sum() / pairs.weights.sum()))
    notes = fit_notes(together(sources), shift)

    fold_of = {issue: i % FOLDS for i, issue in enumerate(sorted(set(truth.values())))}
    fold = np.array([fold_of[owner] for owner in real.owners])

    def letters(kept: NDArray[np.bool_]) -> PairScorer:
        return PairScorer(fit_letters(real.features[kept], real.labels[kept], real.weights[kept], shift), notes)

    everything = letters(fold >= 0)
    scorers = [letters(fold != k) for k in range(FOLDS)]

    def held_out(ticket: str) -> PairScorer:
        return scorers[fold_of[truth[ticket]]] if ticket in truth else everything

    out = (MODELS if without else model_of(options.encoder)) / SCORER
    out.write_text(json.dumps(stored(everything)) + "\n", encoding="utf-8")
    other_truth = simulated_truth(options.held_out)
    others = simulated(options.held_out, shared, thin)
    if store is not None:
        store.close()
    for join_at in (-2.75, -2.25, -1.75):
        settings = ClustererSettings(join_at=join_at, single_days=400, issue_days=400, confirmed_days=400)
        scores = b_cubed(assign(stream, lexicon, held_out, settings), truth)
        predicted: dict[str, str] = {}
        for _, tickets in others:
            predicted |= assign(tickets, lexicon, lambda _: everything, settings)
        every = {ticket: other_truth.get(ticket, ticket) for ticket in predicted}
        of_issues = {ticket: issue for ticket, issue in every.items() if ticket in other_truth}
        rows = (
            ("real", scores),
            ("simulated, all", b_cubed(predicted, every)),
            ("simulated, of issues", b_cubed(predicted, of_issues)),
        )
        line = ", ".join(f"{name} P {p:.3f} R {r:.3f} F1 {f:.3f}" for name, (p, r, f) in rows)
        print(f"join at {join_at:5.2f}: {line}", flush=True)


def stored(scorer: PairScorer) -> dict[str, object]:
    """The scorer as `PairScorer.load` reads it."""
    weights = dict(zip(FEATURES, [round(float(w), 6) for w in scorer.letters.weights], strict=True))
    notes = {name: np.asarray(values).tolist() for name, values in scorer.notes._asdict().items()}
    return {"letters": {"bias": round(scorer.letters.bias, 6), "weights": weights}, "notes": notes}


if __name__ == "__main__":
    main()
