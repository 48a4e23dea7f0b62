"""A circuit to another program, which is not asked again at once after a failure (Nygard, Release It!, 2007)."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final, Literal, get_args

State = Literal["closed", "open", "half-open"]
"""asked whenever there is something; not asked; asked once, to see whether it has come back"""
STATES: Final[tuple[State, ...]] = get_args(State)


class Circuit:
    """Says how long to wait after each failure, and how things stand, for metrics.

    Waits double from one second up to `longest`, and half of each is chance, so that many who failed together do not
    come back together.

    Parameters
    ----------
    chance
        A number from 0 to 1.
    """

    def __init__(self, longest: float, chance: Callable[[], float] = random.random) -> None:
        self.state: State = "closed"
        self.reason = ""
        """why it is not closed"""
        self.failures = 0
        """ever"""
        self._longest = longest
        self._chance = chance
        self._running = 0

    def failed(self, reason: str, least: float = 0.0) -> float:
        """Note a failure; return the seconds to wait, at least so many."""
        self.state, self.reason = "open", reason
        self.failures += 1
        wait = min(self._longest, 2.0**self._running) * (0.5 + 0.5 * self._chance())
        self._running += 1
        return max(wait, least)

    def again(self) -> None:
        """Note that it is asked again after a wait."""
        if self.state == "open":
            self.state = "half-open"

    def succeeded(self) -> None:
        """Note an answer."""
        self.state, self.reason, self._running = "closed", "", 0
