"""One street: issues and their open and closed tickets, alerts that open and end, and what is forgotten."""

from collections.abc import Callable

import pytest

from alerts import Alert
from sentinel.records import HandlerDigest, IssueDigest, Outputs, RoutedTicket
from sentinel.shared import Shared
from sentinel.street import DAY, Street

Build = Callable[..., RoutedTicket]
WATER = "锦绣花园小区从昨天下午起一直停水，物业说水泵坏了没人来修"


@pytest.fixture
def street(shared: Shared) -> Street:
    return Street("310115103", shared)


@pytest.fixture
def complaint(ticket: Build) -> Build:
    """The n-th caller's ticket about the water in 锦绣花园, n times twenty minutes after noon."""

    def build(n: int, **fields: object) -> RoutedTicket:
        texts = (WATER, f"{WATER}，老人没水做饭", f"{WATER}，希望尽快恢复供水")
        values = {"ticket_id": f"W{n}", "caller": f"{n + 1:016x}", "text": texts[n % 3], "address": "锦绣花园",
                  "topic": "公用事业/供水", "nature": "投诉举报", "title": "小区停水", "seq": n + 1}  # fmt: skip
        return ticket(20 * n, **{**values, **fields})

    return build


def all_alerts(outputs: list[Outputs]) -> list[Alert]:
    return [alert for said in outputs for alert in said.alerts]


def test_tickets_about_one_problem_are_one_issue_named_by_the_first(street: Street, complaint: Build) -> None:
    said = [street.take(complaint(n)) for n in range(4)]
    assert len({s.assigned.issue_id for s in said if s.assigned}) == 1
    assert {s.assigned.issue_seq for s in said if s.assigned} == {1}


def test_another_problem_is_another_issue(street: Street, complaint: Build) -> None:
    first = street.take(complaint(0)).assigned
    other = street.take(
        complaint(1, title="违停", text="川沙路人行道上每天停满货车，行人只能走马路", address="川沙路", topic="")
    ).assigned
    assert first is not None
    assert other is not None
    assert first.issue_id != other.issue_id


def test_a_ticket_that_cites_another_is_about_the_same_and_tells_that_its_closing_was_none(
    street: Street, complaint: Build
) -> None:
    first = street.take(complaint(0, ticket_id="PD20250303000015")).assigned
    street.take(complaint(1, ticket_id="PD20250303000015", event="closed", solved=True))
    said = street.take(
        complaint(2, title="再次来电", text="工单号PD20250303000015反映过，到现在没人来", address="", topic="")
    )
    assert first is not None
    assert said.assigned is not None
    assert said.assigned.issue_id == first.issue_id
    assert [alert.kind for alert in said.alerts] == ["repeat_call"]


def test_many_callers_open_one_alert_and_not_one_a_ticket(street: Street, complaint: Build) -> None:
    alerts = all_alerts([street.take(complaint(n)) for n in range(8)])
    opened = [alert for alert in alerts if alert.reason == "opened" and alert.scope == "issue"]
    assert len(opened) == 1
    assert opened[0].ticket_ids[0] == "W0"
    assert "锦绣花园" in opened[0].title


def test_one_person_calling_again_and_again_is_one_caller(street: Street, complaint: Build) -> None:
    alerts = all_alerts([street.take(complaint(n, caller="a" * 16)) for n in range(8)])
    assert not [alert for alert in alerts if alert.kind in ("new", "mass")]


def test_praise_never_alerts_and_a_question_is_never_a_mass_complaint(
    shared: Shared, street: Street, complaint: Build
) -> None:
    praised = [street.take(complaint(n, nature="表扬")) for n in range(12)]
    assert all_alerts(praised) == []
    asked = [Street("310115103", shared).take(complaint(n, nature="咨询")) for n in range(12)]
    assert "mass" not in {alert.kind for alert in all_alerts(asked)}


def test_a_ticket_that_arrives_weeks_late_joins_its_issue_and_alerts_nobody(street: Street, complaint: Build) -> None:
    now = complaint(0).clock + 30 * DAY
    said = [street.take(complaint(n, clock=now)) for n in range(5)]
    assert len({s.assigned.issue_id for s in said if s.assigned}) == 1
    assert all_alerts(said) == []


def test_an_alert_names_handlers_and_how_many_of_their_tickets_are_open_and_closed(
    street: Street, complaint: Build
) -> None:
    for n in range(3):
        street.take(complaint(n, handler="川沙水务所"))
    street.take(complaint(3, event="closed", ticket_id="W0", solved=True))
    said = all_alerts([street.take(complaint(n, handler="川沙水务所")) for n in range(4, 10)])
    assert said
    assert said[-1].handlers == ("川沙水务所",)
    assert "川沙水务所" in said[-1].summary


def test_an_alert_ends_when_nothing_new_was_heard_and_is_stamped_with_the_time_it_fell_due(
    street: Street, complaint: Build
) -> None:
    opened = all_alerts([street.take(complaint(n)) for n in range(8)])
    assert opened
    last = complaint(7).clock
    ended = street.advance(last + 20 * DAY, 99)
    assert {alert.state for alert in ended} <= {"resolved", "expired"}
    assert {alert.alert_id for alert in ended} == {alert.alert_id for alert in opened}
    times = [alert.updated_at for alert in ended]
    assert times == sorted(times)
    assert all(last < at.timestamp() <= last + 7 * DAY for at in times)
    assert {alert.seq for alert in ended} == {99}


def test_time_that_does_not_pass_changes_nothing(street: Street, complaint: Build) -> None:
    street.take(complaint(3))
    clock = street.clock
    assert street.advance(complaint(0).clock, 9) == []
    assert street.clock == clock


def test_the_city_is_told_of_every_ticket_and_handler_once_in_order(street: Street, complaint: Build) -> None:
    for n in range(3):
        street.take(complaint(n, handler="川沙水务所", due_at=9e9))
    street.take(complaint(3, event="closed", ticket_id="W0"))
    told = street.drain()
    assert [type(digest) for digest in told].count(IssueDigest) == 3
    assert [type(digest) for digest in told].count(HandlerDigest) == 4
    assert [digest.seq for digest in told] == sorted(digest.seq for digest in told)
    assert street.drain() == []


def test_an_issue_is_forgotten_long_after_its_last_ticket_and_summed_up(street: Street, complaint: Build) -> None:
    for n in range(3):
        street.take(complaint(n))
    for day in range(1, 200):
        street.advance(complaint(0).clock + day * DAY, 10 + day)
    (summary,) = street.forgotten()
    assert (summary.callers, summary.street, summary.topic) == (3, street.code, "公用事业/供水")
    assert summary.last_at - summary.first_at == 40 * 60
    assert summary.keywords
    assert street.summaries() == []
    assert street.forgotten() == []


def test_a_later_event_of_a_forgotten_ticket_is_no_error(street: Street, complaint: Build) -> None:
    assert street.take(complaint(0, event="closed")) == Outputs([])


def test_present_danger_alerts_with_the_first_ticket(street: Street, complaint: Build) -> None:
    said = street.take(
        complaint(0, title="燃气泄漏", text="锦绣花园3号楼现在燃气泄漏，楼道里味道很重，快来人", topic="")
    )
    assert "urgent" in {alert.kind for alert in said.alerts}


def test_nothing_to_do_is_known_without_doing_it(street: Street, complaint: Build) -> None:
    street.take(complaint(0))
    clock = complaint(0).clock
    assert street.due() <= clock
    street.drain()
    assert clock < street.due() <= clock + 2 * DAY
