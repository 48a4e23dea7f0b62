"""Delivery as one state machine: what comes, when, why, and what never does."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerts.actions import Action
from alerts.delivery import Delivery
from alerts.matching import Match
from alerts.model import KINDS, Alert, Standing
from alerts.pushes import Push
from alerts.subscribers import DeliveryRules
from tests.alerts.conftest import MARCH_2, SHANGHAI, transition

Make = Callable[..., DeliveryRules]
ONE = {"id": "center", "name": "中心", "view": "all", "conduct": True}
TIMING = {
    "group_by": ["topic_group"],
    "group_wait": "1m",
    "group_interval": "15m",
    "repeat_interval": "4h",
    "acknowledge": {},
    "unacknowledged": [],
}
MINUTE, HOUR = 60.0, 3600.0


def simple(make: Make, **sections: Any) -> Delivery:
    """One subscriber that is told of everything."""
    rules = {
        "subscribers": [ONE],
        "routes": [{"to": ["center"]}],
        "timing": TIMING,
        "elevated": {},
        **sections,
    }
    return Delivery(make(**rules), {"310115103": "川沙新镇"}, SHANGHAI)


def minutes(pushes: Sequence[Push]) -> list[tuple[float, str]]:
    return [((push.at.timestamp() - MARCH_2) / MINUTE, push.reason) for push in pushes]


def play(delivery: Delivery, alerts: Sequence[Alert], until: float) -> list[Push]:
    pushes = [push for alert in alerts for push in delivery.take(alert)]
    return pushes + delivery.tick(MARCH_2 + until * MINUTE)


def action(verb: str, at: float, by: str = "center", **fields: Any) -> Action:
    moment = datetime.fromtimestamp(MARCH_2, SHANGHAI) + timedelta(minutes=at)
    return Action.model_validate(
        {"action_id": f"{verb}{at}{by}", "at": moment, "by": by, "verb": verb, "alert_id": "a1", **fields}
    )


# -- when ------------------------------------------------------------------------------------------------


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


# -- inhibition and silences -----------------------------------------------------------------------------


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


# -- people ----------------------------------------------------------------------------------------------


STREETS = [ONE, {"id": "street", "name": "城运中心", "each": "street", "view": "own"}]


def test_a_transfer_is_told_its_target_and_answered(rules_with: Make) -> None:
    delivery = simple(rules_with, subscribers=STREETS)
    play(delivery, [transition()], 2)
    refused = delivery.act(action("transfer", 3, target="street-999999999", why="属地"))
    assert refused.code == "refused"
    outcome = delivery.act(action("transfer", 4, target="street-310115103", why="属地处置"))
    assert [(push.subscriber, push.reason) for push in outcome.pushes] == [("street-310115103", "transferred")]
    assert "中心转交：属地处置" in outcome.pushes[0].text
    answer = delivery.act(action("refuse", 5, by="street-310115103", why="不属本镇"))
    assert [(push.subscriber, push.reason) for push in answer.pushes] == [("center", "receipt")]
    assert "已拒收：不属本镇" in answer.pushes[0].text
    assert delivery.memory.tracked["a1"].case("").status == "acknowledged"


def test_an_action_that_comes_again_does_nothing_and_gets_the_same_answer(rules_with: Make) -> None:
    delivery = simple(rules_with)
    play(delivery, [transition()], 2)
    first = delivery.act(action("false_alarm", 3))
    again = delivery.act(action("false_alarm", 3))
    assert first.learned is not None
    assert (again.code, again.pushes, again.learned) == ("done", (), None)
    assert first.learned == ("310115103", "new:issue:i1", False)


def test_nobody_acts_on_what_it_may_not_see(rules_with: Make) -> None:
    delivery = simple(rules_with, subscribers=STREETS)
    play(delivery, [transition()], 2)
    for by in ("street-310115103", "nobody"):
        assert delivery.act(action("acknowledge", 3, by=by)).code == "not_found"
    assert delivery.act(action("acknowledge", 3, alert_id="nothing")).code == "not_found"


def test_what_grows_where_a_reader_may_not_look_is_not_told_it(delivery_rules: DeliveryRules) -> None:
    delivery = Delivery(delivery_rules, {}, SHANGHAI)
    play(delivery, [transition()], 2)
    standing = (*transition().standing[:1], Standing(handler="", open=9, closed=0, ticket_ids=("T4", "T5", "T6")))
    grown = transition(at=60, seq=8, reason="grew", ticket_count=12, standing=standing)
    told = {push.subscriber.partition("-")[0] for push in play(delivery, [grown], 80) if push.reason == "grew"}
    assert told == {"command", "street"}


def test_overseers_have_a_room_of_their_own(rules_with: Make) -> None:
    watch = {**ONE, "id": "watch", "handles": False}
    delivery = simple(rules_with, subscribers=[ONE, watch], routes=[{"to": ["center", "watch"]}])
    play(delivery, [transition()], 2)
    delivery.act(action("false_alarm", 3, by="watch", why="不属实"))
    tracked = delivery.memory.tracked["a1"]
    assert (tracked.case("").status, tracked.case("watch").status) == ("open", "resolved")
    assert [event.by for event in tracked.case("").events] == [""]


def test_an_elevated_matter_goes_to_the_leader_and_waits_for_the_call(delivery_rules: DeliveryRules) -> None:
    delivery = Delivery(delivery_rules, {}, SHANGHAI)
    pushes = play(delivery, [transition(kind="mass")], 2)
    leader = next(push.subscriber for push in pushes if push.subscriber.startswith("leader-"))
    quiet = play(delivery, [transition(at=60, kind="mass", reason="resolved", state="resolved", seq=8)], 61)
    assert [push.reason for push in quiet] == ["handover", "handover"]
    assert delivery.act(action("resolve", 62, by="command-center")).code == "refused"
    done = delivery.act(action("leader_callback", 63, by=leader, why="已回访，来电人认可"))
    told = {push.subscriber: push.reason for push in (*done.pushes, *delivery.tick(MARCH_2 + 2 * HOUR))}
    assert told["command-center"] == "resolved"
    assert delivery.memory.tracked["a1"].case("").ended


# -- the same again, and never what must not be ------------------------------------------------------------


PLACES = (("310115103", "川沙新镇"), ("310115104", "高桥镇"), ("", "浦东新区"))
HANDLERS = ("区水务局", "川沙房管办", "高桥城管中队")


@st.composite
def stories(draw: st.DrawFn) -> list[Alert]:
    """Alerts of every kind and place as they open, grow, end and come back, in the order of their numbers."""
    alerts: list[Alert] = []
    at = 0.0
    open_: dict[str, dict[str, Any]] = {}
    for seq in range(draw(st.integers(1, 25))):
        at += draw(st.sampled_from([0.0, 0.2, 5.0, 70.0, 700.0]))
        number = draw(st.integers(0, 5))
        identity = f"alert{number}"
        known = open_.get(identity)
        if known is None:
            street, name = PLACES[draw(st.integers(0, 2))]
            kind = draw(st.sampled_from(KINDS))
            tickets = tuple(f"PD{number}{n}" for n in range(6))
            cut = draw(st.integers(0, 6))
            busy = draw(st.sampled_from(HANDLERS))
            other = draw(st.sampled_from(HANDLERS))
            standing = [Standing(handler=busy, open=cut, closed=0, ticket_ids=tickets[:cut])]
            if other != busy:
                standing.append(Standing(handler=other, open=0, closed=6 - cut, ticket_ids=tickets[cut:]))
            withheld = tickets[: draw(st.sampled_from([0, 0, 1, 4]))]
            known = open_[identity] = {
                "alert_id": identity,
                "kind": kind,
                "street": street,
                "street_name": name,
                "issue_id": f"issue{number}",
                "scope": draw(st.sampled_from(["issue", "cell"])),
                "ticket_ids": tickets,
                "ticket_count": 6,
                "standing": tuple(standing),
                "handlers": tuple(part.handler for part in standing),
                "matter": f"matter{number}" + ("吃拿卡要" if withheld else ""),
                "place": f"place{number}",
                "withheld": withheld,
                "withheld_count": len(withheld),
                "restricted": len(withheld) >= 3,
                "domains": ("conduct",) if withheld else ("minors",),
                "tags": draw(st.sampled_from([(), ("媒体件",)])),
                "covers": ("issue0", "issue1") if not street else (),
                "severity": draw(st.sampled_from(["critical", "high", "medium", "low"])),
            }
            reason, state = "opened", "open"
        else:
            told = [("grew", "open"), ("escalated", "open"), ("resolved", "resolved")]
            reason, state = draw(st.sampled_from(told)) if known["state"] == "open" else ("recurred", "open")
            known["ticket_count"] += 1
        known["state"] = state
        alerts.append(transition(**known, reason=reason, seq=seq + 1, at=at))
    return alerts


quick = settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@quick
@given(stories())
def test_a_subscriber_sees_nothing_it_should_not(delivery_rules: DeliveryRules, story: list[Alert]) -> None:
    delivery = Delivery(delivery_rules, dict(PLACES[:2]), SHANGHAI)
    pushes = play(delivery, story, 60 * 24 * 3)
    views = {subscriber.id: set(delivery_rules.views[subscriber.view]) for subscriber in delivery_rules.subscribers}
    latest = {alert.alert_id: alert for alert in story}
    names = {**{f"handler-{k}": n for k, n in delivery.memory.handlers.items()}}
    for push in pushes:
        line = push.to_json_line(SHANGHAI)
        kind = next(name for name in views if push.subscriber == name or push.subscriber.startswith(f"{name}-"))
        if kind == "street":
            code = push.subscriber.removeprefix("street-")
            for other, name in PLACES:
                assert other == code or (name not in line and (not other or other not in line))
        if kind in ("handler", "leader"):
            own = names[f"handler-{push.subscriber.partition('-')[2]}"]
            assert not any(name in line for name in HANDLERS if name != own)
            for view in push.alerts:
                allowed = {t for part in latest[view.alert_id].standing if part.handler == own for t in part.ticket_ids}
                assert set(view.ticket_ids or ()) <= allowed
                assert view.tickets == len(view.ticket_ids or ())
                assert all(part.ticket_ids == () for part in view.handlers or ())
        if kind in ("street", "handler", "leader", "procuratorate"):
            assert "吃拿卡要" not in line
            assert not any(ticket in line for alert in story for ticket in alert.withheld)
            assert not any(alert.restricted and alert.alert_id in line for alert in story)
        allowed_fields = views[kind]
        for view in push.alerts:
            assert view.handlers is None or "handlers" in allowed_fields
            assert view.ticket_ids is None or "ticket_ids" in allowed_fields
            assert view.keywords is None or "keywords" in allowed_fields
            assert view.street is None or "street" in allowed_fields
        if "handlers" not in allowed_fields:
            assert not any(name in line for name in HANDLERS)
        if "ticket_ids" not in allowed_fields:
            assert "PD" not in line


@quick
@given(stories(), st.data())
def test_the_same_story_gives_the_same_pushes_whatever_is_repeated_or_reloaded(
    delivery_rules: DeliveryRules, story: list[Alert], data: st.DataObject
) -> None:
    whole = [push.to_json_line(SHANGHAI) for push in play(Delivery(delivery_rules, {}, SHANGHAI), story, 9000)]
    delivery = Delivery(delivery_rules, {}, SHANGHAI)
    again: list[Push] = []
    for position, alert in enumerate(story):
        how = data.draw(st.sampled_from(["on", "pickled", "parts"]))
        if how == "pickled":
            delivery = pickle.loads(pickle.dumps(delivery))
        elif how == "parts":
            parts = {name: pickle.loads(pickle.dumps(part)) for name, part in delivery.parts().items()}
            delivery = Delivery(delivery_rules, {}, SHANGHAI, parts)
        again += delivery.tick(alert.updated_at.timestamp() - data.draw(st.sampled_from([0.0, 1.0])))
        again += delivery.take(alert)
        again += delivery.take(story[max(0, position - data.draw(st.integers(0, 3)))])
    again += delivery.tick(MARCH_2 + 9000 * MINUTE)
    assert [push.to_json_line(SHANGHAI) for push in again] == whole
    assert [Push.model_validate_json(line).to_json_line(SHANGHAI) for line in whole] == whole
    assert len({push.push_id for push in again}) == len(again)


@quick
@given(stories())
def test_no_push_repeats_the_one_before_it_and_all_state_is_let_go(
    delivery_rules: DeliveryRules, story: list[Alert]
) -> None:
    delivery = Delivery(delivery_rules, {}, SHANGHAI)
    pushes = play(delivery, story, 9000)
    for subscriber in {push.subscriber for push in pushes}:
        texts = [push.text for push in pushes if push.subscriber == subscriber]
        assert all(earlier != later for earlier, later in pairwise(texts))
    last = story[-1].updated_at.timestamp()
    end = datetime.fromtimestamp(last + 9000 * MINUTE, SHANGHAI)
    ended: dict[str, object] = {"reason": "resolved", "state": "resolved", "seq": 1000, "updated_at": end}
    ends = [alert.model_copy(update=ended) for alert in {alert.alert_id: alert for alert in story}.values()]
    play(delivery, ends, 9000 + 40 * 24 * 60)
    delivery.tick(last + 9000 * 60 + 100 * 24 * HOUR)
    assert delivery.memory.tracked == {}
    assert not any(box.open for box in delivery.memory.outlet.mailboxes.values())
    assert delivery.memory.groups == {}
    assert delivery.opens() is None


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
