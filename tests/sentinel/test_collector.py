"""The cyclic collector may look seldom: a pipeline leaves it nothing to find."""

import gc

from sentinel.collector import seldom_collecting
from sentinel.intake import Door
from sentinel.pipeline import Pipeline
from sentinel.shared import Shared
from sentinel.tickets import TicketEvent


def test_a_pipeline_leaves_no_garbage_in_cycles(events: list[TicketEvent], shared: Shared, door: Door) -> None:
    pipeline = Pipeline(shared, door)
    for position, event in enumerate(events[:200]):
        pipeline.take(position, event)
        pipeline.said()
    gc.collect()
    gc.disable()
    try:
        for position, event in enumerate(events[200:], start=200):
            pipeline.take(position, event)
            pipeline.said()
        pipeline.finish()
        found = gc.collect()
    finally:
        gc.enable()
    assert len(events) > 1000
    assert found < 100


def test_the_collector_is_as_it_was_afterwards() -> None:
    usual = gc.get_threshold()
    with seldom_collecting():
        assert gc.get_threshold()[0] > usual[0]
        assert gc.get_freeze_count() > 0
    assert gc.get_threshold() == usual
    assert gc.get_freeze_count() == 0
