"""The finished weeks of one series: gathered from its days, and each held against its own trend and season."""

from __future__ import annotations

from collections.abc import Iterable
from math import log
from typing import Final, NamedTuple

from detectors.base import DAY
from detectors.baseline import Stretch
from detectors.daytypes import local_day
from detectors.periods import PeriodTest
from detectors.rhythm import Rhythm

_WEEK_DAYS: Final = 7
_THURSDAY: Final = 3
"""Weekday of day 0, 1970-01-01."""
# A week of which less than this was open tells nothing.
_LEAST_DAYS: Final = 2.0
_YEAR: Final = 365.2425 / 7.0
_LEARNED_FIRST: Final = 26


class Week(NamedTuple):
    """A week that stands out: its score, its calls, how many of them of unknown callers, and their forecast."""

    score: float
    calls: int
    unknown: int
    mean: float
    dispersion: float


class Weeks:
    """Calls by local week, Monday to Sunday. About 1.5 KB once the first week is over."""

    __slots__ = ("_calls", "_exposure", "_number", "_test", "_unknown", "_whole")

    def __init__(self) -> None:
        self._number = -1
        self._calls = 0.0
        self._unknown = 0
        self._exposure = 0.0
        self._whole = False
        self._test: PeriodTest | None = None

    def add(self, stretches: Iterable[Stretch], unknown: int, until: float, rhythm: Rhythm) -> Week | None:
        """Take finished days; the last week that they end, if it stands out and is over at the time ``until``.

        ``unknown`` are the calls of unknown callers in the first of the stretches.
        """
        told: Week | None = None
        for begins, days, calls, mean, _ in stretches:
            first = local_day(begins + 0.5 * DAY, rhythm.utc_offset)
            for day in range(first, first + days):
                ended = self._turn(day)
                told = ended or told
                self._exposure += rhythm.day(day) if mean > 0.0 else 0.0
            self._calls += calls
            self._unknown += unknown
            unknown = 0
        return self._turn(local_day(until, rhythm.utc_offset)) or told

    def _turn(self, day: int) -> Week | None:
        """End the open week if ``day`` is of another."""
        number = (day + _THURSDAY) // _WEEK_DAYS
        if number == self._number:
            return None
        told = self._close() if self._whole else None
        # The first week counts only from its Monday on.
        self._whole = self._number >= 0 or (day + _THURSDAY) % _WEEK_DAYS == 0
        self._number, self._calls, self._unknown, self._exposure = number, 0.0, 0, 0.0
        return told

    def _close(self) -> Week | None:
        if self._exposure < _LEAST_DAYS:
            return None
        if self._test is None:
            self._test = PeriodTest.weekly(_YEAR)
        score, forecast = self._test.update(self._number, self._calls, log(self._exposure / _WEEK_DAYS))
        if score <= 0.0 or self._test.forecast.learned < _LEARNED_FIRST:
            return None
        return Week(score, int(self._calls), self._unknown, *forecast)
