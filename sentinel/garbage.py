"""Memory while records stream by: how often Python looks for cyclic garbage, and what the C library keeps."""

import ctypes
import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Final

_YOUNG: Final = 10_000
"""Objects made and not let go of before the young ones are looked through; Python's own number is 700 or 2,000."""
_OLDEST: Final = 2
_M_TRIM_THRESHOLD: Final = -1  # names of malloc.h
_M_MMAP_THRESHOLD: Final = -3
_LARGE: Final = 1 << 18
_KEPT_ON_TOP: Final = 1 << 24


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Look for garbage less often, and not at all among what is loaded by now.

    Records and the state they leave hold no cycles, so there is nothing to find; but they live long enough that the
    collector would go through live tickets and models again and again, for seconds where they are many. So what has
    been looked through once is not looked through again. The C library gives back large arrays from here on.
    """
    _give_back_large()
    thresholds = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_YOUNG, *thresholds[1:])
    gc.callbacks.append(_set_aside)
    try:
        yield
    finally:
        gc.callbacks.remove(_set_aside)
        gc.set_threshold(*thresholds)
        gc.unfreeze()


@contextmanager
def uncollected() -> Iterator[None]:
    """Do not look for garbage at all: while state is written or read it would be looked through again and again."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _set_aside(phase: str, info: Mapping[str, int]) -> None:
    if phase == "stop" and info["generation"] == _OLDEST:
        gc.freeze()


def _give_back_large() -> None:
    """Have the C library return every large array to the system once it is free, where it is glibc.

    By itself it learns from the first ones that are freed to keep later ones in the heap, where what stays behind them
    holds their room: arrays that grow and are compacted would leave the process half as large again as its state.
    """
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, _LARGE)
        mallopt(_M_TRIM_THRESHOLD, _KEPT_ON_TOP)
