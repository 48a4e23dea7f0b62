"""The short way to an event against the long one: the same event or the same refusal, whatever a row holds."""

import marshal
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from sentinel.events import pack, read_event, unpack
from sentinel.tickets import FIELD_NAMES_ZH, FieldProblem, TicketEvent, problems_of
from sentinel.times import SHANGHAI

MOMENT = datetime(2025, 3, 3, 12, 0, tzinfo=SHANGHAI)
GOOD_TIMES = ["2025-03-03T12:00:00+08:00", "2025-03-03 12:00:00", "2025/3/3 9:05", "20250303T1200+08:00+08:00", "",
              1741000000, 45719.5, None, MOMENT, MOMENT.astimezone(UTC), date(2025, 3, 3)]  # fmt: skip
BAD_TIMES = ["2025-02-30T12:00:00+08:00", "18990303T1200+08:00+08:00", "2025-03-03T12:00:00+08:0x", True, [], "停水"]
GOOD_TEXTS = ["停水", " 川沙 ", "a\x00b", "\ud800", "\u2028", "水" * 600, "水" * 20_001, "", 0, 12.0, 12.5, None]
BAD_TEXTS = ["水" * 100_001, True, [], {}, b"bytes", 10**5000]
GOOD_ANSWERS = ["是", "不满意", "一般", "", True, False, None, 1, 0.0]
GOOD_TAGS = ["110、国办转办", ["国办转办", "", None], [], (1, "媒体件"), "", None]
BAD_TAGS = [["x"] * 51, [[]], True, {"a": 1}]
moments = st.datetimes(datetime(1991, 1, 1), datetime(2099, 1, 1)).map(lambda at: at.replace(fold=0))  # noqa: DTZ001
KINDS = {
    **dict.fromkeys(FIELD_NAMES_ZH, (st.sampled_from(GOOD_TEXTS) | st.text(max_size=9), st.sampled_from(BAD_TEXTS))),
    **dict.fromkeys(
        ("created_at", "event_at", "due_at", "arrived_at"),
        (st.sampled_from(GOOD_TIMES) | moments, st.sampled_from(BAD_TIMES) | st.text(max_size=9)),
    ),
    "event": (st.sampled_from(["created", "受理", "Closed", "办结", "", None]), st.sampled_from(["停水", 1, True])),
    "satisfied": (st.sampled_from(GOOD_ANSWERS), st.sampled_from(["maybe", 2, []])),
    "solved": (st.sampled_from(GOOD_ANSWERS), st.sampled_from(["maybe", 2, []])),
    "source_tags": (st.sampled_from(GOOD_TAGS), st.sampled_from(BAD_TAGS)),
    "closed_at": (st.just("ignored"), st.just([])),
}  # fmt: skip
"""Of each field, values that are taken and values that are mostly refused."""

created = {"ticket_id": "T1", "created_at": MOMENT, "text": "停水"}
later = {"ticket_id": "T1", "event": "办结", "event_at": MOMENT}
good = st.fixed_dictionaries({}, optional={name: values for name, (values, _) in KINDS.items()})
bad = st.fixed_dictionaries({}, optional={name: values for name, (_, values) in KINDS.items()})
rows = st.builds(
    lambda base, good, bad: {**base, **good, **bad},
    st.sampled_from([created, later, {}]), good, st.just({}) | st.just({}) | bad,
)  # fmt: skip


def made(make: Callable[[dict[str, Any]], TicketEvent], row: dict[str, Any]) -> str | list[FieldProblem]:
    """The event, type and order of its values included, or what is wrong with it."""
    try:
        event = make(row)
    except ValidationError as error:
        return problems_of(error)
    assert type(event) is TicketEvent
    return repr(event.__dict__)


@given(rows)
@settings(max_examples=400)
@example({"ticket_id": "T1", "created_at": MOMENT})
@example({"ticket_id": "T1", "event": "closed", "created_at": MOMENT, "text": "停水"})
@example({"created_at": MOMENT, "text": "停水"})
@example({"ticket_id": "T1", "event": 10**5000, "event_at": MOMENT})
def test_both_ways_lead_to_the_same_event_or_the_same_problems(row: dict[str, Any]) -> None:
    assert made(read_event, row) == made(TicketEvent.model_validate, row)


@given(rows)
@settings(max_examples=400)
def test_an_event_put_aside_comes_back_the_same(row: dict[str, Any]) -> None:
    try:
        event = read_event(row)
    except ValidationError:
        return
    kept = marshal.dumps(pack(event))
    assert repr(unpack(marshal.loads(kept)).__dict__) == repr(event.__dict__)
    assert unpack(marshal.loads(kept)) == event


def test_an_event_of_the_short_way_is_one_to_pydantic_too() -> None:
    event = read_event({"ticket_id": 7, "created_at": MOMENT, "text": "停水", "caller": "13812345678"})
    assert event == TicketEvent(ticket_id="7", created_at=MOMENT, text="停水", caller="13812345678")
    assert event.model_copy(update={"text": "停电"}).model_dump(exclude_defaults=True) == {
        "ticket_id": "7", "created_at": MOMENT, "text": "停电", "caller": "13812345678"
    }  # fmt: skip
    assert "13812345678" not in repr(event)
