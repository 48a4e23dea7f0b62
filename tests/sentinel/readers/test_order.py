"""Order of arrival: the same with and without spilling, whatever the order of the lines."""

import random
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from sentinel.readers import Entry, Rejection, in_order
from sentinel.tickets import TicketEvent
from sentinel.times import SHANGHAI

START = datetime(2026, 7, 1, tzinfo=SHANGHAI)


def entry(minutes: int, line: int, file: int = 0) -> Entry:
    at = START + timedelta(minutes=minutes)
    event = TicketEvent(ticket_id=f"{file}-{line}", created_at=at, text="停水")
    return Entry(event.arrival.timestamp(), file, line, 0, event)


@given(st.lists(st.integers(0, 50), max_size=40), st.integers(1, 45))
def test_spilled_runs_merge_to_the_sorted_whole(minutes: list[int], run: int) -> None:
    entries = [entry(minute, line) for line, minute in enumerate(minutes)]
    assert list(in_order(entries, lambda _: None, run=run)) == sorted(entries)


def test_ties_keep_file_and_line_order() -> None:
    entries = [entry(5, line, file) for file in range(3) for line in range(300)]
    shuffled = random.Random(7).sample(entries, len(entries))
    assert list(in_order(shuffled, lambda _: None, run=100)) == entries


def test_rejections_are_passed_on() -> None:
    rejected: list[Rejection] = []
    refusal = Rejection("x", 1, "", "why")
    assert list(in_order([refusal, entry(1, 2)], rejected.append)) == [entry(1, 2)]
    assert rejected == [refusal]
