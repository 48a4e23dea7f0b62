"""The courier: in order, until it is taken, with patience and without haste."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from alerts.pushes import Push
from sentinel.delivery.courier import Courier
from sentinel.delivery.settings import Rate
from sentinel.delivery.sink import SinkError
from tests.sentinel.delivery.conftest import a_push


class Moody:
    """A sink that fails as it is told, then takes all."""

    def __init__(self, *errors: SinkError) -> None:
        self.errors = list(errors)
        self.taken: list[str] = []
        self.closed = False

    async def send(self, push: Push) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.taken.append(push.push_id)

    async def close(self) -> None:
        self.closed = True


class Time:
    """A clock that moves by waiting only."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


def deliver(
    sink: Moody, pushes: Sequence[Push], rate: Rate | None = None, patience: float = 300.0
) -> tuple[Courier, Time, list[tuple[str, str]], list[bool]]:
    clock, told = Time(), []

    async def trouble(name: str, reason: str, _: float) -> None:
        told.append((name, reason))

    courier = Courier(
        "bot", sink, rate, trouble,
        clock=lambda: clock.now, sleep=clock.sleep, chance=lambda: 1.0, patience=patience,
    )  # fmt: skip

    async def go() -> list[bool]:
        return [await courier.deliver(push) for push in pushes]

    return courier, clock, told, asyncio.run(go())


def test_what_fails_is_tried_again_after_longer_and_longer_waits_and_in_order() -> None:
    sink = Moody(*[SinkError("answered 500")] * 11)
    courier, clock, _, done = deliver(sink, [a_push(1), a_push(2)])
    assert sink.taken == ["p1", "p2"]
    assert clock.waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    assert (done, courier.circuit.reason, courier.sent) == ([True, True], "", 2)


def test_it_waits_as_long_as_the_other_side_asks() -> None:
    _, clock, _, _ = deliver(Moody(SinkError("answered 429", after=77.0)), [a_push()])
    assert clock.waits == [77.0]


def test_what_is_refused_for_good_does_not_hold_up_the_rest() -> None:
    sink = Moody(SinkError("answered 413", final=True))
    courier, _, _, done = deliver(sink, [a_push(1), a_push(2)])
    assert (done, sink.taken, courier.given_up) == ([False, True], ["p2"], 1)


def test_a_sink_that_fails_for_long_is_told_of_once_and_so_is_its_recovery() -> None:
    _, _, told, _ = deliver(Moody(*[SinkError("answered 500")] * 12), [a_push()])
    assert told == [("bot", "answered 500"), ("bot", "")]
    _, _, told, _ = deliver(Moody(SinkError("answered 500")), [a_push()])
    assert told == []


@pytest.mark.parametrize(("pushes", "slept"), [(3, 0.0), (4, 60.0), (7, 120.0)])
def test_no_more_are_sent_than_the_rate_allows(pushes: int, slept: float) -> None:
    sink = Moody()
    _, clock, _, _ = deliver(sink, [a_push(n) for n in range(pushes)], Rate(3, 60.0))
    assert (len(sink.taken), clock.now) == (pushes, slept)
