"""How many tickets to expect: hour, weekday, holiday, season, drift and weather."""

import math
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

import chinese_calendar

from sentinel.simulate.chance import Chance, Weighted

_DAY_HOURS: Final = (
    1,
    0.6,
    0.4,
    0.3,
    0.4,
    0.8,
    2,
    4,
    8,
    10,
    10.5,
    8.5,
    6.5,
    8,
    9.5,
    9.5,
    8.5,
    7,
    6,
    6.5,
    6,
    5,
    3.5,
    2,
)
_NIGHT_HOURS: Final = (6, 4, 2.5, 2, 2, 3, 4, 4, 5, 5, 4, 3.5, 4, 4, 4, 4, 4, 4.5, 6, 8, 10, 11, 11, 9)
_NIGHT_TOPICS: Final = ("噪", "油烟", "占道", "违法停车", "路灯", "治安")
_RAIN: Final = ("排水", "渗漏", "维修资金", "市政道路", "园林", "轨道", "拥堵")
_HEAT: Final = ("供电", "供水", "电梯故障", "公共卫生", "垃圾分类")
_AT_WORK: Final = ("劳动", "社保", "经济金融", "户籍", "登记", "公积金", "党风政风", "教育")


def is_workday(day: date) -> bool:
    """Whether offices work that day: by the national calendar where it is known, else Monday to Friday."""
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError:
        return day.weekday() < 5


def is_holiday(day: date) -> bool:
    """Whether that day is a public holiday (not a mere weekend); False where the calendar does not reach."""
    try:
        off, name = chinese_calendar.get_holiday_detail(day)
    except NotImplementedError:
        return False
    return bool(off and name)


class Rhythm:
    """The level of each topic on each day, relative to its mean, and the hours of its calls.

    Parameters
    ----------
    topics
        Paths in a fixed order.
    seed
        Of the simulation: seasons, drift and weather come from it.
    """

    def __init__(self, topics: Sequence[str], seed: int) -> None:
        """Draw seasons and drift."""
        chance = Chance(f"{seed}/rhythm")
        self._topics = tuple(topics)
        self._weather = Chance(f"{seed}/weather")
        self._rain = self._heat = 0.0
        self._phases = [
            (chance.uniform(0.0, 0.18), chance.uniform(0.0, 2 * math.pi), chance.uniform(-0.2, 0.2)) for _ in topics
        ]
        self._wave = [
            (chance.uniform(0.02, 0.06), chance.uniform(40.0, 130.0), chance.uniform(0.0, 2 * math.pi))
            for _ in range(3)
        ]
        self._bursts = [0.0] * len(topics)
        night, ordinary = Weighted(range(24), _NIGHT_HOURS), Weighted(range(24), _DAY_HOURS)
        self._hours = [night if any(word in topic for word in _NIGHT_TOPICS) else ordinary for topic in topics]

    def second(self, topic: int, chance: Chance) -> float:
        """Seconds after midnight of one call about this topic."""
        return (self._hours[topic].draw(chance) + chance.unit()) * 3600.0

    def levels(self, day: date, number: int) -> list[float]:
        """Each topic's level on `day`, the `number`-th simulated; call it day by day, in order."""
        self._next_weather(day)
        city = math.exp(sum(a * math.sin(2 * math.pi * number / period + at) for a, period, at in self._wave))
        working, holiday = is_workday(day), is_holiday(day)
        after_holiday = working and is_holiday(day - timedelta(days=1))
        year = 2 * math.pi * day.timetuple().tm_yday / 365.25
        result = []
        for i, topic in enumerate(self._topics):
            office = any(word in topic for word in _AT_WORK)
            level = city * (1.05 if working else 0.9)
            if holiday:
                level *= 0.6 if office else 0.78
            elif not working:
                level *= 0.72 if office else 0.97
            elif after_holiday:
                level *= 1.18
            amplitude, phase, slope = self._phases[i]
            level *= 1.0 + amplitude * math.sin(year + phase) + slope * number / 365.0
            level *= 1.0 + self._bursts[i]
            if any(word in topic for word in _RAIN):
                level *= 1.0 + 0.9 * self._rain
            elif any(word in topic for word in _HEAT):
                level *= 1.0 + 0.7 * self._heat
            result.append(max(0.05, level))
        return result

    def _next_weather(self, day: date) -> None:
        chance = self._weather
        summer = max(0.0, math.sin(2 * math.pi * (day.timetuple().tm_yday - 100) / 365.25))
        self._rain = 0.45 * self._rain + (chance.uniform(0.3, 1.4) if chance.hit(0.12 + 0.1 * summer) else 0.0)
        self._heat = 0.7 * self._heat + (0.4 * chance.unit() if chance.hit(0.5 * summer) else 0.0)
        for i in range(len(self._bursts)):
            self._bursts[i] *= 0.55
            if chance.hit(0.02):
                self._bursts[i] += chance.uniform(0.2, 0.8)
