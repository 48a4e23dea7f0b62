"""The collector runs less while records stream by, which is safe only as long as nothing holds cycles."""

import gc
from contextlib import suppress
from pathlib import Path

from sentinel.garbage import seldom_collected, uncollected
from sentinel.output import OutputFiles
from sentinel.readers import in_order, open_tickets
from sentinel.replay import Replay, ReplayOptions
from sentinel.settings import Settings
from sentinel.shared import Shared


def test_the_collector_is_as_it_was_afterwards_whatever_happens() -> None:
    before, callbacks = (gc.get_threshold(), gc.get_freeze_count()), list(gc.callbacks)
    with seldom_collected():
        assert gc.get_threshold()[0] > before[0][0]
        assert gc.get_freeze_count() > before[1]
    assert (gc.get_threshold(), gc.get_freeze_count()) == before
    with suppress(KeyError), seldom_collected():
        raise KeyError
    assert gc.callbacks == callbacks
    assert (gc.get_threshold(), gc.get_freeze_count()) == before


def test_what_was_looked_through_is_not_looked_through_again() -> None:
    with seldom_collected():
        gc.collect()
        before = gc.get_freeze_count()
        kept = [[number] for number in range(1000)]
        gc.collect()
        assert gc.get_freeze_count() >= before + len(kept)


def test_nothing_is_looked_for_where_that_would_be_in_vain() -> None:
    with suppress(KeyError), uncollected():
        with uncollected():
            assert not gc.isenabled()
        assert not gc.isenabled()
        raise KeyError
    assert gc.isenabled()


def test_a_replay_leaves_next_to_nothing_to_collect(
    hotline: Path, settings: Settings, shared: Shared, tmp_path: Path
) -> None:
    gc.collect()
    gc.disable()
    try:
        with OutputFiles(tmp_path / "out", settings.timezone) as output:
            replay = Replay(settings, shared, output, ReplayOptions())
            replay.run(in_order(open_tickets([hotline / "tickets.jsonl"]), lambda _: None))
            assert replay.counts.events > 1000
            assert gc.collect() < 100
    finally:
        gc.enable()
