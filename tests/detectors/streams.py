"""Seeded streams of one street for the tests: tickets as tuples of numbers, no texts."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import NamedTuple

MONDAY = 1_736_092_800.0
"""2025-01-06 00:00 in Shanghai."""
HOUR = 3600.0
DAY = 86400.0


class Call(NamedTuple):
    """One ticket: event time, caller, topic path, issue."""

    t: float
    caller: str
    topic: str
    issue: str


def background(
    seed: int,
    days: int,
    calls_a_day: float = 40.0,
    leaves: int = 30,
    join: float = 0.08,
    start: float = MONDAY,
) -> Iterator[Call]:
    """A quiet street: overdispersed days, an own daily curve, uneven topics, issues that rarely grow.

    ``join`` is the chance that a call is about an issue of the last ten days rather than a new one; one call
    in twelve comes from a caller of before, on the same issue.
    """
    rng = random.Random(seed)
    topics = [f"g{n % 8}/t{n}" for n in range(leaves)]
    shares = [rng.gammavariate(0.7, 1.0) for _ in topics]
    curve = [2, 1, 1, 1, 1, 2, 5, 9, 14, 16, 15, 12, 10, 11, 14, 14, 13, 11, 9, 9, 8, 7, 5, 3]
    recent: list[tuple[float, str, str, str]] = []
    born = 0
    for day in range(days):
        factor = (1.1, 1.05, 1.0, 1.0, 1.0, 0.8, 0.75)[day % 7]
        level = calls_a_day * factor * rng.gammavariate(40.0, 1.0 / 40.0)
        count = sum(rng.random() < 1.0 / 16.0 for _ in range(int(16 * level)))
        times = sorted(
            start + day * DAY + (rng.choices(range(24), curve)[0] + rng.random()) * HOUR for _ in range(count)
        )
        for t in times:
            recent = [r for r in recent if r[0] > t - 10 * DAY]
            chance = rng.random()
            if recent and chance < join:
                _, topic, issue, caller = rng.choice(recent)
                if rng.random() < 0.5:
                    born += 1
                    caller = f"c{born}"
            else:
                born += 1
                topic, issue, caller = rng.choices(topics, shares)[0], f"i{born}", f"c{born}"
            recent.append((t, topic, issue, caller))
            yield Call(t, "" if rng.random() < 0.05 else caller, topic, issue)


def burst(name: str, start: float, callers: int, hours: float, topic: str, seed: int = 1) -> list[Call]:
    """An incident: distinct callers on one issue, at random times within so many hours."""
    rng = random.Random(seed)
    times = sorted(start + rng.random() * hours * HOUR for _ in range(callers))
    return [Call(t, f"{name}-{n}", topic, name) for n, t in enumerate(times)]


def merged(*streams: list[Call]) -> list[Call]:
    """Several streams in order of time."""
    return sorted(call for stream in streams for call in stream)
