"""What stands behind one pointer, and what is kept on disk of code compiled for it."""

import pickle

import numpy as np
import pytest
from numba import typeof

from embeddings.memory import TicketMemory
from embeddings.packed import ModelsType, StoreType
from embeddings.tickets import PRIOR_BITS


@pytest.mark.parametrize("kind", [StoreType, ModelsType])
def test_a_type_is_kept_on_disk_by_its_name(kind: type) -> None:
    """Else what a process compiled before it was killed would be of no use to any later one, and stop it."""
    assert pickle.loads(pickle.dumps(kind)) is kind


def test_a_memory_is_of_that_type() -> None:
    memory = TicketMemory(np.zeros(1 << PRIOR_BITS, np.float32), dimension=4)
    assert isinstance(typeof(memory.store), StoreType)
