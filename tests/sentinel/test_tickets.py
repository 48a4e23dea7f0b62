"""The ticket event model: what it accepts, what it refuses and how it says so."""

import pickle
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from sentinel.tickets import LABEL_KEPT, TEXT_KEPT, TEXT_REFUSED, TicketEvent, problems_of
from sentinel.times import SHANGHAI

NOON = datetime(2019, 7, 8, 12, 0, tzinfo=SHANGHAI)


def ticket(**fields: Any) -> TicketEvent:
    return TicketEvent.model_validate({"ticket_id": "T1", "created_at": NOON, "text": "停水", **fields})


def refused(**fields: Any) -> tuple[str, str]:
    with pytest.raises(ValidationError) as caught:
        ticket(**fields)
    problem = problems_of(caught.value)[0]
    return problem.field, problem.reason


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("派单", "dispatched"),
        ("催单", "urged"),
        ("退单", "returned"),
        ("回访", "callback"),
        ("办结", "closed"),
        ("挂起", "suspended"),
        ("恢复", "resumed"),
        ("Closed", "closed"),
    ],
)
def test_events_in_chinese_and_english(written: str, name: str) -> None:
    event = TicketEvent.model_validate({"ticket_id": "T1", "event": written, "event_at": NOON})
    assert (event.event, event.at) == (name, NOON)


@pytest.mark.parametrize(
    ("written", "answer"),
    [
        ("是", True),
        ("否", False),
        ("已解决", True),
        ("未解决", False),
        ("满意", True),
        ("基本满意", True),
        ("不满意", False),
        (1, True),
        (0, False),
        ("", None),
        ("一般", None),
        (None, None),
        (True, True),
    ],
)
def test_answers(written: object, answer: bool | None) -> None:
    assert ticket(satisfied=written, solved=written).satisfied is answer


def test_time_and_identity() -> None:
    created = ticket(arrived_at=NOON + timedelta(minutes=3))
    assert (created.at, created.arrival) == (NOON, NOON + timedelta(minutes=3))
    assert created.key == ("T1", "created", NOON)
    assert ticket(text="other", created_at=NOON.astimezone(UTC)).key == created.key
    assert pickle.loads(pickle.dumps(created)) == created


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"created_at": "2019-02-30"}, "created_at", "created_at (受理时间) does not exist"),
        ({"created_at": None}, "created_at", "is missing"),
        ({"text": " \n "}, "text", "is empty"),
        ({"text": "水" * (TEXT_REFUSED + 1)}, "text", "more than 100000"),
        ({"event": "closed"}, "event_at", "is missing"),
        ({"event": "exploded"}, "event", "办结"),
        ({"ticket_id": "x" * 201}, "ticket_id", "more than 200"),
        ({"ticket_id": "a\x00b"}, "ticket_id", "control characters"),
        ({"ticket_id": ""}, "ticket_id", "is empty"),
        ({"satisfied": "maybe"}, "satisfied", "满意/不满意"),
        ({"title": ["a"]}, "title", "must be text"),
        ({"source_tags": [str(tag) for tag in range(51)]}, "source_tags", "more than 50"),
    ],
)
def test_refusals_name_field_and_remedy(fields: dict[str, Any], field: str, words: str) -> None:
    found, reason = refused(**fields)
    assert found == field
    assert words in reason


def test_a_missing_ticket_id_is_named() -> None:
    with pytest.raises(ValidationError) as caught:
        TicketEvent.model_validate({"created_at": NOON, "text": "停水"})
    assert problems_of(caught.value)[0].reason == "ticket_id (工单编号) is missing"


def test_long_texts_are_cut_and_numbers_become_text() -> None:
    event = ticket(ticket_id=360114, text="水" * (TEXT_KEPT + 5), title="题" * 600, caller=13800000000.0)
    assert (event.ticket_id, len(event.text), len(event.title)) == ("360114", TEXT_KEPT, LABEL_KEPT)
    assert event.caller == "13800000000"


def test_tags_from_list_or_text() -> None:
    assert ticket(source_tags="国办转办、媒体件;110 110").source_tags == ("国办转办", "媒体件", "110")
    assert ticket(source_tags=["国办转办", "", None]).source_tags == ("国办转办",)


def test_control_characters_leave_the_text_and_unknown_fields_are_ignored() -> None:
    assert ticket(text="停\x00水\n急", foo=1).text == "停 水\n急"


def test_errors_do_not_show_what_was_said() -> None:
    with pytest.raises(ValidationError) as caught:
        ticket(created_at="13812345678号")
    assert "13812345678" not in str(caught.value)


def test_a_caller_is_not_in_the_repr() -> None:
    assert "13812345678" not in repr(ticket(caller="13812345678"))
