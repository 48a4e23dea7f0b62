"""When something is told: groups, intervals, reminders, escalation, shifts and floods."""

from __future__ import annotations

import pytest

from alerts.delivery import Delivery
from alerts.model import KINDS, Standing
from alerts.subscribers import DeliveryRules
from tests.alerts.conftest import MARCH_2, SHANGHAI, transition
from tests.alerts.playing import HOUR, MINUTE, ONE, TIMING, Make, action, minutes, play, simple


def test_a_group_waits_then_keeps_its_interval_then_reminds(rules_with: Make) -> None:
    delivery = simple(rules_with)
    pushes = play(
        delivery,
        [
            transition(at=0),
            transition(at=0.5, alert_id="a2", issue_id="i2", seq=8),
            transition(at=3, reason="grew", seq=9, ticket_count=12),
            transition(at=40, reason="grew", seq=10, ticket_count=20),
        ],
        10 * 60,
    )
    assert minutes(pushes) == [(1, "opened"), (16, "grew"), (40, "grew"), (280, "reminder")]
    assert [len(push.alerts) for push in pushes] == [2, 1, 1, 2]
    assert "较上次推送新增7件" in pushes[1].text
    assert "较上次推送新增8件" in pushes[2].text
    assert delivery.next_due() == MARCH_2 + (280 + 480) * MINUTE, "the next reminder comes after twice as long"


def test_the_first_critical_thing_of_a_group_does_not_wait(rules_with: Make) -> None:
    pushes = play(
        simple(rules_with),
        [
            transition(at=0),
            transition(at=3, reason="escalated", severity="critical", seq=8),
            transition(at=4, reason="grew", severity="critical", seq=9, ticket_count=9),
        ],
        30,
    )
    assert minutes(pushes) == [(1, "opened"), (3, "escalated"), (18, "grew")]


def test_groups_by_their_values_do_not_wait_for_each_other(rules_with: Make) -> None:
    power = transition(at=0.2, alert_id="a2", issue_id="i2", topic="市场监管/消费纠纷")
    pushes = play(simple(rules_with), [transition(at=0), power], 2)
    assert minutes(pushes) == [(1, "opened"), (1.2, "opened")]


def test_what_ends_before_it_was_told_is_never_told(rules_with: Make) -> None:
    ended = transition(at=0.5, reason="resolved", state="resolved", seq=8)
    assert play(simple(rules_with), [transition(), ended], 600) == []


def test_an_end_is_told_to_those_who_were_told_and_ends_the_reminders(rules_with: Make) -> None:
    ended = transition(at=60, reason="resolved", state="resolved", seq=8)
    pushes = play(simple(rules_with), [transition(), ended], 3 * 24 * 60)
    assert minutes(pushes) == [(1, "opened"), (60, "resolved")]
    assert pushes[1].title.startswith("已解除｜")


def test_an_acknowledged_alert_is_not_reminded_of(rules_with: Make) -> None:
    delivery = simple(rules_with)
    play(delivery, [transition()], 2)
    assert delivery.act(action("acknowledge", 5)).code == "done"
    assert delivery.tick(MARCH_2 + 24 * HOUR) == []


def test_what_nobody_acknowledges_goes_further_once(rules_with: Make) -> None:
    boss = {**ONE, "id": "boss", "name": "领导"}
    delivery = simple(
        rules_with,
        subscribers=[ONE, boss],
        routes=[{"to": ["center"], "acknowledge": {"medium": "1h"}, "unacknowledged": ["boss"]}],
    )
    pushes = play(delivery, [transition()], 120)
    assert [(push.subscriber, *minutes([push])[0]) for push in pushes] == [
        ("center", 1, "opened"), ("boss", 61, "unacknowledged"),
    ]  # fmt: skip
    again = simple(
        rules_with,
        subscribers=[ONE, boss],
        routes=[{"to": ["center"], "acknowledge": {"medium": "1h"}, "unacknowledged": ["boss"]}],
    )
    play(again, [transition()], 2)
    again.act(action("acknowledge", 30))
    assert again.tick(MARCH_2 + 3 * HOUR) == []


def test_a_street_and_a_handler_that_acknowledge_nothing_are_told_of_to_their_own_leaders(
    delivery_rules: DeliveryRules,
) -> None:
    delivery = Delivery(delivery_rules, {}, SHANGHAI)
    standing = (
        Standing(handler="区水务局", open=3, closed=0, ticket_ids=("T1", "T2", "T3")),
        Standing(handler="川沙房管办", open=2, closed=0, ticket_ids=("T4", "T5")),
    )
    grave = transition(severity="high", handlers=("区水务局", "川沙房管办"), standing=standing)
    pushes = play(delivery, [grave], 9 * 60)
    told = {push.subscriber: round(minutes([push])[0][0]) for push in pushes if push.reason == "unacknowledged"}
    leaders = {name: at for name, at in told.items() if name.startswith("leader-")}
    assert told["town-leader-310115103"] == 4 * 60
    assert told["duty-leader"] == 60
    assert list(leaders.values()) == [8 * 60, 8 * 60]
    names = {f"leader-{key}": name for key, name in delivery.memory.handlers.items()}
    for push in pushes:
        if push.subscriber in leaders and push.reason == "unacknowledged":
            assert [part.handler for part in push.alerts[0].handlers or ()] == [names[push.subscriber]]
    again = Delivery(delivery_rules, {}, SHANGHAI)
    play(again, [grave], 30)
    again.act(action("acknowledge", 31, by="street-310115103"))
    assert not [push for push in again.tick(MARCH_2 + 9 * HOUR) if push.reason == "unacknowledged"]


def test_shifts_hand_over_what_is_open_and_unacknowledged(rules_with: Make) -> None:
    delivery = simple(rules_with, subscribers=[{**ONE, "digest_at": ["10:30", "20:30"]}])
    other = transition(at=0, alert_id="a2", issue_id="i2", seq=8, severity="high")
    play(delivery, [transition(), other], 30)
    delivery.act(action("acknowledge", 31))
    (digest,) = delivery.tick(MARCH_2 + 3 * HOUR)
    assert minutes([digest]) == [(150, "handover")]
    assert digest.title == "3月2日10:30交接班：1条预警待签收（重要1条）"
    assert "已签收、未解除1条" in digest.text


def test_a_flood_is_held_back_counted_and_told_as_one(rules_with: Make) -> None:
    timing = {**TIMING, "group_by": ["alert"], "group_wait": "0s"}
    delivery = simple(rules_with, subscribers=[{**ONE, "flood": {"pushes": 3, "within": "1h"}}], timing=timing)
    many = [transition(at=n, alert_id=f"b{n}", issue_id=f"j{n}", seq=n) for n in range(40)]
    urgent = transition(at=41, alert_id="u", issue_id="u", kind="urgent", severity="critical", seq=41)
    pushes = play(delivery, [*many, urgent], 70)
    assert minutes(pushes) == [(0, "opened"), (1, "opened"), (2, "opened"), (41, "opened"), (61, "flood")]
    digest = pushes[-1]
    assert digest.held_back == delivery.memory.outlet.held_back == 37
    assert "另有37条" in digest.title
    assert "新发37" in digest.text


@pytest.mark.parametrize("kind", KINDS)
def test_every_push_says_it_is_a_lead_and_fits(delivery_rules: DeliveryRules, kind: str) -> None:
    delivery = Delivery(delivery_rules, {}, SHANGHAI)
    pushes = play(delivery, [transition(kind=kind, severity="high", ticket_count=31, matter="停水" * 30)], 60)
    assert pushes
    for push in pushes:
        assert len(push.title) <= 80
        assert push.text.endswith("以上为线索，供核查处置，不作结论。")
        if push.alerts and push.subscriber == "command-center":
            assert "等31件" in push.text
