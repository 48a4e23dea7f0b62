import pickle
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from alerts.detection import Detection
from alerts.severity import SeverityJudge, SeverityRules

Build = Callable[..., Detection]
FEW = {"count": 4, "distinct_callers": 4, "expected": None, "recurrence_days": None}


@pytest.fixture
def judge(severity_rules: SeverityRules) -> SeverityJudge:
    return SeverityJudge(severity_rules)


@pytest.mark.parametrize(
    ("changes", "severity"),
    [
        ({"kind": "new"}, "low"),
        ({"kind": "rising"}, "medium"),
        ({"kind": "mass"}, "high"),
        ({"kind": "urgent"}, "critical"),
        ({"kind": "mass", "basis": "floor"}, "medium"),
        ({"kind": "new", "distinct_callers": 10}, "medium"),
        ({"kind": "new", "distinct_callers": 100}, "critical"),
        ({"kind": "rising", "scope": "cell", "distinct_callers": 100}, "medium"),
        ({"kind": "new", "recurrence_days": 400.0}, "medium"),
        ({"kind": "rising", "scope": "cell", "count": 20, "distinct_callers": 12, "expected": 1.9}, "high"),
        ({"kind": "rising", "scope": "cell", "count": 20, "distinct_callers": 9, "expected": 1.9}, "medium"),
        ({"kind": "new", "tags": ("国办转办", "媒体件")}, "medium"),
        ({"kind": "mass", "tags": ("110",)}, "critical"),
        ({"kind": "urgent", "tags": ("110",)}, "critical"),
        ({"kind": "mass", "tags": ("微信",)}, "high"),
    ],
)
def test_what_each_rule_calls_for(
    judge: SeverityJudge, detection: Build, changes: dict[str, Any], severity: str
) -> None:
    assert judge.assess(detection(**FEW | changes), ()) == severity


def test_words_of_harm_call_for_more_and_never_for_less(judge: SeverityJudge, detection: Build) -> None:
    assert judge.assess(detection(**FEW, kind="new"), ("讨薪",)) == "high"
    assert judge.assess(detection(**FEW, kind="new"), ("受伤", "身亡")) == "critical"
    assert judge.assess(detection(**FEW, kind="mass"), ("受伤",)) == "high"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("楼道起火，有人受伤，起火原因不明", ("起火", "受伤")),
        ("造成三人伤亡", ("伤亡",)),
        ("未造成人员伤亡", ()),
        ("没有，起火了", ("起火",)),
        ("幸好没有人受伤。后来又有人触电", ("触电",)),
        ("咨询如何开具死亡证明", ()),
        ("开死亡证明时听说又死亡一人", ("死亡",)),
        ("路灯不亮", ()),
        ("", ()),
    ],
)
def test_harm_is_found_unless_it_is_denied(judge: SeverityJudge, text: str, found: tuple[str, ...]) -> None:
    assert judge.harm_in(text) == found


def test_it_survives_a_pickle(judge: SeverityJudge) -> None:
    assert pickle.loads(pickle.dumps(judge)).harm_in("有人受伤") == ("受伤",)


def test_every_kind_must_be_given() -> None:
    with pytest.raises(ValidationError, match="lacks rising"):
        SeverityRules.model_validate({"kinds": {"new": "low"}, "floor": "low"})
