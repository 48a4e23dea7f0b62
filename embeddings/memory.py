"""The live tickets of one street as flat arrays: their terms, vectors and fields, and an index of terms.

A ticket is a *slot*. Slots are handed out in order of arrival and keep that order when the arrays are
compacted, so everything computed here is a function of the live tickets and their order alone, never of
how the arrays came to look as they do.
"""

import math
from typing import Final, NamedTuple, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

from embeddings.terms import HEADED, PLACED, SOUGHT, U8, Hashes, Terms

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
U64 = NDArray[np.uint64]

WORDS, GRAMS, NAMES, STOP = range(4)
"""Columns of `Tickets.span`: where a ticket's terms of each kind begin, and where the last ones end."""
HEAD: Final = 2
"""Beside WORDS and GRAMS a column of `Tickets.norm`: the n-grams of the head."""
CALLER, ADDRESS, COMPANY, TOPIC, GROUP = range(5)
"""Columns of `Tickets.key`."""

TERMS, NODES, KEYS = range(3)
"""Entries of `TicketMemory.used`."""

FREQUENCY_BITS: Final = 18
PRIOR_BITS: Final = 20
EMPTY: Final = -1
RARE: Final = 4.0  # an n-gram says where or who from this inverse frequency on
NAMED: Final = 2.0  # a piece of a name says something from this inverse frequency on


class Fields(NamedTuple):
    """What is compared beside the text. Keys are 64-bit hashes; 0 means not given."""

    at: float
    """event time, POSIX seconds"""
    caller: int = 0
    address: int = 0
    company: int = 0
    topic: int = 0
    group: int = 0
    """the topic's group"""
    sure: float = 0.0
    """how sure the topic is, 0 to 1"""


class Tickets(NamedTuple):
    """Live and dead tickets, one row a slot."""

    terms: Hashes
    """words, n-grams and names of all tickets, one after the other"""
    marks: U8
    """of each term: HEADED, PLACED"""
    span: I64
    """(slots, 4): where each kind begins in `terms`"""
    vector: F32
    at: F64
    key: U64
    """(slots, 5): caller, address, company, topic, group"""
    sure: F32
    norm: F32
    """(slots, 3): length of the vector of words, n-grams, head n-grams, weighted by inverse frequency"""
    rare: F32
    """what the rare n-grams of the head are worth together"""
    named: F32
    """what the pieces of names are worth together"""
    placed: F32
    """those in title and address"""
    index_norm: F32
    alive: U8
    counted: U8
    """whether the terms count in the frequencies"""
    issue: I64
    """number of the issue"""


class Common(NamedTuple):
    """How common terms are."""

    frequency: I32
    """live tickets that hold a term and count, by the term's top `FREQUENCY_BITS` bits"""
    prior: F32
    """share of documents that hold a term, by its top `PRIOR_BITS` bits"""
    strength: float
    """how many tickets the prior is worth"""


class Seek(NamedTuple):
    """How tickets to compare with are found."""

    most: int
    """so many at most"""
    common: float
    """terms of a lower inverse frequency find nobody"""


class Index(NamedTuple):
    """Term to tickets: a hash table of heads of linked lists, the newest ticket first."""

    key: Hashes
    head: I32
    node: I32
    """(nodes, 2): slot, next node"""


class Scratch(NamedTuple):
    """Room to work in, so that none is asked for at every ticket."""

    score: F32
    """of every slot, all 0 between two calls"""
    touched: I32


@njit(cache=True)
def inverse_frequency(term: np.uint32, common: Common, live: int) -> float:
    """Return ln((live + strength + 1) / (df + strength * prior + 1/2)), never below 0."""
    df = common.frequency[term >> np.uint32(32 - FREQUENCY_BITS)]
    p = common.prior[term >> np.uint32(32 - PRIOR_BITS)]
    return max(0.0, math.log((live + common.strength + 1.0) / (df + common.strength * p + 0.5)))


@njit(cache=True)
def rarities(tickets: Tickets, slot: int, common: Common, live: int) -> F64:
    """Return the inverse frequency of each of a ticket's terms, in their order."""
    first, stop = tickets.span[slot, WORDS], tickets.span[slot, STOP]
    rarity = np.empty(stop - first, np.float64)
    for i in range(first, stop):
        rarity[i - first] = inverse_frequency(tickets.terms[i], common, live)
    return rarity


@njit(cache=True)
def _write(tickets: Tickets, slot: int, new: Terms) -> int:
    """Write a ticket's terms behind those of the slot before; return where they end."""
    at = tickets.span[slot - 1, STOP] if slot else 0
    tickets.span[slot, WORDS] = at
    for term in new.words:
        tickets.terms[at] = term
        tickets.marks[at] = 0
        at += 1
    tickets.span[slot, GRAMS] = at
    for i in range(len(new.grams)):
        tickets.terms[at] = new.grams[i]
        tickets.marks[at] = new.gram_marks[i]
        at += 1
    tickets.span[slot, NAMES] = at
    for i in range(len(new.names)):
        tickets.terms[at] = new.names[i]
        tickets.marks[at] = new.name_marks[i]
        at += 1
    tickets.span[slot, STOP] = at
    return at


@njit(cache=True)
def _weigh(tickets: Tickets, slot: int, rarity: F64) -> None:
    """Note what a ticket's terms are worth together."""
    squares = np.zeros(3, np.float64)
    indexed = rare = named = placed = 0.0
    first, grams, names, stop = tickets.span[slot]
    for i in range(first, grams):
        squares[WORDS] += rarity[i - first] * rarity[i - first]
    for i in range(grams, names):
        w = rarity[i - first]
        squares[GRAMS] += w * w
        if tickets.marks[i] & HEADED:
            squares[HEAD] += w * w
            rare += max(0.0, w - RARE)
        if tickets.marks[i] & SOUGHT:
            indexed += w * w
    for i in range(names, stop):
        w = rarity[i - first]
        indexed += w * w
        over = max(0.0, w - NAMED)
        named += over
        if tickets.marks[i] & PLACED:
            placed += over
    for kind in range(3):
        tickets.norm[slot, kind] = math.sqrt(squares[kind]) + 1e-6
    tickets.index_norm[slot] = math.sqrt(squares[WORDS] + indexed) + 1e-6
    tickets.rare[slot] = rare
    tickets.named[slot] = named
    tickets.placed[slot] = placed


@njit(cache=True)
def _tally(terms: Hashes, span: I64, slot: int, frequency: I32, step: int) -> None:
    for i in range(span[slot, WORDS], span[slot, STOP]):
        frequency[terms[i] >> np.uint32(32 - FREQUENCY_BITS)] += step


@njit(cache=True)
def _find(key: Hashes, head: I32, term: np.uint32) -> int:
    """Return where a term is in the table, or the empty place where it would be."""
    mask = len(key) - 1
    at = int(term) & mask
    while head[at] != EMPTY and key[at] != term:
        at = (at + 1) & mask
    return at


@njit(cache=True)
def _list(tickets: Tickets, slot: int, index: Index, used: int, keys: int) -> tuple[int, int]:
    """Prepend `slot` to the list of each term it may be found by. Return how many nodes and keys are used then."""
    span = tickets.span[slot]
    for i in range(span[WORDS], span[STOP]):
        if span[GRAMS] <= i < span[NAMES] and not tickets.marks[i] & SOUGHT:
            continue
        at = _find(index.key, index.head, tickets.terms[i])
        if index.head[at] == EMPTY:
            index.key[at] = tickets.terms[i]
            keys += 1
        index.node[used, 0] = slot
        index.node[used, 1] = index.head[at]
        index.head[at] = used
        used += 1
    return used, keys


@njit(cache=True)
def _rehash(keys: Hashes, heads: I32, index: Index) -> None:
    for i in range(len(keys)):
        if heads[i] != EMPTY:
            at = _find(index.key, index.head, keys[i])
            index.key[at] = keys[i]
            index.head[at] = heads[i]


@njit(cache=True)
def _nearest(tickets: Tickets, slot: int, rarity: F64, index: Index, seek: Seek, scratch: Scratch) -> I32:
    """Return up to `seek.most` live slots by shared words, title n-grams and names, best first."""
    score, touched, node = scratch.score, scratch.touched, index.node
    first, grams, names, stop = tickets.span[slot]
    n = 0
    for i in range(first, stop):
        if rarity[i - first] < seek.common or (grams <= i < names and not tickets.marks[i] & SOUGHT):
            continue
        worth = np.float32(rarity[i - first] * rarity[i - first])
        at = index.head[_find(index.key, index.head, tickets.terms[i])]
        while at != EMPTY:
            other = node[at, 0]
            if score[other] == 0.0:
                touched[n] = other
                n += 1
            score[other] += worth
            at = node[at, 1]
    return _best(tickets, scratch, n, seek.most)


@njit(cache=True)
def _best(tickets: Tickets, scratch: Scratch, n_touched: int, most: int) -> I32:
    """Return the `most` live slots of the highest score / norm, earlier ones first on a tie; clear the scores."""
    best = np.empty(most, np.int32)
    value = np.empty(most, np.float32)
    n = 0
    for slot in scratch.touched[:n_touched]:
        v = scratch.score[slot] / tickets.index_norm[slot]
        scratch.score[slot] = 0.0
        if n == most and (v < value[n - 1] or (v == value[n - 1] and slot > best[n - 1])):
            continue
        if not tickets.alive[slot]:
            continue
        at = n if n < most else n - 1
        while at > 0 and (v > value[at - 1] or (v == value[at - 1] and slot < best[at - 1])):
            if at < most:
                best[at] = best[at - 1]
                value[at] = value[at - 1]
            at -= 1
        best[at] = slot
        value[at] = v
        n = min(n + 1, most)
    return best[:n].copy()


@njit(cache=True)
def place_ticket(
    tickets: Tickets,
    slot: int,
    index: Index,
    common: Common,
    live: int,
    terms: Terms,
    seek: Seek,
    scratch: Scratch,
    used: I64,
) -> tuple[F64, I32]:
    """Store a ticket, find its neighbours, index it; return the rarities of its terms and the neighbours.

    `used` is `TicketMemory.used`.
    """
    used[TERMS] = _write(tickets, slot, terms)
    rarity = rarities(tickets, slot, common, live)
    _weigh(tickets, slot, rarity)
    others = _nearest(tickets, slot, rarity, index, seek, scratch)
    used[NODES], used[KEYS] = _list(tickets, slot, index, used[NODES], used[KEYS])
    tickets.alive[slot] = 1
    return rarity, others


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

    Attributes
    ----------
    tickets, index, common
        Flat arrays, see there; replaced when they grow.
    count, dead
        Slots handed out, and those of them that are dead.
    live
        Tickets whose terms count in the frequencies.
    used
        Terms stored, nodes and keys of the index in use; shape (3,).
    scratch
        Room to work in.
    """

    def __init__(self, prior: F32, dimension: int, strength: float = 1000.0) -> None:
        self.dimension = dimension
        self.common = Common(np.zeros(1 << FREQUENCY_BITS, np.int32), prior, strength)
        self._start(64, 8192)

    def _start(self, slots: int, terms: int) -> None:
        self.count = 0  # slots handed out
        self.dead = 0  # of them
        self.live = 0  # tickets whose terms count
        self.used = np.zeros(3, np.int64)
        self.tickets = Tickets(
            terms=np.zeros(terms, np.uint32),
            marks=np.zeros(terms, np.uint8),
            span=np.zeros((slots, 4), np.int64),
            vector=np.zeros((slots, self.dimension), np.float32),
            at=np.zeros(slots, np.float64),
            key=np.zeros((slots, 5), np.uint64),
            sure=np.zeros(slots, np.float32),
            norm=np.ones((slots, 3), np.float32),
            rare=np.zeros(slots, np.float32),
            named=np.zeros(slots, np.float32),
            placed=np.zeros(slots, np.float32),
            index_norm=np.ones(slots, np.float32),
            alive=np.zeros(slots, np.uint8),
            counted=np.zeros(slots, np.uint8),
            issue=np.zeros(slots, np.int64),
        )
        self._start_scratch()
        self._start_index(4096, 8192)

    def _start_index(self, keys: int, nodes: int) -> None:
        self.index = Index(
            np.zeros(keys, np.uint32),
            np.full(keys, EMPTY, np.int32),
            np.zeros((nodes, 2), np.int32),
        )
        self.used[[NODES, KEYS]] = 0

    def _start_scratch(self) -> None:
        slots = len(self.tickets.alive)
        self.scratch = Scratch(np.zeros(slots, np.float32), np.zeros(slots, np.int32))

    def place(self, terms: Terms, vector: F32, fields: Fields, seek: Seek) -> tuple[int, I32]:
        """Remember a ticket; return its slot, and the live ones worth comparing it with, best first.

        Terms rarer than `seek.common` find tickets; those with the most in common, by inverse frequency and length,
        are taken. Exact: every live ticket that shares a rarer term is scored.
        """
        slot = self.reserve(terms, vector, fields)
        _, others = place_ticket(
            self.tickets, slot, self.index, self.common, self.live, terms, seek, self.scratch, self.used
        )  # fmt: skip
        return slot, others

    def reserve(self, terms: Terms, vector: F32, fields: Fields) -> int:
        """Make room for a ticket and write down all but its terms; return its slot. `place_ticket` must follow."""
        slot = self.count
        if slot == len(self.tickets.alive):
            self._grow({name for name in Tickets._fields if name not in ("terms", "marks")})
            self._start_scratch()
        size = len(terms.words) + len(terms.grams) + len(terms.names)
        while self.used[TERMS] + size > len(self.tickets.terms):
            self._grow({"terms", "marks"})
        self._make_room(size)
        tickets = self.tickets
        tickets.vector[slot] = vector
        tickets.at[slot], *keys, tickets.sure[slot] = fields
        tickets.key[slot] = keys
        self.count += 1
        return slot

    def count_terms(self, slot: int) -> None:
        """Let a ticket's terms count in the frequencies.

        Only the first tickets of an issue should: otherwise the more people speak of a place, the less its name
        would say, and an issue would break apart as it grows.
        """
        self.tickets.counted[slot] = 1
        self.live += 1
        _tally(self.tickets.terms, self.tickets.span, slot, self.common.frequency, 1)

    def _grow(self, names: set[str]) -> None:
        """Double the arrays of these names."""
        doubled = {name: np.concatenate([old := getattr(self.tickets, name), np.zeros_like(old)]) for name in names}
        self.tickets = self.tickets._replace(**doubled)

    def _make_room(self, size: int) -> None:
        """See to it that the index can take so many terms more."""
        index = self.index
        while self.used[NODES] + size > len(index.node):
            index = index._replace(node=np.concatenate([index.node, np.zeros_like(index.node)]))
        while 2 * (self.used[KEYS] + size) > len(index.key):
            old = index
            keys = 2 * len(old.key)
            index = old._replace(key=np.zeros(keys, np.uint32), head=np.full(keys, EMPTY, np.int32))
            _rehash(old.key, old.head, index)
        self.index = index

    def _list(self, slot: int) -> None:
        """Enter a ticket in the index."""
        span = self.tickets.span[slot]
        self._make_room(int(span[STOP] - span[WORDS]))
        self.used[NODES], self.used[KEYS] = _list(
            self.tickets, slot, self.index, self.used[NODES], self.used[KEYS]
        )  # fmt: skip

    def forget(self, slots: list[int]) -> None:
        """Drop tickets; when more than a third of the slots are dead, see `compact`."""
        for slot in slots:
            if self.tickets.counted[slot]:
                _tally(self.tickets.terms, self.tickets.span, slot, self.common.frequency, -1)
                self.live -= 1
            self.tickets.alive[slot] = 0
        self.dead += len(slots)

    @property
    def sparse(self) -> bool:
        """Whether compacting would pay."""
        return self.count > 256 and 3 * self.dead > self.count

    def compact(self) -> I64:
        """Close the gaps. Return the new slot of every old one, -1 for the dead."""
        old, count = self.tickets, self.count
        keep = np.flatnonzero(old.alive[:count])
        moved = np.full(count, -1, np.int64)
        moved[keep] = np.arange(len(keep))
        starts, lengths = old.span[keep, WORDS], old.span[keep, STOP] - old.span[keep, WORDS]
        ends = np.cumsum(lengths)
        total = int(ends[-1]) if len(keep) else 0
        self._start(_power_above(len(keep)), _power_above(total))
        n, new = len(keep), self.tickets
        for name in Tickets._fields:
            if name not in ("terms", "marks", "span"):
                getattr(new, name)[:n] = getattr(old, name)[keep]
        new.span[:n] = old.span[keep] - (starts - ends + lengths)[:, None]
        for first, length, end in zip(starts.tolist(), lengths.tolist(), ends.tolist(), strict=True):
            new.terms[end - length : end] = old.terms[first : first + length]
            new.marks[end - length : end] = old.marks[first : first + length]
        self.count = n
        self.used[TERMS] = total
        self.live = int(new.counted[:n].sum())
        for slot in range(n):
            self._list(slot)
        return moved

    def __getstate__(self) -> dict[str, object]:
        """State without what can be computed again: the index, the scratch space, the shared prior."""
        state = self.__dict__.copy()
        for name in ("index", "scratch"):
            del state[name]
        used = {name: int(self.used[TERMS]) if name in ("terms", "marks") else self.count for name in Tickets._fields}
        state["tickets"] = {name: getattr(self.tickets, name)[:n].copy() for name, n in used.items()}
        frequency = self.common.frequency
        terms = np.flatnonzero(frequency)
        state["common"] = (terms.astype(np.int32), frequency[terms], self.common.strength)
        return state

    def __setstate__(self, state: dict[str, object]) -> None:
        """Restore; `attach` must give back the prior before use (it is shared and shipped, not state)."""
        kept = cast(dict[str, NDArray[np.generic]], state.pop("tickets"))
        terms, counts, strength = cast(tuple[I32, I32, float], state.pop("common"))
        self.__dict__.update(state)
        frequency = np.zeros(1 << FREQUENCY_BITS, np.int32)
        frequency[terms] = counts
        self.common = Common(frequency, np.zeros(0, np.float32), strength)
        arrays = {}
        for name, part in kept.items():
            full = np.zeros((_power_above(len(part)), *part.shape[1:]), part.dtype)
            full[: len(part)] = part
            arrays[name] = full
        self.tickets = Tickets(**arrays)
        self._start_scratch()
        self._start_index(4096, 8192)
        for slot in range(self.count):
            if self.tickets.alive[slot]:
                self._list(slot)

    def attach(self, prior: F32) -> None:
        """Give a restored memory the prior."""
        self.common = self.common._replace(prior=prior)


def _power_above(n: int) -> int:
    return max(64, 1 << (n + 1).bit_length())
