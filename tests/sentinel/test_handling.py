"""The life of tickets after they are taken, and the rules about handling that fails."""

from collections.abc import Callable
from datetime import datetime

import pytest

from sentinel.handling import DAY, HandlingWatch
from sentinel.issues import Issue
from sentinel.records import HandlerDigest, RoutedTicket
from sentinel.settings import Settings

Build = Callable[..., RoutedTicket]


@pytest.fixture
def watch(settings: Settings) -> HandlingWatch:
    return HandlingWatch(settings)


@pytest.fixture
def issue(ticket: Build, watch: HandlingWatch) -> Issue:
    """An issue with ticket T1, which has just been taken and not yet dispatched."""
    first = ticket(0, caller="a")
    issue = Issue("iss-1", first.street, first.seq, first.at, first.at)
    issue.add(first, "", copied=False)
    watch.created(first, issue.id)
    return issue


def told(watch: HandlingWatch) -> list[HandlerDigest]:
    return watch.drain()


def test_a_ticket_moves_with_its_dispatching_from_one_handler_to_the_next(
    watch: HandlingWatch, issue: Issue, ticket: Build
) -> None:
    watch.take(ticket(1, event="dispatched", handler="水务所", due_at=9e9), issue)
    watch.take(ticket(2, event="dispatched", handler="物业科"), issue)
    assert [load[:3] for load in issue.loads()] == [("物业科", 1, 0)]
    assert [(d.handler, d.left, d.due_at) for d in told(watch)] == [
        ("水务所", False, 9e9), ("水务所", True, 0.0), ("物业科", False, 9e9),
    ]  # fmt: skip


def test_a_closing_counts_once(watch: HandlingWatch, issue: Issue, ticket: Build) -> None:
    watch.take(ticket(1, event="dispatched", handler="水务所"), issue)
    for minutes in (2, 3):
        watch.take(ticket(minutes, event="closed", solved=True), issue)
    assert issue.open_tickets == 0
    assert [load[:3] for load in issue.loads()] == [("水务所", 0, 1)]


def test_the_third_return_is_bounced_and_says_how_often(watch: HandlingWatch, issue: Issue, ticket: Build) -> None:
    found = []
    for n in range(3):
        found += watch.take(ticket(10 * n + 1, event="dispatched", handler="水务所"), issue)
        found += watch.take(ticket(10 * n + 2, event="returned"), issue)
    assert [finding.decision.kind for finding in found] == ["bounced"]
    assert (found[0].counts.returns, found[0].counts.hands) == (3, 1)


def test_two_returns_are_not_bounced(watch: HandlingWatch, issue: Issue, ticket: Build) -> None:
    assert not [f for n in (1, 2) for f in watch.take(ticket(n, event="returned"), issue)]


def test_the_same_caller_again_and_again_after_the_closing_is_a_repeat_call(
    watch: HandlingWatch, issue: Issue, ticket: Build
) -> None:
    watch.take(ticket(5, event="closed", solved=True), issue)
    found = [
        finding for n in (60, 120, 180) for finding in watch.created(ticket(n, ticket_id=f"T{n}", caller="a"), issue.id)
    ]
    assert [finding.decision.kind for finding in found][:1] == ["repeat_call"]
    assert found[0].counts.repeats == 1


@pytest.mark.parametrize(("solved", "found"), [(True, 1), (None, 1), (False, 0)])
def test_citing_a_ticket_that_was_closed_as_solved_is_a_repeat_call(
    watch: HandlingWatch, issue: Issue, ticket: Build, solved: bool | None, found: int
) -> None:
    early, late = (ticket(n, ticket_id=f"T{n}", caller="b", text="工单号T00001反映过，至今没有解决") for n in (3, 60))
    watch.created(ticket(1, ticket_id="T00001", caller="c"), issue.id)
    assert [watch.cited(early), watch.cited(ticket(2, text="工单号T99999，编号T2"))] == ["T00001", ""]
    assert not watch.created(early, issue.id, cited="T00001")
    watch.take(ticket(5, ticket_id="T00001", event="closed", solved=solved), issue)
    assert len(watch.created(late, issue.id, cited="T00001")) == found


def test_calls_before_the_closing_are_no_repeat_calls(watch: HandlingWatch, issue: Issue, ticket: Build) -> None:
    assert not [f for n in (1, 2, 3) for f in watch.created(ticket(n, ticket_id=f"R{n}", caller="a"), issue.id)]


@pytest.mark.parametrize(
    ("closed_as", "answers", "bad", "contradicted"),
    [
        (True, {"solved": False}, True, True),
        (True, {"satisfied": False, "solved": True}, True, False),
        (None, {"solved": False}, True, False),
        (True, {"satisfied": True}, False, False),
    ],
)
def test_a_call_back_says_whether_it_was_bad_and_contradicts_the_closing(
    watch: HandlingWatch,
    issue: Issue,
    ticket: Build,
    closed_as: bool | None,
    answers: dict[str, bool],
    bad: bool,
    contradicted: bool,
) -> None:
    watch.take(ticket(1, event="dispatched", handler="水务所"), issue)
    watch.take(ticket(2, event="closed", solved=closed_as), issue)
    told(watch)
    watch.take(ticket(3, event="callback", **answers), issue)
    (digest,) = told(watch)
    assert (digest.handler, digest.bad, digest.contradicted) == ("水务所", bad, contradicted)


def test_a_call_back_without_an_answer_says_nothing(watch: HandlingWatch, issue: Issue, ticket: Build) -> None:
    watch.take(ticket(1, event="dispatched", handler="水务所"), issue)
    told(watch)
    watch.take(ticket(3, event="callback"), issue)
    assert told(watch) == []


def test_a_suspended_ticket_leaves_its_handler_and_a_resumed_one_returns(
    watch: HandlingWatch, issue: Issue, ticket: Build
) -> None:
    watch.take(ticket(1, event="dispatched", handler="水务所", due_at=9e9), issue)
    told(watch)
    watch.take(ticket(2, event="suspended"), issue)
    watch.take(ticket(3, event="resumed"), issue)
    assert [(d.left, d.due_at) for d in told(watch)] == [(True, 0.0), (False, 9e9 + 60.0)]


def test_events_of_a_ticket_never_seen_are_no_error(watch: HandlingWatch, ticket: Build) -> None:
    assert watch.take(ticket(1, event="closed", ticket_id="T9"), None) == []
    assert watch.issue_of("T9") == ""


def test_a_ticket_is_forgotten_some_time_after_its_last_event(
    watch: HandlingWatch, issue: Issue, ticket: Build
) -> None:
    later = ticket(10 * 1440, event="urged")
    watch.take(later, issue)
    watch.forget(later.clock - DAY)
    assert watch.issue_of("T1") == issue.id
    for clock in range(int(later.clock - 15 * DAY), int(later.clock), int(DAY)):
        watch.forget(clock)
        assert watch.issue_of("T1") == issue.id
    watch.forget(later.clock)
    assert watch.issue_of("T1") == ""


def _at(text: str) -> float:
    return datetime.fromisoformat(f"{text}:00+08:00").timestamp()


@pytest.mark.parametrize(
    ("due", "suspended", "resumed", "then"),
    [
        ("2025-03-12T18:00", "2025-03-10T10:00", "2025-03-11T10:00", "2025-03-13T18:00"),
        ("2025-03-14T18:00", "2025-03-14T10:00", "2025-03-14T20:00", "2025-03-17T04:00"),  # over a weekend
        ("2025-04-30T12:00", "2025-04-30T10:00", "2025-05-03T09:00", "2025-05-06T02:00"),  # over the holidays of May
        ("2025-03-10T09:00", "2025-03-10T10:00", "2025-03-12T10:00", "2025-03-10T09:00"),  # late before
    ],
)
def test_a_pause_moves_the_limit_by_time_of_working_days(
    watch: HandlingWatch, issue: Issue, ticket: Build, due: str, suspended: str, resumed: str, then: str
) -> None:
    watch.take(ticket(1, event="dispatched", handler="水务所", due_at=_at(due)), issue)
    watch.take(ticket(2, event="suspended")._replace(at=_at(suspended)), issue)
    watch.take(ticket(3, event="resumed")._replace(at=_at(resumed)), issue)
    assert told(watch)[-1].due_at == _at(then)
    watch.take(ticket(4, event="dispatched", handler="物业科"), issue)
    assert told(watch)[-1].due_at == _at(then)


def test_a_limit_told_on_resuming_holds(watch: HandlingWatch, issue: Issue, ticket: Build) -> None:
    watch.take(ticket(1, event="dispatched", handler="水务所", due_at=9e8), issue)
    watch.take(ticket(2, event="suspended"), issue)
    watch.take(ticket(3, event="resumed", due_at=9.5e8), issue)
    assert told(watch)[-1].due_at == 9.5e8
