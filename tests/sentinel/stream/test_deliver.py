"""A push under way when a worker stops, or loses what it delivers."""

import asyncio

import pytest

from sentinel.stream.deliver import until_cleared


async def stopped(seconds: float, *, after: float, grace: float) -> list[str]:
    """What has happened to work of so many seconds that is cancelled after some."""
    happened: list[str] = []

    async def work() -> None:
        await asyncio.sleep(seconds)
        happened.append("noted")

    owned = asyncio.Event()
    owned.set()
    task = asyncio.ensure_future(until_cleared(owned, work(), grace))
    await asyncio.sleep(after)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    return happened


def test_a_stop_lets_a_push_under_way_be_noted() -> None:
    assert asyncio.run(stopped(0.05, after=0.01, grace=2.0)) == ["noted"]


def test_a_stop_does_not_wait_for_a_sink_that_is_down() -> None:
    assert asyncio.run(stopped(60.0, after=0.01, grace=0.05)) == []


def test_whoever_has_lost_the_pushes_goes_on_with_none() -> None:
    async def lost() -> bool:
        owned = asyncio.Event()
        owned.set()
        task = asyncio.ensure_future(until_cleared(owned, asyncio.sleep(60.0)))
        await asyncio.sleep(0.01)
        owned.clear()
        return await task

    assert not asyncio.run(lost())


def test_what_ends_is_said_to_have_ended() -> None:
    async def ended() -> bool:
        owned = asyncio.Event()
        owned.set()
        return await until_cleared(owned, asyncio.sleep(0.0))

    assert asyncio.run(ended())
