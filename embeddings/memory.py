"""The live tickets of one street as flat arrays: their terms, vectors and fields, and an index of terms.

A ticket is a *slot*. Slots are handed out in order of arrival and keep that order when the arrays are
compacted, so everything computed here is a function of the live tickets and their order alone, never of
how the arrays came to look as they do.
"""

import math
from typing import NamedTuple, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

from embeddings.terms import Hashes, Terms

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]

KINDS = 5  # words, grams, head, names, head names
WORDS, GRAMS, HEAD, NAMES, HEAD_NAMES = range(KINDS)
FREQUENCY_BITS = 18
PRIOR_BITS = 20
EMPTY = -1
RARE = 4.0  # an n-gram says where or who from this inverse frequency on
NAMED = 2.0  # a name says something from this inverse frequency on


class Fields(NamedTuple):
    """What is compared beside the text. Keys are 64-bit hashes; 0 means not given."""

    at: float
    """event time, POSIX seconds"""
    caller: int = 0
    address: int = 0
    company: int = 0
    topic: int = 0


@njit(cache=True)
def _add_terms(
    table_key: Hashes, table_head: I32, node_slot: I32, node_next: I32, used: int, terms: Hashes, slot: int
) -> tuple[int, int]:
    """Prepend `slot` to the posting list of each term. Return (nodes used, new keys)."""
    mask = len(table_key) - 1
    fresh = 0
    for term in terms:
        at = int(term) & mask
        while table_head[at] != EMPTY and table_key[at] != term:
            at = (at + 1) & mask
        if table_head[at] == EMPTY:
            table_key[at] = term
            fresh += 1
        node_slot[used] = slot
        node_next[used] = table_head[at]
        table_head[at] = used
        used += 1
    return used, fresh


@njit(cache=True)
def _count(frequency: I32, terms: Hashes, step: int) -> None:
    for term in terms:
        frequency[term >> np.uint32(32 - FREQUENCY_BITS)] += step


@njit(cache=True)
def inverse_frequency(term: np.uint32, frequency: I32, live: int, prior: F32, strength: float) -> float:
    """Return ln((live + strength + 1) / (df + strength * prior + 1/2)), never below 0."""
    df = frequency[term >> np.uint32(32 - FREQUENCY_BITS)]
    p = prior[term >> np.uint32(32 - PRIOR_BITS)]
    return max(0.0, math.log((live + strength + 1.0) / (df + strength * p + 0.5)))


@njit(cache=True)
def square_norm(terms: Hashes, frequency: I32, live: int, prior: F32, strength: float) -> float:
    """Return the sum of squared inverse frequencies."""
    total = 0.0
    for term in terms:
        w = inverse_frequency(term, frequency, live, prior, strength)
        total += w * w
    return total


@njit(cache=True)
def rarity_above(terms: Hashes, frequency: I32, live: int, prior: F32, strength: float, floor: float) -> float:
    """Return the sum of what the inverse frequencies have above `floor`."""
    total = 0.0
    for term in terms:
        total += max(0.0, inverse_frequency(term, frequency, live, prior, strength) - floor)
    return total


@njit(cache=True)
def _measure(
    terms: Hashes, span: I64, norm: F32, rare: F32, frequency: I32, live: int, prior: F32, strength: float
) -> None:
    """Fill in one ticket's norms by kind, and how much its head and the names in it are worth."""
    for kind in range(KINDS):
        values = terms[span[kind] : span[kind + 1]]
        norm[kind] = math.sqrt(square_norm(values, frequency, live, prior, strength)) + 1e-6
    head = terms[span[HEAD] : span[HEAD + 1]]
    rare[0] = rarity_above(head, frequency, live, prior, strength, RARE)
    names = terms[span[HEAD_NAMES] : span[HEAD_NAMES + 1]]
    rare[1] = rarity_above(names, frequency, live, prior, strength, NAMED)


@njit(cache=True)
def _accumulate(
    table_key: Hashes,
    table_head: I32,
    node_slot: I32,
    node_next: I32,
    terms: Hashes,
    alive: U8,
    frequency: I32,
    live: int,
    prior: F32,
    strength: float,
    common: float,
    score: F32,
    touched: I32,
    n: int,
) -> int:
    """Add each term's squared inverse frequency to the score of every live slot that has it."""
    mask = len(table_key) - 1
    for term in terms:
        w = inverse_frequency(term, frequency, live, prior, strength)
        if w < common:
            continue
        at = int(term) & mask
        while table_head[at] != EMPTY and table_key[at] != term:
            at = (at + 1) & mask
        node = table_head[at]
        while node != EMPTY:
            slot = node_slot[node]
            if alive[slot]:
                if score[slot] == 0.0:
                    touched[n] = slot
                    n += 1
                score[slot] += np.float32(w * w)
            node = node_next[node]
    return n


@njit(cache=True)
def _best(score: F32, touched: I32, norm: F32, most: int) -> I32:
    """Return the `most` touched slots of the highest score / norm, earlier slots first on a tie."""
    n = len(touched)
    value = np.empty(n, np.float64)
    for i in range(n):
        value[i] = score[touched[i]] / norm[touched[i]]
        score[touched[i]] = 0.0
    threshold = np.partition(value, n - most)[n - most] if n > most else -1.0
    keep = np.empty(n, np.int32)
    k = 0
    for i in range(n):
        if value[i] >= threshold:
            keep[k] = i
            k += 1
    order = np.empty(k, np.int64)
    # insertion sort by (value, slot): k is small
    for i in range(k):
        c = keep[i]
        j = i
        while j > 0:
            d = order[j - 1]
            if value[d] > value[c] or (value[d] == value[c] and touched[d] < touched[c]):
                break
            order[j] = d
            j -= 1
        order[j] = c
    out = np.empty(min(k, most), np.int32)
    for i in range(len(out)):
        out[i] = touched[order[i]]
    return out


class TicketMemory:
    """Live tickets of one street.

    Parameters
    ----------
    prior
        Share of documents that hold a term, by the term's top `PRIOR_BITS` bits; shape (2**20,).
    dimension
        Length of a ticket's vector.
    strength
        How many tickets the prior is worth.
    """

    def __init__(self, prior: F32, dimension: int, strength: float = 1000.0) -> None:
        self.prior = prior
        self.dimension = dimension
        self.strength = strength
        self._start(64, 8192)
        self.frequency = np.zeros(1 << FREQUENCY_BITS, np.int32)

    def _start(self, slots: int, terms: int) -> None:
        self.count = 0  # slots handed out
        self.dead = 0  # of them
        self.live = 0  # tickets whose terms count
        self.alive = np.zeros(slots, np.uint8)
        self.counted = np.zeros(slots, np.uint8)
        self.vector = np.zeros((slots, self.dimension), np.float32)
        self.at = np.zeros(slots, np.float64)
        self.keys = np.zeros((slots, 4), np.uint64)  # caller, address, company, topic
        self.issue = np.zeros(slots, np.int64)
        self.norm = np.ones((slots, KINDS), np.float32)
        self.rare = np.zeros((slots, 2), np.float32)  # worth of the head's n-grams, of the head's names
        self.index_norm = np.ones(slots, np.float32)
        self.span = np.zeros((slots, KINDS + 1), np.int64)
        self.terms = np.zeros(terms, np.uint32)
        self.terms_used = 0
        self._start_index(4096, 8192)
        self._score = np.zeros(slots, np.float32)

    def _start_index(self, keys: int, nodes: int) -> None:
        self._key = np.zeros(keys, np.uint32)
        self._head = np.full(keys, EMPTY, np.int32)
        self._keys_used = 0
        self._node_slot = np.zeros(nodes, np.int32)
        self._node_next = np.zeros(nodes, np.int32)
        self._nodes_used = 0

    def terms_of(self, slot: int, kind: int) -> Hashes:
        """Return a ticket's terms of one kind (a view)."""
        return self.terms[self.span[slot, kind] : self.span[slot, kind + 1]]

    def add(self, terms: Terms, vector: F32, fields: Fields, issue: int) -> int:
        """Remember a ticket and return its slot."""
        slot = self.count
        if slot == len(self.alive):
            self._grow_slots()
        size = sum(len(t) for t in terms)
        while self.terms_used + size > len(self.terms):
            self.terms = np.concatenate([self.terms, np.zeros_like(self.terms)])
        at = self.terms_used
        for kind, values in enumerate(terms):
            self.span[slot, kind] = at
            self.terms[at : at + len(values)] = values
            at += len(values)
        self.span[slot, KINDS] = self.terms_used = at
        self.vector[slot] = vector
        self.at[slot] = fields.at
        self.keys[slot] = fields.caller, fields.address, fields.company, fields.topic
        self.issue[slot] = issue
        self.alive[slot] = 1
        self.count += 1
        _measure(
            self.terms, self.span[slot], self.norm[slot], self.rare[slot],
            self.frequency, self.live, self.prior, self.strength,
        )  # fmt: skip
        self.index_norm[slot] = math.sqrt(
            float(self.norm[slot, WORDS] ** 2 + self.norm[slot, HEAD] ** 2 + self.norm[slot, NAMES] ** 2)
        )
        self._index(slot)
        return slot

    def count_terms(self, slot: int) -> None:
        """Let a ticket's terms count in the frequencies.

        Only the first tickets of an issue should: otherwise the more people speak of a place, the less its name
        would say, and an issue would break apart as it grows.
        """
        self.counted[slot] = 1
        self.live += 1
        self._tally(slot, 1)

    def _tally(self, slot: int, step: int) -> None:
        for kind in (WORDS, GRAMS, NAMES):
            _count(self.frequency, self.terms_of(slot, kind), step)

    def _grow_slots(self) -> None:
        for name in (
            "alive",
            "counted",
            "vector",
            "at",
            "keys",
            "issue",
            "norm",
            "rare",
            "index_norm",
            "span",
            "_score",
        ):
            old = getattr(self, name)
            setattr(self, name, np.concatenate([old, np.zeros_like(old)]))

    def _index(self, slot: int) -> None:
        for kind in (WORDS, HEAD, NAMES):
            terms = self.terms_of(slot, kind)
            while self._nodes_used + len(terms) > len(self._node_slot):
                self._node_slot = np.concatenate([self._node_slot, np.zeros_like(self._node_slot)])
                self._node_next = np.concatenate([self._node_next, np.zeros_like(self._node_next)])
            if 2 * (self._keys_used + len(terms)) > len(self._key):
                self._widen_table()
            self._nodes_used, fresh = _add_terms(
                self._key, self._head, self._node_slot, self._node_next, self._nodes_used, terms, slot
            )
            self._keys_used += fresh

    def _widen_table(self) -> None:
        keys, heads = self._key, self._head
        size = 2 * len(keys)
        self._key = np.zeros(size, np.uint32)
        self._head = np.full(size, EMPTY, np.int32)
        _rehash(keys, heads, self._key, self._head)

    def forget(self, slots: list[int]) -> None:
        """Drop tickets; when more than a third of the slots are dead, see `compact`."""
        for slot in slots:
            if self.counted[slot]:
                self._tally(slot, -1)
                self.live -= 1
            self.alive[slot] = 0
        self.dead += len(slots)

    @property
    def sparse(self) -> bool:
        """Whether compacting would pay."""
        return self.count > 256 and 3 * self.dead > self.count

    def compact(self) -> I64:
        """Close the gaps. Return the new slot of every old one, -1 for the dead."""
        old = self.__dict__.copy()
        keep = np.flatnonzero(self.alive[: self.count])
        moved = np.full(self.count, -1, np.int64)
        moved[keep] = np.arange(len(keep))
        lengths = self.span[keep, KINDS] - self.span[keep, 0]
        total = int(lengths.sum())
        self._start(_power_above(len(keep)), _power_above(total))
        n = len(keep)
        for name in ("alive", "counted", "vector", "at", "keys", "issue", "norm", "rare", "index_norm"):
            getattr(self, name)[:n] = old[name][keep]
        starts = np.concatenate([[0], np.cumsum(lengths)])[:-1] if n else np.zeros(0, np.int64)
        for i, slot in enumerate(keep.tolist()):
            first, last = old["span"][slot, 0], old["span"][slot, KINDS]
            self.span[i] = old["span"][slot] - first + starts[i]
            self.terms[starts[i] : starts[i] + last - first] = old["terms"][first:last]
        self.terms_used = total
        self.count = n
        self.live = int(self.counted[:n].sum())
        for slot in range(n):
            self._index(slot)
        return moved

    def nearest(self, terms: Terms, most: int, common: float) -> I32:
        """Return up to `most` live slots by shared words, head n-grams and names, best first.

        Terms whose inverse frequency is below `common` find nobody. Exact: every live ticket that shares a
        rarer term is scored.
        """
        touched = np.empty(self.count - self.dead + 1, np.int32)
        n = 0
        for values in (terms.words, terms.head, terms.names):
            n = _accumulate(
                self._key, self._head, self._node_slot, self._node_next, values, self.alive,
                self.frequency, self.live, self.prior, self.strength, common, self._score, touched, n,
            )  # fmt: skip
        return _best(self._score, touched[:n], self.index_norm, most)

    def __getstate__(self) -> dict[str, object]:
        """State without what can be computed again: the index, the scratch space, the shared prior."""
        state = self.__dict__.copy()
        for name in ("_key", "_head", "_keys_used", "_node_slot", "_node_next", "_nodes_used", "_score"):
            del state[name]
        del state["prior"]
        for name in ("alive", "counted", "vector", "at", "keys", "issue", "norm", "rare", "index_norm", "span"):
            state[name] = state[name][: self.count].copy()
        state["terms"] = self.terms[: self.terms_used].copy()
        used = np.flatnonzero(self.frequency)
        state["frequency"] = (used.astype(np.int32), self.frequency[used])
        return state

    def __setstate__(self, state: dict[str, object]) -> None:
        """Restore; `prior` must be set before use (it is shared and shipped, not state)."""
        self.__dict__.update(state)
        used, counts = cast(tuple[I32, I32], state["frequency"])
        self.frequency = np.zeros(1 << FREQUENCY_BITS, np.int32)
        self.frequency[used] = counts
        slots = _power_above(self.count)
        for name in ("alive", "counted", "vector", "at", "keys", "issue", "norm", "rare", "index_norm", "span"):
            kept = getattr(self, name)
            full = np.zeros((slots, *kept.shape[1:]), kept.dtype)
            full[: self.count] = kept
            setattr(self, name, full)
        full = np.zeros(_power_above(self.terms_used), np.uint32)
        full[: self.terms_used] = self.terms
        self.terms = full
        self._score = np.zeros(slots, np.float32)
        self._start_index(4096, 8192)
        for slot in range(self.count):
            if self.alive[slot]:
                self._index(slot)


@njit(cache=True)
def _rehash(keys: Hashes, heads: I32, new_key: Hashes, new_head: I32) -> None:
    mask = len(new_key) - 1
    for i in range(len(keys)):
        if heads[i] != EMPTY:
            at = int(keys[i]) & mask
            while new_head[at] != EMPTY:
                at = (at + 1) & mask
            new_key[at] = keys[i]
            new_head[at] = heads[i]


def _power_above(n: int) -> int:
    return max(64, 1 << (n + 1).bit_length())
