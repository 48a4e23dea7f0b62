"""Durations as people write them in config files: 90s, 5m, 24h, 45d, 2w."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

_UNITS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_SHAPE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])", re.ASCII)


def parse_duration(value: object) -> float:
    """Return the seconds of a duration.

    Raises `PydanticCustomError` (a `ValueError`) where ``value`` is no duration, or none above zero.

    >>> parse_duration("5m"), parse_duration("1.5h")
    (300.0, 5400.0)
    """
    match = _SHAPE.fullmatch(value.strip()) if isinstance(value, str) else None
    seconds = float(match[1]) * _UNITS[match[2]] if match else 0.0
    if seconds <= 0:
        raise PydanticCustomError(
            "duration",
            "is not a duration",
            {"fix": "write a number above 0 with its unit: 90s, 5m, 24h, 45d or 2w"},
        )
    return seconds


Duration = Annotated[float, BeforeValidator(parse_duration)]
"""Seconds, read from a text such as ``24h``."""
