"""Matching alerts to planted incidents."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from sentinel.readers import ReadError
from sentinel.scoring import Score, score

T = "2025-03-10T{:02d}:00:00+08:00"


def incident(kind: str = "new", tickets: tuple[str, ...] = ("a", "b", "c", "d")) -> dict[str, object]:
    return {
        "incident_id": f"{kind}-1",
        "kind": kind,
        "name": "锦澜苑停水",
        "streets": ["310115004"],
        "topic": "公用事业/供水",
        "ticket_ids": list(tickets),
        "callers": len(tickets),
        "first_at": T.format(8),
        "last_at": T.format(14),
        "ticket_times": [T.format(8 + 2 * i) for i in range(len(tickets))],
        "ticket_callers": list(range(len(tickets))),
    }


def alert(tickets: list[str], hour: int = 12, **changes: object) -> dict[str, object]:
    return {
        "alert_id": "x",
        "kind": "mass",
        "basis": "statistical",
        "scope": "issue",
        "reason": "opened",
        "title": "群诉",
        "ticket_ids": tickets,
        "opened_at": T.format(hour),
        "updated_at": T.format(hour),
        **changes,
    }


@pytest.fixture
def judge(tmp_path: Path):
    def run(alerts: list[dict], incidents: list[dict]) -> Score:
        for name, lines in (("alerts", alerts), ("incidents", incidents)):
            text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
            (tmp_path / f"{name}.jsonl").write_text(text, encoding="utf-8")
        return score(tmp_path / "alerts.jsonl", tmp_path / "incidents.jsonl", weeks=2.0)

    return run


def test_half_of_the_tickets_and_two_find_an_incident_under_any_kind(judge) -> None:
    result = judge([alert(["a", "b", "x", "y"])], [incident()])
    (outcome,) = result.outcomes
    assert outcome.found
    assert outcome.delay_hours == 4.0
    assert outcome.delay_callers == 3
    assert result.false_alerts == ()


@pytest.mark.parametrize("tickets", [["a"], ["a", "b", "x", "y", "z"]])
def test_one_ticket_or_less_than_half_does_not(judge, tickets: list[str]) -> None:
    assert not judge([alert(tickets)], [incident()]).outcomes[0].found


def test_a_third_is_enough_for_a_cell(judge) -> None:
    tickets = ["a", "b", "u", "v", "w", "x"]
    assert judge([alert(tickets, scope="cell")], [incident()]).outcomes[0].found
    assert not judge([alert(tickets)], [incident()]).outcomes[0].found


@pytest.mark.parametrize("kind", ["urgent", "bounced"])
def test_one_ticket_finds_an_urgent_or_a_handling_incident(judge, kind: str) -> None:
    assert judge([alert(["a"])], [incident(kind)]).outcomes[0].found


def test_before_the_incident_and_a_day_after_it_is_no_finding(judge) -> None:
    early = alert(["a", "b"], hour=7)
    late = alert(["a", "b"], opened_at="2025-03-11T14:00:01+08:00")
    assert not judge([early, late], [incident()]).outcomes[0].found


def test_an_alert_that_grew_into_it_counts_from_then(judge) -> None:
    opened = alert(["x", "y"], hour=9)
    grown = alert(["x", "y", "a", "b"], reason="grew", opened_at=T.format(9), updated_at=T.format(13))
    result = judge([opened, grown], [incident()])
    assert result.outcomes[0].delay_hours == 5.0
    assert result.false_alerts == ()


def test_false_alerts_are_counted_by_basis_and_kind_a_week(judge) -> None:
    alerts = [alert(["x", "y", "z"], alert_id=str(i), basis=basis) for i, basis in enumerate(["floor", "rule", "rule"])]
    result = judge([*alerts, alert(["x"], alert_id="r", reason="resolved")], [incident()])
    assert result.as_dict()["false_alerts_per_week"] == {
        "statistical": {},
        "floor": {"mass": 0.5},
        "rule": {"mass": 1.0},
    }


def test_tables_name_what_was_missed(judge) -> None:
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(judge([], [incident()]).render())
    text = console.export_text()
    assert "锦澜苑停水" in text
    assert "0 of 1 found" in text


def test_a_line_without_a_field_is_named(judge) -> None:
    with pytest.raises(ReadError, match=r"incidents\.jsonl, line 1: no field 'kind'"):
        judge([], [{"incident_id": "x"}])


def test_a_value_that_cannot_be_read_is_named_with_its_line(judge) -> None:
    with pytest.raises(ReadError, match=r"incidents\.jsonl, line 1: .*yesterday"):
        judge([], [{**incident(), "first_at": "yesterday"}])
