"""What people do: who may, who is told, and what comes of it."""

from __future__ import annotations

from alerts.delivery import Delivery
from alerts.model import Standing
from alerts.subscribers import DeliveryRules
from tests.alerts.conftest import MARCH_2, SHANGHAI, transition
from tests.alerts.playing import HOUR, ONE, Make, action, play, simple

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


def test_whoever_is_assigned_an_alert_is_told_by_whom_and_why(rules_with: Make) -> None:
    delivery = simple(rules_with, subscribers=STREETS, routes=[{"to": ["center"]}])
    play(delivery, [transition()], 2)
    assign = action("assign", 3, target="street-310115103", person="王主任", why="请现场核实")
    outcome = delivery.act(assign)
    (push,) = outcome.pushes
    assert (push.subscriber, push.reason, push.route) == ("street-310115103", "assigned", "assign")
    assert push.title.startswith("指派｜新发")
    assert "推送原因：指派" in push.text
    assert "中心指派给川沙新镇城运中心：请现场核实" in push.text, "other offices learn no names of persons"
    event = delivery.memory.tracked["a1"].case("").events[-1]
    assert (event.what, event.by, event.person, event.target) == ("assign", "center", "王主任", "street-310115103")
    assert delivery.memory.tracked["a1"].case("").status == "acknowledged"
    assert delivery.act(assign).pushes == (), "it comes again"
    by_name = delivery.act(action("assign", 4, target="川沙新镇城运中心", why="再核实"))
    assert [push.subscriber for push in by_name.pushes] == ["street-310115103"]


def test_a_person_is_assigned_an_alert_through_his_own_office(rules_with: Make) -> None:
    delivery = simple(rules_with, subscribers=STREETS, routes=[{"to": ["center", "street"]}])
    play(delivery, [transition()], 2)
    (push,) = delivery.act(action("assign", 3, by="street-310115103", person="王主任", target="李工")).pushes
    assert (push.subscriber, push.reason) == ("street-310115103", "assigned")
    assert "川沙新镇城运中心（王主任）指派给李工" in push.text


def test_nobody_is_assigned_what_it_may_not_see(rules_with: Make) -> None:
    handler = {"id": "handler", "name": "", "each": "handler", "view": "desk"}
    watch = {**ONE, "id": "watch", "name": "督查", "handles": False}
    delivery = simple(rules_with, subscribers=[*STREETS, handler, watch], routes=[{"to": ["center", "handler"]}])
    other = transition(
        alert_id="a2", issue_id="i2", street="310115104", street_name="高桥镇", handlers=("高桥城管中队",)
    )
    play(delivery, [transition(), other], 2)
    water = next(name for name, line in delivery.memory.tracked["a1"].lines.items() if line.way.recipient.handler)
    for number, (by, target) in enumerate([
        ("center", "street-310115104"), ("center", "高桥城管中队"), ("center", "watch"), ("center", "street-999999999"),
        (water, "高桥城管中队"),
    ]):  # fmt: skip
        outcome = delivery.act(action("assign", 3 + number, by=by, target=target))
        assert (outcome.code, outcome.pushes) == ("refused", ()), target
        assert outcome.reason == "没有这个指派对象，或不得指派给它"
    conduct = transition(alert_id="a3", issue_id="i3", restricted=True, withheld=("T1", "T2", "T3"), withheld_count=3)
    play(delivery, [conduct], 20)
    assert delivery.act(action("assign", 21, alert_id="a3", target="street-310115103")).code == "refused"
    assert delivery.act(action("assign", 22, alert_id="a3", target="区水务局")).code == "refused"


def test_a_handler_learns_of_no_other_by_assigning(rules_with: Make) -> None:
    handler = {"id": "handler", "name": "", "each": "handler", "view": "desk"}
    delivery = simple(rules_with, subscribers=[*STREETS, handler], routes=[{"to": ["center", "handler"]}])
    shared = transition(handlers=("区水务局", "川沙房管办"))
    play(delivery, [shared], 2)
    water = next(
        name for name, line in delivery.memory.tracked["a1"].lines.items() if line.way.recipient.handler == "区水务局"
    )
    assert delivery.act(action("assign", 3, by=water, target="川沙房管办")).code == "refused"
    assert delivery.act(action("assign", 4, by=water, target="center")).code == "done"


def test_what_somebody_was_assigned_is_told_though_another_alert_stands_for_it(rules_with: Make) -> None:
    boss = {**ONE, "id": "boss", "name": "领导"}
    delivery = simple(rules_with, subscribers=[ONE, boss], routes=[{"to": ["center", "boss"]}])
    city = {"alert_id": "c1", "street": "", "street_name": "浦东新区", "issue_id": "c", "covers": ("i1", "i2")}
    play(delivery, [transition(), transition(at=5, seq=8, **city)], 60)
    pushes = delivery.act(action("assign", 61, target="boss", why="请过问")).pushes
    assert [(push.subscriber, push.reason) for push in pushes] == [("boss", "assigned")]
