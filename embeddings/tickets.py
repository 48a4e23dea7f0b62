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

WORDS, GRAMS, NAMES, STOP = range(4)
"""Columns of `Tickets.span`: where a ticket's terms of each kind begin, and where the last ones end."""
HEAD: Final = 2
"""Beside WORDS and GRAMS a column of `Tickets.norm`: the n-grams of the head."""
CALLER, ADDRESS, COMPANY, TOPIC, GROUP = range(5)
"""Columns of `Tickets.key`."""

TERMS, CHUNKS, KEYS = range(3)
"""Entries of `TicketMemory.used`."""

FREQUENCY_BITS: Final = 18
PRIOR_BITS: Final = 20
EMPTY: Final = -1
ALONE: Final = -2
CHUNK_HEAD: Final = 3
MOST_IN_CHUNK: Final = 29
MOST_A_POSTING: Final = CHUNK_HEAD + MOST_IN_CHUNK
"""What entering a ticket under one term takes of the chunks' room at most."""
RARE: Final = 4.0  # an n-gram says where or who from this inverse frequency on
NAMED: Final = 2.0  # a piece of a name says something from this inverse frequency on


class Fields(NamedTuple):
    """What is compared beside the text. Keys are hashes of 64 bits, signed; 0 means not given."""

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
    key: I64
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
    wholes: bool = False
    """whether to tell, too, of every issue what the ticket has in common with all of it"""


class Wholes(NamedTuple):
    """What a ticket has in common with issues as wholes; empty if that is not sought."""

    issues: I64
    """numbers of the issues that have a ticket which shares a term"""
    cosines: F64
    """sum of the cosines with all tickets of each, over the terms by which tickets are found"""


class Index(NamedTuple):
    """Term to tickets: a hash table of lists, which are read far more often than they are written.

    A term of one ticket, as most are, has it in the table. A list is a chain of chunks, each with more room than the
    one before, since memory is slow to follow and fast to read on.
    """

    entry: I32
    """(keys, 2): the term's bits, and what is known of it: EMPTY; the first of its chunks, the newest; or its one
    ticket, as ALONE - slot"""
    chunk: I32
    """chunks one after the other: where the next is or EMPTY, how many slots it has room for, how many it has, slots"""


class Scratch(NamedTuple):
    """Room to work in, so that none is asked for at every ticket."""

    score: F32
    """of every slot, all 0 between two calls"""
    touched: I32


@njit()
def rarities(tickets: Tickets, slot: int, common: Common, live: int) -> F64:
    """Return the inverse frequency of each of a ticket's terms, in their order.

    ln((live + strength + 1) / (df + strength * prior + 1/2)), never below 0.
    """
    first, stop = tickets.span[slot, WORDS], tickets.span[slot, STOP]
    rarity = np.empty(stop - first, np.float64)
    # first what memory is slow to give, so that it is asked for many at a time
    for i in range(first, stop):
        rarity[i - first] = common.strength * common.prior[tickets.terms[i] >> np.uint32(32 - PRIOR_BITS)]
    for i in range(first, stop):
        rarity[i - first] += common.frequency[tickets.terms[i] >> np.uint32(32 - FREQUENCY_BITS)]
    total = live + common.strength + 1.0
    for i in range(stop - first):
        rarity[i] = max(0.0, math.log(total / (rarity[i] + 0.5)))
    return rarity


@njit()
def _write(tickets: Tickets, slot: int, new: Terms, vector: F32, fields: Fields) -> int:
    """Write a ticket down, its terms behind those of the slot before; return where they end."""
    tickets.vector[slot] = vector
    tickets.at[slot] = fields.at
    tickets.sure[slot] = fields.sure
    key = tickets.key[slot]
    key[CALLER], key[ADDRESS], key[COMPANY] = fields.caller, fields.address, fields.company
    key[TOPIC], key[GROUP] = fields.topic, fields.group
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
def _find(entry: I32, term: np.int32) -> int:
    """Return where a term is in the table, or the empty place where it would be."""
    mask = len(entry) - 1
    at = int(np.uint32(term)) & mask
    while entry[at, 1] != EMPTY and entry[at, 0] != term:
        at = (at + 1) & mask
    return at


@njit()
def _append(index: Index, at: int, slot: int, used: int) -> int:
    """Append a slot to the list of the entry `at`; return how much room chunks take then."""
    chunk, known = index.chunk, index.entry[at, 1]
    if known <= ALONE:
        room = 2
        chunk[used], chunk[used + 1], chunk[used + 2] = EMPTY, room, 2
        chunk[used + CHUNK_HEAD], chunk[used + CHUNK_HEAD + 1] = ALONE - known, slot
    else:
        room, n = chunk[known + 1], chunk[known + 2]
        if n < room:
            chunk[known + CHUNK_HEAD + n] = slot
            chunk[known + 2] = n + 1
            return used
        room = min(2 * room + CHUNK_HEAD, MOST_IN_CHUNK)
        chunk[used], chunk[used + 1], chunk[used + 2] = known, room, 1
        chunk[used + CHUNK_HEAD] = slot
    index.entry[at, 1] = used
    return used + CHUNK_HEAD + room


@njit()
def list_ticket(tickets: Tickets, slot: int, index: Index, used: int, keys: int) -> tuple[int, int]:
    """Append `slot` to the list of each term it may be found by. Return how much room chunks and keys take then."""
    span = tickets.span[slot]
    for i in range(span[WORDS], span[STOP]):
        if span[GRAMS] <= i < span[NAMES] and not tickets.marks[i] & SOUGHT:
            continue
        term = np.int32(tickets.terms[i])
        at = _find(index.entry, term)
        if index.entry[at, 1] == EMPTY:
            index.entry[at, 0] = term
            index.entry[at, 1] = ALONE - slot
            keys += 1
        else:
            used = _append(index, at, slot, used)
    return used, keys


@njit()
def postings(tickets: Tickets, count: int) -> int:
    """Return under how many terms all live tickets may be found, each ticket by itself."""
    total = 0
    for slot in range(count):
        if tickets.alive[slot]:
            first, grams, names, stop = tickets.span[slot]
            total += grams - first + stop - names
            for i in range(grams, names):
                if tickets.marks[i] & SOUGHT:
                    total += 1
    return total


@njit()
def list_alive(tickets: Tickets, count: int, index: Index) -> tuple[int, int]:
    """Enter all live tickets in an empty index, which has the room. Return how much chunks and keys take then."""
    used = keys = 0
    for slot in range(count):
        if tickets.alive[slot]:
            used, keys = list_ticket(tickets, slot, index, used, keys)
    return used, keys


@njit()
def close_gaps(old: Tickets, keep: I64, new: Tickets) -> int:
    """Write the terms of the slots to keep one after the other into new arrays; return how many there are."""
    at = 0
    for n in range(len(keep)):
        first, stop = old.span[keep[n], WORDS], old.span[keep[n], STOP]
        for kind in range(4):
            new.span[n, kind] = old.span[keep[n], kind] - first + at
        for i in range(first, stop):
            new.terms[at] = old.terms[i]
            new.marks[at] = old.marks[i]
            at += 1
    return at


@njit()
def rehash(old: I32, new: I32) -> None:
    """Enter the entries of a table in a larger one, which is empty."""
    for i in range(len(old)):
        if old[i, 1] != EMPTY:
            new[_find(new, old[i, 0])] = old[i]


@njit()
def _nearest(
    tickets: Tickets, slot: int, rarity: F64, index: Index, seek: Seek, scratch: Scratch
) -> tuple[I32, Wholes]:
    """Return up to `seek.most` live slots by shared words, title n-grams and names, best first; and the issues of all
    that share one.
    """
    score, touched, chunk = scratch.score, scratch.touched, index.chunk
    first, grams, names, stop = tickets.span[slot]
    n = 0
    for i in range(first, stop):
        if rarity[i - first] < seek.common or (grams <= i < names and not tickets.marks[i] & SOUGHT):
            continue
        worth = np.float32(rarity[i - first] * rarity[i - first])
        at = index.entry[_find(index.entry, np.int32(tickets.terms[i])), 1]
        if at <= ALONE:
            n = _touch(ALONE - at, worth, score, touched, n)
            continue
        while at != EMPTY:
            for k in range(at + CHUNK_HEAD, at + CHUNK_HEAD + chunk[at + 2]):
                n = _touch(chunk[k], worth, score, touched, n)
            at = chunk[at]
    wholes = _by_issue(tickets, slot, scratch, n if seek.wholes else 0)
    return _best(tickets, scratch, n, seek.most), wholes


@njit()
def _touch(other: int, worth: np.float32, score: F32, touched: I32, n: int) -> int:
    """Credit a slot; return how many have been touched then."""
    if score[other] == 0.0:
        touched[n] = other
        n += 1
    score[other] += worth
    return n


@njit()
def _by_issue(tickets: Tickets, slot: int, scratch: Scratch, n_touched: int) -> Wholes:
    """Sum score / norms of the live slots that are touched by issue."""
    issues, cosines = np.empty(n_touched, np.int64), np.zeros(n_touched, np.float64)
    places = 1
    while places < 2 * n_touched:
        places *= 2
    table = np.full(places, EMPTY, np.int32)  # where in `issues` a number is, at most half full
    n = 0
    for other in scratch.touched[:n_touched]:
        if tickets.alive[other]:
            number = tickets.issue[other]
            at = number & (places - 1)
            while table[at] != EMPTY and issues[table[at]] != number:
                at = (at + 1) & (places - 1)
            if table[at] == EMPTY:
                table[at] = n
                issues[n] = number
                n += 1
            cosines[table[at]] += scratch.score[other] / (tickets.index_norm[slot] * tickets.index_norm[other])
    return Wholes(issues[:n], cosines[:n])


@njit()
def _best(tickets: Tickets, scratch: Scratch, n_touched: int, most: int) -> I32:
    """Return the `most` live slots of the highest score / norm, earlier ones first on a tie; clear the scores."""
    best = np.empty(most, np.int32)
    value = np.empty(most, np.float32)
    n = 0
    for slot in scratch.touched[:n_touched]:
        v = scratch.score[slot] / tickets.index_norm[slot]
        scratch.score[slot] = 0.0
        if n == most and (n == 0 or v < value[n - 1] or (v == value[n - 1] and slot > best[n - 1])):
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
    vector: F32,
    fields: Fields,
    seek: Seek,
    scratch: Scratch,
    used: I64,
) -> tuple[F64, I32, Wholes]:
    """Store a ticket, find its neighbours, index it; return the rarities of its terms, the neighbours and the issues.

    `used` is `TicketMemory.used`.
    """
    used[TERMS] = _write(tickets, slot, terms, vector, fields)
    rarity = rarities(tickets, slot, common, live)
    _weigh(tickets, slot, rarity)
    others, wholes = _nearest(tickets, slot, rarity, index, seek, scratch)
    used[CHUNKS], used[KEYS] = list_ticket(tickets, slot, index, used[CHUNKS], used[KEYS])
    tickets.alive[slot] = 1
    return rarity, others, wholes
