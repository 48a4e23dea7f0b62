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
from numpy.typing import NDArray

from embeddings.compiled import njit
from embeddings.memory import TicketMemory
from embeddings.packed import Models, Store, models_of
from embeddings.pairs import FEATURES, asked, features, plausible
from embeddings.terms import Terms
from embeddings.tickets import (
    F32,
    F64,
    I32,
    I64,
    STOP,
    WORDS,
    Fields,
    Seek,
    Tickets,
    Wholes,
    place_ticket,
)

I16 = NDArray[np.int16]

#: ln(1 + n-grams) of a text half way between note and letter, and how sharply the two part.
HALF_WAY, SHARPNESS = 5.1, 12.0

GRAM_COSINE, APART = FEATURES.index("grams"), FEATURES.index("names_apart")
NAMES_LESS, NAMES_MORE, SHORTER = (FEATURES.index(name) for name in ("names_less", "names_more", "shorter"))
SAME_CALLER, SAME_COMPANY = FEATURES.index("same_caller"), FEATURES.index("same_company")
SAME_ADDRESS, OTHER_ADDRESS = FEATURES.index("same_address"), FEATURES.index("other_address")
NAMES, OTHER_COMPANY = FEATURES.index("names"), FEATURES.index("other_company")
SAME_WORDS, SAME_WORDS_LOGIT = 0.92, 4.0  # word for word the same is the same, however little it says
# What hardly occurs where scorers are learned, and everybody would decide so:
ELSEWHERE_WORTH = 5.0  # much the same words with other names, of so much worth, are said of another place
NO_PLACE = 2.5  # of ln(1 + n-grams): so few words without a name place nothing
UNLIKE_LOGIT = -5.0
DROP_LOGIT = -6.0  # a pair of less is as good as none
HOPELESS = -7.0  # a sum of the first trees, however many, that is less next to never came back above DROP_LOGIT
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
    go to `left[i]` if `features[feature[i]] <= threshold[i]`, else to the node after that; a leaf has left -1.
    """

    roots: I16
    feature: I16
    threshold: F32
    left: I16
    value: F32
    bias: float


class Needed(NamedTuple):
    """What a candidate must share to be compared in full, in notes only (all letters are); and what must come of it."""

    words: float
    """this cosine of words ..."""
    names: float
    """... or this share of names (or the address)"""
    logit: float
    """where no pair comes to this, none counts"""
    elsewhere: float
    """from this cosine of n-grams on, what names something else is told of another place"""


class Judged(NamedTuple):
    """The live tickets that may be about the same thing as a new one."""

    issues: I64
    """number of the issue of each"""
    logits: F64
    copies: NDArray[np.bool_]
    """whether its text and the new one's were made from one another"""
    wholes: Wholes


class PairScorer:
    """Both models; see the module."""

    def __init__(self, letters: Logistic, notes: Trees) -> None:
        self.letters = letters
        self.notes = notes
        self._models = models_of(letters, notes)

    @classmethod
    def load(cls, path: Path) -> "PairScorer":
        """Read what `embeddings/train/pair_scorer.py` wrote; ValueError for what an earlier version of it did."""
        stored = json.loads(path.read_text(encoding="utf-8"))
        letters, notes = stored["letters"], stored["notes"]
        if "right" in notes:
            raise ValueError(f"{path} is of an earlier version; learn it again with embeddings/train/pair_scorer.py")
        weights = np.array([letters["weights"].get(name, 0.0) for name in FEATURES])
        trees = Trees(
            roots=np.array(notes["roots"], np.int16),
            feature=np.array(notes["feature"], np.int16),
            threshold=np.array(notes["threshold"], np.float32),
            left=np.array(notes["left"], np.int16),
            value=np.array(notes["value"], np.float32),
            bias=float(notes["bias"]),
        )
        return cls(Logistic(weights, float(letters["bias"])), trees)

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
        """Remember a ticket, and compare it with those before it; return its slot and what may be the same,
        nothing where no pair comes to `needed.logit`.

        The stream is one of letters to the degree `letters`, 0 to 1. One compiled call, of which
        `TicketMemory.place` is the first half.
        """
        slot = memory.reserve(terms)
        found = _meet(memory.store, slot, memory.live, terms, vector, fields, seek, needed, letters, self._models)
        return slot, Judged(*found)


@njit()
def _linear(row: F64, model: Logistic) -> float:
    total = model.bias
    for j in range(len(row)):
        total += row[j] * model.weights[j]
    return total


@njit()
def _descend(row: F64, trees: Trees) -> float:
    total = trees.bias
    for k in range(len(trees.roots)):
        if total < HOPELESS:
            break
        node = trees.roots[k]
        left = trees.left[node]
        while left >= 0:
            node = left + (row[trees.feature[node]] > trees.threshold[node])
            left = trees.left[node]
        total += trees.value[node]
    return total


@njit()
def _as_everybody(row: F64, logit: float, same_words: float) -> float:
    """Return the logit, or what anybody would say of such a pair."""
    elsewhere = row[GRAM_COSINE] >= same_words and row[APART] >= ELSEWHERE_WORTH
    placeless = row[SHORTER] < NO_PLACE and row[NAMES_LESS] == 0.0 and row[NAMES_MORE] > 0.0
    strangers = row[OTHER_COMPANY] > 0.0 and row[NAMES] == 0.0
    known = row[SAME_ADDRESS] + row[SAME_CALLER] + row[SAME_COMPANY]
    return min(logit, UNLIKE_LOGIT) if (elsewhere or placeless or strangers) and known == 0.0 else logit


@njit()
def _judge(
    tickets: Tickets,
    slot: int,
    rarity: F64,
    others: I32,
    needed: Needed,
    letters: float,
    logistic: Logistic,
    trees: Trees,
) -> tuple[I64, F64, NDArray[np.bool_]]:
    if not len(others):
        return np.empty(0, np.int64), np.empty(0, np.float64), np.zeros(0, np.bool_)
    query = asked(tickets.terms, tickets.span[slot, WORDS], tickets.span[slot, STOP])
    if letters < 0.5:
        others = plausible(tickets, slot, rarity, query, others, needed.words, needed.names)
    rows = features(tickets, slot, rarity, query, others)
    issues = np.empty(len(rows), np.int64)
    logits = np.empty(len(rows), np.float64)
    copies = np.zeros(len(rows), np.bool_)
    n = 0
    best = DROP_LOGIT
    for i in range(len(rows)):
        row = rows[i]
        # at the ends one model is enough
        if letters >= 0.99:
            logit = _linear(row, logistic)
        elif letters <= 0.01:
            logit = _descend(row, trees)
        else:
            logit = letters * _linear(row, logistic) + (1.0 - letters) * _descend(row, trees)
        if row[GRAM_COSINE] >= SAME_WORDS and row[OTHER_ADDRESS] == 0.0:
            logit = max(logit, SAME_WORDS_LOGIT)
        logit = _as_everybody(row, logit, needed.elsewhere)
        if logit > DROP_LOGIT:
            issues[n] = tickets.issue[others[i]]
            logits[n] = logit
            copies[n] = row[GRAM_COSINE] >= COPIED and row[SAME_CALLER] == 0.0
            n += 1
            best = max(best, logit)
    if best < needed.logit:
        n = 0
    return issues[:n], logits[:n], copies[:n]


@njit()
def _meet(
    store: Store,
    slot: int,
    live: int,
    terms: Terms,
    vector: F32,
    fields: Fields,
    seek: Seek,
    needed: Needed,
    letters: float,
    models: Models,
) -> tuple[I64, F64, NDArray[np.bool_], Wholes]:
    tickets = store.tickets
    rarity, others, wholes = place_ticket(
        tickets, slot, store.index, store.common, live, terms, vector, fields, seek, store.scratch, store.used
    )  # fmt: skip
    issues, logits, copies = _judge(tickets, slot, rarity, others, needed, letters, models.letters, models.notes)
    return issues, logits, copies, wholes
