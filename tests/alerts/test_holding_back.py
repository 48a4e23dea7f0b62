"""What is not told beside what stands for it, nor while a silence holds: and what becomes of it."""

from __future__ import annotations

from datetime import datetime, timedelta

from alerts.matching import Match
from tests.alerts.conftest import MARCH_2, SHANGHAI, transition
from tests.alerts.playing import HOUR, ONE, Make, action, minutes, play, simple

CITY = {"alert_id": "c1", "street": "", "street_name": "浦东新区", "issue_id": "c", "covers": ("i1", "i2")}


def test_a_city_wide_alert_takes_its_streets_in_and_says_so(rules_with: Make) -> None:
    delivery = simple(rules_with)
    second = transition(at=6, alert_id="a2", issue_id="i2", street="310115104", street_name="高桥镇", seq=9)
    grown = transition(at=40, reason="grew", seq=11, ticket_count=30)
    pushes = play(delivery, [transition(), transition(at=5, seq=8, **CITY), second, grown], 60)
    assert minutes(pushes) == [(1, "opened"), (16, "opened"), (40, "joined")] or minutes(pushes) == [
        (1, "opened"), (16, "opened"),
    ]  # fmt: skip
    assert pushes[1].alerts[0].alert_id == "c1"
    assert pushes[1].alerts[0].joined == ("a1", "a2")
    assert "已并入2条" in pushes[1].text
    assert all("a2" not in [view.alert_id for view in push.alerts] for push in pushes)


def test_what_was_taken_in_is_told_once_the_other_ends(rules_with: Make) -> None:
    delivery = simple(rules_with)
    later = transition(at=2, seq=8)
    ended = transition(at=30, reason="resolved", state="resolved", seq=9, **CITY)
    pushes = play(delivery, [transition(at=0, **CITY), later, ended], 60)
    assert [(at, push.alerts[-1].alert_id) for (at, _), push in zip(minutes(pushes), pushes, strict=True)] == [
        (1, "c1"), (30, "a1"),
    ]  # fmt: skip


def test_a_subscriber_that_is_not_told_of_the_city_is_told_of_its_street(rules_with: Make) -> None:
    street = {"id": "street", "name": "", "each": "street", "view": "own"}
    delivery = simple(rules_with, subscribers=[ONE, street], routes=[{"to": ["center", "street"]}])
    pushes = play(delivery, [transition(at=0, **CITY), transition(at=0.1, seq=8)], 3)
    assert {push.subscriber for push in pushes} == {"center", "street-310115103"}


def test_a_silence_is_told_holds_back_and_replays_what_is_still_open(rules_with: Make) -> None:
    delivery = simple(rules_with)
    match, until = Match(topic=("公用事业",)), datetime.fromtimestamp(MARCH_2, SHANGHAI) + timedelta(hours=2)
    outcome = delivery.act(action("silence", 0, match=match, until=until, why="管网检修"))
    assert [push.reason for push in outcome.pushes] == ["silenced"]
    assert "管网检修" in outcome.pushes[0].text
    gone = [
        transition(at=1, alert_id="a2", issue_id="i2", seq=8),
        transition(at=50, alert_id="a2", issue_id="i2", seq=9, reason="resolved", state="resolved"),
    ]
    pushes = play(delivery, [transition(at=0), *gone], 180)
    assert minutes(pushes) == [(120, "silence_expired"), (121, "opened")]
    assert [view.alert_id for view in pushes[1].alerts] == ["a1"]


def test_a_silence_that_is_ended_says_so(rules_with: Make) -> None:
    delivery = simple(rules_with)
    until = datetime.fromtimestamp(MARCH_2, SHANGHAI) + timedelta(hours=2)
    silence = action("silence", 0, match=Match(), until=until, why="检修")
    delivery.act(silence)
    play(delivery, [transition(at=0)], 10)
    other = delivery.act(action("unsilence", 15, by="street-310115103", target=silence.action_id))
    assert other.code == "not_found"
    outcome = delivery.act(action("unsilence", 20, target=silence.action_id))
    assert [push.reason for push in outcome.pushes] == ["silence_ended"]
    assert minutes(delivery.tick(MARCH_2 + HOUR)) == [(21, "opened")]
