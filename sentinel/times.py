"""Times as hotline exports write them, read into aware datetimes.

A time without an offset is Shanghai time, which has been UTC+8 without daylight saving since September 1991;
every time is kept at that offset.
"""

import re
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Final

from pydantic_core import PydanticCustomError

SHANGHAI: Final = timezone(timedelta(hours=8), "Asia/Shanghai")

_LOOSE_TIME = re.compile(
    r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?"
    r"(?:[T\s]*(\d{1,2})\s*[:：时]\s*(\d{1,2})(?:\s*[:：分]\s*(\d{1,2})(?:\.\d+)?\s*秒?|\s*分)?)?"
)
_FULL_WIDTH = str.maketrans("０１２３４５６７８９／－：．　", "0123456789/-:. ")
_EARLIEST_YEAR, _LATEST_YEAR = 1990, 2100
_EXCEL_DAY_ZERO = datetime(1899, 12, 30, tzinfo=SHANGHAI)
_POSIX_ZERO = datetime(1970, 1, 1, 8, tzinfo=SHANGHAI)
_TIME_ADVICE = "write it like 2019-07-08 09:32:09 or 2019-07-08T09:32:09+08:00"


def parse_time(value: object) -> datetime:
    """Read a time as hotline exports write it; an aware datetime at UTC+8.

    Understands ISO 8601, `2019/7/8 9:32:09`, `2019.7.8`, `2019年7月8日 9时32分`, `20190708093209`, dates
    alone (their midnight), datetimes and dates of a spreadsheet, its bare day numbers (43654.4), and POSIX
    seconds or milliseconds.

    Raises `PydanticCustomError` (a `ValueError`) that says what is wrong and what to write.
    """
    if isinstance(value, str):
        moment = _time_as_sent(value) or _time_from_text(value.strip())
    elif isinstance(value, datetime):
        moment = value
    elif isinstance(value, date):
        moment = datetime(value.year, value.month, value.day, tzinfo=SHANGHAI)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        moment = _time_from_number(value)
    else:
        raise PydanticCustomError("time", f"is not a time; {_TIME_ADVICE}")
    if not _EARLIEST_YEAR <= moment.year <= _LATEST_YEAR:
        raise PydanticCustomError("time", f"lies outside the years {_EARLIEST_YEAR} to {_LATEST_YEAR}; {_TIME_ADVICE}")
    if moment.tzinfo is SHANGHAI:
        return moment
    return _in_shanghai(moment) if moment.tzinfo is None else moment.astimezone(SHANGHAI)


def posix_seconds(moment: datetime) -> float:
    """What `moment.timestamp()` gives, in a third of its time where the moment is at `SHANGHAI` itself."""
    return (moment - _POSIX_ZERO).total_seconds()


def _time_as_sent(text: str) -> datetime | None:
    """The usual form of machines, 2019-07-08T09:32:09+08:00, which most times have; None for any other."""
    if len(text) != 25 or not text.endswith("+08:00") or not text.isascii():
        return None
    try:
        return _in_shanghai(datetime.fromisoformat(text[:19]))
    except ValueError:
        return None


def _in_shanghai(moment: datetime) -> datetime:
    """What `moment.replace(tzinfo=SHANGHAI)` gives, in a quarter of its time."""
    return datetime.combine(moment, moment.time(), SHANGHAI)


def _time_from_text(text: str) -> datetime:
    if not text.isascii():
        text = text.translate(_FULL_WIDTH)
    if text[4:5] != "-" and text.isascii() and text.isdigit() and len(text) != 8:
        # fromisoformat would take any character for its "T", a digit too
        if len(text) not in (12, 14):
            return _time_from_number(int(text[:20]))
        text = f"{text[:8]}T{text[8:]}"
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return _time_from_loose_text(text)


def _time_from_loose_text(text: str) -> datetime:
    parts = _LOOSE_TIME.fullmatch(text)
    if parts is None:
        try:
            number = float(text)
        except ValueError:
            raise PydanticCustomError("time", f"is not a time; {_TIME_ADVICE}") from None
        return _time_from_number(number)
    year, month, day, hour, minute, second = (int(part or 0) for part in parts.groups())
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=SHANGHAI)
    except ValueError as error:
        raise PydanticCustomError("time", f"does not exist ({error}); {_TIME_ADVICE}") from None


def _time_from_number(number: float) -> datetime:
    """A spreadsheet's day number, POSIX seconds, or POSIX milliseconds: their ranges do not touch."""
    if not -1e15 < number < 1e15:  # NaN is refused here too
        raise PydanticCustomError("time", f"is not a time; {_TIME_ADVICE}")
    if 30_000 <= number < 80_000:
        return _EXCEL_DAY_ZERO + timedelta(seconds=round(number * 86_400))
    if 6e8 <= number < 5e9:
        return datetime.fromtimestamp(number, UTC)
    if 6e11 <= number < 5e12:
        return datetime.fromtimestamp(number / 1000, UTC)
    raise PydanticCustomError("time", f"is a number that is no time; {_TIME_ADVICE}")
