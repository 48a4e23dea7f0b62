"""The rhythm of a hotline: how the day and the hour share out what comes in."""

from __future__ import annotations

from math import inf
from typing import Final

import numpy as np
from numpy.typing import NDArray
from river import base

from detectors.base import DAY, HOUR
from detectors.daytypes import DAY_CLASSES, day_class, day_start, is_day_off, local_day

F64 = NDArray[np.float64]

_HOURS: Final = 24
PART_HOURS: Final = 3
PARTS: Final = _HOURS // PART_HOURS
"""A series tells its own hours from the street's by parts of the day so long."""
# Our assumption, typed by hand from what a city hotline may look like: two humps on workdays, a flatter day at
# weekends. Compared, not fitted: the simulator's calls (seed 22) differ from it by about a fifth in daytime, and more
# at night; the real messages of 2019 have its shape too, but, written on the web, half as many at
# weekends and a peak at ten. Own data outweighs it after 300 calls, and each class of day after four of them.
_DAY_PRIOR: Final = (1.10, 1.07, 1.05, 1.03, 1.02, 0.88, 0.85, 0.75)
_WORK_HOURS: Final = (
    10,
    7,
    5,
    4,
    4,
    6,
    14,
    30,
    62,
    84,
    82,
    66,
    48,
    60,
    74,
    76,
    72,
    60,
    46,
    42,
    40,
    34,
    24,
    16,
)
_FREE_HOURS: Final = (
    14,
    9,
    7,
    5,
    5,
    7,
    14,
    28,
    50,
    68,
    70,
    60,
    48,
    54,
    60,
    62,
    60,
    54,
    48,
    46,
    44,
    38,
    28,
    20,
)
_WHOLE_DAYS_EXACT: Final = 28
# How far back the table of full hours goes.
_DAYS_BACK: Final = 8
_PART: Final = PART_HOURS * HOUR


class Rhythm(base.Base):
    """Share of calls by class of day and hour of day, a shipped prior shrunk towards own data.

    Time is measured in *nominal days*: one nominal day holds as many calls as an average day. A count over
    any stretch of event time then has mean ``rate * exposure``, with one slow rate a series.

    Parameters
    ----------
    utc_offset
        Offset of the local zone, in hours.
    hour_weight
        Weight of the prior curve of hours, in calls.
    day_weight
        Weight of the prior factor of each class of day, in days of that class.
    memory
        Days after which a day's weight has fallen to 1/e.

    Attributes
    ----------
    shares
        Share of the calls of a workday, and of a day off, in each part of the day; a new list once it changes.

    Examples
    --------
    >>> rhythm = Rhythm()
    >>> monday = 1_736_092_800.0  # 2025-01-06 00:00 +08:00
    >>> round(rhythm.exposure(monday, monday + 86400.0), 2)
    1.1
    >>> nine = monday + 9 * 3600.0
    >>> round(rhythm.exposure(nine, nine + 3600.0) / rhythm.exposure(monday, monday + 3600.0), 1)
    8.4

    References
    ----------
    Noufaily et al. 2019, Bioinformatics 35(17):3110, section 2.1 (day of week and holidays as factors).
    """

    def __init__(
        self,
        utc_offset: float = 8.0,
        hour_weight: float = 300.0,
        day_weight: float = 4.0,
        memory: float = 120.0,
    ) -> None:
        self.utc_offset = utc_offset
        self.hour_weight = hour_weight
        self.day_weight = day_weight
        self.memory = memory
        self._hours = [[0.0] * _HOURS, [0.0] * _HOURS]
        self._day_sum = [0.0] * DAY_CLASSES
        self._day_count = [0.0] * DAY_CLASSES
        self._curves = [self._curve(0), self._curve(1)]
        self._factors = list(_DAY_PRIOR)
        self.shares = self._part_shares()
        self._table_from = inf
        self._table_until = -inf
        self._table: list[float] = []
        self._asked = -inf
        self._asked_for: tuple[int, ...] = ()
        self._answer: list[float] = []
        self._passed: F64 | None = None

    def learn(self, day: int, hours: list[float], ratio: float) -> None:
        """Learn from a finished local day: its calls by hour, its total over that of an average day."""
        self._asked = self._table_until = -inf
        kind = day_class(day)
        keep = 1.0 - 1.0 / self.memory
        shape = int(is_day_off(kind))
        learned = self._hours[shape]
        for hour, calls in enumerate(hours):
            learned[hour] = learned[hour] * keep + calls
        self._curves[shape] = self._curve(shape)
        self.shares = self._part_shares()
        # Seven days a week pass for each day of one class.
        keep = 1.0 - min(0.5, 7.0 / self.memory)
        self._day_sum[kind] = self._day_sum[kind] * keep + ratio
        self._day_count[kind] = self._day_count[kind] * keep + 1.0
        weight = self.day_weight
        self._factors[kind] = (weight * _DAY_PRIOR[kind] + self._day_sum[kind]) / (weight + self._day_count[kind])

    def trailing(self, now: float, hours: tuple[int, ...]) -> list[float]:
        """Nominal days in windows of so many whole hours that end at ``now``, 192 hours at most."""
        if now != self._asked or hours is not self._asked_for:
            self._asked, self._asked_for = now, hours
            if not self._table_from <= now < self._table_until:
                self._tabulate(now)
            table = self._table
            past = (now - self._table_from) / HOUR
            # A full hour of ``now`` is one of the window's begin, so that one fraction serves all.
            hour = int(past)
            part = past - hour
            hour += _DAYS_BACK * _HOURS
            begun = table[hour]
            ended = begun + part * (table[hour + 1] - begun)
            self._answer = [
                ended - (begun := table[hour - length]) - part * (table[hour - length + 1] - begun) for length in hours
            ]
        return self._answer

    def passed(self, now: float) -> tuple[float, F64]:
        """Midnight before ``now``, and the nominal days that have passed by each full hour up to the next one.

        The array begins a week and a day before that midnight, and is not to be changed.
        """
        if not self._table_from <= now < self._table_until:
            self._tabulate(now)
        if self._passed is None:
            self._passed = np.array(self._table)
        return self._table_from, self._passed

    def part_of(self, now: float) -> int:
        """Part of the day that holds ``now``, for which ``trailing`` has just been asked."""
        return int((now - self._table_from) / _PART)

    def trailing_parts(self, now: float, hours: int) -> list[tuple[int, float]]:
        """Nominal days in the window of so many hours that ends at ``now``, by part of the day."""
        self.trailing(now, self._asked_for)
        table = self._table
        ended = (now - self._table_from) / HOUR + _DAYS_BACK * _HOURS
        begun = ended - hours
        parts = []
        while begun < ended:
            part = int(begun) // PART_HOURS
            until = min(ended, float((part + 1) * PART_HOURS))
            parts.append((part % PARTS, _at(table, until) - _at(table, begun)))
            begun = until
        return parts

    def day(self, day: int) -> float:
        """Nominal days that a whole local day counts for."""
        return self._factors[day_class(day)]

    def exposure(self, t0: float, t1: float) -> float:
        """Nominal days between two event times (POSIX seconds); 0 if ``t1 <= t0``."""
        if t1 <= t0:
            return 0.0
        first, last = local_day(t0, self.utc_offset), local_day(t1, self.utc_offset)
        if first == last:
            return self._before(last, t1) - self._before(first, t0)
        begun, ended = self._before(first, t0), self._before(last, t1)
        if last - first > _WHOLE_DAYS_EXACT:
            # Over a month or more the classes of day average out to one nominal day a day.
            return ended - begun + last - first
        return ended - begun + sum(map(self.day, range(first, last)))

    def _before(self, day: int, t: float) -> float:
        """Nominal days of ``day`` that have passed by ``t``."""
        kind = day_class(day)
        hours = (t - day_start(day, self.utc_offset)) / HOUR
        hour = min(int(hours), _HOURS - 1)
        curve = self._curves[is_day_off(kind)]
        done = curve[hour]
        return self._factors[kind] * (done + (curve[hour + 1] - done) * (hours - hour))

    def _tabulate(self, now: float) -> None:
        """Nominal days that have passed by each full hour of the days up to the end of that of ``now``."""
        self._passed = None
        last = local_day(now, self.utc_offset)
        self._table_from = day_start(last, self.utc_offset)
        self._table_until = self._table_from + DAY
        self._table = table = [0.0]
        begun = 0.0
        for day in range(last - _DAYS_BACK, last + 1):
            kind = day_class(day)
            factor = self._factors[kind]
            table += [begun + factor * share for share in self._curves[is_day_off(kind)][1:]]
            begun = table[-1]

    def _part_shares(self) -> list[tuple[float, float]]:
        """Share of the calls of a workday, and of a day off, that falls into each part of the day."""
        work, free = self._curves
        return [
            (work[end] - work[end - PART_HOURS], free[end] - free[end - PART_HOURS])
            for end in range(PART_HOURS, _HOURS + 1, PART_HOURS)
        ]

    def _curve(self, shape: int) -> list[float]:
        """Share of the day's calls before each full hour, 25 values from 0 to 1."""
        prior = _FREE_HOURS if shape else _WORK_HOURS
        scale = self.hour_weight / sum(prior)
        curve = [0.0]
        for hour in range(_HOURS):
            curve.append(curve[-1] + scale * prior[hour] + self._hours[shape][hour])
        total = curve[-1]
        return [value / total for value in curve]


def _at(table: list[float], hour: float) -> float:
    """Value of a table of full hours between two of them."""
    full = int(hour)
    value = table[full]
    return value if hour == full else value + (hour - full) * (table[full + 1] - value)


def hour_of(t: float, midnight: float) -> int:
    """Hour of the day, 0 to 23, of an event time in the day that began at ``midnight``."""
    return min(_HOURS - 1, max(0, int((t - midnight) / HOUR)))


def empty_hours() -> list[float]:
    """A day's calls by hour, none yet."""
    return [0.0] * _HOURS
