"""Sentinel: an early-warning stream processor for city hotlines."""

__version__ = "0.1.0"
