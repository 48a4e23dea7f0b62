"""Delivery played through: one subscriber, and times in minutes from 8:00."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from alerts.actions import Action
from alerts.delivery import Delivery
from alerts.model import Alert
from alerts.pushes import Push
from alerts.subscribers import DeliveryRules
from tests.alerts.conftest import MARCH_2, SHANGHAI

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
