"""The warm-up: what is compiled once is compiled before partitions come."""

import gc

from numba.core.dispatcher import Dispatcher

from sentinel.pipeline import Pipeline
from sentinel.replay import door_of
from sentinel.shared import Shared
from sentinel.stream.warmup import warm_up
from sentinel.tickets import TicketEvent


def compiled() -> set[str]:
    """The compiled functions that have been called. Only types are looked at: some objects do things when asked."""
    found = [each for each in gc.get_objects() if issubclass(type(each), Dispatcher)]
    return {f"{each.py_func.__module__}.{each.py_func.__name__}" for each in found if each.overloads}


def test_the_first_tickets_call_nothing_that_was_not_called(events: list[TicketEvent], shared: Shared) -> None:
    warm_up(shared)
    before = compiled()
    pipeline = Pipeline(shared, door_of(shared))
    for position, event in enumerate(events[:200]):
        pipeline.take(position, event)
    assert compiled() == before
    later = {f"embeddings.tickets.{name}" for name in ("close_gaps", "list_alive", "rehash")}  # in a full memory
    assert before >= later | {"detectors.seasonal._learn", "detectors.excess._step"}  # after a week, after two years
