"""What speaks for and against two tickets being about the same thing, in numbers."""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from embeddings.compiled import njit
from embeddings.memory import TicketMemory
from embeddings.packed import Store
from embeddings.terms import HEADED, PLACED, U8, Hashes
from embeddings.tickets import (
    ADDRESS,
    CALLER,
    COMPANY,
    F64,
    GRAMS,
    GROUP,
    HEAD,
    I32,
    I64,
    NAMED,
    NAMES,
    RARE,
    STOP,
    TOPIC,
    WORDS,
    Tickets,
    rarities,
)

FEATURES = (
    "words",  # cosine of words
    "head",  # cosine of the n-grams of both titles (or openings)
    "grams",  # cosine of character n-grams
    "covered_more",  # share of one head's rare n-grams that the other text has, the larger direction
    "covered_less",
    "shared",  # ln(1 + sum of the rarity of shared n-grams)
    "names",  # ln(1 + sum of the rarity of shared pieces of names)
    "names_share",  # that sum over the sum of the text that names less
    "names_apart",  # where next to nothing is shared: the sum of the text that names less
    "names_less",  # ln(1 + that sum)
    "names_more",  # ln(1 + the sum of the text that names more)
    "name_rarest",  # rarity of the rarest piece shared
    "placed",  # share of what one's title and address name that the other names, the larger direction
    "vector",  # cosine of the vectors
    "days",  # ln(1 + days between)
    "same_caller",
    "same_address",  # road and number
    "other_address",
    "same_company",
    "other_company",
    "same_topic",  # how sure it is that the topics are the same
    "other_topic",
    "same_group",  # of topics
    "shorter",  # ln(1 + n-grams) of the shorter text
    "longer",
)
N_FEATURES = len(FEATURES)

NAME_WORTH = 5.0  # what one rare piece of a name is worth: shares of less are not of much
FILTER_BITS: Final = 12
APART = 3.0  # names that share less than this share no name


class Asked(NamedTuple):
    """A ticket's terms, ready to be asked for: a hash table, and a filter that knows most of what is not in it."""

    key: Hashes
    where: I32
    """place of the term among all tickets' terms, -1 if the entry is empty"""
    known: U8
    """whether any term has these top `FILTER_BITS` bits"""


@njit()
def asked(terms: Hashes, first: int, stop: int) -> Asked:
    """Enter the terms from `first` to `stop`: words, n-grams and names, which share a hash by accident only."""
    size = 64
    while size < 2 * (stop - first):
        size *= 2
    key = np.empty(size, np.uint32)
    where = np.full(size, -1, np.int32)
    known = np.zeros(1 << FILTER_BITS, np.uint8)
    for i in range(first, stop):
        at = int(terms[i]) & (size - 1)
        while where[at] >= 0:
            at = (at + 1) & (size - 1)
        key[at] = terms[i]
        where[at] = i
        known[terms[i] >> np.uint32(32 - FILTER_BITS)] = 1
    return Asked(key, where, known)


@njit()
def _place(query: Asked, term: np.uint32) -> int:
    """Return the place of a term among the query's, -1 if it is none of them."""
    if not query.known[term >> np.uint32(32 - FILTER_BITS)]:
        return -1
    mask = len(query.key) - 1
    at = int(term) & mask
    while query.where[at] >= 0:
        if query.key[at] == term:
            return int(query.where[at])
        at = (at + 1) & mask
    return -1


@njit()
def plausible(
    tickets: Tickets, slot: int, rarity: F64, query: Asked, others: I32, least_words: float, least_names: float
) -> I32:
    """Return those of `others` that share words or names enough with a ticket, or its address.

    The features `words` and `names_share` alone, at a fraction of the cost of all; `rarity` as `rarities` gives it.
    """
    terms, span = tickets.terms, tickets.span
    first, grams, names, _ = span[slot]
    kept = np.empty(len(others), np.int32)
    n = 0
    for o in others:
        shared = 0.0
        for i in range(span[o, NAMES], span[o, STOP]):
            j = _place(query, terms[i])
            if j >= names:
                shared += max(0.0, rarity[j - first] - NAMED)
        good = shared >= least_names * (min(tickets.named[slot], tickets.named[o]) + NAME_WORTH)
        good |= tickets.key[slot, ADDRESS] != 0 and tickets.key[slot, ADDRESS] == tickets.key[o, ADDRESS]
        if not good:
            words = 0.0
            for i in range(span[o, WORDS], span[o, GRAMS]):
                j = _place(query, terms[i])
                if 0 <= j < grams:
                    words += rarity[j - first] * rarity[j - first]
            good = words >= least_words * tickets.norm[slot, WORDS] * tickets.norm[o, WORDS]
        if good:
            kept[n] = o
            n += 1
    return kept[:n].copy()


@njit()
def features(tickets: Tickets, slot: int, rarity: F64, query: Asked, others: I32) -> F64:
    """Return the evidence on one ticket against others; shape (len(others), N_FEATURES)."""
    out = np.zeros((len(others), N_FEATURES), np.float64)
    if not len(others):
        return out
    terms, marks, span, norm = tickets.terms, tickets.marks, tickets.span, tickets.norm
    first, grams_first, names_first, _ = span[slot]
    my_grams = names_first - grams_first
    for k in range(len(others)):
        o = others[k]
        row = out[k]
        words = heads = grams = shared = mine = theirs = 0.0
        names = rarest = placed_mine = placed_theirs = 0.0
        for i in range(span[o, WORDS], span[o, GRAMS]):
            j = _place(query, terms[i])
            if 0 <= j < grams_first:
                words += rarity[j - first] * rarity[j - first]
        for i in range(span[o, GRAMS], span[o, NAMES]):
            j = _place(query, terms[i])
            if j < grams_first or j >= names_first:
                continue
            w = rarity[j - first]
            grams += w * w
            over = max(0.0, w - RARE)
            shared += over
            if marks[j] & HEADED:
                mine += over
            if marks[i] & HEADED:
                theirs += over
                if marks[j] & HEADED:
                    heads += w * w
        for i in range(span[o, NAMES], span[o, STOP]):
            j = _place(query, terms[i])
            if j < names_first:
                continue
            over = max(0.0, rarity[j - first] - NAMED)
            rarest = max(rarest, over)
            names += over
            if marks[j] & PLACED:
                placed_mine += over
            if marks[i] & PLACED:
                placed_theirs += over
        their_grams = span[o, NAMES] - span[o, GRAMS]
        less, more = min(tickets.named[slot], tickets.named[o]), max(tickets.named[slot], tickets.named[o])
        row[0] = words / (norm[slot, WORDS] * norm[o, WORDS])
        row[1] = heads / (norm[slot, HEAD] * norm[o, HEAD])
        row[2] = grams / (norm[slot, GRAMS] * norm[o, GRAMS])
        one, two = mine / (tickets.rare[slot] + 2.0), theirs / (tickets.rare[o] + 2.0)
        row[3], row[4] = max(one, two), min(one, two)
        row[5] = math.log(1.0 + shared)
        row[6] = math.log(1.0 + names)
        row[7] = names / (less + NAME_WORTH)
        row[8] = less if names < APART else 0.0
        row[9], row[10] = math.log(1.0 + less), math.log(1.0 + more)
        row[11] = rarest
        one, two = placed_mine / (tickets.placed[slot] + NAME_WORTH), placed_theirs / (tickets.placed[o] + NAME_WORTH)
        row[12] = max(one, two)
        dot = 0.0
        for d in range(tickets.vector.shape[1]):
            dot += float(tickets.vector[slot, d]) * float(tickets.vector[o, d])
        row[13] = dot
        row[14] = math.log(1.0 + abs(tickets.at[slot] - tickets.at[o]) / 86400.0)
        my_key, their_key = tickets.key[slot], tickets.key[o]
        row[15] = 1.0 if my_key[CALLER] != 0 and my_key[CALLER] == their_key[CALLER] else 0.0
        if my_key[ADDRESS] != 0 and their_key[ADDRESS] != 0:
            row[16 if my_key[ADDRESS] == their_key[ADDRESS] else 17] = 1.0
        if my_key[COMPANY] != 0 and their_key[COMPANY] != 0:
            row[18 if my_key[COMPANY] == their_key[COMPANY] else 19] = 1.0
        if my_key[TOPIC] != 0 and their_key[TOPIC] != 0:
            sure = tickets.sure[slot] * tickets.sure[o]
            row[20 if my_key[TOPIC] == their_key[TOPIC] else 21] = sure
            row[22] = 1.0 if my_key[GROUP] == their_key[GROUP] else 0.0
        row[23] = math.log(1.0 + min(my_grams, their_grams))
        row[24] = math.log(1.0 + max(my_grams, their_grams))
    return out


@njit()
def _shared_names(store: Store, slot: int, live: int, others: I64) -> float:
    tickets = store.tickets
    rarity = rarities(tickets, slot, store.common, live)
    terms, span = tickets.terms, tickets.span
    first, _, names, stop = span[slot]
    most = 0.0
    for o in others:
        if tickets.key[slot, ADDRESS] != 0 and tickets.key[slot, ADDRESS] == tickets.key[o, ADDRESS]:
            most = max(most, NAME_WORTH)
        worth = 0.0
        i, j = names, span[o, NAMES]
        while i < stop and j < span[o, STOP]:
            if terms[i] == terms[j]:
                worth += max(0.0, rarity[i - first] - NAMED)
            if terms[i] <= terms[j]:
                i += 1
            else:
                j += 1
        most = max(most, worth)
    return most


def shared_names(memory: TicketMemory, slot: int, others: Sequence[int]) -> float:
    """What the pieces of names are worth that a ticket shares with that of `others` with which it shares most.

    The feature `names` before its logarithm; the same road and number are worth one piece. Little more than nothing
    means that the tickets tell of the same kind of thing, and none of the same one.
    """
    tickets = memory.tickets
    if tickets.named[slot] == 0.0 and tickets.key[slot, ADDRESS] == 0:
        return 0.0
    return float(_shared_names(memory.store, slot, memory.live, np.array(others, np.int64)))


def pair_features(memory: TicketMemory, slot: int, others: I32) -> F64:
    """Return the features of one ticket against others of the same memory; shape (len(others), N_FEATURES)."""
    rarity = rarities(memory.tickets, slot, memory.common, memory.live)
    span = memory.tickets.span[slot]
    query = asked(memory.tickets.terms, span[WORDS], span[STOP])
    found: F64 = features(memory.tickets, slot, rarity, query, others)
    return found
