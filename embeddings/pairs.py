"""What speaks for and against two tickets being about the same thing, in numbers."""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from embeddings.memory import (
    F32,
    F64,
    GRAMS,
    HEAD,
    HEAD_NAMES,
    I32,
    I64,
    KINDS,
    NAMED,
    NAMES,
    RARE,
    WORDS,
    TicketMemory,
    inverse_frequency,
)
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
    "same_address",  # road and number
    "other_address",
    "same_company",
    "other_company",
    "same_topic",
    "other_topic",
    "words_x_names",  # same place and same problem together
    "vector_x_names",
    "shorter",  # ln(1 + n-grams) of the shorter text
    "longer",  # of the longer one
    "least_named",  # rarity of the names in the head that names less
    "most_named",  # in the one that names more
)
N_FEATURES = len(FEATURES)


@njit(cache=True)
def _look_up(key: Hashes, where: I32, term: np.uint32) -> int:
    """Return the place of a term among the query's, -1 if it is none of them."""
    mask = len(key) - 1
    at = int(term) & mask
    while where[at] >= 0:
        if key[at] == term:
            return int(where[at])
        at = (at + 1) & mask
    return -1


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
    rare: F32,
    frequency: I32,
    live: int,
    prior: F32,
    strength: float,
) -> F64:
    # the query's terms in one table: words, n-grams and names never share a hash but by accident
    first, stop = span[slot, 0], span[slot, KINDS]
    size = 64
    while size < 2 * (stop - first):
        size *= 2
    key = np.empty(size, np.uint32)
    where = np.full(size, -1, np.int32)
    weight = np.empty(stop - first, np.float64)
    headed = np.zeros(stop - first, np.uint8)  # an n-gram or name of the head too
    kind_of = np.zeros(stop - first, np.int8)
    for kind in (WORDS, GRAMS, NAMES, HEAD, HEAD_NAMES):
        for i in range(span[slot, kind], span[slot, kind + 1]):
            term = terms[i]
            if kind in (HEAD, HEAD_NAMES):
                headed[_look_up(key, where, term)] = 1
                continue
            place = int(term) & (size - 1)
            while where[place] >= 0:
                place = (place + 1) & (size - 1)
            key[place] = term
            where[place] = i - first
            weight[i - first] = inverse_frequency(term, frequency, live, prior, strength)
            kind_of[i - first] = kind
    names_first = span[slot, NAMES] - first
    my_size = span[slot, GRAMS + 1] - span[slot, GRAMS]

    out = np.zeros((len(others), N_FEATURES), np.float64)
    for k in range(len(others)):
        o = others[k]
        row = out[k]
        words = heads = grams = shared = mine = theirs = strongest = my_names = their_names = 0.0
        for i in range(span[o, WORDS], span[o, WORDS + 1]):
            j = _look_up(key, where, terms[i])
            if j >= 0 and kind_of[j] == WORDS:
                words += weight[j] * weight[j]
        for i in range(span[o, GRAMS], span[o, GRAMS + 1]):
            j = _look_up(key, where, terms[i])
            if j >= 0 and kind_of[j] == GRAMS:
                grams += weight[j] * weight[j]
                over = max(0.0, weight[j] - RARE)
                shared += over
                if headed[j]:
                    mine += over
        for i in range(span[o, HEAD], span[o, HEAD + 1]):
            j = _look_up(key, where, terms[i])
            if j >= 0 and kind_of[j] == GRAMS:
                theirs += max(0.0, weight[j] - RARE)
                if headed[j]:
                    heads += weight[j] * weight[j]
        for i in range(span[o, NAMES], span[o, NAMES + 1]):
            j = _look_up(key, where, terms[i])
            if j >= names_first and kind_of[j] == NAMES:
                over = max(0.0, weight[j] - NAMED)
                strongest = max(strongest, over)
                if headed[j]:
                    my_names += over
        for i in range(span[o, HEAD_NAMES], span[o, HEAD_NAMES + 1]):
            j = _look_up(key, where, terms[i])
            if j >= names_first and kind_of[j] == NAMES:
                their_names += max(0.0, weight[j] - NAMED)
        row[0] = words / (norm[slot, WORDS] * norm[o, WORDS])
        row[1] = heads / (norm[slot, HEAD] * norm[o, HEAD])
        row[2] = grams / (norm[slot, GRAMS] * norm[o, GRAMS])
        one = mine / (rare[slot, 0] + 2.0)
        two = theirs / (rare[o, 0] + 2.0)
        row[3] = max(one, two)
        row[4] = min(one, two)
        one = my_names / (rare[slot, 1] + 5.0)
        two = their_names / (rare[o, 1] + 5.0)
        row[5] = max(one, two)
        row[6] = min(one, two)
        if my_names < 3.0 and their_names < 3.0:
            row[7] = min(rare[slot, 1], rare[o, 1]) / 20.0
        row[8] = strongest
        dot = 0.0
        for d in range(vector.shape[1]):
            dot += float(vector[slot, d]) * float(vector[o, d])
        row[9] = dot
        row[10] = math.log(1.0 + abs(at[slot] - at[o]) / 86400.0)
        row[11] = 1.0 if keys[slot, 0] != 0 and keys[slot, 0] == keys[o, 0] else 0.0
        row[12] = math.log(1.0 + shared)
        if keys[slot, 1] != 0 and keys[o, 1] != 0:
            row[13 if keys[slot, 1] == keys[o, 1] else 14] = 1.0
        if keys[slot, 2] != 0 and keys[o, 2] != 0:
            row[15 if keys[slot, 2] == keys[o, 2] else 16] = 1.0
        if keys[slot, 3] != 0 and keys[o, 3] != 0:
            row[17 if keys[slot, 3] == keys[o, 3] else 18] = 1.0
        row[19] = row[0] * row[5]
        row[20] = row[9] * row[5]
        row[21] = math.log(1.0 + min(my_size, span[o, GRAMS + 1] - span[o, GRAMS]))
        row[22] = math.log(1.0 + max(my_size, span[o, GRAMS + 1] - span[o, GRAMS]))
        row[23] = min(rare[slot, 1], rare[o, 1])
        row[24] = max(rare[slot, 1], rare[o, 1])
    return out


def pair_features(memory: TicketMemory, slot: int, others: I32) -> F64:
    """Return the features of one ticket against others of the same memory; shape (len(others), N_FEATURES)."""
    return _features(
        slot, others, memory.terms, memory.span, memory.vector, memory.at, memory.keys, memory.norm,
        memory.rare, memory.frequency, memory.live, memory.prior, memory.strength,
    )  # fmt: skip
