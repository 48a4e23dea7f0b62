"""A made-up city hotline with incidents planted in it: input for demonstrations, tuning and tests."""

from sentinel.simulate.hotline import Simulated, simulate

__all__ = ["Simulated", "simulate"]
