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
from sentinel.hashed_softmax import I32, WIDTH, Hashes, Tree, block_of
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


class _Node(NamedTuple):
    """One topic or group: its number in the tree, and the way there: inner nodes and places of their children."""

    number: int
    way: I32


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
        self._tree = Tree.root()
        self._paths = [""]
        self._nodes = {"": _Node(0, np.empty((0, 2), np.int32))}
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
        known = self._nodes.get(str(y))
        way = known.way if known else self._place(str(y))
        if not len(way):
            self.refused += 1
            return
        if len(terms):
            hashed_softmax.learn(
                self._table, self._frequency, terms, self.seen, self._tree, way, self.rate, self.bias_rate
            )
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
        node, chance = hashed_softmax.most_probable(self._table, self._frequency, terms, self.seen, self._tree, BEAM)
        return Guess(self._paths[node], chance) if node else None

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
        weights = hashed_softmax.weigh(terms, self._frequency, self.seen) if len(terms) else np.empty(0)
        probability = [1.0] * len(self._paths)
        leaves: dict[ClfTarget, float] = {}
        for node, path in enumerate(self._paths):
            if self._tree.children[node]:
                chances = hashed_softmax.chances(self._table, terms, weights, self._tree, node)
                for place, chance in enumerate(chances.tolist()):
                    probability[self._tree.child_of(node, place)] = probability[node] * chance
            elif path:
                leaves[path] = probability[node]
        return leaves

    def _start(self, known: Sequence[TopicWords]) -> None:
        """Write the known topics' words and shares into the table.

        A topic is taken to speak each of its words equally often, a group to be the mixture of its topics; a
        term's weight for a child is the log of how often the child speaks it, less that of STRANGE.
        """
        share = {0: sum(topic.weight for topic in known)}
        spoken: dict[tuple[int, int], dict[int, float]] = {}
        for topic in known:
            for node, place in self._place(topic.path).tolist():
                child = self._tree.child_of(node, place)
                share[child] = share.get(child, 0.0) + topic.weight
        for topic in known:
            for node, place in self._place(topic.path).tolist():
                often = topic.weight / share[self._tree.child_of(node, place)] / len(topic.terms)
                for term in topic.terms.tolist():
                    children = spoken.setdefault((node, term), {})
                    children[place] = children.get(place, 0.0) + often
        for node in range(len(self._paths)):
            for place in range(self._tree.children[node]):
                odds = math.log(share[self._tree.child_of(node, place)] / share[node])
                self._tree.bias[block_of(self._tree, node, place), place % WIDTH] = self.bias_rate * odds
        rows = [
            (term, block_of(self._tree, node, place), place % WIDTH, self.strength * math.log(1.0 + often / STRANGE))
            for (node, term), children in spoken.items()
            for place, often in children.items()
        ]
        if rows:
            terms, blocks, columns, weights = zip(*rows, strict=True)
            hashed_softmax.know(
                self._table,
                np.array(terms, np.uint32),
                np.array(blocks, np.int32),
                np.array(columns, np.int32),
                np.array(weights),
            )

    def _place(self, path: str) -> I32:
        """Return the way to a topic, making the nodes that lack as long as there is room."""
        parts = [part for part in path.split("/") if part]
        above = self._nodes[""]
        for depth in range(1, len(parts) + 1):
            here = "/".join(parts[:depth])
            node = self._nodes.get(here)
            if node is None:
                if len(self._paths) > self.max_topics:
                    break
                place = int(self._tree.children[above.number])
                self._tree = self._tree.grown(above.number)
                node = _Node(
                    len(self._paths), np.append(above.way, np.array([[above.number, place]], np.int32), axis=0)
                )
                self._paths.append(here)
                self._nodes[here] = node
            above = node
        return above.way


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
