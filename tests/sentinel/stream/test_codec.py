"""The codec: what is read is what was written, and nothing else is read."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.intake import Door, Intake, IntakeSettings
from sentinel.partition import Partition
from sentinel.records import ConfigChange, Digest, End, Feedback, HandlerDigest, IssueDigest, Routed, RoutedTicket, Tick
from sentinel.settings import load_document
from sentinel.shared import Shared
from sentinel.stream.codec import (
    Answer,
    CodecError,
    decode_answer,
    decode_batch,
    encode_answer,
    encode_batch,
    record_from_json,
    record_to_json,
)
from sentinel.tickets import TicketEvent

text = st.text(max_size=20)
number = st.floats(allow_nan=False, allow_infinity=False)
maybe = st.none() | st.booleans()
tickets = st.builds(
    RoutedTicket, seq=st.integers(1, 10**15), clock=number, street=text, event=st.sampled_from(["created", "closed"]),
    ticket_id=text, at=number, title=text, text=text, topic=text, nature=text, handler=text, company=text,
    address=text, channel=text, tags=st.lists(text, max_size=3).map(tuple), caller=text, due_at=st.none() | number,
    satisfied=maybe, solved=maybe, returned_by=text,
)  # fmt: skip


@pytest.fixture(scope="module")
def digests(events: list[TicketEvent], shared: Shared, door: Door) -> list[Digest]:
    """What one busy partition tells the city of a day or two."""
    intake, told = Intake(door, IntakeSettings()), {number: Partition(number, shared) for number in shared.partitions}
    found: list[Digest] = []
    for position, event in enumerate(events[:600]):
        for record in intake.take(position, event).records:
            if isinstance(record, RoutedTicket):
                told[shared.streets.partition(record.street)].take(record)
            else:
                found += [digest for partition in told.values() for digest in partition.take(record).digests]
    return found


def plain(digest: Digest) -> list[object]:
    """A digest as what can be compared, the types of its values among it."""
    if not isinstance(digest, IssueDigest):
        return [*digest, *map(type, digest)]
    arrays = (*digest.reading.terms, digest.reading.vector)
    others = [*digest._replace(reading=None), *digest.reading.fields, digest.reading.ticket_id]  # type: ignore[arg-type]
    return [*others, *map(type, others), *((a.dtype, a.tobytes()) for a in arrays)]


@given(tickets)
def test_a_ticket_is_read_as_it_was_written(ticket: RoutedTicket) -> None:
    (read,) = decode_batch(encode_batch(0, [ticket])).records
    assert read == ticket
    assert [type(value) for value in read] == [type(value) for value in ticket]


def test_every_record_is_read_as_it_was_written() -> None:
    records: list[Routed] = [ConfigChange(0, 0.0, load_document()), Tick(3, 300.0), End(9, 301.5)]
    records += [Feedback(10, 301.5, "s", "issue", "i", True), Feedback(11, 301.5, "", "city", "", False)]
    assert decode_batch(encode_batch(-1, records)) == (-1, records)


def test_fields_not_given_take_no_room(ticket: Callable[..., RoutedTicket]) -> None:
    assert record_to_json(ticket()).keys() == {"type", *RoutedTicket._fields[:6]}


def test_digests_are_read_bit_for_bit(digests: list[Digest]) -> None:
    assert {type(digest) for digest in digests} == {IssueDigest, HandlerDigest}
    ticks = (Tick(7, 300.0), End(9, 305.0))
    read = decode_answer(encode_answer(Answer(5, 3, ticks, tuple(digests), 1, 2, ("{}",))))
    assert read[:3] == (5, 3, ticks)
    assert read[4:] == (1, 2, ("{}",))
    assert list(map(plain, read.digests)) == list(map(plain, digests))


def test_what_is_read_keeps_nothing_of_the_message_alive(digests: list[Digest]) -> None:
    issue = next(digest for digest in digests if isinstance(digest, IssueDigest))
    (read,) = decode_answer(encode_answer(Answer(0, -1, (), (issue,)))).digests
    assert isinstance(read, IssueDigest)
    assert read.reading.vector.base is None
    assert all(values.base is None and values.flags.writeable for values in read.reading.terms)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"nonsense",
        b"\xff\xfe",
        b"[]",
        b'{"v":1}',
        b'{"v":1,"before":0,"records":[]}',
        b'{"v":1,"before":0,"records":[1]}',
        b'{"v":1,"before":0,"records":[{"type":"tick"}]}',
        b'{"v":1,"before":0,"records":[{"type":"ticket","seq":1}]}',
        b'{"v":1,"before":0,"records":[{"type":"unheard of","seq":1,"clock":1.0}]}',
        b'{"v":1,"before":5,"records":[{"type":"tick","seq":5,"clock":1.0}]}',
        b'{"v":1,"before":0,"records":[{"type":"tick","seq":2,"clock":1.0},{"type":"tick","seq":1,"clock":1.0}]}',
    ],
)
def test_anything_else_is_refused(value: bytes) -> None:
    with pytest.raises(CodecError):
        decode_batch(value)
    with pytest.raises(CodecError):
        decode_answer(value)


def test_another_version_is_refused_by_name() -> None:
    with pytest.raises(CodecError, match="version 2"):
        decode_batch(b'{"v":2,"before":0,"records":[{"type":"tick","seq":1,"clock":1.0}]}')
    written = encode_answer(Answer(0, -1, (Tick(1, 1.0),), ()))
    with pytest.raises(CodecError, match="version 9"):
        decode_answer(written[:2] + (9).to_bytes(2, "little") + written[4:])


@given(st.integers(0, 400))
def test_a_message_cut_short_is_refused(length: int) -> None:
    written = encode_answer(
        Answer(0, -1, (Tick(1, 1.0),), (HandlerDigest(1, 1.0, "s", "h", "T", 1.0, 0.0, True, None, False),))
    )
    if length < len(written):
        with pytest.raises(CodecError):
            decode_answer(written[:length])


def test_arrays_cut_short_are_refused(digests: list[Digest]) -> None:
    issue = next(digest for digest in digests if isinstance(digest, IssueDigest))
    with pytest.raises(CodecError):
        decode_answer(encode_answer(Answer(0, -1, (Tick(1, 1.0),), (issue,)))[:-4])


def test_a_record_survives_the_file_it_is_exported_to(ticket: Callable[..., RoutedTicket]) -> None:
    record = ticket(3, tags=("媒体件",), due_at=0.1 + 0.2, satisfied=False)
    assert record_from_json(json.loads(json.dumps(record_to_json(record), ensure_ascii=False))) == record
