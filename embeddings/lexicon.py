"""The shipped words: how a text is cut into them, and how common each term is before a ticket is seen."""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embeddings.characters import PLAIN, SOUND
from embeddings.compiled import njit
from embeddings.segment import Segmenter
from embeddings.terms import (
    HEAD_CHARS,
    HEADED,
    SEPARATOR,
    SOUGHT,
    U8,
    U16,
    U64,
    Codes,
    Hashes,
    Terms,
    codes_of,
    fold_part,
    grams_of,
    hash_word,
    hash_words,
    names_of,
    suffix_table,
)
from embeddings.text import MAX_CHARS, normalise
from embeddings.tickets import F32, I64

MODELS = Path(__file__).parent / "models"
STATIC = MODELS / "static"
SMALL = MODELS / "small"
PRIOR = MODELS / "prior.npz"

ADDRESS_CHARS = 60


def _solid_table() -> U8:
    table = np.zeros(65536, np.uint8)
    for code in range(65535):
        table[code] = chr(code).isalnum()
    table[65535] = 1  # stands for all characters beyond
    return table


def _table(identity: bool, changes: Mapping[int, int | None]) -> U16:
    """A mapping of code points as an array, 0 for None, those left out as they are or 0."""
    table = np.arange(65536, dtype=np.uint16) if identity else np.zeros(65536, np.uint16)
    for code, value in changes.items():
        table[code] = value or 0
    return table


_SOLID = _solid_table()
FOLD = _table(True, PLAIN)
"""Code points to those of the plain form, see `fold_part`."""
_SYLLABLE = _table(False, SOUND)
_SUFFIXES = suffix_table()


@njit()
def _fold(raw: Codes, title: int, text: int, fold: U16) -> tuple[Codes, int, int]:
    """Return title, text and address in plain form, how long the title is, and where the address begins."""
    out = np.empty(len(raw) + 2, np.uint32)
    end = fold_part(raw, 0, title, fold, MAX_CHARS, out, 0)
    n = end
    if n:
        out[n] = SEPARATOR
        n += 1
    n = fold_part(raw, title, title + text, fold, MAX_CHARS, out, n)
    out[n] = SEPARATOR
    address = n + 1
    n = fold_part(raw, title + text, len(raw), fold, ADDRESS_CHARS, out, address)
    return out[:n], end, address


@njit()
def _terms(
    codes: Codes,
    title: int,
    address: int,
    ids: I64,
    long: NDArray[np.bool_],
    solid: U8,
    syllable: U16,
    familiar: U64,
    suffixes: Codes,
) -> tuple[Hashes, Hashes, U8, Hashes, U8]:
    if title:
        grams, gram_marks = grams_of(codes, solid, title, HEADED | SOUGHT)
    else:
        grams, gram_marks = grams_of(codes, solid, min(len(codes), HEAD_CHARS), HEADED)
    names, name_marks = names_of(codes, title, address, syllable, familiar, suffixes)
    return hash_words(ids, long), grams, gram_marks, names, name_marks


class Lexicon:
    """Tokenizer and prior term statistics.

    Attributes
    ----------
    prior
        Share of documents that hold a term, by hash; shape (2**20,), float32.

    Parameters
    ----------
    familiar
        Bloom filter of the pairs of Han characters that general texts hold; a power of two of 64-bit words.
    """

    def __init__(self, segmenter: Segmenter, prior: F32, familiar: U64) -> None:
        self.prior = prior
        self._segmenter = segmenter
        self.cut_ids = segmenter.cut
        self._cut_codes = segmenter.cut_codes
        self._familiar = familiar
        self._words = segmenter.words
        self._long: NDArray[np.bool_] = np.array([len(w) >= 2 for w in self._words])
        self._long[segmenter.unknown] = False
        self._rarity = {w: -math.log(prior[int(hash_word(i)) >> 12]) for i, w in enumerate(self._words)}

    @classmethod
    def shipped(cls) -> "Lexicon":
        """Load the tokenizer and the prior that come with the package."""
        with np.load(PRIOR) as stored:
            prior = np.exp(stored["log_share"].astype(np.float32))
            familiar = stored["familiar"]
        return cls(Segmenter(STATIC / "tokenizer.json"), prior, familiar)

    def knowing_all(self) -> "Lexicon":
        """Return a lexicon to which every pair of characters is familiar: names stand out by their suffix alone."""
        return Lexicon(self._segmenter, self.prior, np.full(1, ~np.uint64(0), np.uint64))

    def cut(self, text: str) -> list[str]:
        """Return the words of a text, in order; characters in no word come as [UNK]."""
        return [self._words[i] for i in self.cut_ids(normalise(text))]

    def read(self, title: str, text: str, address: str = "") -> tuple[Terms, I64]:
        """Return the terms of a ticket and all its word ids: those of title, text and address, in order."""
        raw = codes_of(f"{title}{text}{address}")
        codes, title_end, address_start = _fold(raw, len(title), len(text), FOLD)
        ids = self._cut_codes(codes)
        terms = _terms(
            codes, title_end, address_start, ids, self._long, _SOLID, _SYLLABLE, self._familiar, _SUFFIXES
        )  # fmt: skip
        return Terms(*terms), ids

    def rarity(self, word: str) -> float:
        """Return how rare a word is in the prior, as -ln of its share of documents; 0 if it is none of ours."""
        return self._rarity.get(word, 0.0)
