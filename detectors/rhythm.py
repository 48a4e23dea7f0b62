"""The rhythm of a hotline: how the day and the hour share out what comes in."""

from __future__ import annotations

from typing import Final

from river import base

from detectors.base import HOUR
from detectors.daytypes import DAY_CLASSES, day_class, day_start, is_day_off, local_day

_HOURS: Final = 24
# What hotlines of large Chinese cities look like, read off the daily curves that they publish: two humps on
# workdays, a flatter day at weekends, fewer calls on days off. Own data takes over within weeks.
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
        self._asked: tuple[float, tuple[float, ...]] = (0.0, ())
        self._answer: list[float] = []

    def learn(self, day: int, hours: list[float], ratio: float) -> None:
        """Learn from a finished local day: its calls by hour, its total over that of an average day."""
        self._asked = (0.0, ())
        kind = day_class(day)
        keep = 1.0 - 1.0 / self.memory
        shape = int(is_day_off(kind))
        learned = self._hours[shape]
        for hour, calls in enumerate(hours):
            learned[hour] = learned[hour] * keep + calls
        self._curves[shape] = self._curve(shape)
        # Seven days a week pass for each day of one class.
        keep = 1.0 - min(0.5, 7.0 / self.memory)
        self._day_sum[kind] = self._day_sum[kind] * keep + ratio
        self._day_count[kind] = self._day_count[kind] * keep + 1.0
        weight = self.day_weight
        self._factors[kind] = (weight * _DAY_PRIOR[kind] + self._day_sum[kind]) / (
            weight + self._day_count[kind]
        )

    def trailing(self, now: float, windows: tuple[float, ...]) -> list[float]:
        """Exposures of several windows that end at ``now``; those asked for last are kept."""
        if (now, windows) != self._asked:
            last = local_day(now, self.utc_offset)
            ended = self._before(last, now)
            self._asked = (now, windows)
            self._answer = [self._between(now - window, last, ended) for window in windows]
        return self._answer

    def exposure(self, t0: float, t1: float) -> float:
        """Nominal days between two event times (POSIX seconds); 0 if ``t1 <= t0``."""
        if t1 <= t0:
            return 0.0
        last = local_day(t1, self.utc_offset)
        return self._between(t0, last, self._before(last, t1))

    def _between(self, t0: float, last: int, ended: float) -> float:
        """Nominal days from ``t0`` until ``ended`` nominal days of the day ``last`` have passed."""
        first = local_day(t0, self.utc_offset)
        begun = self._before(first, t0)
        whole = last - first
        if whole == 0:
            return ended - begun
        if whole > _WHOLE_DAYS_EXACT:
            # Over a month or more the classes of day average out to one nominal day a day.
            return ended - begun + whole
        factors = self._factors
        return ended - begun + sum([factors[day_class(day)] for day in range(first, last)])

    def _before(self, day: int, t: float) -> float:
        """Nominal days of ``day`` that have passed by ``t``."""
        kind = day_class(day)
        hours = (t - day_start(day, self.utc_offset)) / HOUR
        hour = min(int(hours), _HOURS - 1)
        curve = self._curves[is_day_off(kind)]
        done = curve[hour]
        return self._factors[kind] * (done + (curve[hour + 1] - done) * (hours - hour))

    def _curve(self, shape: int) -> list[float]:
        """Share of the day's calls before each full hour, 25 values from 0 to 1."""
        prior = _FREE_HOURS if shape else _WORK_HOURS
        scale = self.hour_weight / sum(prior)
        curve = [0.0]
        for hour in range(_HOURS):
            curve.append(curve[-1] + scale * prior[hour] + self._hours[shape][hour])
        total = curve[-1]
        return [value / total for value in curve]


def hour_of(t: float, midnight: float) -> int:
    """Hour of the day, 0 to 23, of an event time in the day that began at ``midnight``."""
    return min(_HOURS - 1, max(0, int((t - midnight) / HOUR)))


def empty_hours() -> list[float]:
    """A day's calls by hour, none yet."""
    return [0.0] * _HOURS
