"""One incident of 400 tickets in 36 streets: few messages, the first at once, none saying the same thing."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import pytest

from alerts import Alert
from alerts.pushes import Push
from sentinel.intake import Door
from sentinel.pipeline import Pipeline
from sentinel.shared import Shared
from sentinel.tickets import TicketEvent
from sentinel.times import SHANGHAI

HOUR = 3600.0
BEGIN = datetime(2025, 3, 9, 9, 0, tzinfo=SHANGHAI)


class Incident(NamedTuple):
    topic: str
    what: tuple[str, ...]
    where: tuple[str, ...]
    so: tuple[str, ...]


WATER = Incident(
    "公用事业/供水",
    ("家里突然停水", "自来水停了", "水龙头没有水", "整个小区停水", "今天早上开始停水"),
    ("{0}这边", "住在{0}", "{0}的居民反映", "本人是{0}居民，"),
    (
        "没有任何通知，什么时候恢复供水",
        "无法做饭，请尽快恢复供水",
        "家里有老人孩子，要求尽快来水",
        "打自来水公司电话打不通",
    ),
)
CARD = Incident(
    "交通出行/公交线路",
    ("乘车码今天打不开", "公交乘车码刷不了", "公交乘车码扫码失败", "乘车码一直显示异常"),
    ("在{0}乘公交，", "{0}站上车时", "从{0}出发"),
    ("被司机要求投币，要求说明原因", "无法上车，请尽快修复乘车码", "上班迟到了，何时能恢复扫码乘车"),
)


def calls(incident: Incident, shared: Shared, seed: int) -> list[TicketEvent]:
    """400 tickets within 50 minutes, ever more of them, each by a caller of its own, in every street."""
    chance = random.Random(seed)
    streets = [street.name for street in shared.settings.streets.streets]
    times = sorted(3000.0 * chance.random() ** 0.6 for _ in range(400))
    events = []
    for number, after in enumerate(times):
        street = streets[number % len(streets)] if number < len(streets) else chance.choice(streets)
        where = chance.choice(incident.where).format(street)
        events.append(
            TicketEvent.model_validate(
                {
                    "ticket_id": f"X{seed}{number:04d}",
                    "created_at": (BEGIN + timedelta(seconds=after)).isoformat(),
                    "text": f"{where}{chance.choice(incident.what)}，{chance.choice(incident.so)}。",
                    "street": street,
                    "topic": incident.topic if chance.random() < 0.8 else None,
                    "nature": "投诉举报",
                    "caller": f"1390000{number:04d}",
                }
            )
        )
    return events


def run(events: Sequence[TicketEvent], shared: Shared, door: Door) -> tuple[list[Alert], list[Push]]:
    pipeline = Pipeline(shared, door)
    for position, event in enumerate(events):
        pipeline.take(position, event)
    rounds = [*pipeline.said(), *pipeline.finish()]
    return [alert for said in rounds for alert in said.alerts], [push for said in rounds for push in said.pushes]


@pytest.mark.parametrize(("incident", "seed"), [(WATER, 1), (WATER, 2), (CARD, 3)])
def test_the_command_center_gets_at_most_five_messages_in_the_first_hour(
    incident: Incident, seed: int, events: list[TicketEvent], shared: Shared, door: Door
) -> None:
    before = [event for event in events if event.arrival < BEGIN]
    alerts, pushes = run([*before, *calls(incident, shared, seed)], shared, door)
    about = {
        alert.alert_id: alert for alert in reversed(alerts) if any(t.startswith(f"X{seed}") for t in alert.ticket_ids)
    }
    assert len({alert.street for alert in about.values()}) > 5, "streets and the city speak of it"
    first = min(alert.updated_at for alert in about.values())
    told = [
        push
        for push in pushes
        if push.subscriber == "command-center"
        and first <= push.at < first + timedelta(hours=1)
        and any(view.alert_id in about for view in push.alerts)
    ]
    assert told[0].at - first <= timedelta(seconds=1)
    assert 1 < len(told) <= 5, [push.title for push in told]
    assert len({push.title for push in told}) == len({push.text for push in told}) == len(told)
    assert any("浦东新区" in push.text and "已并入" in push.text for push in told)
