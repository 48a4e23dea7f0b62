"""The courier: takes pushes to one sink, one after the other, until each is taken."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from alerts.pushes import Push
from sentinel.circuit import Circuit
from sentinel.delivery.settings import Rate
from sentinel.delivery.sink import Sink, SinkError

log = logging.getLogger(__name__)

LONGEST: Final = 300.0
"""Seconds between two attempts at most, unless the other side asks for more."""
PATIENCE: Final = 300.0
"""Seconds of failing after which it is told that a sink fails."""
REMEMBERED: Final = 10_000
"""Ids of pushes that were sent: a repeat after a crash is not sent again."""


class Courier:
    """Delivers to one sink in order. What the sink refuses for good is given up; anything else is tried again.

    Parameters
    ----------
    trouble
        Told the name, the reason and how long it has lasted, once a sink has failed for so long; and again, with an
        empty reason, when it takes pushes again.
    clock, sleep, chance
        Monotonic seconds; waiting; a number from 0 to 1 for the jitter of waits.
    took
        Told how long each attempt took, in seconds.
    """

    def __init__(
        self,
        name: str,
        sink: Sink,
        rate: Rate | None,
        trouble: Callable[[str, str, float], Awaitable[None]],
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
        patience: float = PATIENCE,
        took: Callable[[float], None] = lambda _: None,
    ) -> None:
        self.name = name
        self.sent = 0
        self.given_up = 0
        self.circuit = Circuit(LONGEST, chance)
        self._sink = sink
        self._rate = rate
        self._times: deque[float] = deque()
        self._seen: dict[str, None] = {}
        self._trouble = trouble
        self._clock, self._sleep, self._took = clock, sleep, took
        self._patience = patience

    async def deliver(self, push: Push) -> bool:
        """Return once the sink has taken the push, now or before, or has refused it for good: then False."""
        if push.push_id in self._seen:
            return True
        began, told = self._clock(), False
        while True:
            await self._wait_for_room()
            self.circuit.again()
            asked = self._clock()
            try:
                await self._sink.send(push)
            except SinkError as error:
                self._took(self._clock() - asked)
                if error.final:
                    log.error("sink %s refuses push %s for good: %s", self.name, push.push_id, error)
                    self.circuit.succeeded()  # it has answered
                    self.given_up += 1
                    return False
                if not self.circuit.reason:
                    log.warning("sink %s: %s; its pushes wait", self.name, error)
                wait = self.circuit.failed(str(error), error.after or 0.0)
                lasted = self._clock() - began
                if lasted >= self._patience and not told:
                    told = True
                    await self._trouble(self.name, self.circuit.reason, lasted)
                await self._sleep(wait)
                continue
            self._took(self._clock() - asked)
            if self.circuit.reason:
                log.warning("sink %s takes pushes again", self.name)
                if told:
                    await self._trouble(self.name, "", self._clock() - began)
            self.circuit.succeeded()
            self.sent += 1
            self._seen[push.push_id] = None
            if len(self._seen) > REMEMBERED:
                del self._seen[next(iter(self._seen))]
            return True

    async def close(self) -> None:
        """Let the sink go."""
        await self._sink.close()

    async def _wait_for_room(self) -> None:
        if self._rate is None:
            return
        while len(self._times) >= self._rate.pushes:
            left = self._times[0] + self._rate.within - self._clock()
            if left <= 0:
                self._times.popleft()
            else:
                await self._sleep(left)
        self._times.append(self._clock())
