"""Many arrays behind one pointer. At each call numba unpacks every array among the arguments, a third of a microsecond
each; a memory and its scorer have forty.
"""

from typing import Any

from numba.core import types
from numba.experimental import structref

from embeddings.compiled import njit
from embeddings.tickets import I64, Common, Index, Scratch, Tickets

_structref: Any = structref  # which has no types


@_structref.register
class StoreType(types.StructRef):
    """What compiled code takes a `Store` for."""


@_structref.register
class ModelsType(types.StructRef):
    """What compiled code takes `Models` for."""


class Store(structref.StructRefProxy):
    """The arrays of a `TicketMemory`, under its names for them."""

    tickets: Tickets
    index: Index
    common: Common
    scratch: Scratch
    used: I64


class Models(structref.StructRefProxy):
    """Both models of a `PairScorer`, under its names for them."""

    letters: Any
    notes: Any


# The types are classes of this module, so that what is compiled and kept on disk refers to them by name: one made on
# the fly would be kept with it, and nothing compiled later, as after a kill, would know its fields.
_structref.define_proxy(Store, StoreType, [*Store.__annotations__])
_structref.define_proxy(Models, ModelsType, [*Models.__annotations__])


@njit()
def store_of(tickets: Tickets, index: Index, common: Common, scratch: Scratch, used: I64) -> Store:
    """Put them behind one pointer. The arrays stay the same ones: what is written there is seen here."""
    return Store(tickets, index, common, scratch, used)  # type: ignore[no-untyped-call]


@njit()
def models_of(letters: Any, notes: Any) -> Models:
    """Put them behind one pointer."""
    return Models(letters, notes)  # type: ignore[no-untyped-call]
