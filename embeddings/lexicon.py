"""The shipped words: how a text is cut into them, and how common each term is before a ticket is seen."""

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from embeddings.memory import F32, I64
from embeddings.terms import Terms, hash_words, read_terms
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

    def __init__(self, tokenizer: Tokenizer, prior: F32) -> None:
        self.prior = prior
        self._encode = tokenizer.encode
        self._words: list[str] = [tokenizer.id_to_token(i) for i in range(tokenizer.get_vocab_size())]
        self._long: NDArray[np.bool_] = np.array([len(w) >= 2 for w in self._words])
        self._long[tokenizer.token_to_id("[UNK]")] = False
        self._by_hash = {int(hash_words(np.array([i]))[0]): i for i in range(len(self._words))}

    @classmethod
    def shipped(cls) -> "Lexicon":
        """Load the tokenizer and the prior that come with the package."""
        with np.load(PRIOR) as stored:
            prior = np.exp(stored["log_share"].astype(np.float32))
        return cls(Tokenizer.from_file(str(STATIC / "tokenizer.json")), prior)

    def cut(self, text: str) -> I64:
        """Return the word ids of a normalised text, in order."""
        return np.array(self._encode(text, add_special_tokens=False).ids, np.int64)

    def read(self, title: str, text: str) -> tuple[Terms, I64]:
        """Return the terms of a ticket and all its word ids, those of the title first."""
        title, text = normalise(title), normalise(text)
        ids = self.cut(f"{title}\n{text}" if title else text)
        return read_terms(title, text, ids[self._long[ids]]), ids

    def word(self, term: int) -> str:
        """Return the word behind a hash of `Terms.words`, "" if it is none."""
        return self._words[self._by_hash[term]] if term in self._by_hash else ""

    def rarity(self, term: int) -> float:
        """Return how rare a term is in the prior, as -ln of its share of documents."""
        return -math.log(float(self.prior[term >> 12]))
