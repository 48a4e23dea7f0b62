"""How long it takes until the state of 100,000 issues is back: in a fresh worker, and in one that takes over."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sentinel.door.streets import PARTITIONS
from sentinel.simulate import simulate
from sentinel.stream import snapshot, store
from tests.integration.chaos import producing, uncommitted
from tests.integration.conftest import Application
from tests.integration.servers import total, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.chaos]
Make = Callable[..., Application]
ISSUES = 100_000


def issues_in(app: Application) -> tuple[int, int]:
    """Live issues in the state of all streets, and its bytes."""
    found = asyncio.run(store.recover(app.kafka, f"{app.name}.state.routed", range(PARTITIONS)))
    issues = size = 0
    for recovered in found.values():
        size += sum(map(len, recovered.segments.values()))
        if recovered.manifest is not None:
            objects = snapshot.restore(recovered.manifest, recovered.segments)
            issues += sum(len(street._issues) for name, street in objects.items() if name.startswith("street:"))
    return issues, size


def test_state_of_a_hundred_thousand_issues_comes_back(
    application: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    simulate(28, 3, tmp_path, tickets_per_day=8500)
    created = tmp_path / "created.jsonl"
    with (tmp_path / "tickets.jsonl").open(encoding="utf-8") as events, created.open("w", encoding="utf-8") as out:
        out.writelines(line for line in events if json.loads(line).get("event", "created") == "created")
    app = application(records=2000, every="30s", session="6s")
    first = app.worker()
    first.begin()
    producer = producing(app, created)
    assert producer.process is not None
    assert producer.process.wait(300) == 0
    sent = len(created.read_text(encoding="utf-8").splitlines())

    def taken() -> bool:
        figures = first.figures()  # none where it does not answer in time, and none of partitions that are moving
        whole = total(figures, "sentinel_partitions") == 66 and total(figures, "sentinel_ticket_events_total") >= sent
        return whole and total(figures, "sentinel_lag_messages") == 0 and uncommitted(figures) == 0

    wait_until(taken, 1500, "all is taken, and written")
    assert first.terminate()[0] == 0
    issues, size = issues_in(app)
    assert issues >= ISSUES

    began = time.monotonic()
    second = app.worker()
    second.begin(120)
    fresh = time.monotonic() - began
    loading = second.figures()[f'sentinel_recovery_seconds_sum{{topic="{app.name}.routed"}}']

    third = app.worker()
    third.begin(120)
    wait_until(lambda: second.ready and third.ready, 60, "both are at work")
    began = time.monotonic()
    second.kill()
    wait_until(lambda: total(third.figures(), "sentinel_partitions") == 66 and third.ready, 60, "it has taken over")
    over = time.monotonic() - began
    with capsys.disabled():
        print(f"\n    {issues:,} issues, {size / 1e6:.0f} MB of streets")
        print(f"    a fresh worker is at work after {fresh:.1f} s, {loading:.1f} s of it loading")
        print(f"    another takes over {over:.1f} s after a kill, 6 s of it waiting for a sign of life ", end="")
    assert loading < 60
    assert over < 60
