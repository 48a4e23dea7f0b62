"""What arrives on `tickets`: events in every envelope, control records, and poison with its reason."""

import json

import pytest

from sentinel.stream import envelope
from sentinel.stream.dead import letter
from sentinel.stream.envelope import Message, PoisonError
from sentinel.stream.inbox import BYTES_MAX, ClockPassed, ConfigApplied, FeedbackGiven, StreamEnded, control, receive
from sentinel.tickets import TicketEvent

PHONE, CALLER = "13917654321", "wx_account_77881"
TICKET = {
    "ticket_id": "T1",
    "created_at": "2025-03-03T12:00:00",
    "text": f"停水，电话{PHONE}",
    "caller": CALLER,
}


def message(value: object, *, key: bytes | None = b"T1", headers: envelope.Headers = ()) -> Message:
    raw = value if isinstance(value, bytes) or value is None else json.dumps(value, ensure_ascii=False).encode()
    return Message("a.tickets", 0, 41, 0.0, key, raw, headers)


def test_a_plain_ticket_is_an_event() -> None:
    assert receive(message(TICKET)) == TicketEvent.model_validate(TICKET)


def test_a_ticket_comes_in_either_mode_of_cloudevents() -> None:
    binary = envelope.envelope(envelope.TICKET, "1", "hotline")
    assert receive(message(TICKET, headers=binary)) == TicketEvent.model_validate(TICKET)
    structured = {"specversion": "1.0", "id": "1", "source": "hotline", "type": envelope.TICKET, "data": TICKET}
    headers = (("Content-Type", b"application/cloudevents+json; charset=utf-8"),)
    assert receive(message(structured, headers=headers)) == TicketEvent.model_validate(TICKET)


@pytest.mark.parametrize(
    ("kind", "data", "expected"),
    [
        (envelope.CLOCK, {"clock": 1e9}, ClockPassed(1e9)),
        (envelope.END, {}, StreamEnded()),
        (
            envelope.FEEDBACK,
            {"street": "310115103", "dedup_key": "rising:cell:交通/公交", "real": True},
            FeedbackGiven("310115103", "cell", "交通/公交", True),
        ),
        (envelope.CONFIG, {"sentinel.yaml": {}}, ConfigApplied({"sentinel.yaml": {}})),
    ],
)
def test_a_control_record_is_what_it_was_made_as(kind: str, data: object, expected: object) -> None:
    key, value, headers = control("a", kind, "1", data)
    assert receive(message(value, key=key, headers=headers)) == expected


POISON = {
    "no JSON": (b"{nonsense", "not JSON"),
    "not UTF-8": (b"\xff\xfe\x00", "not JSON"),
    "no object": ([1], "no object"),
    "wrong type": ({**TICKET, "created_at": ["yesterday"]}, "created_at"),
    "no text": ({**TICKET, "text": ""}, "text"),
    "no number": ({"created_at": TICKET["created_at"], "text": "x"}, "ticket_id"),
    "far too long": (b" " * (BYTES_MAX + 1), "1,048,577 bytes"),
    "tombstone": (None, "tombstone"),
}


@pytest.mark.parametrize("name", POISON)
def test_poison_is_refused_with_the_reason(name: str) -> None:
    value, reason = POISON[name]
    with pytest.raises(PoisonError, match=reason):
        receive(message(value))


def test_a_ticket_without_a_key_is_refused() -> None:
    with pytest.raises(PoisonError, match="no key"):
        receive(message(TICKET, key=None))


TOO_LITTLE: list[dict[str, object]] = [
    {},
    {"street": "", "dedup_key": "mass", "real": True},
    {"street": "", "dedup_key": "a:b:c"},
]


@pytest.mark.parametrize("data", TOO_LITTLE)
def test_feedback_that_says_too_little_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(PoisonError, match="feedback"):
        receive(message(data, headers=envelope.envelope(envelope.FEEDBACK, "1", "x")))


def test_another_version_or_type_is_refused() -> None:
    for kind in ("sentinel.ticket.v2", "com.example.other"):
        with pytest.raises(PoisonError, match=kind):
            receive(message(TICKET, headers=envelope.envelope(kind, "1", "x")))


def test_a_dead_letter_says_where_and_why_and_shows_no_personal_data() -> None:
    sent = letter("a.dead", message({**TICKET, "created_at": f"no time {PHONE}", "name": "诸葛建国"}), "because")
    assert sent.value is not None
    data = json.loads(sent.value)
    assert (data["topic"], data["partition"], data["offset"], data["reason"]) == ("a.tickets", 0, 41, "because")
    assert data["fields"]["ticket_id"] == "T1"
    shown = sent.value.decode() + repr(sent.headers)
    for private in (PHONE, CALLER, "诸葛建国"):
        assert private not in shown


@pytest.mark.parametrize("value", [b'{"caller": "' + CALLER.encode(), CALLER.encode(), b"\xff" + CALLER.encode()])
def test_of_what_cannot_be_read_nothing_is_shown(value: bytes) -> None:
    sent = letter("a.dead", message(value), "because")
    assert sent.value is not None
    assert CALLER not in sent.value.decode()


def test_the_letter_of_a_message_is_always_the_same() -> None:
    assert letter("a.dead", message(TICKET), "because") == letter("a.dead", message(TICKET), "because")


def test_keys_are_masked_too() -> None:
    sent = letter("a.dead", message(b"x", key=f"电话{PHONE}".encode()), "because")
    assert PHONE.encode() not in (sent.key or b"") + (sent.value or b"")
