"""The shipped words: how a text is cut into them, and how common each term is before a ticket is seen."""

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embeddings.memory import F32, I64
from embeddings.segment import Segmenter
from embeddings.terms import Terms, hash_word, read_terms
from embeddings.text import normalise

MODELS = Path(__file__).parent / "models"
STATIC = MODELS / "static"
PRIOR = MODELS / "prior.npz"


class Lexicon:
    """Tokenizer and prior term statistics.

    Attributes
    ----------
    prior
        Share of documents that hold a term, by hash; shape (2**20,), float32.
    """

    def __init__(self, segmenter: Segmenter, prior: F32) -> None:
        self.prior = prior
        self.cut_ids = segmenter.cut
        self._words = segmenter.words
        self._long: NDArray[np.bool_] = np.array([len(w) >= 2 for w in self._words])
        self._long[segmenter.unknown] = False
        self._rarity = {w: -math.log(prior[int(hash_word(i)) >> 12]) for i, w in enumerate(self._words)}

    @classmethod
    def shipped(cls) -> "Lexicon":
        """Load the tokenizer and the prior that come with the package."""
        with np.load(PRIOR) as stored:
            prior = np.exp(stored["log_share"].astype(np.float32))
        return cls(Segmenter(STATIC / "tokenizer.json"), prior)

    def cut(self, text: str) -> list[str]:
        """Return the words of a text, in order; characters in no word come as [UNK]."""
        return [self._words[i] for i in self.cut_ids(normalise(text))]

    def read(self, title: str, text: str) -> tuple[Terms, I64]:
        """Return the terms of a ticket and all its word ids, those of the title first."""
        title, text = normalise(title), normalise(text)
        ids = self.cut_ids(f"{title}\n{text}" if title else text)
        return read_terms(title, text, ids[self._long[ids]]), ids

    def rarity(self, word: str) -> float:
        """Return how rare a word is in the prior, as -ln of its share of documents; 0 if it is none of ours."""
        return self._rarity.get(word, 0.0)
