"""Any story of alerts: the same again, and never what must not be."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerts.delivery import Delivery
from alerts.model import KINDS, Alert, Standing
from alerts.pushes import Push
from alerts.subscribers import DeliveryRules
from tests.alerts.conftest import MARCH_2, SHANGHAI, transition
from tests.alerts.playing import HOUR, MINUTE, action, play

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


def assert_nothing_leaks(rules: DeliveryRules, delivery: Delivery, story: list[Alert], pushes: Sequence[Push]) -> None:
    """No field, street, handler, ticket or withheld word where it does not belong."""
    views = {subscriber.id: set(rules.views[subscriber.view]) for subscriber in rules.subscribers}
    latest = {alert.alert_id: alert for alert in story}
    names = {**{f"handler-{k}": n for k, n in delivery.memory.handlers.items()}}
    for push in pushes:
        line = push.to_json_line(SHANGHAI)
        kind = next(name for name in views if push.subscriber == name or push.subscriber.startswith(f"{name}-"))
        if kind in ("street", "town-leader"):
            code = push.subscriber.removeprefix(f"{kind}-")
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
        if kind in ("street", "town-leader", "handler", "leader", "procuratorate"):
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
@given(stories())
def test_a_subscriber_sees_nothing_it_should_not(delivery_rules: DeliveryRules, story: list[Alert]) -> None:
    delivery = Delivery(delivery_rules, dict(PLACES[:2]), SHANGHAI)
    assert_nothing_leaks(delivery_rules, delivery, story, play(delivery, story, 60 * 24 * 3))


@quick
@given(stories(), st.data())
def test_whoever_is_assigned_what_learns_nothing_it_should_not(
    delivery_rules: DeliveryRules, story: list[Alert], data: st.DataObject
) -> None:
    delivery = Delivery(delivery_rules, dict(PLACES[:2]), SHANGHAI)
    pushes = play(delivery, story, 0)
    known = delivery.memory.tracked
    offices = list(dict.fromkeys(identity for tracked in known.values() for identity in tracked.lines))
    for number in range(6):
        by, target = data.draw(st.sampled_from(offices)), data.draw(st.sampled_from(offices))
        alert_id = data.draw(st.sampled_from(list(known)))
        act = action("assign", 10000 + number, by=by, alert_id=alert_id, target=target, person="王主任", why="请核实")
        outcome = delivery.act(act)
        told = [push for push in outcome.pushes if push.reason == "assigned"]
        pushes += outcome.pushes
        if outcome.code != "done":
            assert not told
            continue
        assert known[alert_id].lines[by].way.recipient.room == known[alert_id].lines[target].way.recipient.room
        event = known[alert_id].case_of(known[alert_id].lines[by].way.recipient).events[-1]
        assert (event.what, event.by, event.target, event.why) == ("assign", by, target, "请核实")
        for push in told:
            assert push.subscriber == target
            view = next(view for view in push.alerts if view.alert_id == alert_id)
            assert "assigned" in view.reasons
            assert ("王主任" in push.text) == (by == target or target in ("command-center", "duty-leader", "emergency"))
    assert_nothing_leaks(delivery_rules, delivery, story, pushes)


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
