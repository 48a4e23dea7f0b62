"""Seeded draws that come out the same on every machine and every supported Python.

Only `random.Random.random()` is used: its stream for a given seed is promised to stay, while `choice`,
`shuffle` and numpy's distributions may change between versions.
"""

import math
from bisect import bisect_right
from collections.abc import MutableSequence, Sequence
from itertools import accumulate
from random import Random
from typing import Generic, TypeVar

T = TypeVar("T")


class Chance:
    """A stream of draws, a function of its seed text alone.

    Parameters
    ----------
    seed
        Any text; two streams with different texts are independent.

    Examples
    --------
    >>> chance = Chance("7/hours")
    >>> [chance.below(100) for _ in range(3)]
    [55, 68, 29]
    """

    def __init__(self, seed: str) -> None:
        """Start the stream of this seed."""
        self.unit = Random(seed).random
        """A float in [0, 1)."""

    def below(self, n: int) -> int:
        """A whole number in [0, n)."""
        return int(self.unit() * n)

    def between(self, low: int, high: int) -> int:
        """A whole number in [low, high], both included."""
        return low + int(self.unit() * (high - low + 1))

    def uniform(self, low: float, high: float) -> float:
        """A float in [low, high)."""
        return low + (high - low) * self.unit()

    def hit(self, p: float) -> bool:
        """True with probability `p`."""
        return self.unit() < p

    def pick(self, items: Sequence[T]) -> T:
        """One item, each as likely."""
        return items[int(self.unit() * len(items))]

    def shuffle(self, items: MutableSequence[T]) -> None:
        """Fisher-Yates, in place."""
        for i in range(len(items) - 1, 0, -1):
            j = int(self.unit() * (i + 1))
            items[i], items[j] = items[j], items[i]

    def sample(self, items: Sequence[T], n: int) -> list[T]:
        """`n` different positions of `items` (all of them, shuffled, if there are no more)."""
        pool = list(items)
        for i in range(min(n, len(pool))):
            j = i + int(self.unit() * (len(pool) - i))
            pool[i], pool[j] = pool[j], pool[i]
        return pool[:n]

    def exponential(self, mean: float) -> float:
        """An exponential waiting time."""
        return -mean * math.log(1.0 - self.unit())

    def normal(self) -> float:
        """A standard normal, by Box and Muller's transform (one of the pair)."""
        return math.sqrt(-2.0 * math.log(1.0 - self.unit())) * math.cos(2.0 * math.pi * self.unit())

    def lognormal(self, median: float, sigma: float) -> float:
        """A log-normal with this median and this standard deviation of its logarithm."""
        return median * math.exp(sigma * self.normal())

    def overdispersed(self, mean: float, size: float) -> int:
        """A negative binomial count: variance `mean + mean**2 / size`; by inversion, one draw."""
        u, k = self.unit(), 0
        odds = mean / (mean + size)
        p = total = (1.0 - odds) ** size
        while u > total and k < 10_000:
            p *= (k + size) / (k + 1) * odds
            k += 1
            total += p
        return k


class Weighted(Generic[T]):
    """Items drawn in proportion to their weights."""

    def __init__(self, items: Sequence[T], weights: Sequence[float]) -> None:
        """Add up the weights."""
        self._items = tuple(items)
        self._bounds = list(accumulate(weights))
        self._total = self._bounds[-1]

    def draw(self, chance: Chance) -> T:
        """One item."""
        return self._items[min(bisect_right(self._bounds, chance.unit() * self._total), len(self._items) - 1)]


class Deck:
    """Positions 0..n-1 in random order, all of them before any comes again."""

    def __init__(self, n: int, chance: Chance) -> None:
        """Take `n` positions to be shuffled by `chance`."""
        self._n = n
        self._chance = chance
        self._left: list[int] = []

    def draw(self) -> int:
        """The next position."""
        if not self._left:
            self._left = list(range(self._n))
            self._chance.shuffle(self._left)
        return self._left.pop()
