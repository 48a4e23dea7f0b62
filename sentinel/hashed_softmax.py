"""Softmax regressions over hashed terms along the branches of a tree, in one table of weights, compiled.

Row `mix(term ^ mix(salt of the block))` of the table holds the weights of a term for the WIDTH children of a
block; a node with more children has more blocks. Terms that hash to the same row share it.
"""

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from embeddings.compiled import njit
from embeddings.terms import mix

Hashes = NDArray[np.uint32]
F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I32 = NDArray[np.int32]

WIDTH: Final = 16
"""Children of a node that share a row of the table: 16 single floats are one cache line."""


class Tree(NamedTuple):
    """A tree whose node 0 is the root. The children of a node stand in the columns of its blocks."""

    first: I32
    """first block of each node, -1 of a leaf"""
    children: I32
    """how many children each node has"""
    following: I32
    """the next block of the same node, -1 for the last"""
    child: I32
    """(blocks, WIDTH) number of each child"""
    bias: F64
    """(blocks, WIDTH) how common each child is, in log-odds"""

    @classmethod
    def root(cls) -> "Tree":
        """Return a tree of its root alone."""
        none = np.empty(0, np.int32)
        return cls(np.array([-1], np.int32), np.zeros(1, np.int32), none, none.reshape(0, WIDTH), np.empty((0, WIDTH)))

    def grown(self, above: int) -> "Tree":
        """Return the tree with one more leaf, the last, as the last child of a node."""
        leaf, place = len(self.first), int(self.children[above])
        first = np.append(self.first, np.int32(-1))
        children = np.append(self.children, np.int32(0))
        following, child, bias = self.following, self.child, self.bias
        if place % WIDTH == 0:
            block = np.int32(len(following))
            following = np.append(following, np.int32(-1))
            child = np.append(child, np.zeros((1, WIDTH), np.int32), axis=0)
            bias = np.append(bias, np.zeros((1, WIDTH)), axis=0)
            if place:
                following[block_of(self, above, place - 1)] = block
            else:
                first[above] = block
        children[above] += 1
        tree = Tree(first, children, following, child, bias)
        child[block_of(tree, above, place), place % WIDTH] = leaf
        return tree

    def child_of(self, node: int, place: int) -> int:
        """Return the number of the child at a place among a node's children."""
        return int(self.child[block_of(self, node, place), place % WIDTH])


@njit()
def weigh(terms: Hashes, frequency: I32, seen: int) -> F64:
    """Return ln(1 + (seen + 1) / (frequency + 1)) of each term, scaled to unit length."""
    shift = np.uint32(32 - int(math.log2(len(frequency))))
    weights = np.empty(len(terms))
    square = 0.0
    for i in range(len(terms)):
        weights[i] = math.log(1.0 + (seen + 1.0) / (frequency[mix(terms[i]) >> shift] + 1.0))
        square += weights[i] * weights[i]
    return weights / math.sqrt(square)


@njit()
def block_of(tree: Tree, node: int, place: int) -> int:
    """Return the block in which a node's child stands, given the child's place among its siblings."""
    block = tree.first[node]
    for _ in range(place // WIDTH):
        block = tree.following[block]
    return int(block)


@njit()
def chances(table: F32, terms: Hashes, weights: F64, tree: Tree, node: int) -> F64:
    """Return the probability of each child of an inner node: the softmax of their log-odds."""
    shift = np.uint32(32 - int(math.log2(len(table))))
    count = tree.children[node]
    scores = np.zeros(count + WIDTH)
    bias = np.empty(count)
    block, begin = tree.first[node], 0
    while block >= 0:
        salt = mix(np.uint32(block) + np.uint32(0x9E3779B9))
        for i in range(len(terms)):
            row = mix(terms[i] ^ salt) >> shift
            for j in range(WIDTH):
                scores[begin + j] += weights[i] * table[row, j]
        for j in range(min(WIDTH, count - begin)):
            bias[begin + j] = tree.bias[block, j]
        block, begin = tree.following[block], begin + WIDTH
    odds = scores[:count] + bias
    odds = np.exp(odds - odds.max())
    found: F64 = odds / odds.sum()
    return found


@njit()
def learn(
    table: F32, frequency: I32, terms: Hashes, seen: int, tree: Tree, way: I32, rate: float, bias_rate: float
) -> None:
    """Take one gradient step of the log loss at each node of a way, and count the ticket's terms.

    `way` has shape (nodes, 2): each inner node from the root on, and the place of the child to take.
    """
    shift = np.uint32(32 - int(math.log2(len(table))))
    weights = weigh(terms, frequency, seen)
    for step in range(len(way)):
        node = way[step, 0]
        gradient = chances(table, terms, weights, tree, node)
        gradient[way[step, 1]] -= 1.0
        block, begin = tree.first[node], 0
        while block >= 0:
            salt = mix(np.uint32(block) + np.uint32(0x9E3779B9))
            width = min(WIDTH, len(gradient) - begin)
            for i in range(len(terms)):
                row = mix(terms[i] ^ salt) >> shift
                for j in range(width):
                    table[row, j] -= np.float32(rate * weights[i] * gradient[begin + j])
            for j in range(width):
                tree.bias[block, j] -= bias_rate * gradient[begin + j]
            block, begin = tree.following[block], begin + WIDTH
    for term in terms:
        frequency[mix(term) >> shift] += 1


@njit()
def most_probable(table: F32, frequency: I32, terms: Hashes, seen: int, tree: Tree, beam: int) -> tuple[int, float]:
    """Return the most probable leaf and its probability; 0, the root, while that is the only node.

    Of each node's children the `beam` most probable are looked into, the older one first on a tie, and only
    while they can still win.
    """
    weights = weigh(terms, frequency, seen) if len(terms) else np.empty(0)
    best, highest = 0, -1.0
    waiting = [(0, 1.0)]
    while len(waiting) > 0:
        node, probability = waiting.pop()
        if probability <= highest:
            continue
        if tree.children[node] == 0:
            best, highest = node, probability
            continue
        found = probability * chances(table, terms, weights, tree, node)
        leading = np.argsort(-found, kind="mergesort")[:beam]
        for place in leading[::-1]:
            child = tree.child[block_of(tree, node, place), place % WIDTH]
            waiting.append((int(child), float(found[place])))
    return best, highest


@njit()
def know(table: F32, terms: Hashes, blocks: I32, columns: I32, weights: F64) -> None:
    """Write what is known beforehand of some terms, each with a child's block and column and its weight."""
    shift = np.uint32(32 - int(math.log2(len(table))))
    for i in range(len(terms)):
        salt = mix(np.uint32(blocks[i]) + np.uint32(0x9E3779B9))
        table[mix(terms[i] ^ salt) >> shift, columns[i]] += np.float32(weights[i])
