"""From the evidence on a pair of tickets to the log-odds that they are about the same thing.

Two registers of text need two models. Citizens' *letters* are long and tell one story in many words; operators'
*notes* are short, alike in wording, and carry an address and a topic beside the text. Letters: a logistic
model. Notes: boosted trees, for those candidates that share words or names enough to be worth it. Which of the two a
stream is made of is learned from the length of its texts.
"""

import json
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from embeddings.memory import F32, F64, I32, Common, TicketMemory, Tickets
from embeddings.pairs import FEATURES, features, plausible

I16 = NDArray[np.int16]

#: ln(1 + n-grams) of a text half way between note and letter, and how sharply the two part.
HALF_WAY, SHARPNESS = 5.1, 12.0

GRAM_COSINE = FEATURES.index("grams")
SAME_CALLER = FEATURES.index("same_caller")
OTHER_ADDRESS = FEATURES.index("other_address")
SAME_WORDS, SAME_WORDS_LOGIT = 0.92, 4.0  # word for word the same is the same, however little it says
COPIED = 0.75  # from this cosine of character n-grams on, one text was made from the other


def letters_share(mean_length: float) -> float:
    """Return how far a stream is one of letters, 0 to 1, by the mean of ln(1 + n-grams) of its texts.

    >>> letters_share(4.6) < 0.01, letters_share(5.6) > 0.99
    (True, True)
    """
    return 1.0 / (1.0 + math.exp(-SHARPNESS * (mean_length - HALF_WAY)))


class Logistic(NamedTuple):
    """`bias + features @ weights`."""

    weights: F64
    bias: float


class Trees(NamedTuple):
    """Sum of regression trees (Friedman 2001, "Greedy function approximation"). Node i of all trees:
    go to `left[i]` if `features[feature[i]] <= threshold[i]`, else to `right[i]`; a leaf has left -1.
    """

    roots: I16
    feature: I16
    threshold: F32
    left: I16
    right: I16
    value: F32
    bias: float


class Plausible(NamedTuple):
    """What a candidate must share to be compared in full; in notes only, all letters are."""

    words: float
    """this cosine of words ..."""
    names: float
    """... or this share of names (or the address)"""


class Judged(NamedTuple):
    """Candidates with the logit of each, and whether its text and the query's were made from one another."""

    others: I32
    logits: F64
    copies: NDArray[np.bool_]


class PairScorer:
    """Both models; see the module."""

    def __init__(self, letters: Logistic, notes: Trees) -> None:
        self.letters = letters
        self.notes = notes

    @classmethod
    def load(cls, path: Path) -> "PairScorer":
        """Read what `embeddings/train/pair_scorer.py` wrote."""
        stored = json.loads(path.read_text(encoding="utf-8"))
        letters, notes = stored["letters"], stored["notes"]
        weights = np.array([letters["weights"].get(name, 0.0) for name in FEATURES])
        trees = Trees(
            roots=np.array(notes["roots"], np.int16),
            feature=np.array(notes["feature"], np.int16),
            threshold=np.array(notes["threshold"], np.float32),
            left=np.array(notes["left"], np.int16),
            right=np.array(notes["right"], np.int16),
            value=np.array(notes["value"], np.float32),
            bias=float(notes["bias"]),
        )
        return cls(Logistic(weights, float(letters["bias"])), trees)

    def judge(self, memory: TicketMemory, slot: int, others: I32, letters: float, needed: Plausible) -> Judged:
        """Compare a ticket with candidates in a stream that is one of letters to the degree `letters`, 0 to 1."""
        return Judged(
            *_judge(memory.tickets, memory.common, memory.live, slot, others, letters, needed, self.letters, self.notes)
        )


@njit(cache=True)
def _linear(row: F64, model: Logistic) -> float:
    total = model.bias
    for j in range(len(row)):
        total += row[j] * model.weights[j]
    return total


@njit(cache=True)
def _descend(row: F64, trees: Trees) -> float:
    total = trees.bias
    for root in trees.roots:
        node = root
        while trees.left[node] >= 0:
            node = trees.left[node] if row[trees.feature[node]] <= trees.threshold[node] else trees.right[node]
        total += trees.value[node]
    return total


@njit(cache=True)
def _judge(
    tickets: Tickets,
    common: Common,
    live: int,
    slot: int,
    others: I32,
    letters: float,
    needed: Plausible,
    logistic: Logistic,
    trees: Trees,
) -> tuple[I32, F64, NDArray[np.bool_]]:
    if letters < 0.5:
        others = plausible(tickets, common, live, slot, others, needed.words, needed.names)
    rows = features(tickets, common, live, slot, others)
    logits = np.empty(len(rows), np.float64)
    copies = np.zeros(len(rows), np.bool_)
    for i in range(len(rows)):
        row = rows[i]
        # at the ends one model is enough
        if letters >= 0.99:
            logits[i] = _linear(row, logistic)
        elif letters <= 0.01:
            logits[i] = _descend(row, trees)
        else:
            logits[i] = letters * _linear(row, logistic) + (1.0 - letters) * _descend(row, trees)
        if row[GRAM_COSINE] >= SAME_WORDS and row[OTHER_ADDRESS] == 0.0:
            logits[i] = max(logits[i], SAME_WORDS_LOGIT)
        copies[i] = row[GRAM_COSINE] >= COPIED and row[SAME_CALLER] == 0.0
    return others, logits, copies
