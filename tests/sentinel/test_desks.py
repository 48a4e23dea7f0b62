"""Handlers across the city: piles past their limit, and closings that callers contradict."""

import pickle
from collections.abc import Callable
from datetime import datetime

import pytest

from detectors.unsatisfied import CONTRADICTED
from sentinel.desks import DAY, HOUR, Desks
from sentinel.records import HandlerDigest
from sentinel.settings import Settings

NOON = 1_741_000_000.0 // HOUR * HOUR
DESK = "川沙水务所"


@pytest.fixture
def desks(settings: Settings) -> Desks:
    return Desks(settings)


@pytest.fixture
def digest() -> Callable[..., HandlerDigest]:
    def build(ticket_id: str, hours: float = 0.0, **fields: object) -> HandlerDigest:
        values = {"due_at": 0.0, "left": False, "bad": None, "contradicted": False, "handler": DESK, **fields}
        at = NOON + hours * HOUR
        return HandlerDigest(1, at, "310115103", ticket_id=ticket_id, at=at, **values)  # type: ignore[arg-type]

    return build


Build = Callable[..., HandlerDigest]


def pile(desks: Desks, digest: Build, tickets: int, hours: float = 48.0) -> None:
    for n in range(tickets):
        desks.take(digest(f"T{n}", due_at=NOON + hours * HOUR + n))


def pile_ids(desks: Desks, clock: float) -> tuple[str, ...]:
    ((_, facts),) = desks.judge(DESK, clock)
    return facts.ticket_ids


def test_a_pile_past_its_limit_is_overdue_with_its_tickets(desks: Desks, digest: Build) -> None:
    pile(desks, digest, 15)
    assert desks.judge(DESK, NOON) == []
    ((decision, facts),) = desks.judge(DESK, NOON + 3 * DAY)
    assert decision.kind == "overdue"
    assert decision.fired
    assert (facts.overdue, facts.ticket_count, len(facts.ticket_ids)) == (15, 15, 15)
    assert facts.place == DESK


def test_tickets_that_left_in_time_are_not_overdue(desks: Desks, digest: Build) -> None:
    pile(desks, digest, 15)
    for n in range(12):
        desks.take(digest(f"T{n}", 1.0, left=True))
    assert desks.judge(DESK, NOON + 3 * DAY) == []


def test_what_falls_due_soon_is_told_apart(desks: Desks, digest: Build) -> None:
    pile(desks, digest, 15)
    for n in range(4):
        desks.take(digest(f"S{n}", due_at=NOON + 80 * HOUR))
    ((_, facts),) = desks.judge(DESK, NOON + 72 * HOUR)
    assert (facts.overdue, facts.due_soon) == (15, 4)


def test_large_piles_are_looked_at_once_an_hour_in_the_order_of_names(desks: Desks, digest: Build) -> None:
    for name, tickets in (("乙", 3), ("甲", 6), ("丙", 2), ("丁", 5)):
        for n in range(tickets):
            due = NOON + (2 * DAY if name == "丁" else HOUR)
            desks.take(digest(f"T-{name}-{n}", due_at=due, handler=name))
    assert desks.hourly(NOON) == []
    assert desks.hourly(NOON + HOUR) == sorted(["乙", "甲"])
    assert desks.hourly(NOON + 2 * HOUR - 1) == []
    assert desks.hourly(NOON + 2 * HOUR) == sorted(["乙", "甲"])


def test_many_contradicted_closings_are_told_once_with_their_number(desks: Desks, digest: Build) -> None:
    for n in range(60):
        desks.take(digest(f"G{n}", 24.0 * n, bad=False))
    found = []
    for n in range(25):
        desks.take(digest(f"B{n}", 24.0 * 60 + n, bad=True, contradicted=n % 2 == 0))
        found += desks.judge(DESK, NOON + (24 * 60 + n) * HOUR)
    kinds = [decision.kind for decision, _ in found]
    assert "unsatisfied" in kinds
    facts = found[0][1]
    assert facts.unsatisfied == len(facts.ticket_ids) == facts.ticket_count
    assert facts.contradicted == (facts.unsatisfied + 1) // 2
    assert desks.judge(DESK, NOON + 90 * DAY) == []


def test_a_ticket_that_is_never_closed_is_given_up(desks: Desks, digest: Build, settings: Settings) -> None:
    pile(desks, digest, 15)
    limit = NOON + 48 * HOUR
    for n in range(5):
        desks.take(digest(f"T-late-{n}", due_at=limit + 30 * DAY))
    assert len(pile_ids(desks, limit + DAY)) == 15
    assert desks.hourly(limit + settings.memory.tickets + HOUR) == [DESK]  # those that fell due later are still there
    assert desks.hourly(limit + settings.memory.tickets + 31 * DAY) == []
    assert desks.judge(DESK, limit + settings.memory.tickets + 31 * DAY) == []


def test_a_limit_long_past_or_impossibly_far_is_none(desks: Desks, digest: Build, settings: Settings) -> None:
    for n in range(20):
        desks.take(digest(f"A{n}", due_at=NOON - settings.memory.tickets - HOUR))
        desks.take(digest(f"B{n}", due_at=NOON + 100 * 365 * DAY))
    assert desks.hourly(NOON) == []
    assert desks.judge(DESK, NOON) == []


def test_what_is_kept_does_not_grow_with_what_came(desks: Desks, digest: Build) -> None:
    sizes = []
    for month in range(12):
        for n in range(200):
            hours = 24.0 * 30 * month + n
            name = f"{month}-{n}"
            desks.take(digest(name, hours, due_at=NOON + (hours + 48) * HOUR, handler=f"desk {name}"))
            desks.take(digest(f"{name}-b", hours, bad=n % 3 == 0, handler=f"desk {name}"))
            desks.hourly(NOON + hours * HOUR)
        sizes.append(len(pickle.dumps(desks)))
    assert sizes[-1] < 1.1 * max(sizes[3:6])


def test_what_is_told_of_call_backs_is_what_was_tested(desks: Desks, digest: Build, settings: Settings) -> None:
    for n in range(60):
        desks.take(digest(f"G{n}", 24.0 * n, bad=False))
    found = []
    for n in range(25):
        desks.take(digest(f"B{n}", 24.0 * 60 + n, bad=True, contradicted=n % 3 == 0))
        found += desks.judge(DESK, NOON + (24 * 60 + n) * HOUR)
    assert found
    for decision, facts in found:
        assert decision.evidence.window <= settings.handling.unsatisfied.within
        assert decision.evidence.observed == facts.ticket_count == len(facts.ticket_ids)


def test_contradicted_closings_are_told_beside_all_bad_call_backs(desks: Desks, digest: Build) -> None:
    for n in range(400):
        desks.take(digest(f"G{n}", 3.0 * n, bad=n % 4 == 0))
        desks.judge(DESK, NOON + 3.0 * n * HOUR)
    found = []
    for n in range(8):
        hours = 1200.0 + 3.0 * n
        desks.take(digest(f"B{n}", hours, bad=True, contradicted=n != 3))
        found += desks.judge(DESK, NOON + hours * HOUR)
    decision, facts = found[-1]
    assert decision.evidence.statistic == CONTRADICTED
    assert facts.contradicted == facts.ticket_count < facts.unsatisfied
    assert "B3" not in facts.ticket_ids


def test_a_burst_is_told_beside_the_whole_pile(desks: Desks, digest: Build) -> None:
    wednesday = datetime.fromisoformat("2025-03-12T15:00:00+08:00").timestamp()
    for n in range(3):
        desks.take(digest(f"old{n}", due_at=wednesday - 30 * DAY + n, withheld=True))
    for n in range(9):
        desks.take(digest(f"new{n}", due_at=wednesday - 6 * HOUR + n, withheld=n == 0))
    ((decision, facts),) = desks.judge(DESK, wednesday)
    assert facts.ticket_ids == tuple(f"new{n}" for n in range(9))
    assert (facts.overdue, facts.ticket_count, decision.evidence.observed) == (12, 9, 9.0)
    assert (facts.withheld, facts.withheld_count) == (("new0",), 1)


def test_satisfied_callers_say_nothing(desks: Desks, digest: Build) -> None:
    for n in range(50):
        desks.take(digest(f"G{n}", float(n), bad=False))
    assert desks.judge(DESK, NOON + 50 * HOUR) == []


def test_what_is_due_on_monday_is_close_on_friday(desks: Desks, digest: Build) -> None:
    friday = datetime.fromisoformat("2025-03-07T12:00:00+08:00").timestamp()
    pile(desks, digest, 15, hours=(friday - NOON) / HOUR - 1.0)
    for n, hours in enumerate((5.0, 60.0, 70.0, 75.0)):
        desks.take(digest(f"S{n}", due_at=friday + hours * HOUR))
    ((_, facts),) = desks.judge(DESK, friday)
    assert (facts.overdue, facts.due_soon) == (15, 3)
