"""How often Python looks for cyclic garbage while records stream by."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_YOUNG: Final = 10_000
"""Objects made and not let go of before the young ones are looked through; Python's own number is 700 or 2,000."""


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Look for garbage less often, and not at all among what is loaded by now.

    Records and the state they leave hold no cycles, so there is nothing to find; but they live long enough that the
    collector would go through live tickets and models again and again.
    """
    thresholds = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_YOUNG, *thresholds[1:])
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()
