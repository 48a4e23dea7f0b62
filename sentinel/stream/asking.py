"""Asks for a tick where somebody must be told something sooner than the next boundary.

Delivery decides in the order of the numbers and knows that nothing is missing when a round is over, which is at a tick:
every five minutes. So when something new or graver is on `alerts`, and when the first push of a group has waited for
company long enough, a tick is asked for, by a record on `tickets` like any other: it stands in the log, and a replay
of the log delivers the same. Nothing is decided ahead of its round, and nothing is asked for while history is replayed,
where rounds come fast.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

from alerts import Alert
from sentinel.stream.envelope import Outgoing
from sentinel.stream.intake import NEAR_SECONDS, tick_record
from sentinel.stream.journal import Follower
from sentinel.stream.log_reader import LogReader
from sentinel.stream.topics import TICKETS, Topics

MOVES: Final = 60.0
"""Seconds by which the log's clock is moved at most; what is due later waits for tickets, or the next boundary, to move
it."""
PATIENCE: Final = 5.0
"""Seconds after which what was asked for is asked for again."""
_BACK: Final = 1000
"""Transitions that are looked at again at a start: nobody may have asked for the latest."""
_LOOKS: Final = 0.1
_URGENT: Final = frozenset({"opened", "escalated", "recurred"})
"""Why an alert speaks, where that should not wait."""


class Asker:
    """Knows what delivery waits for, and asks for it, one tick at a time.

    Parameters
    ----------
    send
        Puts a message on Kafka.
    """

    def __init__(self, topics: Topics, follower: Follower, send: Callable[[Outgoing], Awaitable[object]]) -> None:
        self._topics = topics
        self._follower = follower
        self._send = send
        self._wanted = -1
        """number of the newest transition that should not wait"""
        self._asked = (-1, 0.0)
        self._at = 0.0
        """when that was asked for, on the monotonic clock"""

    async def run(self, alerts: LogReader) -> None:
        """Look at what comes on `alerts`, and at the clock, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._look_out(alerts))
            group.create_task(self._look_at_the_clock())

    async def _look_out(self, alerts: LogReader) -> None:
        first, end = (await alerts.begins())[0], (await alerts.ends())[0]
        alerts.seek({0: max(first, end - _BACK)})
        async for batch in alerts.batches():
            for message in batch:
                alert = Alert.model_validate_json(message.value or b"")
                self.arrived(alert, message.appended)
            await self._ask()

    async def _look_at_the_clock(self) -> None:
        while True:
            await asyncio.sleep(_LOOKS)
            await self._ask()

    def arrived(self, alert: Alert, appended: float) -> None:
        """Note a transition, and when the brokers got it: what is old by then is history that is replayed."""
        news = appended - alert.updated_at.timestamp() <= NEAR_SECONDS
        if news and alert.state == "open" and alert.reason in _URGENT:
            self._wanted = max(self._wanted, alert.seq)

    def wants(self, now: float) -> tuple[int, float] | None:
        """Return which number must be decided and which time must have come, None if nothing waits."""
        decided, logged = self._follower.decided, self._follower.delivery.memory.logged
        due = self._follower.delivery.opens()
        after = self._wanted if self._wanted > decided else -1
        ripe = due is not None and due <= min(now, logged + MOVES) and now - logged <= NEAR_SECONDS
        clock = due if due is not None and ripe else 0.0
        return (after, clock) if after >= 0 or clock else None

    async def _ask(self) -> None:
        wanted = self.wants(time.time())
        if wanted is None:
            return
        under_way = self._asked[0] > self._follower.decided or self._asked[1] > self._follower.delivery.memory.logged
        if time.monotonic() - self._at < (PATIENCE if under_way else 0.0):
            return
        self._asked, self._at = wanted, time.monotonic()
        await self._send(tick_record(self._topics.application, self._topics.name(TICKETS), *wanted))
