import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import ValidationError

from alerts.detection import Detection
from alerts.lifecycle import AlertBook
from alerts.model import Alert, AlertEvidence, alert_id

SHANGHAI = timezone(timedelta(hours=8))
KEYS = [
    "alert_id",
    "dedup_key",
    "kind",
    "severity",
    "state",
    "reason",
    "basis",
    "scope",
    "street",
    "street_name",
    "topic",
    "issue_id",
    "title",
    "summary",
    "evidence",
    "seq",
    "ticket_ids",
    "ticket_count",
    "representative_ticket_id",
    "first_ticket_at",
    "opened_at",
    "updated_at",
    "keywords",
    "handlers",
    "tags",
    "place",
    "matter",
    "standing",
    "streets",
    "companies",
    "domains",
    "covers",
    "withheld",
    "withheld_count",
    "restricted",
    "contradicted",
]
EVIDENCE_KEYS = [
    "count",
    "distinct_callers",
    "unknown_callers",
    "expected",
    "low",
    "high",
    "score",
    "p_value",
    "recurrence_days",
    "window_hours",
    "statistic",
    "explanation",
]


@pytest.fixture
def alert(book: AlertBook, detection: Callable[..., Detection]) -> Alert:
    return book.detect(detection(p_value=1.23456789e-7, score=1 / 3))[0]


def test_the_line_has_the_keys_of_the_contract_in_order(alert: Alert) -> None:
    line = json.loads(alert.to_json_line(SHANGHAI))
    assert list(line) == KEYS
    assert list(line["evidence"]) == EVIDENCE_KEYS


def test_times_are_of_the_zone_and_floats_have_six_digits(alert: Alert) -> None:
    line = alert.to_json_line(SHANGHAI)
    assert '"opened_at":"2026-03-02T08:00:00+08:00"' in line
    assert '"first_ticket_at":"2026-03-02T06:00:00+08:00"' in line
    assert '"score":0.333333,' in line
    assert '"p_value":1.23457e-07,' in line
    assert "锦绣花园" in line
    assert "\n" not in line


def test_a_line_can_be_read_back(alert: Alert) -> None:
    back = Alert.model_validate_json(alert.to_json_line(SHANGHAI))
    assert back.to_json_line(SHANGHAI) == alert.to_json_line(SHANGHAI)


def test_an_alert_does_not_change(alert: Alert) -> None:
    with pytest.raises(ValidationError):
        alert.seq = 8  # type: ignore[misc]


def test_naive_times_and_infinities_are_refused(alert: Alert) -> None:
    naive = datetime(2026, 3, 2, tzinfo=UTC).replace(tzinfo=None)
    with pytest.raises(ValidationError, match="opened_at"):
        Alert.model_validate(alert.model_dump() | {"opened_at": naive})
    with pytest.raises(ValidationError, match="score"):
        AlertEvidence(score=float("inf"))


def test_the_id_is_a_function_of_content_alone() -> None:
    content = ("310115103", "T1", "mass", "issue", "i1", "T3")
    assert alert_id(*content) == alert_id(*content) == "74ae258bfdd2d191bbdf"
    others = {alert_id(*content[:n], f"{content[n]}x", *content[n + 1 :]) for n in range(6)}
    assert len(others) == 6


def test_neighbouring_parts_do_not_run_together() -> None:
    assert alert_id("a", "bc", "new", "issue", "i", "t") != alert_id("ab", "c", "new", "issue", "i", "t")
