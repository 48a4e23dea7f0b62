from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerts.detection import Detection, Facts, HandlerLoad
from alerts.lifecycle import AlertBook
from alerts.model import KINDS, Alert, AlertEvidence, Standing
from alerts.rules import LifecycleRules
from alerts.severity import SeverityRules
from alerts.subscribers import DeliveryRules

HOUR = 3600.0
SHANGHAI = timezone(timedelta(hours=8))
MARCH_2 = 1_772_409_600.0  # 2026-03-02 08:00 +08:00

RULES = LifecycleRules(
    grow_steps=(10, 20, 50),
    urgent_grow_steps=(2, 3, 5),
    resolve_after=dict.fromkeys(KINDS, 24 * HOUR) | {"mass": 72 * HOUR, "new": 72 * HOUR},
    recur_within=30 * 24 * HOUR,
)


@pytest.fixture(scope="session")
def severity_rules() -> SeverityRules:
    path = Path(__file__).parents[2] / "config" / "severity.yaml"
    return SeverityRules.model_validate(yaml.safe_load(path.read_text("utf-8")))


@pytest.fixture
def book(severity_rules: SeverityRules) -> AlertBook:
    return AlertBook("310115103", "川沙新镇", RULES, severity_rules, SHANGHAI)


@pytest.fixture
def detection() -> Callable[..., Detection]:
    """Builds the detection of the design's example, a water cut, with any part of it changed."""

    def build(**changes: Any) -> Detection:
        evidence = {
            "count": 19,
            "distinct_callers": 14,
            "expected": 1.5,
            "low": 0.0,
            "high": 4.0,
            "p_value": 1e-6,
            "recurrence_days": 40.0,
            "window_hours": 6.0,
            "statistic": "mass",
        }
        facts = {
            "headline": "停水",
            "place": "锦绣花园",
            "ticket_ids": ("T1", "T2", "T3"),
            "representative_ticket_id": "T2",
            "first_ticket_at": MARCH_2 - 2 * HOUR,
            "handlers": (HandlerLoad("川沙自来水公司", 8, 3), HandlerLoad("", 8, 0)),
            "keywords": ("停水", "水管"),
        }
        what = {
            "kind": "mass",
            "basis": "statistical",
            "scope": "issue",
            "subject": "i1",
            "at": MARCH_2,
            "seq": 7,
            "cause": "T3",
            "topic": "公用事业/供水",
        }
        for name, value in changes.items():
            part = next(part for part in (what, evidence, facts) if name in part or part is facts)
            if name in ("unknown_callers", "score", "explanation"):
                part = evidence
            elif name == "issue_id":
                part = what
            part[name] = value
        return Detection(**what, evidence=AlertEvidence(**evidence), facts=Facts(**facts))

    return build


@pytest.fixture(scope="session")
def delivery_rules() -> DeliveryRules:
    path = Path(__file__).parents[2] / "config" / "subscribers.yaml"
    return DeliveryRules.model_validate(yaml.safe_load(path.read_text("utf-8")))


@pytest.fixture
def rules_with() -> Callable[..., DeliveryRules]:
    """The shipped rules with whole sections replaced."""
    shipped = yaml.safe_load((Path(__file__).parents[2] / "config" / "subscribers.yaml").read_text("utf-8"))

    def build(**sections: Any) -> DeliveryRules:
        return DeliveryRules.model_validate({**shipped, **sections})

    return build


def transition(**changes: Any) -> Alert:
    """A transition of an alert: a water cut in 川沙新镇, with any field of it changed; `at` in minutes from 8:00."""
    at = datetime.fromtimestamp(MARCH_2 + 60 * changes.pop("at", 0.0), tz=SHANGHAI)
    fields: dict[str, Any] = {
        "alert_id": "a1",
        "kind": "new",
        "severity": "medium",
        "state": "open",
        "reason": "opened",
        "basis": "statistical",
        "scope": "issue",
        "street": "310115103",
        "street_name": "川沙新镇",
        "topic": "公用事业/供水",
        "issue_id": "i1",
        "title": "",
        "summary": "",
        "evidence": AlertEvidence(count=5, distinct_callers=4, expected=0.4, recurrence_days=90.0),
        "seq": 7,
        "ticket_ids": ("T1", "T2", "T3", "T4", "T5"),
        "ticket_count": 5,
        "representative_ticket_id": "T1",
        "first_ticket_at": at,
        "opened_at": at,
        "updated_at": at,
        "keywords": ("停水",),
        "handlers": ("区水务局",),
        "tags": (),
        "place": "锦绣花园",
        "matter": "停水",
        "standing": (
            Standing(handler="区水务局", open=2, closed=1, ticket_ids=("T1", "T2", "T3")),
            Standing(handler="", open=2, closed=0, ticket_ids=("T4", "T5")),
        ),
        **changes,
    }
    fields.setdefault("dedup_key", f"{fields['kind']}:{fields['scope']}:{fields['issue_id'] or fields['alert_id']}")
    return Alert.model_validate(fields)
