"""Whatever is killed, held, added or cut off: the transitions are those of an undisturbed run, byte for byte.

The short form runs with the other tests; the long one (`make chaos`) goes over 20,000 ticket events each time.
"""

from __future__ import annotations

import contextlib
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.chaos import Verdict, producing, settle, taken_by_intake, uncommitted
from tests.integration.conftest import Application
from tests.integration.servers import Broker, Worker, total, wait_until

pytestmark = pytest.mark.integration
Make = Callable[..., Application]
Input = tuple[Path, list[bytes]]
Say = Callable[[object], None]
CLOCK = Path(__file__).parent / "clock"
CONTROL = Path(__file__).parent / "applies_again.py"


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """Prints a figure of the test, whatever pytest does with output."""

    def print_it(said: object) -> None:
        with capsys.disabled():
            print(f"\n    {said}", end="", flush=True)

    return print_it


def begin(*workers: Worker) -> None:
    """Start workers side by side, and wait for all."""
    for worker in workers:
        worker.start()
    wait_until(lambda: all(worker.ready or not worker.alive for worker in workers), 120, "all are ready")
    assert all(worker.alive for worker in workers), [worker.said()[-2000:] for worker in workers]


def hold_until_taken(held: Worker, other: Worker) -> None:
    """SIGSTOP, until another has its partitions; then SIGCONT."""
    held.signal(signal.SIGSTOP)
    wait_until(lambda: total(other.figures(), "sentinel_partitions") == 66, 60, "the partitions are taken")
    held.signal(signal.SIGCONT)


def kill_the_only_worker(
    app: Application,
    tickets: Path,
    expected: list[bytes],
    kills: int,
    program: tuple[object, ...] = (),
    seconds: float = 300,
) -> tuple[Verdict, list[float]]:
    """kill -9 at points all over the input at which something is applied and not yet committed; how much it was."""
    options = {"program": program} if program else {}
    chance = random.Random(7)
    producer = producing(app, tickets)
    events = len(tickets.read_text(encoding="utf-8").splitlines())
    ahead: list[float] = []
    for kill in range(kills):
        worker = app.worker(**options)
        begin(worker)
        point, least = 0.97 * events * (kill + chance.random()) / kills, chance.choice([1, 10, 50, 100])

        def found(worker: Worker = worker, point: float = point, least: int = least) -> float:
            figures = worker.figures()
            now = uncommitted(figures)
            return now if now >= least and taken_by_intake(figures) >= point else 0.0

        ahead.append(wait_until(found, 120, f"{least} messages are applied and not committed"))
        worker.kill()
    begin(app.worker(**options))
    return settle(app, producer, expected, seconds), ahead


def judge(verdict: Verdict, say: Say) -> None:
    say(verdict)
    assert verdict.equal, (verdict.lost, verdict.different)


# -- the short form -----------------------------------------------------------------------------------------------


def test_one_of_two_workers_killed_the_other_held_until_its_partitions_are_taken(
    application: Make, week: Input, say: Say
) -> None:
    tickets, expected = week
    app = application(records=40, every="3s", session="3s")
    first, second = app.worker(PYTHONHASHSEED="1"), app.worker(PYTHONHASHSEED="2")
    begin(first, second)
    producer = producing(app, tickets, rate=60)
    ahead = wait_until(lambda: uncommitted(first.figures()), 30, "something is applied and not committed")
    first.kill()
    say(f"{ahead:.0f} messages applied and not committed at the kill")
    third = app.worker(PYTHONHASHSEED="3")
    begin(third)
    hold_until_taken(second, third)
    judge(settle(app, producer, expected, 90), say)


# -- the long form ------------------------------------------------------------------------------------------------


@pytest.mark.chaos
def test_the_only_worker_killed_at_twenty_points(application: Make, town: Input, say: Say) -> None:
    app = application(records=200, every="5s", session="3s")
    verdict, ahead = kill_the_only_worker(app, *town, kills=20)
    say(f"applied minus committed at the kills: {', '.join(f'{n:.0f}' for n in ahead)}")
    assert min(ahead) > 0
    assert verdict.repeats > 0
    judge(verdict, say)


@pytest.mark.chaos
def test_a_worker_that_applies_again_what_it_has_applied_is_found_out(application: Make, town: Input, say: Say) -> None:
    """The control: without the skip of redelivered inputs the test above would fail."""
    app = application(records=200, every="5s", session="3s")
    with contextlib.suppress(AssertionError):  # it may well not come to an end
        kill_the_only_worker(app, *town, kills=6, program=(CONTROL,), seconds=120)
    verdict = Verdict(app, town[1])
    say(f"control: {verdict}")
    assert not verdict.equal


@pytest.mark.chaos
def test_one_of_two_workers_killed_again_and_again(application: Make, town: Input, say: Say) -> None:
    tickets, expected = town
    app = application(records=200, every="5s", session="3s")
    pair = [app.worker(), app.worker()]
    begin(*pair)
    producer = producing(app, tickets, rate=150)
    for turn in range(6):
        victim = pair[turn % 2]
        wait_until(lambda: uncommitted(victim.figures()), 60, "something is applied and not committed")  # noqa: B023
        victim.kill()
        pair[turn % 2] = app.worker()
        begin(pair[turn % 2])
    judge(settle(app, producer, expected, 300), say)


@pytest.mark.chaos
def test_workers_added_and_removed_under_load(application: Make, town: Input, say: Say) -> None:
    tickets, expected = town
    app = application(records=200, every="5s", session="3s")
    begin(app.worker())
    producer = producing(app, tickets, rate=200)
    for _ in range(3):
        more = app.worker()
        begin(more)
        time.sleep(3)
        status, seconds = more.terminate()
        assert (status, seconds < 10) == (0, True), more.said()[-2000:]
    judge(settle(app, producer, expected, 300), say)


@pytest.mark.chaos
def test_a_rolling_restart_of_two_workers(application: Make, town: Input, say: Say) -> None:
    """As an upgrade does it: one is stopped and a new one is at work before the other is stopped."""
    tickets, expected = town
    app = application(records=200, every="5s", session="3s")
    pair = [app.worker(), app.worker()]
    begin(*pair)
    producer = producing(app, tickets, rate=200)
    for turn in range(4):
        time.sleep(3)
        status, seconds = pair[turn % 2].terminate()
        assert (status, seconds < 10) == (0, True), pair[turn % 2].said()[-2000:]
        pair[turn % 2] = app.worker()
        begin(pair[turn % 2])
    judge(settle(app, producer, expected, 300), say)


@pytest.mark.chaos
def test_each_of_two_workers_held_until_its_partitions_are_taken(application: Make, town: Input, say: Say) -> None:
    tickets, expected = town
    app = application(records=200, every="5s", session="3s")
    first, second = app.worker(), app.worker()
    begin(first, second)
    producer = producing(app, tickets, rate=200)
    for held, other in ((first, second), (second, first)):
        time.sleep(3)
        hold_until_taken(held, other)
        wait_until(lambda: first.ready and second.ready, 60, "both are at work again")
    judge(settle(app, producer, expected, 300), say)


@pytest.mark.chaos
@pytest.mark.parametrize("down", [0, 30, 50])  # seconds; a request is given up after 40
def test_the_broker_killed_and_started_again(
    down: float, application: Make, broker: Broker, town: Input, say: Say
) -> None:
    if not broker.persistent:
        pytest.skip(f"{broker.name} keeps nothing when it is killed")
    tickets, expected = town
    app = application(records=200, every="5s", session="6s")
    worker = app.worker()
    begin(worker)
    producer = producing(app, tickets, rate=600)
    for _ in range(2):
        time.sleep(6)
        broker.kill()
        time.sleep(down)
        broker.begin()
    verdict = settle(app, producer, expected, 300)
    say("the worker went on by itself" if worker.alive else "the worker ended")
    assert worker.alive
    judge(verdict, say)


@pytest.mark.chaos
def test_the_machines_clock_set_back_an_hour(application: Make, town: Input, tmp_path: Path, say: Say) -> None:
    tickets, expected = town
    clock = tmp_path / "clock"
    app = application(records=200, every="5s")
    root = Path(__file__).parents[2]
    worker = app.worker(SENTINEL_TEST_CLOCK=str(clock), PYTHONPATH=f"{CLOCK}:{root}")
    begin(worker)
    producer = producing(app, tickets, rate=1000)
    time.sleep(5)
    clock.write_text("-3600", encoding="ascii")
    verdict = settle(app, producer, expected, 300)
    assert worker.terminate()[0] == 0
    stamps = [line[1:20] for line in worker.said().splitlines() if line.startswith("[20")]
    assert stamps[-1] < stamps[0], "the worker's clock went back"
    judge(verdict, say)


@pytest.mark.chaos
@pytest.mark.parametrize(("workers", "seed"), [(1, "1"), (2, "2"), (5, "1")])
def test_any_number_of_workers_says_the_same(workers: int, seed: str, application: Make, town: Input, say: Say) -> None:
    tickets, expected = town
    app = application(records=500, every="5s")
    begin(*(app.worker(PYTHONHASHSEED=seed) for _ in range(workers)))
    judge(settle(app, producing(app, tickets), expected, 300), say)
