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
# Chance that an issue with one, two, three or more callers gets another within each horizon, where the calls tell of
# the same kind of thing only, and where they name the same one. What the clusterer found in ten weeks of a simulation
# without incidents (seed 31), smoothed; a third caller about a named thing within three days twice as likely as there,
# since the simulator's quiet days know none. A street's own issues take over.
_STEPS: Final = (
    (
        (0.0009, 0.040, 0.150),
        (0.0021, 0.045, 0.200),
        (0.0036, 0.055, 0.200),
        (0.0055, 0.070, 0.210),
        (0.0074, 0.080, 0.210),
        (0.0115, 0.130, 0.220),
        (0.0155, 0.175, 0.220),
    ),
    (
        (0.0005, 0.020, 0.050),
        (0.0015, 0.022, 0.050),
        (0.0040, 0.025, 0.055),
        (0.0100, 0.028, 0.060),
        (0.0170, 0.034, 0.065),
        (0.0370, 0.120, 0.080),
        (0.0540, 0.265, 0.170),
    ),
)
AFTER_A_PAUSE: Final = (
    (
        (0.011, 0.06, 0.12),
        (0.026, 0.07, 0.12),
        (0.037, 0.09, 0.12),
        (0.068, 0.13, 0.15),
        (0.086, 0.13, 0.17),
        (0.115, 0.18, 0.18),
        (0.120, 0.24, 0.21),
    ),
    (
        (0.001, 0.04, 0.06),
        (0.005, 0.04, 0.06),
        (0.013, 0.04, 0.06),
        (0.047, 0.04, 0.07),
        (0.088, 0.04, 0.08),
        (0.165, 0.17, 0.10),
        (0.170, 0.23, 0.15),
    ),
)
"""The same of issues heard of again after five days or more, until the next such pause: found in the same way."""
_KINDS_OF_STEP: Final = 3
_MOST_STEPS: Final = 6


Steps = Sequence[Sequence[Sequence[float]]]


class GrowthModel(base.Base):
    """Step by step chance that an issue with k distinct callers gets another within a horizon of its birth.

    P(at least k callers by age a) is the product of the chances of its steps within the shortest horizon that
    covers a. The first step, the second, and all later ones together each have a chance, learned from the
    stream's own issues and shrunk to the shipped one. Issues whose calls name the same thing and those whose calls only
    tell of the same kind of thing are two populations: many people call about a leaking ceiling on the same day, and
    about different ceilings. Topics are not told apart: of one topic a street has too few issues to learn from.

    Parameters
    ----------
    steps
        Shipped chances of the steps, of issues that name nothing and of those that do, by horizon.
    weights
        What the prior of the first, second and later steps is worth, in issues.
    memory
        Days after which an issue's weight has fallen to 1/e.

    Examples
    --------
    >>> growth = GrowthModel()
    >>> growth.tail(1, age=0.0), round(growth.tail(4, age=86400.0), 6)
    (1.0, 6e-06)
    >>> for n in range(1000):
    ...     growth.learn(1, age=0.0, now=3600.0 * n)
    >>> growth.tail(4, age=86400.0) < 0.0001
    True

    References
    ----------
    A discrete-time survival model: product of conditional step probabilities, each with a beta prior; see
    Singer, Willett 1993, J. Educational Statistics 18:155.
    """

    def __init__(
        self, steps: Steps = _STEPS, weights: Sequence[float] = (200.0, 40.0, 30.0), memory: float = 90.0
    ) -> None:
        self.steps = steps
        self.weights = tuple(weights)
        self.memory = memory
        self._now = -inf
        # Issues by whether they are named, count of callers, and horizon within which they first reached it. Of its
        # first caller nobody knows yet what an issue will be: all begin among the named.
        self._reached = np.zeros((2, _MOST_STEPS, len(HORIZONS)))

    def learn(self, callers: int, age: float, now: float, named: bool = True) -> None:
        """An issue has just got its ``callers``-th distinct caller, at this age (s) and event time."""
        self._fade(now)
        if callers > _MOST_STEPS:
            return
        number = bisect_left(HORIZONS, age)
        if number == len(HORIZONS):
            return
        kind = 1 if callers == 1 or named else 0
        self._reached[kind, callers - 1, number] += 1.0

    def tail(self, callers: int, age: float, named: bool = True) -> float:
        """Chance that a background issue has at least so many distinct callers by this age (s).

        ``named`` says whether what they call about is named by more than one of them.
        """
        if callers <= 1:
            return 1.0
        number = min(bisect_left(HORIZONS, age), len(HORIZONS) - 1)
        later = self._reach(callers, number, named)
        if number == 0 or age >= HORIZONS[number]:
            return later
        # between two horizons, along the straight line in logarithms: a day more must not cost a week
        before, after = HORIZONS[number - 1], HORIZONS[number]
        share = log(age / before) / log(after / before)
        return exp((1.0 - share) * log(self._reach(callers, number - 1, named)) + share * log(later))

    def _reach(self, callers: int, number: int, named: bool) -> float:
        """Chance of so many callers within one of the horizons."""
        chance = self._step(0, number, named)
        if callers > 2:
            chance *= self._step(1, number, named)
        if callers > 3:
            chance *= self._step(2, number, named) ** (callers - 3)
        return chance

    def _step(self, step: int, horizon: int, named: bool) -> float:
        loose, reached = self._reached.tolist()
        if not named:
            reached = [reached[0], *loose[1:]]
        # the last of the steps stands for all that follow
        stop = step + 2 if step < _KINDS_OF_STEP - 1 else _MOST_STEPS
        row = [sum(reached[count][: horizon + 1]) for count in range(step, stop)]
        had, went = sum(row[:-1]), sum(row[1:])
        weight, chance = self.weights[step], self.steps[named][horizon][step]
        return float((weight * chance + went) / (weight + max(had, went)))

    def _fade(self, now: float) -> None:
        """Let the past fade, once a day."""
        if self._now == -inf:
            self._now = now
        elif now - self._now >= DAY:
            keep = exp(-(now - self._now) / DAY / self.memory)
            self._reached *= keep
            self._now = now
