"""What a street counts of one issue."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from detectors.callers import RecentCallers
from sentinel.issues import Issue
from sentinel.records import RoutedTicket

DAY = 86400.0
START = 1_741_000_000.0


def test_a_window_as_long_as_the_issue_is_old_holds_its_first_ticket(ticket: Callable[..., RoutedTicket]) -> None:
    first = ticket(0.1)
    issue = Issue("i", first.street, 1, first.at, first.at)
    for minutes in (0.1, 300.3, 840.7):
        issue.add(ticket(minutes), "", False)
    assert issue.tickets_within(issue.last_at - issue.first_at) == 3
    assert issue.tickets_within(issue.last_at - issue.first_at - 1.0) == 2


@given(st.lists(st.tuples(st.floats(0, 14 * DAY), st.sampled_from(["", "a", "b", "c", "d"])), min_size=1, max_size=30))
def test_there_are_never_fewer_tickets_than_people(calls: list[tuple[float, str]]) -> None:
    issue, callers = Issue("i", "310115103", 1, START + calls[0][0], START + calls[0][0]), RecentCallers()
    for n, (after, caller) in enumerate(calls):
        at = START + after
        issue.add(RoutedTicket(n, at, issue.street, "created", f"T{n}", at, caller=caller), "", False)
        callers.add(at, caller, 15 * DAY)
    for window in (callers.last - callers.first, DAY, 3 * DAY):
        if window > 0:
            known = callers.distinct(callers.last, window) + callers.unknown(callers.last, window)
            assert issue.tickets_within(window) >= known


def test_an_issue_is_named_by_what_its_tickets_share() -> None:
    named, kind = (Issue(i, "310115103", 1, START, START) for i in "ab")
    for worth in (1.5, 0.0, 0.9):
        named.join(worth, 0.0)
    for worth in (0.4, 0.5):
        kind.join(worth, 0.0)
    assert (named.named, kind.named) == (True, False)
    kind.absorb(named)
    assert kind.named


def test_doubt_is_how_far_the_odds_of_its_tickets_lie_below_even() -> None:
    alone, sure, unsure = (Issue(i, "310115103", 1, START, START) for i in "abc")
    for odds in (2.0, -1.0):
        sure.join(1.0, odds)
    for odds in (-2.0, -1.0):
        unsure.join(1.0, odds)
    assert (alone.doubt, sure.doubt, unsure.doubt) == (0.0, 0.0, 1.5)
    unsure.absorb(sure)
    assert unsure.doubt == 0.5
