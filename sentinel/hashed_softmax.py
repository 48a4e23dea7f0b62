"""Softmax regressions over hashed terms in one table of weights, compiled.

Row `mix(term ^ mix(salt of the block))` of the table holds the weights of a term for the WIDTH children of a
block; a node with more children has more blocks. Terms that hash to the same row share it.
"""

import math
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from embeddings.terms import mix

Hashes = NDArray[np.uint32]
F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I32 = NDArray[np.int32]

WIDTH: Final = 16
"""Children of a node that share a row of the table: 16 single floats are one cache line."""


@njit(cache=True)
def weigh(terms: Hashes, frequency: I32, seen: int) -> F64:
    """Return ln(1 + (seen + 1) / (frequency + 1)) of each term, scaled to unit length."""
    shift = np.uint32(32 - int(math.log2(len(frequency))))
    weights = np.empty(len(terms))
    square = 0.0
    for i in range(len(terms)):
        weights[i] = math.log(1.0 + (seen + 1.0) / (frequency[mix(terms[i]) >> shift] + 1.0))
        square += weights[i] * weights[i]
    return weights / math.sqrt(square)


@njit(cache=True)
def _scores(table: F32, terms: Hashes, weights: F64, blocks: I32, bias: F64) -> F64:
    """Return the log-odds of a node's children; child j is column j mod WIDTH of block j div WIDTH."""
    shift = np.uint32(32 - int(math.log2(len(table))))
    scores = np.zeros(len(blocks) * WIDTH)
    for b in range(len(blocks)):
        salt = mix(np.uint32(blocks[b]) + np.uint32(0x9E3779B9))
        for i in range(len(terms)):
            row = mix(terms[i] ^ salt) >> shift
            for j in range(WIDTH):
                scores[b * WIDTH + j] += weights[i] * table[row, j]
    return scores[: len(bias)] + bias


@njit(cache=True)
def chances(table: F32, terms: Hashes, weights: F64, blocks: I32, bias: F64) -> F64:
    """Return the probability of each of a node's children: the softmax of their log-odds."""
    scores = _scores(table, terms, weights, blocks, bias)
    odds = np.exp(scores - scores.max())
    chances: F64 = odds / odds.sum()
    return chances


@njit(cache=True)
def learn(
    table: F32,
    terms: Hashes,
    weights: F64,
    blocks: I32,
    bias: F64,
    target: int,
    rate: float,
    bias_rate: float,
) -> None:
    """Take one gradient step of the log loss at one node towards the child `target`."""
    gradient = chances(table, terms, weights, blocks, bias)
    gradient[target] -= 1.0
    shift = np.uint32(32 - int(math.log2(len(table))))
    for b in range(len(blocks)):
        salt = mix(np.uint32(blocks[b]) + np.uint32(0x9E3779B9))
        width = min(WIDTH, len(bias) - b * WIDTH)
        for i in range(len(terms)):
            row = mix(terms[i] ^ salt) >> shift
            for j in range(width):
                table[row, j] -= np.float32(rate * weights[i] * gradient[b * WIDTH + j])
    for j in range(len(bias)):
        bias[j] -= bias_rate * gradient[j]


@njit(cache=True)
def know(table: F32, term: np.uint32, block: int, column: int, weight: float) -> None:
    """Write what is known beforehand of one term and one child."""
    shift = np.uint32(32 - int(math.log2(len(table))))
    salt = mix(np.uint32(block) + np.uint32(0x9E3779B9))
    table[mix(term ^ salt) >> shift, column] += np.float32(weight)


@njit(cache=True)
def count(frequency: I32, terms: Hashes) -> None:
    """Count a ticket in the document frequency of its terms."""
    shift = np.uint32(32 - int(math.log2(len(frequency))))
    for term in terms:
        frequency[mix(term) >> shift] += 1
