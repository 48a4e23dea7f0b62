"""The chance that a text tells of one thing, as learned from sentences: what no list of words foresees.

A logistic model of the characters of a text, one by one and in twos and threes, hashed. Which kind of the thing it is,
is told by another one, asked only where it is told of. Two such models ship, made by `embeddings/train/ngrams.py`: of
present danger to life, and of complaints about the conduct of an office.
"""

from math import exp, inf
from pathlib import Path
from typing import Final

import numpy as np

from embeddings.compiled import njit
from embeddings.lexicon import FOLD, MODELS
from embeddings.terms import U16, Codes, codes_of, fold_part, hash_pair
from embeddings.text import MAX_CHARS
from embeddings.tickets import F32, I32

DANGER: Final = MODELS / "danger.npz"
CONDUCT: Final = MODELS / "conduct.npz"
SLOT_BITS: Final = 18
KIND_BITS: Final = 13
PART: Final = 300
"""Characters that are judged together: what matters is said in one breath, with what came before it."""
TELLING: Final = 30
"""So many characters of a part, those that tell most, may count for a share of its log-odds by themselves: what is said
around them, old grievances and who was told in vain, would else drown them."""
_PLACES: Final = 2048
_LEAST: Final = 20  # a rest of fewer characters is no part of its own
_WORTH_A_NAME: Final = 0.05
_ZERO, _NINE = 48, 57


@njit()
def _plain(code: int) -> int:
    """Any digit is as good as another."""
    return _ZERO if _ZERO <= code <= _NINE else int(code)


@njit()
def slots_of(codes: Codes) -> I32:
    """Return the slots of the 1-, 2- and 3-grams of a text in plain form, each once, as they come."""
    slots = np.empty(3 * len(codes), np.int32)
    known = np.full(_PLACES, -1, np.int32)  # a hash table, for a part less than half full
    n = 0
    for i in range(len(codes)):
        term = _plain(codes[i])
        for more in range(3):
            if i + more >= len(codes):
                break
            term = int(hash_pair(term, _plain(codes[i + more]), 17 + more))
            slot = term >> (32 - SLOT_BITS)
            at = slot & (_PLACES - 1)
            while known[at] >= 0 and known[at] != slot:
                at = (at + 1) & (_PLACES - 1)
            if known[at] < 0:
                known[at] = slot
                slots[n] = slot
                n += 1
    return slots[:n]


@njit()
def _plain_form(raw: Codes, fold: U16) -> Codes:
    """Return what `normalise` makes of a text."""
    codes = np.empty(len(raw), np.uint32)
    return codes[: fold_part(raw, 0, len(raw), fold, MAX_CHARS, codes, 0)]


@njit()
def _told(codes: Codes, table: F32) -> float:
    """Return the log-odds, but for the bias, of some characters in plain form."""
    total = square = 0.0
    for slot in slots_of(codes):
        total += table[slot, 0]
        square += table[slot, 1]
    return total / square**0.25 if square > 0.0 else total


@njit()
def most_telling(codes: Codes, table: F32) -> int:
    """Return where those `TELLING` characters of a part in plain form begin that tell most of it."""
    count = len(codes)
    sums = np.zeros((3, 2, count + 1))  # of the 1-, 2- and 3-grams that begin before each place
    for i in range(count):
        term = _plain(codes[i])
        for more in range(3):
            for column in range(2):
                sums[more, column, i + 1] = sums[more, column, i]
            if i + more < count:
                term = int(hash_pair(term, _plain(codes[i + more]), 17 + more))
                for column in range(2):
                    sums[more, column, i + 1] += table[term >> (32 - SLOT_BITS), column]
    most, where = -np.inf, 0
    for begin in range(max(1, count - TELLING + 1)):
        end = min(count, begin + TELLING)
        total = square = 0.0
        for more in range(3):
            last = max(begin, end - more)
            total += sums[more, 0, last] - sums[more, 0, begin]
            square += sums[more, 1, last] - sums[more, 1, begin]
        if square > 0.0:
            total /= square**0.25
        if total > most:
            most, where = total, begin
    return where


@njit()
def _highest(raw: Codes, fold: U16, table: F32, telling: float) -> tuple[float, int]:
    """Return the highest log-odds of any part, but for the bias, and where it begins; minus infinity for no text."""
    codes = _plain_form(raw, fold)
    highest, where = -np.inf, 0
    for begin in range(0, max(len(codes) - _LEAST, min(len(codes), 1)), PART):
        part = codes[begin : begin + PART]
        odds = _told(part, table)
        if telling > 0.0 and len(part) > TELLING:
            at = most_telling(part, table)
            odds = (1.0 - telling) * odds + telling * _told(part[at : at + TELLING], table)
        if odds > highest:
            highest, where = odds, begin
    return highest, where


@njit()
def _kind(raw: Codes, fold: U16, begin: int, kinds: F32) -> int:
    """Return the most likely kind in a part."""
    sums = np.zeros(kinds.shape[1])
    for slot in slots_of(_plain_form(raw, fold)[begin : begin + PART]):
        for k in range(len(sums)):
            sums[k] += kinds[slot >> (SLOT_BITS - KIND_BITS), k]
    return int(sums.argmax())


class NgramModel:
    """Whether, and which kind.

    Parameters
    ----------
    table
        Of each slot, its weight times its inverse frequency, and the square of that frequency; shape (2**18, 2).
    bias
        Log-odds of a text that says nothing.
    kinds
        Weights of the kinds, by the upper bits of a slot; shape (2**13, kinds).
    names
        Of the kinds.
    telling
        What those `TELLING` characters that tell most count for by themselves, 0 to 1; the whole counts for the rest.
    """

    def __init__(self, table: F32, bias: float, kinds: F32, names: tuple[str, ...], telling: float) -> None:
        self.table = table
        self.bias = bias
        self.kinds = kinds
        self.names = names
        self.telling = telling

    @classmethod
    def load(cls, path: Path) -> "NgramModel":
        """Read what `embeddings/train/ngrams.py` wrote: `DANGER` or `CONDUCT`."""
        with np.load(path) as stored:
            return cls(
                np.ascontiguousarray(stored["table"], np.float32),
                float(stored["bias"]),
                np.ascontiguousarray(stored["kinds"], np.float32),
                tuple(map(str, stored["names"])),
                float(stored["telling"]),
            )

    def chance(self, text: str) -> float:
        """Return the chance, 0 to 1, that a text tells of it."""
        return self._judged(codes_of(text[: 2 * MAX_CHARS]))[0]

    def judge(self, text: str) -> tuple[float, str]:
        """Return the chance, 0 to 1, that a text tells of it, and of which kind it then is most likely."""
        raw = codes_of(text[: 2 * MAX_CHARS])
        chance, begin = self._judged(raw)
        if chance < _WORTH_A_NAME:
            return chance, ""
        return chance, self.names[_kind(raw, FOLD, begin, self.kinds)]

    def _judged(self, raw: Codes) -> tuple[float, int]:
        """Return the chance, and where the part begins that it is of."""
        odds, begin = _highest(raw, FOLD, self.table, self.telling)
        return 1.0 / (1.0 + exp(-odds - self.bias)) if odds > -inf else 0.0, begin
