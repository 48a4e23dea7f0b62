"""How often Python looks for garbage in cycles while streets run: seldom, since they leave none."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_NEW_OBJECTS, _YOUNG, _MIDDLE = 50_000, 20, 50


@contextmanager
def seldom_collecting() -> Iterator[None]:
    """Let the cyclic collector look at what is new only after many new objects, and at what is loaded not at all.

    Records, issues and alerts point one way, and are freed when the last reference goes. The collector finds
    nothing among them and would, by its defaults, read the growing state of all streets again and again.
    """
    usual = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, _YOUNG, _MIDDLE)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()
