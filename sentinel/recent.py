"""Tickets of the last weeks by topic, so that an alert about a series can tell which they are."""

from collections import deque
from typing import Final, NamedTuple

from alerts.matching import within

RECENT: Final = 22 * 86400.0
"""Seconds: the longest window of `rising`, a climb of three weeks."""


class Counted(NamedTuple):
    """A recent ticket as a series counts it."""

    at: float
    ticket_id: str
    street: str
    withheld: bool
    """whether it is about the conduct of an office"""


class Recent:
    """The log of the tickets that were counted."""

    def __init__(self) -> None:
        self._topics: dict[str, deque[tuple[int, float, float, str, str, bool]]] = {}
        self._count = 0

    def __len__(self) -> int:
        """Return how many are kept."""
        return sum(map(len, self._topics.values()))

    def add(self, clock: float, topic: str, at: float, ticket_id: str, street: str, withheld: bool) -> None:
        """Take a ticket as the clock stands; none is of a time after that."""
        self._count += 1
        # bare tuples of what holds nothing: the collector lets them be
        self._topics.setdefault(topic, deque()).append((self._count, clock, at, ticket_id, street, withheld))

    def within(self, window: float, clock: float, series: str) -> list[Counted]:
        """Return the tickets of a topic and all below it, "" for every topic, of a window that ends now, as they came.

        Costs no more than there are to return: an outbreak asks at every ticket.
        """
        since = clock - min(window, RECENT)
        found: list[tuple[int, Counted]] = []
        for topic, log in self._topics.items():
            if series and not within(topic, series):
                continue
            for number, came, at, ticket_id, street, withheld in reversed(log):
                if came <= since:
                    break
                if at > since:
                    found.append((number, Counted(at, ticket_id, street, withheld)))
        found.sort()
        return [ticket for _, ticket in found]

    def forget(self, clock: float) -> None:
        """Drop what is too old to be asked for."""
        before = clock - RECENT
        for topic in list(self._topics):
            log = self._topics[topic]
            while log and log[0][1] <= before:
                log.popleft()
            if not log:
                del self._topics[topic]
