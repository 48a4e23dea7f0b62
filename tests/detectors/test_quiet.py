"""What is plainly nothing, against the forecast itself at any moment."""

from __future__ import annotations

import random

import numpy as np
import pytest

from detectors.quiet import fewest_calls

HOURS = np.array([168, 24, 6, 1])
ROUGH = np.array([0.02, 0.02, 0.06, 0.06])


def _exposure(passed: np.ndarray, factors: np.ndarray, ends: float, hours: int) -> float:
    """Nominal days in a window that ends so many hours after the array begins, in small steps."""
    steps = np.linspace(ends - hours, ends, 120 * hours + 1)
    days = np.diff(np.interp(steps, np.arange(len(passed)), passed))
    parts = (steps[:-1] + 1e-9).astype(int) % 24 * len(factors) // 24
    return float((days * (factors[parts] if hours < 24 else 1.0)).sum())


@pytest.mark.parametrize("rate", [0.5, 8.0, 900.0])
def test_one_call_fewer_is_never_worth_a_test(rate: float) -> None:
    rng = random.Random(4)
    passed = np.cumsum([0.0, *(rng.gammavariate(0.7, 0.06) for _ in range(216))])
    factors = np.array([rng.gammavariate(5.0, 0.2) for _ in range(8)])
    level = (rate, 40.0, 1.3)
    fewest = fewest_calls(24, passed, factors, HOURS, ROUGH, *level, 2.8, 2)
    tight = 0
    for _ in range(300):
        hour = rng.random() * 24
        for number, hours in enumerate(HOURS):
            mean = rate * _exposure(passed, factors, 192 + hour, int(hours))
            enough = mean + 2.8 * (mean * (1.3 + mean * (1.0 / 40.0 + ROUGH[number]))) ** 0.5
            count = fewest[int(hour), number]
            assert count == 2 or count - 1 < enough
            tight += count >= enough
    assert tight > 30
    of_day = fewest_calls(1, passed, factors, HOURS, ROUGH, *level, 2.8, 2)
    assert (of_day == fewest.min(axis=0)).all()
