"""How likely two tickets are about the same thing: evidence from terms, vectors and fields, weighed."""

import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numba import njit
from numpy.typing import NDArray

from embeddings.memory import F32, F64, GRAMS, HEAD, HEAD_NAMES, NAMES, WORDS, Fields, TicketMemory
from embeddings.memory import I32, I64, inverse_frequency
from embeddings.terms import Hashes

FEATURES = (
    "words",  # cosine of words of both texts
    "head",  # cosine of the n-grams of both titles (or openings)
    "grams",  # cosine of character n-grams
    "covered_more",  # share of one head's rare n-grams that the other text has, the larger direction
    "covered_less",
    "names_more",  # share of one head's names that the other text has, the larger direction
    "names_less",
    "mismatch",  # both heads name something and neither name is in the other text
    "strongest_name",  # inverse frequency of the rarest name in both
    "vector",  # cosine of the vectors
    "days",  # ln(1 + days between)
    "same_caller",
    "shared",  # ln(1 + sum of the rarity of shared n-grams)
    "same_address",
    "same_company",
    "other_company",
    "same_topic",
    "other_topic",
    "words_x_names",  # same place and same problem together
    "vector_x_names",
)
N_FEATURES = len(FEATURES)
RARE = 4.0  # an n-gram says where or who from this inverse frequency on
NAMED = 2.0  # a name says something from this inverse frequency on


@njit(cache=True)
def _weights(terms: Hashes, frequency: I32, live: int, prior: F32, strength: float) -> F64:
    out = np.empty(len(terms), np.float64)
    for i in range(len(terms)):
        out[i] = inverse_frequency(terms[i], frequency, live, prior, strength)
    return out


@njit(cache=True)
def _dot(a: Hashes, weight: F64, b: Hashes) -> float:
    """Sum of squared weights of the terms in both."""
    i = j = 0
    total = 0.0
    while i < len(a) and j < len(b):
        if a[i] < b[j]:
            i += 1
        elif a[i] > b[j]:
            j += 1
        else:
            total += weight[i] * weight[i]
            i += 1
            j += 1
    return total


@njit(cache=True)
def _excess(a: Hashes, weight: F64, b: Hashes, floor: float) -> tuple[float, float, float]:
    """Of weights above `floor`: their sum over the terms in both, over all of `a`, and the greatest shared."""
    i = j = 0
    shared = every = greatest = 0.0
    while i < len(a):
        over = max(0.0, weight[i] - floor)
        every += over
        while j < len(b) and b[j] < a[i]:
            j += 1
        if j < len(b) and b[j] == a[i]:
            shared += over
            greatest = max(greatest, over)
        i += 1
    return shared, every, greatest


@njit(cache=True)
def _features(
    slot: int,
    others: I32,
    terms: Hashes,
    span: I64,
    vector: F32,
    at: F64,
    keys: NDArray[np.uint64],
    norm: F32,
    frequency: I32,
    live: int,
    prior: F32,
    strength: float,
) -> F64:
    out = np.zeros((len(others), N_FEATURES), np.float64)
    words = terms[span[slot, WORDS] : span[slot, WORDS + 1]]
    grams = terms[span[slot, GRAMS] : span[slot, GRAMS + 1]]
    head = terms[span[slot, HEAD] : span[slot, HEAD + 1]]
    names = terms[span[slot, NAMES] : span[slot, NAMES + 1]]
    head_names = terms[span[slot, HEAD_NAMES] : span[slot, HEAD_NAMES + 1]]
    word_weight = _weights(words, frequency, live, prior, strength)
    gram_weight = _weights(grams, frequency, live, prior, strength)
    head_weight = _weights(head, frequency, live, prior, strength)
    name_weight = _weights(names, frequency, live, prior, strength)
    head_name_weight = _weights(head_names, frequency, live, prior, strength)
    for k in range(len(others)):
        o = others[k]
        o_grams = terms[span[o, GRAMS] : span[o, GRAMS + 1]]
        o_head = terms[span[o, HEAD] : span[o, HEAD + 1]]
        o_names = terms[span[o, NAMES] : span[o, NAMES + 1]]
        o_head_names = terms[span[o, HEAD_NAMES] : span[o, HEAD_NAMES + 1]]
        row = out[k]
        row[0] = _dot(words, word_weight, terms[span[o, WORDS] : span[o, WORDS + 1]]) / (
            norm[slot, WORDS] * norm[o, WORDS]
        )
        row[1] = _dot(head, head_weight, o_head) / (norm[slot, HEAD] * norm[o, HEAD])
        row[2] = _dot(grams, gram_weight, o_grams) / (norm[slot, GRAMS] * norm[o, GRAMS])
        found, every, _ = _excess(head, head_weight, o_grams, RARE)
        one = found / (every + 2.0)
        o_head_weight = _weights(o_head, frequency, live, prior, strength)
        found, every, _ = _excess(o_head, o_head_weight, grams, RARE)
        two = found / (every + 2.0)
        row[3] = max(one, two)
        row[4] = min(one, two)
        a, s_a, _ = _excess(head_names, head_name_weight, o_names, NAMED)
        o_name_weight = _weights(o_head_names, frequency, live, prior, strength)
        c, s_c, _ = _excess(o_head_names, o_name_weight, names, NAMED)
        one = a / (s_a + 5.0)
        two = c / (s_c + 5.0)
        row[5] = max(one, two)
        row[6] = min(one, two)
        if a < 3.0 and c < 3.0:
            row[7] = min(s_a, s_c) / 20.0
        _, _, row[8] = _excess(names, name_weight, o_names, NAMED)
        dot = 0.0
        for d in range(vector.shape[1]):
            dot += float(vector[slot, d]) * float(vector[o, d])
        row[9] = dot
        row[10] = math.log(1.0 + abs(at[slot] - at[o]) / 86400.0)
        row[11] = 1.0 if keys[slot, 0] != 0 and keys[slot, 0] == keys[o, 0] else 0.0
        found, _, _ = _excess(grams, gram_weight, o_grams, RARE)
        row[12] = math.log(1.0 + found)
        if keys[slot, 1] != 0 and keys[slot, 1] == keys[o, 1]:
            row[13] = 1.0
        if keys[slot, 2] != 0 and keys[o, 2] != 0:
            row[14 if keys[slot, 2] == keys[o, 2] else 15] = 1.0
        if keys[slot, 3] != 0 and keys[o, 3] != 0:
            row[16 if keys[slot, 3] == keys[o, 3] else 17] = 1.0
        row[18] = row[0] * row[5]
        row[19] = row[9] * row[5]
    return out


def pair_features(memory: TicketMemory, slot: int, others: I32) -> F64:
    """Return the features of one ticket against others of the same memory; shape (len(others), N_FEATURES)."""
    return _features(  # type: ignore[no-any-return]
        slot, others, memory.terms, memory.span, memory.vector, memory.at, memory.keys, memory.norm,
        memory.frequency, memory.live, memory.prior, memory.strength,
    )  # fmt: skip


@dataclass(frozen=True)
class PairScorer:
    """A logistic model of pairs: `logit = bias + features @ weights`."""

    weights: F64
    bias: float

    @classmethod
    def load(cls, path: Path) -> "PairScorer":
        """Read the weights that `embeddings/train/pair_scorer.py` wrote."""
        stored = json.loads(path.read_text(encoding="utf-8"))
        return cls(np.array([stored["weights"][name] for name in FEATURES]), float(stored["bias"]))

    def logits(self, features: F64) -> F64:
        """Return one logit a row. Sums in a fixed order, so that a pair's logit never depends on its batch."""
        return _logits(features, self.weights, self.bias)  # type: ignore[no-any-return]


@njit(cache=True)
def _logits(features: F64, weights: F64, bias: float) -> F64:
    out = np.empty(len(features), np.float64)
    for i in range(len(features)):
        total = bias
        for j in range(len(weights)):
            total += features[i, j] * weights[j]
        out[i] = total
    return out


__all__ = ["FEATURES", "Fields", "PairScorer", "pair_features"]
