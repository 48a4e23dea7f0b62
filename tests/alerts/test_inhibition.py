import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.inhibition import Inhibitions
from alerts.model import Alert, Scope
from alerts.subscribers import DeliveryRules
from tests.alerts.conftest import transition

CITY = {"street": "", "street_name": "浦东新区", "alert_id": "c1", "ticket_ids": ("Z",)}


@pytest.fixture
def inhibitions(delivery_rules: DeliveryRules) -> Inhibitions:
    return Inhibitions(delivery_rules.inhibit)


@pytest.mark.parametrize(
    ("source", "target", "stands"),
    [
        (transition(**CITY, covers=("i1", "i2")), transition(), True),
        (transition(**CITY, covers=("i2",)), transition(), False),
        (transition(**CITY, covers=("i1",)), transition(kind="urgent"), False),
        (
            transition(**CITY, scope="topic", kind="rising", topic="公用事业", issue_id=""),
            transition(scope="cell", kind="rising", issue_id=""),
            True,
        ),
        (
            transition(**CITY, scope="topic", kind="rising", topic="公用事业/供电", issue_id=""),
            transition(scope="cell", kind="rising", issue_id=""),
            False,
        ),
        (
            transition(alert_id="m1", kind="mass"),
            transition(scope="cell", kind="rising", issue_id="", ticket_ids=("T1", "T2", "X")),
            True,
        ),
        (
            transition(alert_id="m1", kind="mass"),
            transition(scope="cell", kind="rising", issue_id="", ticket_ids=("X", "Y", "T1")),
            False,
        ),
        (
            transition(alert_id="m1", kind="mass"),
            transition(scope="cell", kind="rising", issue_id="", ticket_count=26),
            False,
        ),
        (transition(alert_id="m1", kind="mass"), transition(alert_id="m2", kind="mass"), False),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_what_stands_for_what(
    inhibitions: Inhibitions, source: Alert, target: Alert, stands: bool, first: bool
) -> None:
    for alert in (source, target) if first else (target, source):
        inhibitions.put(alert)
    assert inhibitions.standing_for(target.alert_id) == ([source.alert_id] if stands else [])
    assert inhibitions.standing_under(source.alert_id) == ([target.alert_id] if stands else [])
    inhibitions.drop(source.alert_id)
    assert inhibitions.standing_for(target.alert_id) == []
    inhibitions.drop(target.alert_id)
    assert not any(
        (inhibitions._covers, inhibitions._by_topic, inhibitions._by_ticket, inhibitions._issues,
         inhibitions._target_topics, inhibitions._target_tickets, inhibitions._alerts, inhibitions._narrower,
         inhibitions._wider, inhibitions._under)
    )  # fmt: skip


SCOPES = st.sampled_from([("", "issue"), ("", "topic"), ("", "city"), ("s", "issue"), ("s", "cell"), ("s", "street")])


@given(st.lists(st.tuples(SCOPES, st.sets(st.integers(0, 7)), st.sampled_from(["a", "a/b", "a/c"])), max_size=9))
def test_of_alerts_that_belong_together_one_always_speaks(
    delivery_rules: DeliveryRules, story: list[tuple[tuple[str, Scope], set[int], str]]
) -> None:
    inhibitions = Inhibitions(delivery_rules.inhibit)
    alerts = [
        transition(
            alert_id=f"x{number}",
            kind="rising",
            street=street,
            scope=scope,
            topic=topic,
            issue_id=f"i{number}",
            ticket_ids=tuple(map(str, sorted(tickets))),
            ticket_count=len(tickets),
            covers=("i0", "i1") if not street else (),
        )
        for number, ((street, scope), tickets, topic) in enumerate(story)
    ]
    for alert in alerts:
        inhibitions.put(alert)
    above = {alert.alert_id: inhibitions.standing_for(alert.alert_id) for alert in alerts}
    for alert_id in above:
        climbed, seen = [alert_id], {alert_id}
        while climbed:
            for source in above[climbed.pop()]:
                assert source != alert_id, "nobody stands for what stands for him"
                if source not in seen:
                    seen.add(source)
                    climbed.append(source)
        assert [target for target in above if alert_id in above[target]] == inhibitions.standing_under(alert_id)


@given(
    st.lists(
        st.tuples(st.integers(0, 5), SCOPES, st.sets(st.integers(0, 7)), st.sampled_from(["a", "a/b"]), st.booleans()),
        max_size=15,
    )
)
def test_what_is_kept_of_alerts_that_change_is_what_would_be_found_anew(
    delivery_rules: DeliveryRules, story: list[tuple[int, tuple[str, Scope], set[int], str, bool]]
) -> None:
    kept, last = Inhibitions(delivery_rules.inhibit), {}
    for number, (street, scope), tickets, topic, is_open in story:
        alert = transition(
            alert_id=f"x{number}", kind="rising", street=street, scope=scope, topic=topic, issue_id=f"i{number}",
            ticket_ids=tuple(map(str, sorted(tickets))), covers=tuple(f"i{n}" for n in tickets) if not street else (),
        )  # fmt: skip
        if is_open:
            last[alert.alert_id] = alert
            kept.put(alert)
        else:
            last.pop(alert.alert_id, None)
            kept.drop(alert.alert_id)
    anew = Inhibitions(delivery_rules.inhibit)
    for alert in last.values():
        anew.put(alert)
    for alert_id in (f"x{number}" for number in range(6)):
        assert kept.standing_for(alert_id) == anew.standing_for(alert_id)
        assert kept.standing_under(alert_id) == anew.standing_under(alert_id)
