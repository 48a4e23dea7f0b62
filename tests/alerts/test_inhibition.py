import pytest

from alerts.inhibition import Inhibitions
from alerts.model import Alert
from alerts.subscribers import DeliveryRules
from tests.alerts.conftest import transition

CITY = {"street": "", "street_name": "浦东新区", "alert_id": "c1"}


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
            transition(scope="cell", kind="rising", issue_id="", ticket_ids=("T1", "X", "Y")),
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
         inhibitions._target_topics, inhibitions._target_tickets, inhibitions._alerts)
    )  # fmt: skip
