from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from alerts.model import KINDS, Kind
from alerts.routing import Router
from alerts.subscribers import DeliveryRules, handler_id
from tests.alerts.conftest import transition


def told(rules: DeliveryRules, **changes: Any) -> set[str]:
    return {way.recipient.id for way in Router(rules).ways(transition(**changes))}


def test_the_ready_made_subscribers_of_a_street_alert(delivery_rules: DeliveryRules) -> None:
    water = handler_id(delivery_rules, "区水务局")
    assert told(delivery_rules) == {"command-center", "street-310115103", f"handler-{water}"}
    assert told(delivery_rules, kind="mass") == {
        "command-center", "street-310115103", f"handler-{water}", f"leader-{water}",
    }  # fmt: skip
    assert "emergency" in told(delivery_rules, kind="urgent")
    assert f"leader-{water}" in told(delivery_rules, tags=("媒体件",))


@pytest.mark.parametrize("kind", KINDS)
def test_the_command_center_is_told_of_every_kind(delivery_rules: DeliveryRules, kind: Kind) -> None:
    assert "command-center" in told(delivery_rules, kind=kind)
    assert "command-center" in told(delivery_rules, kind=kind, street="", street_name="浦东新区")


def test_failing_handling_goes_to_discipline_and_in_volume_to_supervision(delivery_rules: DeliveryRules) -> None:
    for kind in ("bounced", "repeat_call", "unsatisfied"):
        assert "discipline" in told(delivery_rules, kind=kind)
    assert "discipline" not in told(delivery_rules, kind="overdue")
    assert "supervision" not in told(delivery_rules, kind="overdue")
    assert "supervision" in told(delivery_rules, kind="overdue", ticket_count=25)


def test_what_is_mainly_conduct_reaches_no_street_and_no_handler(delivery_rules: DeliveryRules) -> None:
    conduct = {"restricted": True, "domains": ("conduct",), "withheld": ("T1",), "withheld_count": 4}
    assert told(delivery_rules, kind="mass", **conduct) == {"command-center", "discipline"}


def test_public_harm_goes_to_the_procurator_by_domain(delivery_rules: DeliveryRules) -> None:
    assert "procuratorate" in told(delivery_rules, domains=("minors",))
    assert "procuratorate" not in told(delivery_rules, domains=("minors",), severity="low")
    assert "procuratorate" not in told(delivery_rules, domains=())


def test_a_handlers_own_alert_goes_to_it_and_to_no_street(delivery_rules: DeliveryRules) -> None:
    about = {
        "scope": "handler",
        "dedup_key": "overdue:handler:区水务局",
        "kind": "overdue",
        "street": "",
        "handlers": (),
    }
    water = handler_id(delivery_rules, "区水务局")
    assert told(delivery_rules, **about) == {"command-center", f"handler-{water}"}


def test_the_first_route_below_that_matches_sets_the_timing(delivery_rules: DeliveryRules) -> None:
    ways = {way.recipient.id: way for way in Router(delivery_rules).ways(transition(kind="urgent"))}
    center = ways["command-center"]
    assert center.route == "command-center/urgent"
    assert (center.timing.group_wait, center.timing.group_interval) == (0.0, 300.0)
    assert center.timing.acknowledge == {"critical": 900.0, "high": 3600.0, "medium": 28800.0}


def test_why_not_is_told_too(delivery_rules: DeliveryRules) -> None:
    tried = {item.route: item for item in Router(delivery_rules).tried(transition(kind="urgent", restricted=True))}
    assert tried["emergency"].told == ("emergency",)
    assert tried["streets"].told == ()
    assert tried["streets"].hidden == ("street-310115103",)
    assert tried["procuratorate"].against == ("domains",)


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"routes": [{"to": ["nobody"]}]}, "nobody"),
        ({"views": {"all": ["street"]}}, "own"),
        ({"timing": {"group_by": ["street"]}}, "group_wait"),
        ({"handlers": {"甲": "water", "乙": "water"}}, "one id"),
        ({"link": "https://example.org"}, "which alert"),
        ({"routes": [{"to": ["command-center"], "match": {"kind": "newish"}}]}, "kind"),
        (
            {"subscribers": [{"id": "street", "name": "", "each": "street", "view": "own", "conduct": True}]},
            "themselves",
        ),
    ],
)
def test_what_cannot_be_is_refused(rules_with: Callable[..., DeliveryRules], sections: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        rules_with(**sections)
