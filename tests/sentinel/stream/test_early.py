"""What is sent before its round is over is what delivery decides when it is."""

import random

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as limits
from hypothesis import strategies as st

from alerts import Alert, Delivery
from sentinel.settings import Settings
from sentinel.stream.early import Early
from tests.alerts.conftest import MARCH_2, SHANGHAI, transition


def danger(number: int, at: float, street: str = "310115103", reason: str = "opened") -> Alert:
    return transition(
        alert_id=f"u{number}", issue_id=f"j{number}", kind="urgent", severity="critical", street=street,
        seq=10 * number + (reason != "opened"), at=at, reason=reason,
    )  # fmt: skip


def test_danger_is_told_before_its_round_is_over_and_by_the_same_push(settings: Settings) -> None:
    delivery = Delivery(settings.subscribers, {}, SHANGHAI)
    early = Early(delivery)
    plain, urgent = transition(seq=1), danger(1, 0.5)
    assert early.arrived(plain) == []
    sent = early.arrived(urgent)
    assert {push.subscriber for push in sent} >= {"command-center", "emergency", "street-310115103"}
    decided = delivery.take(plain) + delivery.take(urgent) + delivery.tick(MARCH_2 + 300)
    early.decided(30)
    assert [push for push in decided if push.push_id in early.sent] == sent
    assert early.arrived(urgent) == [], "a repeat of what is decided"


@pytest.fixture(scope="module")
def settings_(settings: Settings) -> Settings:
    return settings


@limits(max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.integers(0, 300), st.sampled_from(["310115103", "310115104"])), max_size=6), st.randoms())
def test_in_order_of_arrival_nothing_is_sent_that_is_not_decided(
    settings_: Settings, story: list[tuple[int, str]], chance: random.Random
) -> None:
    alerts = [danger(n + 1, at / 60, street) for n, (at, street) in enumerate(sorted(story))]
    delivery = Delivery(settings_.subscribers, {}, SHANGHAI)
    early = Early(delivery)
    sent = [push.push_id for alert in alerts for push in early.arrived(alert)]
    decided = {push.push_id for alert in alerts for push in delivery.take(alert)}
    assert set(sent) <= decided
    assert len(sent) == len(set(sent))
    assert not alerts or sent
    # in another order there may be more, and none is missing
    late = Early(Delivery(settings_.subscribers, {}, SHANGHAI))
    shuffled = chance.sample(alerts, len(alerts))
    told = {view.alert_id for alert in shuffled for push in late.arrived(alert) for view in push.alerts}
    assert told == {alert.alert_id for alert in alerts} or len(alerts) > 1
