"""From the evidence on a pair of tickets to the log-odds that they are about the same thing.

Two registers of text need two models. Citizens' *letters* are long and tell one story in many words; operators'
*notes* are short, alike in wording, and carry an address and a topic beside the text. Letters: a logistic
model. Notes: boosted trees. Which of the two a stream is made of is learned from the length of its texts.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numba import njit
from numpy.typing import NDArray

from embeddings.memory import F64, I64
from embeddings.pairs import FEATURES

#: ln(1 + n-grams) of a text half way between note and letter, and how sharply the two part.
HALF_WAY, SHARPNESS = 5.1, 12.0


def letters_share(mean_length: float) -> float:
    """Return how far a stream is one of letters, 0 to 1, by the mean of ln(1 + n-grams) of its texts.

    >>> letters_share(4.6) < 0.01, letters_share(5.6) > 0.99
    (True, True)
    """
    return 1.0 / (1.0 + math.exp(-SHARPNESS * (mean_length - HALF_WAY)))


@dataclass(frozen=True)
class Logistic:
    """`bias + features @ weights`."""

    weights: F64
    bias: float

    def logits(self, features: F64) -> F64:
        """Return one logit a row, each summed in the same order whatever the batch."""
        return _linear(features, self.weights, self.bias)


@dataclass(frozen=True)
class Trees:
    """Sum of regression trees (Friedman 2001, "Greedy function approximation"). Node i of all trees:
    go to `left[i]` if `features[feature[i]] <= threshold[i]`, else to `right[i]`; a leaf has left -1.
    """

    roots: I64
    feature: I64
    threshold: F64
    left: I64
    right: I64
    value: F64
    bias: float

    def logits(self, features: F64) -> F64:
        """Return one logit a row."""
        return _descend(
            features, self.roots, self.feature, self.threshold, self.left, self.right, self.value, self.bias
        )


@dataclass(frozen=True)
class PairScorer:
    """Both models; see the module."""

    letters: Logistic
    notes: Trees

    @classmethod
    def load(cls, path: Path) -> "PairScorer":
        """Read what `embeddings/train/pair_scorer.py` wrote."""
        stored = json.loads(path.read_text(encoding="utf-8"))
        letters, notes = stored["letters"], stored["notes"]
        weights = np.array([letters["weights"].get(name, 0.0) for name in FEATURES])
        trees = Trees(
            roots=np.array(notes["roots"], np.int64),
            feature=np.array(notes["feature"], np.int64),
            threshold=np.array(notes["threshold"], np.float64),
            left=np.array(notes["left"], np.int64),
            right=np.array(notes["right"], np.int64),
            value=np.array(notes["value"], np.float64),
            bias=float(notes["bias"]),
        )
        return cls(Logistic(weights, float(letters["bias"])), trees)

    def logits(self, features: F64, letters: float) -> F64:
        """Return one logit a row, for a stream that is one of letters to the degree `letters`, 0 to 1."""
        if letters >= 0.99:
            return self.letters.logits(features)
        if letters <= 0.01:
            return self.notes.logits(features)
        mixed: F64 = letters * self.letters.logits(features) + (1.0 - letters) * self.notes.logits(features)
        return mixed


@njit(cache=True)
def _linear(features: F64, weights: F64, bias: float) -> F64:
    out = np.empty(len(features), np.float64)
    for i in range(len(features)):
        total = bias
        for j in range(len(weights)):
            total += features[i, j] * weights[j]
        out[i] = total
    return out


@njit(cache=True)
def _descend(
    features: F64,
    roots: I64,
    feature: I64,
    threshold: F64,
    left: I64,
    right: I64,
    value: F64,
    bias: float,
) -> NDArray[np.float64]:
    out = np.empty(len(features), np.float64)
    for i in range(len(features)):
        total = bias
        for root in roots:
            node = root
            while left[node] >= 0:
                node = left[node] if features[i, feature[node]] <= threshold[node] else right[node]
            total += value[node]
        out[i] = total
    return out
