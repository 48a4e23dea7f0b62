"""Asks for a tick where somebody must be told something sooner than the next boundary.

Delivery decides in the order of the numbers and knows that nothing is missing when a round is over, which is at a tick:
every five minutes. So when something new or graver is on `alerts`, and when the time has come of something that may
have to be told (a group has waited, a reminder is due, nobody has acknowledged), a tick is asked for, by a record on
`tickets` like any other: it stands in the log, and a replay of the log delivers the same. Nothing is decided ahead of
its round, and nothing is asked for while history is replayed, where rounds come fast.

A tick goes to every partition. So one is asked for at a time, and what is not the first push of a group waits until a
second has passed since the last: all that has fallen due by then is told at once.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from typing import Final

from alerts import Alert
from sentinel.stream.envelope import Outgoing
from sentinel.stream.intake import NEAR_SECONDS, near, tick_record
from sentinel.stream.journal import Follower
from sentinel.stream.log_reader import LogReader
from sentinel.stream.topics import TICKETS, Topics

SPACING: Final = 1.0
"""Seconds between two ticks at least, where nobody waits for the first push of a group."""
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

    def wants(self, now: float, since: float = math.inf) -> tuple[int, float] | None:
        """Return which number must be decided and which time must have come, None if nothing waits.

        `since` is how many seconds ago a tick was asked for.
        """
        delivery, decided = self._follower.delivery, self._follower.decided
        after = self._wanted if self._wanted > decided else -1
        due = delivery.speaks() if since >= SPACING else delivery.opens()
        ripe = due is not None and due <= now and near(now, delivery.memory.logged)
        clock = due if due is not None and ripe else 0.0
        return (after, clock) if after >= 0 or clock else None

    async def _ask(self) -> None:
        now, since = time.time(), time.monotonic() - self._at
        wanted = self.wants(now, since)
        if wanted is None:
            return
        under_way = self._asked[0] > self._follower.decided or self._asked[1] > self._follower.delivery.memory.logged
        if under_way and since < PATIENCE:
            return
        self._asked, self._at = wanted, time.monotonic()
        after, due = wanted
        clock = now if due else 0.0  # so that what falls due a moment later is told with it
        await self._send(tick_record(self._topics.application, self._topics.name(TICKETS), after, clock))
