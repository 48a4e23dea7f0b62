"""Which numbers of a detector an alert tells."""

import pytest

from detectors.base import NEVER, Basis, Evidence
from detectors.overdue import OverdueDetector
from detectors.urgent import DangerCue, UrgentDetector
from sentinel.facts import LONGEST_RECURRENCE, evidence_of

OF_CHANCE = ("score", "p_value", "recurrence_days")
USUAL = ("expected", "low", "high")
TESTED = Evidence("scan 24h", 12.0, 1.5, 0.0, 4.0, 86400.0, 6.0, 1e-6, 40.0, 11, 1)


def nulls(seen: Evidence, basis: Basis) -> set[str]:
    told = evidence_of(seen, 12, basis)
    return {name for name in (*OF_CHANCE, *USUAL) if getattr(told, name) is None}


def test_a_statistical_decision_tells_all() -> None:
    told = evidence_of(TESTED, 12, "statistical")
    assert nulls(TESTED, "statistical") == set()
    assert (told.count, told.expected, told.recurrence_days, told.window_hours) == (12, 1.5, 40.0, 24.0)
    assert "by chance once in 40 days" in told.explanation


def test_an_urgent_ticket_tells_no_numbers_of_chance() -> None:
    decision = UrgentDetector().update([DangerCue(0.9)])
    assert decision is not None
    assert nulls(decision.evidence, decision.basis) == {*OF_CHANCE, *USUAL}
    assert evidence_of(decision.evidence, 1, decision.basis).explanation == "danger"


@pytest.mark.parametrize("basis", ["rule", "floor"])
def test_rules_floors_and_plain_counts_tell_no_numbers_of_chance(basis: Basis) -> None:
    assert nulls(Evidence("returns", 3.0), basis) == {*OF_CHANCE, *USUAL}


def test_a_pile_tells_what_is_usual_and_nothing_of_chance() -> None:
    overdue = OverdueDetector()
    for n in range(12):
        overdue.open("desk", f"t{n}", due=100.0)
    decision = overdue.update("desk", 200.0)
    assert decision is not None
    assert nulls(decision.evidence, decision.basis) == set(OF_CHANCE)
    assert "chance" not in evidence_of(decision.evidence, 12, decision.basis).explanation


def test_never_is_told_as_a_hundred_years() -> None:
    told = evidence_of(TESTED._replace(recurrence_days=NEVER), 12, "statistical")
    assert told.recurrence_days == LONGEST_RECURRENCE
    assert "36500 days" in told.explanation


def test_tickets_are_never_fewer_than_their_callers() -> None:
    assert evidence_of(TESTED, 3, "statistical").count == 12
