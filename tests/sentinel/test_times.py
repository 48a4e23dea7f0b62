"""Times as exports write them, and what is none."""

from datetime import UTC, date, datetime, timedelta, tzinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from sentinel.times import SHANGHAI, parse_time, posix_seconds


@pytest.mark.parametrize(
    "written",
    [
        "2019-07-08 09:32:09",
        "2019-07-08T09:32:09",
        "2019-07-08T09:32:09+08:00",
        "2019-07-08T01:32:09Z",
        "2019/7/8 9:32:09",
        "2019.7.8 9:32:09",
        "2019年7月8日 9时32分9秒",
        "２０１９/７/８ ９：３２：０９",
        "20190708093209",
        " 2019-07-08 09:32:09 ",
        1562549529,
        1562549529000,
        "1562549529",
        43654.39732638889,
        datetime(2019, 7, 8, 9, 32, 9),  # noqa: DTZ001 a spreadsheet's datetime is naive
        datetime(2019, 7, 8, 1, 32, 9, tzinfo=UTC),
    ],
)
def test_times_as_exports_write_them(written: object) -> None:
    assert parse_time(written) == datetime(2019, 7, 8, 9, 32, 9, tzinfo=SHANGHAI)


@pytest.mark.parametrize("written", ["2019-07-08", "2019/7/8", "20190708", date(2019, 7, 8), 43654])
def test_a_date_is_its_midnight(written: object) -> None:
    assert parse_time(written) == datetime(2019, 7, 8, tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    "written",
    [
        "2019-02-30",
        "2019/2/30 9:00",
        "yesterday",
        "",
        "0",
        0,
        1e300,
        10**400,
        float("nan"),
        "0001-01-01",
        True,
        [],
        "2019-13-01",
        "1512011112233445566",
        "9999-12-31T23:59:59-12:00",
        "²²²²²²²²²",
    ],
)
def test_what_is_no_time_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match="write it like"):
        parse_time(written)


@given(st.datetimes(min_value=datetime(1992, 1, 1), max_value=datetime(2099, 1, 1)))  # noqa: DTZ001
def test_a_written_time_is_read_back(moment: datetime) -> None:
    moment = moment.replace(microsecond=0)
    expected = moment.replace(tzinfo=SHANGHAI)
    assert parse_time(moment.isoformat(" ")) == expected
    assert parse_time(f"{moment.year}/{moment.month}/{moment.day} {moment:%H:%M:%S}") == expected
    assert parse_time(expected.isoformat()).utcoffset() == timedelta(hours=8)


@given(st.datetimes(datetime(1990, 1, 1), datetime(2100, 12, 31)), st.sampled_from([SHANGHAI, UTC]))  # noqa: DTZ001
def test_posix_seconds_are_the_timestamp_to_the_last_bit(moment: datetime, zone: tzinfo) -> None:
    moment = moment.replace(tzinfo=zone)
    assert posix_seconds(moment) == moment.timestamp()


@given(st.text(max_size=30))
def test_no_text_breaks_the_time_parser(text: str) -> None:
    try:
        moment = parse_time(text)
    except PydanticCustomError:
        return
    assert moment.utcoffset() == timedelta(hours=8)
