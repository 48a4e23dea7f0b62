"""Live tickets as flat arrays, and the compiled functions on them: store one, find those that share its rarer terms."""

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from embeddings.compiled import njit
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


@njit()
def inverse_frequency(term: np.uint32, common: Common, live: int) -> float:
    """Return ln((live + strength + 1) / (df + strength * prior + 1/2)), never below 0."""
    df = common.frequency[term >> np.uint32(32 - FREQUENCY_BITS)]
    p = common.prior[term >> np.uint32(32 - PRIOR_BITS)]
    return max(0.0, math.log((live + common.strength + 1.0) / (df + common.strength * p + 0.5)))


@njit()
def rarities(tickets: Tickets, slot: int, common: Common, live: int) -> F64:
    """Return the inverse frequency of each of a ticket's terms, in their order."""
    first, stop = tickets.span[slot, WORDS], tickets.span[slot, STOP]
    rarity = np.empty(stop - first, np.float64)
    for i in range(first, stop):
        rarity[i - first] = inverse_frequency(tickets.terms[i], common, live)
    return rarity


@njit()
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


@njit()
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


@njit()
def tally(terms: Hashes, span: I64, slot: int, frequency: I32, step: int) -> None:
    """Add `step` to the frequency of each of a ticket's terms."""
    for i in range(span[slot, WORDS], span[slot, STOP]):
        frequency[terms[i] >> np.uint32(32 - FREQUENCY_BITS)] += step


@njit()
def _find(key: Hashes, head: I32, term: np.uint32) -> int:
    """Return where a term is in the table, or the empty place where it would be."""
    mask = len(key) - 1
    at = int(term) & mask
    while head[at] != EMPTY and key[at] != term:
        at = (at + 1) & mask
    return at


@njit()
def list_ticket(tickets: Tickets, slot: int, index: Index, used: int, keys: int) -> tuple[int, int]:
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


@njit()
def rehash(keys: Hashes, heads: I32, index: Index) -> None:
    """Enter the lists of a table in a larger one, which is empty."""
    for i in range(len(keys)):
        if heads[i] != EMPTY:
            at = _find(index.key, index.head, keys[i])
            index.key[at] = keys[i]
            index.head[at] = heads[i]


@njit()
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


@njit()
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


@njit()
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
    used[NODES], used[KEYS] = list_ticket(tickets, slot, index, used[NODES], used[KEYS])
    tickets.alive[slot] = 1
    return rarity, others
