"""English short texts in a stream, one pass, against published figures and River: News-T and Tweets-T.

    python benchmarks/short_text_streams.py [--peer-seconds 60] [--settings]

The clusterer as it ships, except for what speaks Chinese, with likeness to issues as wholes for its only evidence
(`whole` of `ClustererSettings`; no pair is compared). Words are what stands between spaces; how rare each is, is
counted in the stream so far, in place of the shipped prior; there is no vector and no field. A text joins the issue
with whose mean it has the highest cosine, from `CUT` on; an issue is forgotten `HORIZON` texts after its last. One
setting for both streams: that of `CUTS` and `HORIZONS` with the highest NMI on the first half of News-T. The method
itself was chosen with both streams in view. `--settings` shows what every setting gives.

Beside it, in the same run: a leader over TF-IDF centroids without forgetting, and River's TextClust and DBSTREAM
(predict, then learn) on as many texts as they manage in `--peer-seconds` each. NMI (geometric, as published) flatters
over-splitting, so AMI, ARI and B-cubed stand beside it. Needs the streams in SENTINEL_SHARED (default: ../shared beside
the repository). Writes benchmarks/results/short_text_streams.json. Nothing is drawn at random.
"""

import argparse
import hashlib
import json
import math
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table
from river import cluster, feature_extraction
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score, normalized_mutual_info_score

from embeddings.clusterer import MISSING_LOGIT, ClustererSettings, IssueClusterer, Reading
from embeddings.encoder import SCORER
from embeddings.lexicon import MODELS
from embeddings.memory import TicketMemory
from embeddings.scorer import PairScorer
from embeddings.terms import U8, Hashes, Terms
from embeddings.tickets import F32, PRIOR_BITS, Fields
from embeddings.train.pair_scorer import b_cubed

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("SENTINEL_SHARED", ROOT.parent / "shared"))
STREAMS = SHARED / "data/short_text_streams"
RESULT = ROOT / "benchmarks/results/short_text_streams.json"
NAMES = ("News-T", "Tweets-T")
BAR = {"News-T": 0.88, "Tweets-T": 0.92}
PUBLISHED = {"MStreamF (10 iterations over batches)": (0.873, 0.923), "OSDM": (0.864, 0.869)}
CUTS, HORIZONS = (0.05, 0.075, 0.1, 0.15), (250, 500, 1000, 2000)
CUT, HORIZON = 0.05, 250
WORTH = 1e6  # of the prior in texts: it is all that counts
LEADER_CUT = 0.2
DAY = 86400.0
NO_VECTOR: F32 = np.zeros(0, np.float32)
NO_TERMS: Hashes = np.zeros(0, np.uint32)
NO_MARKS: U8 = np.zeros(0, np.uint8)


class Scores(NamedTuple):
    """How well a clustering agrees with the stories, and how fast it was made."""

    texts: int
    clusters: int
    nmi: float
    ami: float
    ari: float
    b_cubed: float
    per_second: float


def read(name: str) -> tuple[list[str], list[str]]:
    """Return texts and stories, in the order of the stream."""
    rows = [json.loads(line) for line in (STREAMS / name).read_text("utf-8").splitlines()]
    return [row["textCleaned"] for row in rows], [str(row["clusterNo"]) for row in rows]


@cache
def hash_of(word: str) -> int:
    """Hash a word to 32 bits, the same in every run."""
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=4).digest(), "little")


def terms_of(text: str) -> Terms:
    """The words of a text, hashed."""
    words = np.array(sorted({hash_of(word) for word in text.split()}), np.uint32)
    return Terms(words, NO_TERMS, NO_MARKS, NO_TERMS, NO_MARKS)


def ours(texts: Sequence[str], cut: float, horizon: int) -> list[str]:
    """Each text's issue, decided as it comes."""
    days = horizon / DAY
    settings = ClustererSettings(
        join_at=0.0, merge_at=math.inf, whole=-MISSING_LOGIT / cut, candidates=0, common=0.0,
        single_days=days, issue_days=days, confirmed_days=days,
    )  # fmt: skip
    shares = np.zeros(1 << PRIOR_BITS, np.float32)
    seen: Counter[int] = Counter()
    clusterer = IssueClusterer(TicketMemory(shares, 0, WORTH), PairScorer.load(MODELS / SCORER), settings)
    issues = []
    for n, text in enumerate(texts):
        if n % 100 == 0:
            clusterer.forget(float(n))
        terms = terms_of(text)
        for place in (terms.words >> np.uint32(32 - PRIOR_BITS)).tolist():
            seen[place] += 1
            # of nothing but the text itself a share would be 1, and the first text without weight
            shares[place] = (seen[place] + 0.5) / (n + 3.0)
        reading = Reading(str(n), terms, NO_VECTOR, Fields(float(n)))
        issues.append(clusterer.assign(reading, reading.ticket_id).issue_id)
    return issues


def leader(texts: Sequence[str]) -> list[str]:
    """Join the cluster whose centroid of TF-IDF is nearest, from a cosine of `LEADER_CUT` on."""
    seen: Counter[str] = Counter()
    holders: dict[str, dict[int, float]] = {}
    squares: list[float] = []
    found = []
    for n, text in enumerate(texts, 1):
        words = set(text.split())
        seen.update(words)
        worth = {word: max(0.0, math.log((n + 1) / (seen[word] + 0.5))) for word in sorted(words)}
        mine = math.sqrt(sum(w * w for w in worth.values())) or 1.0
        dots: dict[int, float] = {}
        for word, w in worth.items():
            for number, weight in holders.get(word, {}).items():
                dots[number] = dots.get(number, 0.0) + w * weight
        best = max(dots, key=lambda number: (dots[number] / math.sqrt(squares[number]), -number), default=-1)
        if best < 0 or dots[best] < LEADER_CUT * mine * math.sqrt(squares[best]):
            best = len(squares)
            squares.append(1e-9)
        for word, w in worth.items():
            there = holders.setdefault(word, {})
            old = there.get(best, 0.0)
            there[best] = old + w / mine
            squares[best] += there[best] ** 2 - old**2
        found.append(str(best))
    return found


def textclust(texts: Sequence[str], settings: Mapping[str, float], seconds: float) -> list[str]:
    """River's clusterer of texts: predict, then learn, each text until the time is spent."""
    began = time.process_time()
    model = cluster.TextClust(real_time_fading=False, **settings)
    words = feature_extraction.BagOfWords(ngram_range=(1, 2))
    found = []
    for text in texts:
        x = words.transform_one(text)
        found.append(str(model.predict_one(x)))
        model.learn_one(x)
        if time.process_time() - began > seconds:
            break
    return found


def dbstream(texts: Sequence[str], seconds: float) -> list[str]:
    """River's DBSTREAM, on 64 random projections, since it fails on words it has not met: learn, then predict."""
    began = time.process_time()
    model = cluster.DBSTREAM(clustering_threshold=0.9, fading_factor=0.001, cleanup_interval=50)
    found = []
    for text in texts:
        vector = np.zeros(64)
        for word in sorted(set(text.split())):
            seed = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "little")
            vector += np.random.default_rng(seed).normal(size=64)
        x = dict(enumerate((vector / (np.linalg.norm(vector) or 1.0)).tolist()))
        model.learn_one(x)
        found.append(str(model.predict_one(x)))
        if time.process_time() - began > seconds:
            break
    return found


def agreement(truth: Sequence[str], found: Sequence[str]) -> float:
    """Return the NMI as it is published for these streams."""
    return float(normalized_mutual_info_score(truth, found, average_method="geometric"))


def sweep() -> list[tuple[float, int, float, float, float]]:
    """Return cut, horizon, NMI on the first half of News-T, which decides, and on both streams, best first."""
    news, tweets = (read(name) for name in NAMES)
    half = len(news[0]) // 2
    rows = []
    for cut, horizon in product(CUTS, HORIZONS):
        on_news, on_tweets = ours(news[0], cut, horizon), ours(tweets[0], cut, horizon)
        chosen_by = agreement(news[1][:half], on_news[:half])
        rows.append((cut, horizon, chosen_by, agreement(news[1], on_news), agreement(tweets[1], on_tweets)))
    return sorted(rows, key=lambda row: -row[2])


def scores(found: Sequence[str], truth: Sequence[str], seconds: float) -> Scores:
    """Compare a clustering of the first texts with their stories."""
    truth = truth[: len(found)]
    by_text = {str(n): cluster for n, cluster in enumerate(found)}
    stories = {str(n): story for n, story in enumerate(truth)}
    return Scores(
        len(found),
        len(set(found)),
        agreement(truth, found),
        float(adjusted_mutual_info_score(truth, found)),
        float(adjusted_rand_score(truth, found)),
        b_cubed(by_text, stories)[2],
        len(found) / seconds,
    )


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--peer-seconds", type=float, default=60.0)
    parser.add_argument("--settings", action="store_true", help="what other settings give")
    options = parser.parse_args()
    console = Console()
    if not STREAMS.is_dir():
        console.print(f"{STREAMS}: no such directory; set SENTINEL_SHARED to the evaluation data")
        sys.exit(0)
    ours(read(NAMES[0])[0][:3000], CUT, HORIZON)  # compiles all, forgetting too
    found: dict[str, dict[str, Scores]] = {}
    for name in NAMES:
        texts, truth = read(name)
        limit = options.peer_seconds
        methods: dict[str, Callable[[], Sequence[str]]] = {
            "leader, TF-IDF centroids": partial(leader, texts),
            "River TextClust, defaults": partial(textclust, texts, {}, limit),
            "River TextClust, as in its example": partial(
                textclust, texts, {"fading_factor": 0.001, "tgap": 100, "auto_r": True, "radius": 0.9}, limit
            ),
            "River DBSTREAM": partial(dbstream, texts, limit),
            "ours": partial(ours, texts, CUT, HORIZON),
        }
        for method, run in methods.items():
            with console.status(f"{name}: {method}"):
                began = time.process_time()
                clusters = run()
                found.setdefault(method, {})[name] = scores(clusters, truth, time.process_time() - began)
    for name in NAMES:
        table = Table(title=f"{name}, one pass, to reach: NMI {BAR[name]}", title_justify="left")
        for heading in ("method", "NMI", "AMI", "ARI", "B³ F1", "clusters", "texts", "texts/s"):
            table.add_column(heading, justify="left" if heading == "method" else "right")
        for method, by_name in found.items():
            s = by_name[name]
            table.add_row(
                method, f"{s.nmi:.3f}", f"{s.ami:.3f}", f"{s.ari:.3f}", f"{s.b_cubed:.3f}", f"{s.clusters:,}",
                f"{s.texts:,}", f"{s.per_second:,.0f}",
            )  # fmt: skip
        for method, nmi in PUBLISHED.items():
            table.add_row(f"{method}, published", f"{nmi[NAMES.index(name)]:.3f}")
        console.print(table)
    settings = sweep() if options.settings else []
    if settings:
        table = Table(title="ours, NMI by setting", title_justify="left")
        for heading in ("cut", "horizon", "News-T, first half", *NAMES):
            table.add_column(heading, justify="right")
        for cut, horizon, *figures_of in settings:
            table.add_row(str(cut), f"{horizon:,}", *(f"{figure:.3f}" for figure in figures_of))
        console.print(table)
    RESULT.parent.mkdir(exist_ok=True)
    figures = {
        "seed": None,
        "cut": CUT,
        "horizon": HORIZON,
        "settings": settings,
        "bar": BAR,
        "methods": {method: {name: s._asdict() for name, s in by_name.items()} for method, by_name in found.items()},
    }
    RESULT.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
