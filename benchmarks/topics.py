"""How well and how fast the topic classifier learns, against River's models and a batch LinearSVC.

Prequential: every message is predicted before it is learned, in the order of the file. Needs the labelled
messages in SENTINEL_SHARED (default: ../shared beside the repository), and ends at once without them.
"""

import json
import os
import pickle
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from rich.console import Console
from rich.table import Table
from river import base, linear_model, multiclass, naive_bayes, optim

from embeddings.lexicon import Lexicon
from sentinel.hashed_softmax import Hashes
from sentinel.settings import load_settings
from sentinel.topics import TopicClassifier, topic_words

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("SENTINEL_SHARED", ROOT.parent / "shared"))
MESSAGES = SHARED / "data/citizen_messages/topic_labelled.jsonl"
RESULT = ROOT / "benchmarks/results/topics.json"
LAST = 4000
PEER_SECONDS = 40.0


class Row(NamedTuple):
    """One line of the table; times in microseconds a message."""

    model: str
    features: str
    messages: int
    f1_all: float
    f1_last: float
    predict_us: float
    learn_us: float


class Documents(NamedTuple):
    """Messages as terms, with their topics."""

    features: str
    terms: list[Hashes]
    topics: list[str]


class Model(Protocol):
    """What is measured."""

    def predict(self, terms: Hashes) -> object:
        """Return a topic, or nothing."""

    def learn(self, terms: Hashes, topic: str) -> None:
        """Learn a message's topic."""


class Ours:
    """Sentinel's classifier, knowing no topic at the start."""

    def __init__(self) -> None:
        """Start with nothing learned."""
        self._model = TopicClassifier()

    def predict(self, terms: Hashes) -> object:
        """Return the topic it thinks most likely."""
        return self._model.predict_one(terms)

    def learn(self, terms: Hashes, topic: str) -> None:
        """Learn a message's topic."""
        self._model.learn_one(terms, topic)


class Rivers:
    """A model of River's on a dictionary of terms."""

    def __init__(self, model: base.Classifier) -> None:
        """Wrap a model."""
        self._model = model

    def predict(self, terms: Hashes) -> object:
        """Return the topic it thinks most likely."""
        return self._model.predict_one(dict.fromkeys(terms.tolist(), 1.0))

    def learn(self, terms: Hashes, topic: str) -> None:
        """Learn a message's topic."""
        self._model.learn_one(dict.fromkeys(terms.tolist(), 1.0), topic)


PEERS: dict[str, Callable[[], base.Classifier]] = {
    "River MNB": partial(naive_bayes.MultinomialNB, alpha=0.1),
    "River CNB": partial(naive_bayes.ComplementNB, alpha=0.1),
    "River PA": lambda: multiclass.OneVsRestClassifier(partial(linear_model.PAClassifier, C=0.01, mode=1)()),
    "River logistic": lambda: multiclass.OneVsRestClassifier(linear_model.LogisticRegression(optim.AdaGrad(0.1))),
    "River softmax": lambda: linear_model.SoftmaxRegression(optim.AdaGrad(0.1)),
}


def macro_f1(truth: Sequence[str], guesses: Sequence[str]) -> float:
    """Return the unweighted mean over the true topics of 2 hits / (guessed + true)."""
    scores = []
    for topic in sorted(set(truth)):
        hits = sum(t == g == topic for t, g in zip(truth, guesses, strict=True))
        scores.append(2 * hits / (truth.count(topic) + guesses.count(topic)))
    return sum(scores) / len(scores)


def prequential(name: str, model: Model, documents: Documents, limit: float) -> Row:
    """Predict, then learn, each message; stop early when `limit` seconds are spent."""
    guesses: list[str] = []
    predicting = learning = 0.0
    for terms, topic in zip(documents.terms, documents.topics, strict=True):
        begin = time.perf_counter()
        guess = model.predict(terms)
        between = time.perf_counter()
        model.learn(terms, topic)
        predicting += between - begin
        learning += time.perf_counter() - between
        guesses.append(str(guess))
        if predicting + learning > limit:
            break
    n = len(guesses)
    truth = documents.topics[:n]
    last = macro_f1(truth[-LAST:], guesses[-LAST:]) if n == len(documents.topics) else float("nan")
    return Row(
        name,
        documents.features,
        n,
        macro_f1(truth, guesses),
        last,
        predicting / n * 1e6,
        learning / n * 1e6,
    )


def batch_svc(documents: Documents) -> list[Row]:
    """Return LinearSVC on TF-IDF, by five folds and fitted once on all before the last 4,000.

    Returns nothing where scikit-learn is not installed.
    """
    try:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.model_selection import cross_val_predict
        from sklearn.pipeline import make_pipeline
        from sklearn.svm import LinearSVC
    except ImportError:
        return []
    texts = [" ".join(map(str, terms.tolist())) for terms in documents.terms]
    model = make_pipeline(TfidfVectorizer(token_pattern=r"\S+", sublinear_tf=True), LinearSVC())
    folds = cross_val_predict(model, texts, documents.topics, cv=5).tolist()
    model.fit(texts[:-LAST], documents.topics[:-LAST])
    frozen = model.predict(texts[-LAST:]).tolist()
    nan = float("nan")
    n = len(texts)
    return [
        Row(
            "batch SVC, 5-fold",
            documents.features,
            n,
            macro_f1(documents.topics, folds),
            nan,
            nan,
            nan,
        ),
        Row(
            "batch SVC, once",
            documents.features,
            n,
            nan,
            macro_f1(documents.topics[-LAST:], frozen),
            nan,
            nan,
        ),
    ]


def speed(lexicon: Lexicon) -> dict[str, float]:
    """Return microseconds a call and bytes, for tickets of 100 characters and the shipped taxonomy."""
    taxonomy = load_settings().topics
    known = topic_words(taxonomy, lambda word: lexicon.read("", word)[0].words)
    model = TopicClassifier(known)
    random = np.random.default_rng(7)
    words = [topic.words for topic in taxonomy.topics]
    tickets: list[tuple[Hashes, str]] = []
    for _ in range(4000):
        i = int(random.integers(len(words)))
        chosen = [words[int(random.integers(len(words)))][0] for _ in range(24)] + list(words[i])
        text = "".join(chosen[k] for k in random.permutation(len(chosen)))[:100]
        tickets.append((lexicon.read("", text)[0].words, taxonomy.topics[i].path))
    for terms, topic in tickets[:1000]:
        model.learn_one(terms, topic)
        model.predict_one(terms)
    times = {"learn": 0.0, "predict": 0.0}
    for terms, topic in tickets[1000:]:
        begin = time.perf_counter()
        model.predict_one(terms)
        between = time.perf_counter()
        model.learn_one(terms, topic)
        times["predict"] += between - begin
        times["learn"] += time.perf_counter() - between
    return {
        "topics": float(len(words)),
        "terms": float(np.mean([len(terms) for terms, _ in tickets])),
        "learn_us": times["learn"] / 3000 * 1e6,
        "predict_us": times["predict"] / 3000 * 1e6,
        "state_bytes": float(len(pickle.dumps(model, protocol=pickle.HIGHEST_PROTOCOL))),
    }


def cell(value: float, places: int) -> str:
    return "" if np.isnan(value) else f"{value:.{places}f}"


def main() -> None:
    if not MESSAGES.exists():
        sys.exit("benchmarks/topics.py: no labelled messages; set SENTINEL_SHARED to the folder that has data/")
    console = Console()
    rows = [json.loads(line) for line in MESSAGES.read_text(encoding="utf-8").splitlines()]
    topics = [str(row["topic"]) for row in rows]
    lexicon = Lexicon.shipped()
    read = [lexicon.read("", str(row["text"]))[0] for row in rows]
    words = Documents("words", [terms.words for terms in read], topics)
    grams = Documents("n-grams", [terms.grams for terms in read], topics)
    Ours().learn(words.terms[0], "warm up: compiles")
    results = [prequential("Sentinel", Ours(), documents, np.inf) for documents in (words, grams)]
    for name, make in PEERS.items():
        console.print(f"measuring {name} …", style="dim")
        results.append(prequential(name, Rivers(make()), words, PEER_SECONDS))
    results += batch_svc(words)
    title = f"{len(rows)} messages, {len(set(topics))} topics, test then learn; times in µs"
    table = Table(title=title, pad_edge=False)
    for column in ("model", "features"):
        table.add_column(column, no_wrap=True)
    for column in ("messages", "macro-F1", f"last {LAST}", "predict", "learn"):
        table.add_column(column, justify="right")
    for row in results:
        table.add_row(
            row.model,
            row.features,
            str(row.messages),
            cell(row.f1_all, 3),
            cell(row.f1_last, 3),
            cell(row.predict_us, 0),
            cell(row.learn_us, 0),
        )
    console.print(table)
    if not any("SVC" in row.model for row in results):
        console.print("scikit-learn is not installed: no batch LinearSVC to compare with")
    costs = speed(lexicon)
    console.print(
        f"{costs['topics']:.0f} topics, {costs['terms']:.0f} words a ticket of 100 characters: "
        f"learn {costs['learn_us']:.0f} µs, predict {costs['predict_us']:.0f} µs, "
        f"state {costs['state_bytes'] / 2**20:.2f} MiB a street"
    )
    RESULT.parent.mkdir(exist_ok=True)
    report = {"models": [row._asdict() for row in results], "taxonomy": costs}
    RESULT.write_text(json.dumps(report, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
