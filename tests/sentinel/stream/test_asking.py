"""When delivery asks for a tick, and when it does not."""

import pytest

from alerts import Alert
from sentinel.records import Heartbeat
from sentinel.settings import Settings
from sentinel.stream.asking import MOVES, Asker
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
    assert asker.wants(MARCH_2 + MOVES + 300) == (-1, MARCH_2 + 1), "the handler's group"
    over(follower, 5, MARCH_2 + 1, [])
    opens = follower.delivery.opens()
    assert opens == MARCH_2 + 300
    assert asker.wants(opens) is None, "the clock is moved by a minute at most"


def test_history_that_is_replayed_asks_for_nothing(known: Known) -> None:
    asker, follower = known
    alert = transition(seq=7)
    asker.arrived(alert, MARCH_2 + 86400)
    assert asker.wants(MARCH_2 + 86400) is None
    over(follower, 8, MARCH_2, [alert])
    assert follower.delivery.opens() is not None
    assert asker.wants(MARCH_2 + 86400) is None
