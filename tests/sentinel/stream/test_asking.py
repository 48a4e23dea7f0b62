"""When delivery asks for a tick, and when it does not."""

import pytest

from alerts import Alert
from sentinel.records import Heartbeat
from sentinel.settings import Settings
from sentinel.stream.asking import SPACING, Asker
from sentinel.stream.envelope import Message, Outgoing
from sentinel.stream.journal import Follower, entries_of
from sentinel.stream.topics import Topics
from tests.alerts.conftest import MARCH_2, SHANGHAI, transition

Known = tuple[Asker, Follower]


async def nobody(_: Outgoing) -> None:
    """Take nothing: what is asked for is looked at before it is sent."""


@pytest.fixture
def known(settings: Settings) -> Known:
    follower = Follower(settings)
    return Asker(Topics("a", settings.stream), follower, nobody), follower


def over(follower: Follower, seq: int, clock: float, alerts: list[Alert]) -> list[str]:
    """A round is over; the reasons of what is pushed."""
    lines = [alert.to_json_line(SHANGHAI) for alert in alerts]
    pushes = []
    for out in entries_of("journal", "digests", lines, Heartbeat(seq, clock, 0, ())):
        pushes += follower.take(Message("journal", 0, seq, clock, out.key, out.value, out.headers))
    return [push.reason for push in pushes]


def test_an_opening_is_asked_for_and_then_the_moment_when_its_group_has_waited(known: Known) -> None:
    asker, follower = known
    over(follower, 1, MARCH_2, [])
    alert = transition(seq=7, severity="high")
    assert asker.wants(MARCH_2) is None
    asker.arrived(alert, MARCH_2 + 1)
    assert asker.wants(MARCH_2 + 1) == (7, 0.0)
    assert over(follower, 8, MARCH_2 + 0.5, [alert]) == []
    assert asker.wants(MARCH_2 + 0.6) is None, "its group waits for company, for a second"
    assert asker.wants(MARCH_2 + 1.2) == (-1, MARCH_2 + 1)
    assert "opened" in over(follower, 9, MARCH_2 + 1, [])
    assert asker.wants(MARCH_2 + 1.3) is None


def test_what_may_wait_is_not_asked_for(known: Known) -> None:
    asker, follower = known
    over(follower, 1, MARCH_2, [])
    asker.arrived(transition(seq=2, reason="grew"), MARCH_2)
    asker.arrived(transition(seq=3, reason="resolved", state="resolved"), MARCH_2)
    assert asker.wants(MARCH_2) is None
    over(follower, 4, MARCH_2, [transition(seq=4, kind="bounced")])
    assert asker.wants(MARCH_2 + 300) == (-1, MARCH_2 + 1), "the handler's group"
    over(follower, 5, MARCH_2 + 1, [])
    assert asker.wants(MARCH_2 + 299) is None
    assert asker.wants(MARCH_2 + 300) == (-1, MARCH_2 + 300), "the log has been silent meanwhile"


def test_what_is_due_later_is_asked_for_then_and_at_most_once_a_second(known: Known) -> None:
    asker, follower = known
    over(follower, 1, MARCH_2, [])
    over(follower, 2, MARCH_2, [transition(seq=2, severity="high")])
    assert over(follower, 3, MARCH_2 + 1, [])
    over(follower, 4, MARCH_2 + 60, [transition(at=1, seq=4, severity="high", reason="grew", ticket_count=30)])
    held = follower.delivery.speaks()
    assert held == MARCH_2 + 1 + 900, "until the interval is over"
    over(follower, 5, held - 300, [])  # a boundary
    assert asker.wants(held - 0.1) is None
    assert asker.wants(held, since=SPACING / 2) is None, "others may fall due by then"
    assert asker.wants(held, since=SPACING) == (-1, held)
    assert "grew" in over(follower, 6, held + 1, [])


def test_reminders_and_what_nobody_acknowledges_are_asked_for(known: Known) -> None:
    asker, follower = known
    over(follower, 1, MARCH_2, [])
    over(follower, 2, MARCH_2, [transition(seq=2, severity="high")])
    said: list[str] = []
    asked, at = 0, MARCH_2
    while at < MARCH_2 + 9 * 3600:
        wanted = asker.wants(at)
        due = wanted[1] if wanted is not None else at // 300 * 300
        if wanted is not None or at % 300 == 0:
            asked += wanted is not None
            said += over(follower, 3 + round(at - MARCH_2), max(due, at), [])
        at += 1
    assert said.count("unacknowledged") >= 3, "duty leader, the street's and the handler's"
    assert "reminder" in said
    assert asked <= len(said), "no tick is asked for in vain"


def test_what_is_forgotten_in_silence_asks_for_nothing(known: Known) -> None:
    asker, follower = known
    over(follower, 1, MARCH_2, [])
    over(follower, 2, MARCH_2, [transition(seq=2)])
    over(follower, 3, MARCH_2 + 60, [transition(at=1, seq=3, reason="resolved", state="resolved")])
    over(follower, 4, MARCH_2 + 31 * 86400, [])
    due = follower.delivery.next_due()
    assert due is not None, "the alert will be forgotten"
    assert due > MARCH_2 + 31 * 86400
    assert follower.delivery.speaks() != due
    assert asker.wants(due) is None


def test_history_that_is_replayed_asks_for_nothing(known: Known) -> None:
    asker, follower = known
    alert = transition(seq=7)
    asker.arrived(alert, MARCH_2 + 86400)
    assert asker.wants(MARCH_2 + 86400) is None
    over(follower, 8, MARCH_2, [alert])
    assert follower.delivery.opens() is not None
    assert asker.wants(MARCH_2 + 86400) is None
