"""The simulated hotline as a whole: what it writes, and that it is no toy."""

import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from sentinel.simulate import simulate
from sentinel.tickets import TicketEvent

HANDLING = {"repeat_call", "bounced", "unsatisfied", "overdue"}


@dataclass
class Run:
    events: list[TicketEvent]
    incidents: list[dict]
    issue_of: dict[str, str]

    def created(self) -> dict[str, TicketEvent]:
        return {event.ticket_id: event for event in self.events if event.event == "created"}


def rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("run")
    simulate(45, 7, out, tickets_per_day=300, incidents_per_day=2.5)
    lines = (out / "tickets.jsonl").read_text(encoding="utf-8").splitlines()
    truth = {row["ticket_id"]: row["issue_id"] for row in rows(out / "issues_truth.jsonl")}
    return Run([TicketEvent.model_validate_json(line) for line in lines], rows(out / "incidents.jsonl"), truth)


def hours(incident: dict) -> float:
    span = datetime.fromisoformat(incident["last_at"]) - datetime.fromisoformat(incident["first_at"])
    return span.total_seconds() / 3600


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        simulate(5, 3, tmp_path / name, tickets_per_day=200, incidents_per_day=3.0)
    for file in ("tickets.jsonl", "incidents.jsonl", "issues_truth.jsonl"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_lines_are_in_order_of_arrival(run: Run) -> None:
    arrivals = [event.arrival for event in run.events]
    assert arrivals == sorted(arrivals)


def test_about_the_volume_asked_for(run: Run) -> None:
    assert 0.8 < len(run.created()) / (45 * 300) < 1.25


def test_every_event_occurs(run: Run) -> None:
    counts = Counter(event.event for event in run.events)
    assert set(counts) == {
        "created", "dispatched", "urged", "returned", "callback", "closed", "suspended", "resumed",
    }  # fmt: skip


def test_events_follow_the_creation_of_their_ticket(run: Run) -> None:
    seen: dict[str, datetime] = {}
    for event in run.events:
        if event.event == "created":
            seen.setdefault(event.ticket_id, event.at)
        else:
            assert event.at >= seen[event.ticket_id]


def test_fields_are_missing_and_dirty_as_in_life(run: Run) -> None:
    tickets = list(run.created().values())

    def share(field: str) -> float:
        return sum(not getattr(ticket, field) for ticket in tickets) / len(tickets)

    assert 0.15 <= share("topic") <= 0.25
    assert 0.08 <= share("street") <= 0.2
    assert 0.06 <= share("caller") <= 0.13
    late = sum(ticket.arrived_at is not None for ticket in tickets) / len(tickets)
    assert 0.01 < late < 0.05
    assert all(ticket.street or ticket.address for ticket in tickets)


def test_callers_have_numbers_nobody_has(run: Run) -> None:
    assert all(not event.caller or event.caller[:3] in ("142", "143") for event in run.events)


def test_texts_have_the_length_of_hotline_texts(run: Run) -> None:
    lengths = sorted(len(ticket.text) for ticket in run.created().values())
    assert lengths[len(lengths) // 50] >= 25
    assert lengths[-1] <= 300
    assert 50 <= lengths[len(lengths) // 2] <= 120


def test_half_of_the_incidents_are_small_and_slow(run: Run) -> None:
    small = [it for it in run.incidents if it["callers"] <= 8 and hours(it) >= 24]
    assert len(small) >= len(run.incidents) / 2


def test_every_kind_is_planted(run: Run) -> None:
    kinds = {incident["kind"] for incident in run.incidents}
    assert kinds == {"new", "rising", "mass", "copied", "city_wide", "urgent", *HANDLING}


def test_the_first_days_are_quiet_but_for_urgent_tickets(run: Run) -> None:
    quiet = datetime.fromisoformat("2025-03-17T00:00:00+08:00")
    early = {it["kind"] for it in run.incidents if datetime.fromisoformat(it["first_at"]) < quiet}
    assert early <= {"urgent"}


def test_the_background_shares_street_and_topic_with_incidents(run: Run) -> None:
    planted = {ticket for incident in run.incidents for ticket in incident["ticket_ids"]}
    cells = Counter(ticket.topic for ticket in run.created().values() if ticket.ticket_id not in planted)
    assert all(cells[it["topic"]] > 0 for it in run.incidents if it["topic"])


def test_no_three_callers_meet_over_a_background_issue_within_72_hours(run: Run) -> None:
    tickets = run.created()
    issues: dict[str, list[TicketEvent]] = defaultdict(list)
    for ticket_id, issue in run.issue_of.items():
        if issue.startswith("background"):
            issues[issue].append(tickets[ticket_id])
    assert len(issues) > 500
    for members in issues.values():
        if len({ticket.caller for ticket in members if ticket.caller}) < 2:
            continue
        members.sort(key=lambda ticket: ticket.at)
        for first, third in zip(members, members[2:], strict=False):
            assert (third.at - first.at).total_seconds() >= 72 * 3600


def test_bounced_tickets_were_returned_three_times_and_no_others(run: Run) -> None:
    returns = Counter(event.ticket_id for event in run.events if event.event == "returned")
    bounced = {ticket for it in run.incidents if it["kind"] == "bounced" for ticket in it["ticket_ids"]}
    assert {ticket for ticket, count in returns.items() if count >= 3} <= bounced


def test_without_incidents_none_is_planted(tmp_path: Path) -> None:
    done = simulate(6, 5, tmp_path, tickets_per_day=150, incidents=False)
    assert done.incidents == 0
    assert (tmp_path / "incidents.jsonl").read_text(encoding="utf-8") == ""


@pytest.mark.parametrize(("days", "per_day"), [(0, 100), (3, 0)])
def test_nonsense_is_refused(tmp_path: Path, days: int, per_day: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        simulate(days, 1, tmp_path, tickets_per_day=per_day)


def test_progress_is_told_after_each_day(tmp_path: Path) -> None:
    told: list[int] = []
    simulate(3, 1, tmp_path, tickets_per_day=50, progress=lambda day, _: told.append(day))
    assert told == [1, 2, 3]
