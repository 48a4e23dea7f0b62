"""Many arrays behind one pointer. At each call numba unpacks every array among the arguments, a third of a microsecond
each; a memory and its scorer have forty.
"""

from typing import Any, TypeVar

from numba.core import types
from numba.experimental import structref

from embeddings.compiled import njit
from embeddings.tickets import I64, Common, Index, Scratch, Tickets

Proxy = TypeVar("Proxy", bound=type)


def _behind_a_pointer(*fields: str) -> Any:
    """Let compiled code know a class by its fields, each of any type that numba knows."""
    numba: Any = structref

    def register(proxy: Proxy) -> Proxy:
        kind = numba.register(type(f"{proxy.__name__}Type", (types.StructRef,), {}))
        numba.define_constructor(proxy, kind, list(fields))
        numba.define_boxing(kind, proxy)
        return proxy

    return register


@_behind_a_pointer("tickets", "index", "common", "scratch", "used")
class Store(structref.StructRefProxy):
    """The arrays of a `TicketMemory`, under its names for them."""

    tickets: Tickets
    index: Index
    common: Common
    scratch: Scratch
    used: I64


@_behind_a_pointer("letters", "notes")
class Models(structref.StructRefProxy):
    """Both models of a `PairScorer`, under its names for them."""

    letters: Any
    notes: Any


@njit()
def store_of(tickets: Tickets, index: Index, common: Common, scratch: Scratch, used: I64) -> Store:
    """Put them behind one pointer. The arrays stay the same ones: what is written there is seen here."""
    return Store(tickets, index, common, scratch, used)  # type: ignore[no-untyped-call]


@njit()
def models_of(letters: Any, notes: Any) -> Models:
    """Put them behind one pointer."""
    return Models(letters, notes)  # type: ignore[no-untyped-call]
