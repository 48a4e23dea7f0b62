"""Days as a hotline knows them: weekdays, weekends, public holidays, made-up workdays."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Final

import chinese_calendar

from detectors.base import DAY, HOUR

HOLIDAY: Final = 7
"""Class of a public holiday; 0 to 6 are Monday to Sunday."""
DAY_CLASSES: Final = 8
_MADE_UP_WORKDAY: Final = 2
_EPOCH: Final = date(1970, 1, 1).toordinal()


def local_day(t: float, utc_offset: float) -> int:
    """Number of the local day that holds ``t``, days since 1970-01-01; the offset is in hours."""
    return int((t + utc_offset * HOUR) // DAY)


def day_start(day: int, utc_offset: float) -> float:
    """POSIX seconds of the local midnight that begins ``day``."""
    return day * DAY - utc_offset * HOUR


@lru_cache(maxsize=4096)
def day_class(day: int) -> int:
    """Class of a local day: 0 (Monday) to 6 (Sunday), or 7 for a public holiday of China.

    A weekend day that is worked to make up for a holiday counts as a Wednesday. Years the calendar library
    does not know have weekdays and weekends only.

    Examples
    --------
    >>> from datetime import date
    >>> number = lambda *d: date(*d).toordinal() - date(1970, 1, 1).toordinal()
    >>> day_class(number(2025, 9, 29)), day_class(number(2025, 10, 1)), day_class(number(2025, 9, 28))
    (0, 7, 2)
    """
    today = date.fromordinal(day + _EPOCH)
    weekday = today.weekday()
    try:
        free, holiday = chinese_calendar.get_holiday_detail(today)
    except NotImplementedError:
        return weekday
    if free:
        return HOLIDAY if holiday is not None else weekday
    return weekday if weekday < 5 else _MADE_UP_WORKDAY


def is_day_off(kind: int) -> bool:
    """Whether a class of day is free of work for most people."""
    return kind >= 5


def working_time(t0: float, t1: float, utc_offset: float) -> float:
    """Seconds between two times that fall on days of work, each of which counts from midnight to midnight.

    >>> from datetime import datetime
    >>> at = lambda text: datetime.fromisoformat(f"{text}:00+08:00").timestamp()
    >>> working_time(at("2025-03-07T12:00"), at("2025-03-10T12:00"), 8.0) / 3600  # from Friday to Monday
    24.0
    """
    total = 0.0
    for day in range(local_day(t0, utc_offset), local_day(t1, utc_offset) + 1):
        if not is_day_off(day_class(day)):
            begins = day_start(day, utc_offset)
            total += max(0.0, min(t1, begins + DAY) - max(t0, begins))
    return total


def after_working_time(t: float, seconds: float, utc_offset: float) -> float:
    """The time at which so many seconds of days of work have passed since ``t``.

    >>> from datetime import datetime
    >>> friday = datetime.fromisoformat("2025-03-07T12:00:00+08:00").timestamp()
    >>> monday = datetime.fromisoformat("2025-03-10T12:00:00+08:00").timestamp()
    >>> after_working_time(friday, 86400.0, 8.0) == monday
    True
    """
    day = local_day(t, utc_offset)
    while True:
        ends = day_start(day + 1, utc_offset)
        if not is_day_off(day_class(day)):
            if t + seconds <= ends:
                return t + seconds
            seconds -= ends - t
        t, day = ends, day + 1


def before_working_time(t: float, seconds: float, utc_offset: float) -> float:
    """The latest time from which so many seconds of days of work pass until ``t``.

    >>> from datetime import datetime
    >>> friday = datetime.fromisoformat("2025-03-07T12:00:00+08:00").timestamp()
    >>> monday = datetime.fromisoformat("2025-03-10T12:00:00+08:00").timestamp()
    >>> before_working_time(monday, 86400.0, 8.0) == friday
    True
    """
    day = local_day(t, utc_offset)
    while True:
        begins = day_start(day, utc_offset)
        if not is_day_off(day_class(day)):
            if t - seconds >= begins:
                return t - seconds
            seconds -= t - begins
        t, day = begins, day - 1
