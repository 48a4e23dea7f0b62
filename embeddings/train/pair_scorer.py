"""Learn the pair scorer from the hand-read issues, and say how good it is by cross-validation.

    sentinel simulate --days 12 --seed 5 --tickets-per-day 3000 --out out/pairs-5
    sentinel simulate --days 12 --seed 6 --tickets-per-day 3000 --out out/pairs-6
    python -m embeddings.train.pair_scorer --data ../shared/data \\
        --simulated out/pairs-5 --held-out out/pairs-6

Streams the real messages of 2019 and a simulated hotline, street by street, through the clusterer's memory in
order of time, collects the features of each ticket of a known issue against its candidates, and fits a
standardised logistic model in which real and simulated pairs weigh alike. Figures are B-cubed F1: over the
labelled real messages, five-fold by issue (each message is scored by a model that has not seen its issue), and
over the tickets of a second simulation.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from embeddings.clusterer import ClustererSettings, IssueClusterer, Reading
from embeddings.encoder import StaticEncoder
from embeddings.lexicon import Lexicon
from embeddings.memory import F64, Fields, TicketMemory
from embeddings.pairs import FEATURES, PairScorer, pair_features
from sentinel.door.callers import PUBLIC_KEY, CallerHasher
from sentinel.door.masking import mask
from sentinel.door.streets import StreetResolver
from sentinel.reading import TicketReader
from sentinel.readers import in_order, open_tickets
from sentinel.records import RoutedTicket
from sentinel.settings import load_settings

FOLDS = 5
OUT = Path("embeddings/models/pair_scorer.json")


def readings(data: Path, lexicon: Lexicon, encoder: StaticEncoder) -> Iterator[Reading]:
    """The messages of 2019 as the clusterer sees them, in order of time."""
    zone = ZoneInfo("Asia/Shanghai")
    rows = [
        json.loads(line)
        for line in (data / "citizen_messages" / "messages_2019.jsonl").read_text("utf-8").splitlines()
    ]
    rows.sort(key=lambda row: (row["time"], row["id"]))
    for row in rows:
        at = datetime.fromisoformat(row["time"]).replace(tzinfo=zone).timestamp()
        terms, ids = lexicon.read(row["title"], row["text"])
        caller = int.from_bytes(row["user"].encode()[-7:], "little")
        yield Reading(row["id"], terms, encoder.encode(row["text"], ids), Fields(at, caller))


def simulated(directory: Path, reader: TicketReader) -> dict[str, list[Reading]]:
    """A simulation's tickets as the clusterer sees them, by street, in order of time."""
    settings = load_settings(None)
    resolver, hasher = StreetResolver(settings.streets), CallerHasher(PUBLIC_KEY)
    streams: dict[str, list[Reading]] = {}
    for entry in in_order(open_tickets([directory / "tickets.jsonl"]), lambda _: None):
        event = entry.event
        if event.event != "created":
            continue
        text, title, address = mask(event.text), mask(event.title), mask(event.address)
        street = resolver.resolve(event.street, address, text, title)
        ticket = RoutedTicket(
            0, 0.0, street, "created", event.ticket_id, event.at.timestamp(), title, text,
            topic=event.topic, company=mask(event.company), address=address,
            caller=hasher.hash(event.caller),
        )  # fmt: skip
        streams.setdefault(street, []).append(reader.read(ticket))
    return streams


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


def collect(stream: list[Reading], lexicon: Lexicon, truth: dict[str, str]) -> tuple[F64, F64, F64, list[str]]:
    """Features, labels and weights of every pair whose later message is labelled, and its issue."""
    memory = TicketMemory(lexicon.prior, len(stream[0].vector))
    ids: list[str] = []
    rows, labels, weights, owners = [], [], [], []
    sizes = {issue: list(truth.values()).count(issue) for issue in truth.values()}
    for reading in stream:
        others = memory.nearest(reading.terms, 40, 1.5)
        slot = memory.add(reading.terms, reading.vector, reading.fields, 0)
        ids.append(reading.ticket_id)
        issue = truth.get(reading.ticket_id)
        if issue is None or not len(others):
            continue
        rows.append(pair_features(memory, slot, others))
        for other in others:
            same = truth.get(ids[other]) == issue
            labels.append(float(same))
            weights.append(2.0 / sizes[issue] if same else 1.0)
            owners.append(issue)
    return np.vstack(rows), np.array(labels), np.array(weights), owners


def fit(features: F64, labels: F64, weights: F64) -> PairScorer:
    """Standardised logistic regression, C = 1, folded back to raw features."""
    scaler = StandardScaler().fit(features)
    model = LogisticRegression(C=1.0, max_iter=2000).fit(scaler.transform(features), labels, weights)
    scale = np.where(scaler.scale_ > 0, scaler.scale_, 1.0)
    coefficients = model.coef_[0] / scale
    return PairScorer(coefficients, float(model.intercept_[0] - (coefficients * scaler.mean_).sum()))


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
    parser.add_argument("--simulated", type=Path, required=True)
    parser.add_argument("--held-out", type=Path, required=True)
    parser.add_argument("--simulated-weight", type=float, default=1.0)
    options = parser.parse_args()
    lexicon, encoder = Lexicon.shipped(), StaticEncoder()
    reader = TicketReader(lexicon, encoder)
    stream = list(readings(options.data, lexicon, encoder))
    issues = json.loads((options.data / "citizen_messages" / "issues_dev.json").read_text("utf-8"))
    truth = {m["id"]: issue["issue_id"] for issue in issues for m in issue["members"]}
    real = collect(stream, lexicon, truth)
    more_truth = simulated_truth(options.simulated)
    more = [
        collect(tickets, lexicon, more_truth)
        for _, tickets in sorted(simulated(options.simulated, reader).items())
        if len(tickets) > 50
    ]
    extra = tuple(np.concatenate([part[i] for part in more]) for i in range(3))
    scale = options.simulated_weight * real[2].sum() / extra[2].sum()
    print(f"{len(real[1]):,} real pairs, {int(real[1].sum()):,} of one issue")
    print(f"{len(extra[1]):,} simulated pairs, {int(extra[1].sum()):,} of one issue")

    names = sorted(set(truth.values()))
    fold_of = {issue: i % FOLDS for i, issue in enumerate(names)}
    fold = np.array([fold_of[o] for o in real[3]])

    def fitted(kept: F64) -> PairScorer:
        return fit(
            np.vstack([real[0][kept], extra[0]]),
            np.concatenate([real[1][kept], extra[1]]),
            np.concatenate([real[2][kept], extra[2] * scale]),
        )

    everything = fitted(fold >= 0)
    scorers = [fitted(fold != k) for k in range(FOLDS)]

    def held_out(ticket: str) -> PairScorer:
        return scorers[fold_of[truth[ticket]]] if ticket in truth else everything

    other_truth = simulated_truth(options.held_out)
    others = simulated(options.held_out, reader)
    for join_at in (-3.5, -3.0, -2.5, -2.0, -1.5, -1.0):
        settings = ClustererSettings(join_at=join_at, single_days=400, issue_days=400, confirmed_days=400)
        scores = b_cubed(assign(stream, lexicon, held_out, settings), truth)
        predicted: dict[str, str] = {}
        for tickets in others.values():
            predicted |= assign(tickets, lexicon, lambda _: everything, settings)
        every = {ticket: other_truth.get(ticket, ticket) for ticket in predicted}
        both = b_cubed(predicted, every)
        shared = b_cubed(predicted, {t: i for t, i in every.items() if t in other_truth})
        print(f"join at {join_at:5.2f}: " + ", ".join(
            f"{name} B-cubed P {p:.3f} R {r:.3f} F1 {f:.3f}"
            for name, (p, r, f) in (("real", scores), ("simulated, all", both), ("of issues", shared))
        ))
    stored = dict(zip(FEATURES, [round(float(w), 6) for w in everything.weights], strict=True))
    OUT.write_text(json.dumps({"bias": round(everything.bias, 6), "weights": stored}, indent=2) + "\n")
    print(OUT.read_text())


if __name__ == "__main__":
    main()
