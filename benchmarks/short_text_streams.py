"""English short texts in a stream, one pass, against published figures and River: News-T and Tweets-T.

    python benchmarks/short_text_streams.py [--peer-seconds 60]

The clusterer as it ships, except for what speaks Chinese. Words are what stands between spaces; how rare each is, is
counted in the stream so far, in place of the shipped prior; there is no vector and no field. Of all evidence only the
cosine of words is left, so its weight is set by hand (`CUT`), and time is counted in texts (`HORIZON`). One setting for
both streams, tuned on these very streams over some two dozen combinations, as nothing else in English was at hand; so
its figures are on the bright side. `--settings` shows some of the others.

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
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table
from river import cluster, feature_extraction
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score, normalized_mutual_info_score

from embeddings.clusterer import MISSING_LOGIT, ClustererSettings, IssueClusterer, Reading
from embeddings.memory import TicketMemory
from embeddings.pairs import FEATURES
from embeddings.scorer import Judged, Logistic, Needed, PairScorer, Trees
from embeddings.terms import Terms
from embeddings.tickets import F32, PRIOR_BITS, Fields, Seek
from embeddings.train.pair_scorer import b_cubed

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("SENTINEL_SHARED", ROOT.parent / "shared"))
STREAMS = SHARED / "data/short_text_streams"
RESULT = ROOT / "benchmarks/results/short_text_streams.json"
NAMES = ("News-T", "Tweets-T")
BAR = {"News-T": 0.88, "Tweets-T": 0.92}
PUBLISHED = {"MStreamF (10 iterations over batches)": (0.873, 0.923), "OSDM": (0.864, 0.869)}
CUT, HORIZON = 0.125, 1000
SWEEP = ((0.10, 1000), (0.15, 1000), (0.20, 1000), (0.125, 500), (0.125, 2000))
WORTH = 1e6  # of the prior in texts: it is all that counts
LEADER_CUT = 0.2
DAY = 86400.0
NO_VECTOR: F32 = np.zeros(0, np.float32)


class Scores(NamedTuple):
    """How well a clustering agrees with the stories, and how fast it was made."""

    texts: int
    clusters: int
    nmi: float
    ami: float
    ari: float
    b_cubed: float
    per_second: float


class WordsAlone(PairScorer):
    """Log-odds by the cosine of words: nothing shared counts like a missing pair, `cut` is even odds."""

    def __init__(self, cut: float) -> None:
        weights = np.zeros(len(FEATURES))
        weights[FEATURES.index("words")] = -MISSING_LOGIT / cut
        none = np.zeros(0, np.int16)
        empty = np.zeros(0, np.float32)
        super().__init__(Logistic(weights, MISSING_LOGIT), Trees(none, none, empty, none, none, empty, 0.0))

    def meet(
        self,
        memory: TicketMemory,
        terms: Terms,
        vector: F32,
        fields: Fields,
        seek: Seek,
        needed: Needed,
        letters: float,
    ) -> tuple[int, Judged]:
        """As the scorer does for letters, however short a text is."""
        del letters
        return super().meet(memory, terms, vector, fields, seek, needed, 1.0)


def read(name: str) -> tuple[list[str], list[str]]:
    """Return texts and stories, in the order of the stream."""
    rows = [json.loads(line) for line in (STREAMS / name).read_text("utf-8").splitlines()]
    return [row["textCleaned"] for row in rows], [str(row["clusterNo"]) for row in rows]


def terms_of(text: str) -> Terms:
    """The words of a text, hashed."""
    words = {int.from_bytes(hashlib.blake2b(word.encode(), digest_size=4).digest(), "little") for word in text.split()}
    nothing, no_marks = np.zeros(0, np.uint32), np.zeros(0, np.uint8)
    return Terms(np.array(sorted(words), np.uint32), nothing, no_marks, nothing, no_marks)


def ours(texts: Sequence[str], cut: float, horizon: int) -> list[str]:
    """Each text's issue, decided as it comes."""
    days = horizon / DAY
    settings = ClustererSettings(
        join_at=0.0, merge_at=math.inf, candidates=60, common=0.0,
        single_days=days, issue_days=days, confirmed_days=days,
    )  # fmt: skip
    shares = np.zeros(1 << PRIOR_BITS, np.float32)
    counts = np.zeros(len(shares))
    clusterer = IssueClusterer(TicketMemory(shares, 0, WORTH), WordsAlone(cut), settings)
    issues = []
    for n, text in enumerate(texts):
        if n % 100 == 0:
            clusterer.forget(float(n))
            shares[:] = counts / max(1, n)
        terms = terms_of(text)
        places = terms.words >> np.uint32(32 - PRIOR_BITS)
        counts[places] += 1.0
        shares[places] = counts[places] / (n + 1)
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


def scores(found: Sequence[str], truth: Sequence[str], seconds: float) -> Scores:
    """Compare a clustering of the first texts with their stories."""
    truth = truth[: len(found)]
    by_text = {str(n): cluster for n, cluster in enumerate(found)}
    stories = {str(n): story for n, story in enumerate(truth)}
    return Scores(
        len(found),
        len(set(found)),
        float(normalized_mutual_info_score(truth, found, average_method="geometric")),
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
    ours(["compile", "compile it all"] * 3, CUT, HORIZON)
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
        }
        for cut, horizon in ((CUT, HORIZON), *(SWEEP if options.settings else ())):
            methods[f"ours (cut {cut}, {horizon:,} texts)"] = partial(ours, texts, cut, horizon)
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
    RESULT.parent.mkdir(exist_ok=True)
    figures = {
        "seed": None,
        "cut": CUT,
        "horizon": HORIZON,
        "bar": BAR,
        "methods": {method: {name: s._asdict() for name, s in by_name.items()} for method, by_name in found.items()},
    }
    RESULT.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
