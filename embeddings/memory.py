"""The live tickets of one street: their terms, vectors and fields, and an index of terms.

A ticket is a *slot*. Slots are handed out in order of arrival and keep that order when the arrays are
compacted, so everything computed here is a function of the live tickets and their order alone, never of
how the arrays came to look as they do.
"""

from typing import TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from embeddings.packed import Store, store_of
from embeddings.terms import Terms
from embeddings.tickets import (
    CHUNK_HEAD,
    CHUNKS,
    EMPTY,
    F32,
    FREQUENCY_BITS,
    I32,
    I64,
    KEYS,
    MOST_A_POSTING,
    STOP,
    TERMS,
    WORDS,
    Common,
    Fields,
    Index,
    Scratch,
    Seek,
    Tickets,
    close_gaps,
    list_alive,
    place_ticket,
    postings,
    rehash,
    tally,
)

AnyScalar = TypeVar("AnyScalar", bound=np.generic)


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
        self._store: Store | None = None  # made anew when an array is replaced
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
            key=np.zeros((slots, 5), np.int64),
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
        self._start_index(2048, 8192)

    def _start_index(self, keys: int, chunks: int) -> None:
        self.index = Index(np.full((keys, 2), EMPTY, np.int32), np.zeros(chunks, np.int32))
        self._store = None
        self.used[[CHUNKS, KEYS]] = 0

    def _start_scratch(self) -> None:
        slots = len(self.tickets.alive)
        self.scratch = Scratch(np.zeros(slots, np.float32), np.zeros(slots, np.int32))

    @property
    def store(self) -> Store:
        """All of its arrays, for compiled code."""
        if self._store is None:
            self._store = store_of(self.tickets, self.index, self.common, self.scratch, self.used)
        return self._store

    def place(self, terms: Terms, vector: F32, fields: Fields, seek: Seek) -> tuple[int, I32]:
        """Remember a ticket; return its slot, and the live ones worth comparing it with, best first.

        Terms rarer than `seek.common` find tickets; those with the most in common, by inverse frequency and length,
        are taken. Exact: every live ticket that shares a rarer term is scored.
        """
        slot = self.reserve(terms)
        _, others, _ = place_ticket(
            self.tickets, slot, self.index, self.common, self.live, terms, vector, fields, seek, self.scratch, self.used
        )  # fmt: skip
        return slot, others

    def reserve(self, terms: Terms) -> int:
        """Make room for a ticket; return its slot. `place_ticket` must follow."""
        slot = self.count
        if slot == len(self.tickets.alive):
            self._grow({name for name in Tickets._fields if name not in ("terms", "marks")})
            self._start_scratch()
        size = len(terms.words) + len(terms.grams) + len(terms.names)
        used, chunks, keys = self.used.tolist()
        while used + size > len(self.tickets.terms):
            self._grow({"terms", "marks"})
        while chunks + MOST_A_POSTING * size > len(self.index.chunk):
            self.index = self.index._replace(chunk=_longer(self.index.chunk))
            self._store = None
        while 2 * (keys + size) > len(self.index.entry):
            self._resize_table(2 * len(self.index.entry))
        self.count += 1
        return slot

    def count_terms(self, slot: int) -> None:
        """Let a ticket's terms count in the frequencies.

        Only the first tickets of an issue should: otherwise the more people speak of a place, the less its name
        would say, and an issue would break apart as it grows.
        """
        self.tickets.counted[slot] = 1
        self.live += 1
        tally(self.tickets.terms, self.tickets.span, slot, self.common.frequency, 1)

    def _grow(self, names: set[str]) -> None:
        """Double the arrays of these names."""
        self.tickets = self.tickets._replace(**{name: _longer(getattr(self.tickets, name)) for name in names})
        self._store = None

    def _list_all(self) -> None:
        """Make the index anew."""
        terms = postings(self.tickets, self.count)
        # a list of n takes n times `CHUNK_HEAD` + 1 at most
        self._start_index(2 * _power_above(terms), _power_above((CHUNK_HEAD + 1) * terms + MOST_A_POSTING))
        self.used[CHUNKS], self.used[KEYS] = list_alive(self.tickets, self.count, self.index)
        self._resize_table(_power_above(2 * int(self.used[KEYS])))  # many tickets share a term

    def _resize_table(self, keys: int) -> None:
        """Give the index's table room for so many terms, less or more than it has."""
        if keys != len(self.index.entry):
            entry = np.full((keys, 2), EMPTY, np.int32)
            rehash(self.index.entry, entry)
            self.index = self.index._replace(entry=entry)
            self._store = None

    def forget(self, slots: list[int]) -> None:
        """Drop tickets; when more than a fifth of the slots are dead, see `compact`."""
        for slot in slots:
            if self.tickets.counted[slot]:
                tally(self.tickets.terms, self.tickets.span, slot, self.common.frequency, -1)
                self.live -= 1
            self.tickets.alive[slot] = 0
        self.dead += len(slots)

    @property
    def sparse(self) -> bool:
        """Whether compacting would pay."""
        return self.count > 256 and 5 * self.dead > self.count

    def compact(self) -> I64:
        """Close the gaps. Return the new slot of every old one, -1 for the dead."""
        old, count = self.tickets, self.count
        keep = np.flatnonzero(old.alive[:count])
        moved = np.full(count, -1, np.int64)
        moved[keep] = np.arange(len(keep))
        total = int((old.span[keep, STOP] - old.span[keep, WORDS]).sum())
        self._start(_power_above(len(keep)), _power_above(total))
        n, new = len(keep), self.tickets
        for name in Tickets._fields:
            if name not in ("terms", "marks", "span"):
                getattr(new, name)[:n] = getattr(old, name)[keep]
        self.count = n
        self.used[TERMS] = close_gaps(old, keep, new)
        self.live = int(new.counted[:n].sum())
        self._list_all()
        return moved

    def __getstate__(self) -> dict[str, object]:
        """State without what can be computed again: the index, the scratch space, the shared prior."""
        state = self.__dict__.copy()
        for name in ("index", "scratch", "_store"):
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
        self._list_all()

    def attach(self, prior: F32) -> None:
        """Give a restored memory the prior."""
        self.common = self.common._replace(prior=prior)
        self._store = None


def _longer(old: NDArray[AnyScalar]) -> NDArray[AnyScalar]:
    """Return an array of twice the length; what is not used yet takes no memory."""
    new = np.zeros((2 * len(old), *old.shape[1:]), old.dtype)
    new[: len(old)] = old
    return new


def _power_above(n: int) -> int:
    return max(64, 1 << (n + 1).bit_length())
