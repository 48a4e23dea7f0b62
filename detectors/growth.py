"""How issues grow when nothing happens: the chance that one reaches so many callers at such an age."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from math import exp, inf, log
from typing import Final

import numpy as np
from river import base

from detectors.base import DAY, HOUR

HORIZONS: Final = (3 * HOUR, 12 * HOUR, DAY, 2 * DAY, 3 * DAY, 7 * DAY, 14 * DAY)
"""Ages by which growth is told apart, in seconds."""
# Chance that an issue with one, two, three or more callers gets another within each horizon. What the clusterer
# found in two simulations without incidents (seeds 8 and 9, six weeks each), smoothed; a street's own issues take over.
_STEPS: Final = (
    (0.002, 0.030, 0.040),
    (0.005, 0.032, 0.045),
    (0.010, 0.036, 0.050),
    (0.019, 0.038, 0.060),
    (0.028, 0.040, 0.065),
    (0.052, 0.120, 0.090),
    (0.070, 0.220, 0.180),
)
_KINDS_OF_STEP: Final = 3
_MOST_STEPS: Final = 6


class GrowthModel(base.Base):
    """Step by step chance that an issue with k distinct callers gets another within a horizon of its birth.

    P(at least k callers by age a) is the product of the chances of its steps within the shortest horizon that
    covers a. The first step, the second, and all later ones together each have a chance, learned from the
    stream's own issues and shrunk to the shipped one; those of a topic are shrunk to the stream's.

    Parameters
    ----------
    weights
        What the prior of the first, second and later steps is worth, in issues.
    memory
        Days after which an issue's weight has fallen to 1/e.

    Examples
    --------
    >>> growth = GrowthModel()
    >>> growth.tail(1, age=0.0), round(growth.tail(4, age=86400.0), 6)
    (1.0, 1.8e-05)
    >>> for n in range(1000):
    ...     growth.learn(1, age=0.0, now=3600.0 * n)
    >>> growth.tail(4, age=86400.0) < 0.0001
    True

    References
    ----------
    A discrete-time survival model: product of conditional step probabilities, each with a beta prior; see
    Singer, Willett 1993, J. Educational Statistics 18:155.
    """

    def __init__(self, weights: Sequence[float] = (200.0, 60.0, 40.0), memory: float = 90.0) -> None:
        self.weights = tuple(weights)
        self.memory = memory
        self._now = -inf
        self._rows = {"": 0}
        # Issues by topic (see the rows), count of callers, and horizon within which they first reached it.
        self._reached = np.zeros((1, _MOST_STEPS, len(HORIZONS)))

    def learn(self, callers: int, age: float, now: float, topic: str = "") -> None:
        """An issue has just got its ``callers``-th distinct caller, at this age (s) and event time."""
        self._fade(now)
        if callers > _MOST_STEPS:
            return
        number = bisect_left(HORIZONS, age)
        if number == len(HORIZONS):
            return
        self._reached[0, callers - 1, number] += 1.0
        if topic:
            row = self._row(topic)
            self._reached[row, callers - 1, number] += 1.0

    def tail(self, callers: int, age: float, topic: str = "") -> float:
        """Chance that a background issue has at least so many distinct callers by this age (s)."""
        if callers <= 1:
            return 1.0
        number = min(bisect_left(HORIZONS, age), len(HORIZONS) - 1)
        later = self._reach(callers, number, topic)
        if number == 0 or age >= HORIZONS[number]:
            return later
        # between two horizons, along the straight line in logarithms: a day more must not cost a week
        before, after = HORIZONS[number - 1], HORIZONS[number]
        share = log(age / before) / log(after / before)
        return exp((1.0 - share) * log(self._reach(callers, number - 1, topic)) + share * log(later))

    def _reach(self, callers: int, number: int, topic: str) -> float:
        """Chance of so many callers within one of the horizons."""
        chance = self._step(0, number, topic)
        if callers > 2:
            chance *= self._step(1, number, topic)
        if callers > 3:
            chance *= self._step(2, number, topic) ** (callers - 3)
        return chance

    def _step(self, step: int, horizon: int, topic: str) -> float:
        chance = _STEPS[horizon][step]
        for name in ("", topic) if topic else ("",):
            if name not in self._rows:
                break
            reached = self._reached[self._rows[name]].tolist()
            row = [sum(reached[count][: horizon + 1]) for count in range(step, _MOST_STEPS)]
            if step < _KINDS_OF_STEP - 1:
                had, went = row[0], row[1]
            else:
                had, went = sum(row[:-1]), sum(row[1:])
            weight = self.weights[step]
            chance = (weight * chance + went) / (weight + max(had, went))
        return chance

    def _fade(self, now: float) -> None:
        """Let the past fade, once a day."""
        if self._now == -inf:
            self._now = now
        elif now - self._now >= DAY:
            keep = exp(-(now - self._now) / DAY / self.memory)
            self._reached *= keep
            self._now = now

    def _row(self, topic: str) -> int:
        """Row of a topic, made where there is none."""
        row = self._rows.get(topic)
        if row is None:
            row = self._rows[topic] = len(self._rows)
            if row == len(self._reached):
                self._reached = np.concatenate((self._reached, np.zeros_like(self._reached)))
        return row
