"""Classes of days, in Shanghai."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from detectors.daytypes import (
    HOLIDAY,
    before_working_time,
    day_class,
    day_start,
    is_day_off,
    local_day,
    working_time,
)

EPOCH = date(1970, 1, 1).toordinal()


def _class(*ymd: int) -> int:
    return day_class(date(*ymd).toordinal() - EPOCH)


def test_weekdays_holidays_and_made_up_workdays() -> None:
    assert [_class(2025, 9, day) for day in range(15, 22)] == [0, 1, 2, 3, 4, 5, 6]
    assert _class(2025, 10, 1) == HOLIDAY
    assert _class(2025, 9, 28) == 2  # a Sunday that is worked
    assert is_day_off(HOLIDAY)
    assert not is_day_off(_class(2025, 9, 28))


def test_years_without_a_calendar_have_weekdays_only() -> None:
    assert _class(2090, 10, 1) == date(2090, 10, 1).weekday()
    assert _class(1999, 10, 1) == 4


def test_the_day_begins_at_local_midnight() -> None:
    assert local_day(1_736_092_800.0, 8.0) - local_day(1_736_092_799.0, 8.0) == 1
    assert day_start(local_day(1_736_092_800.0, 8.0), 8.0) == 1_736_092_800.0


@given(st.integers(1_735_000_000, 1_770_000_000), st.integers(0, 15 * 86_400))
def test_so_much_working_time_lies_between(t: int, seconds: int) -> None:
    assert working_time(before_working_time(t, seconds, 8.0), t, 8.0) == seconds
