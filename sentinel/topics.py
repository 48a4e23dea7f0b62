"""The topic of a ticket: an online classifier of topic paths such as 交通出行/公交线路.

A softmax regression at each inner node of the tree of paths, over terms weighted by inverse frequency. All
nodes share one hashed table of weights, so that memory is fixed however many terms and topics come.
River's own models, tried first, are too slow or too weak: `benchmarks/topics.py` has the figures.
"""

import math
import zlib
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from river import base
from river.base.typing import ClfTarget, FeatureName

from sentinel import hashed_softmax
from sentinel.hashed_softmax import F64, WIDTH, Hashes
from sentinel.taxonomy import Taxonomy

STRANGE: Final = 1e-4
"""How often, among the words of a topic, stands one that is not its own."""

BEAM: Final = 3
"""Children of a node that are looked into for the best topic; the rest are too improbable to pay for."""


class TopicWords(NamedTuple):
    """One topic as it is known before any ticket: an entry of `config/topics.yaml`."""

    path: str
    """group/leaf"""
    terms: Hashes
    """terms of its own words"""
    weight: float
    """share among all tickets, relative to the other topics"""


class Guess(NamedTuple):
    """A topic and how sure the classifier is of it."""

    topic: str
    probability: float


class _Node:
    """One topic or group: its children, where their weights stand, and how common each is."""

    __slots__ = ("bias", "blocks", "children", "path", "place")

    def __init__(self, path: str = "", place: int = 0) -> None:
        self.path = path
        self.place = place
        self.children: list[str] = []
        self.blocks = np.empty(0, np.int32)
        self.bias = np.empty(0)

    def adopt(self, child: str, blocks: int) -> int:
        """Add a child, given how many blocks are handed out, and return how many are then."""
        if len(self.children) % WIDTH == 0:
            self.blocks = np.append(self.blocks, np.int32(blocks))
            blocks += 1
        self.children.append(child)
        self.bias = np.append(self.bias, 0.0)
        return blocks


class TopicClassifier(base.Classifier):
    """Softmax regressions along the path of a topic, learned online in bounded memory.

    Each inner node of the tree of topics tells its children apart by a linear softmax over the ticket's
    terms, weighted by inverse document frequency and scaled to unit length. It is learned by plain
    stochastic gradient descent with a constant rate: what was learned long ago fades as newer tickets
    contradict it. The probability of a topic is the product of those along its path. A topic never seen
    before joins when the first ticket carries it; one that ends at a group teaches the choice of the group
    alone.

    Memory is `2**bits` rows of 68 bytes (4.25 MiB by default), and the names of at most `max_topics` nodes.
    Learning and predicting take time in proportion to the ticket's terms, not to the number of topics.

    Parameters
    ----------
    known
        Topics known beforehand, with words of their own: the cold start.
    bits
        Base-2 logarithm of the rows of the hashed table. A row is shared by all terms that hash to it.
    rate
        Step of the gradient descent on the weights of terms.
    bias_rate
        Step on the topics' shares.
    strength
        Weight that a topic's own words start with, for each unit of its log-likelihood.
    max_topics
        Nodes of the tree at most. Topics beyond are not learned, and counted in `refused`.

    Attributes
    ----------
    seen
        Tickets learned from.
    refused
        Tickets whose topic found no place.

    Examples
    --------
    >>> import numpy as np
    >>> water, bus, today = np.array([[11], [22], [33]], np.uint32)
    >>> model = TopicClassifier()
    >>> for _ in range(3):
    ...     model.learn_one(np.concatenate([water, today]), "公用事业/供水")
    ...     model.learn_one(np.concatenate([bus, today]), "交通出行/公交线路")
    >>> model.predict_one(bus)
    '交通出行/公交线路'

    References
    ----------
    The gradient is that of multinomial logistic regression; hashing of terms after Weinberger et al. 2009,
    *Feature hashing for large scale multitask learning*.
    """

    def __init__(
        self,
        known: Sequence[TopicWords] = (),
        *,
        bits: int = 16,
        rate: float = 5.0,
        bias_rate: float = 0.05,
        strength: float = 1.0,
        max_topics: int = 1000,
    ) -> None:
        """Start from the topics `known`. Raises ValueError for a table of an impossible size."""
        if not 8 <= bits <= 24:
            raise ValueError(f"bits is {bits}; give 8 to 24, the table has 2**bits rows of 68 bytes")
        self.known = list(known)  # River's clone chokes on an empty tuple
        self.bits = bits
        self.rate = rate
        self.bias_rate = bias_rate
        self.strength = strength
        self.max_topics = max_topics
        self.seen = 0
        self.refused = 0
        self._table = np.zeros((1 << bits, WIDTH), np.float32)
        self._frequency = np.zeros(1 << bits, np.int32)
        self._nodes: dict[str, _Node] = {"": _Node()}
        self._blocks = 0
        self._start(known)

    @property
    def _multiclass(self) -> bool:
        return True

    def learn_one(self, x: dict[FeatureName, Any] | Hashes, y: ClfTarget) -> None:
        """Learn that a ticket with the terms `x` has the topic `y`.

        Parameters
        ----------
        x
            Hashes of the ticket's terms, each once, shape (n,); or River's mapping, of which the keys count.
        y
            Path of the topic, levels separated by `/`.
        """
        terms = _hashes(x)
        path = self._place(str(y))
        if not path:
            self.refused += 1
            return
        if len(terms):
            weights = hashed_softmax.weigh(terms, self._frequency, self.seen)
            for node, child in path:
                hashed_softmax.learn(
                    self._table, terms, weights, node.blocks, node.bias, child, self.rate, self.bias_rate
                )
            hashed_softmax.count(self._frequency, terms)
        self.seen += 1

    def predict_one(self, x: dict[FeatureName, Any] | Hashes, **kwargs: Any) -> str | None:  # noqa: ARG002  # River's
        """Return the most probable topic, None while no topic is known."""
        guess = self.guess_one(x)
        return guess.topic if guess else None

    def guess_one(self, x: dict[FeatureName, Any] | Hashes) -> Guess | None:
        """Return the most probable topic and its probability, None while no topic is known.

        Of each group's children the BEAM most probable are looked into, and only while they can still win.
        """
        terms = _hashes(x)
        weights = self._weights(terms)
        best: Guess | None = None
        waiting = [Guess("", 1.0)]
        while waiting:
            path, probability = waiting.pop()
            if best and probability <= best.probability:
                continue
            node = self._nodes[path]
            if not node.children:
                best = Guess(path, probability) if path else None
                continue
            chances = probability * hashed_softmax.chances(self._table, terms, weights, node.blocks, node.bias)
            order = np.argsort(-chances, kind="stable")[:BEAM]
            waiting += [Guess(node.children[i], float(chances[i])) for i in order[::-1]]
        return best

    def topic_of(self, terms: Hashes, given: str) -> tuple[str, float]:
        """Return a ticket's topic and how sure it is, 0 to 1: the one `given`, which is learned, else a guess."""
        if given:
            if len(terms):
                self.learn_one(terms, given)
            return given, 1.0
        guess = self.guess_one(terms) if len(terms) else None
        return ("", 0.0) if guess is None else (guess.topic, guess.probability)

    def predict_proba_one(
        self,
        x: dict[FeatureName, Any] | Hashes,
        **kwargs: Any,  # noqa: ARG002  # River's
    ) -> dict[ClfTarget, float]:
        """Return the probability of every topic that has no topic below it; they sum to 1."""
        terms = _hashes(x)
        weights = self._weights(terms)
        probability = {"": 1.0}
        leaves: dict[ClfTarget, float] = {}
        for path, node in self._nodes.items():
            if node.children:
                chances = hashed_softmax.chances(self._table, terms, weights, node.blocks, node.bias)
                probability |= {c: probability[path] * float(p) for c, p in zip(node.children, chances, strict=True)}
            elif path:
                leaves[path] = probability[path]
        return leaves

    def _weights(self, terms: Hashes) -> F64:
        return hashed_softmax.weigh(terms, self._frequency, self.seen) if len(terms) else np.empty(0)

    def _start(self, known: Sequence[TopicWords]) -> None:
        """Write the known topics' words and shares into the table.

        A topic is taken to speak each of its words equally often, a group to be the mixture of its topics; a
        term's weight for a child is the log of how often the child speaks it, less that of STRANGE.
        """
        share: dict[str, float] = {"": sum(topic.weight for topic in known)}
        spoken: dict[tuple[str, int], dict[int, float]] = {}
        for topic in known:
            for node, child in self._place(topic.path):
                below = node.children[child]
                share[below] = share.get(below, 0.0) + topic.weight
        for topic in known:
            for node, child in self._place(topic.path):
                often = topic.weight / share[node.children[child]] / len(topic.terms)
                for term in topic.terms.tolist():
                    children = spoken.setdefault((node.path, term), {})
                    children[child] = children.get(child, 0.0) + often
        for path, node in self._nodes.items():
            odds = [self.bias_rate * math.log(share[child] / share[path]) for child in node.children]
            node.bias = np.array(odds, np.float64)
        for (path, term), children in spoken.items():
            for child, often in children.items():
                block = self._nodes[path].blocks[child // WIDTH]
                weight = self.strength * math.log(1.0 + often / STRANGE)
                hashed_softmax.know(self._table, np.uint32(term), block, child % WIDTH, weight)

    def _place(self, path: str) -> list[tuple[_Node, int]]:
        """Return the nodes on the way to a topic, each with the child to take, making those that lack."""
        steps: list[tuple[_Node, int]] = []
        parts = [part for part in path.split("/") if part]
        above = self._nodes[""]
        for depth in range(1, len(parts) + 1):
            here = "/".join(parts[:depth])
            if here not in self._nodes:
                if len(self._nodes) > self.max_topics:
                    break
                self._nodes[here] = _Node(here, len(above.children))
                self._blocks = above.adopt(here, self._blocks)
            below = self._nodes[here]
            steps.append((above, below.place))
            above = below
        return steps


def _hashes(x: dict[FeatureName, Any] | Hashes) -> Hashes:
    """Return terms as hashes: those of an array as they are, River's feature names by their CRC-32."""
    if isinstance(x, np.ndarray):
        return x
    return np.array(sorted({zlib.crc32(str(name).encode()) for name in x}), np.uint32)


def topic_words(taxonomy: Taxonomy, read: Callable[[str], Hashes]) -> tuple[TopicWords, ...]:
    """Return the taxonomy as the classifier takes it.

    `read` turns a word into the hashes of its terms, in the way that tickets are read.
    """
    found = []
    for topic in taxonomy.topics:
        terms = [read(word) for word in topic.words]
        found.append(TopicWords(topic.path, np.unique(np.concatenate(terms)), topic.weight))
    return tuple(found)
