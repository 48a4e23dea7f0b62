"""What a clerk reads: one golden text for each kind and each reason, and the promises that hold for all."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerts.detection import Detection, HandlerLoad, StreetCount, TopicShift
from alerts.lifecycle import AlertBook
from alerts.model import KINDS, Kind
from alerts.severity import SeverityRules
from alerts.wording import MAX_SUMMARY, MAX_TITLE
from tests.alerts.conftest import RULES, SHANGHAI

HOUR = 3600.0
MARCH_2 = 1_772_409_600.0
Build = Callable[..., Detection]

STANDING = "承办：川沙自来水公司（处置中8件、已办结3件）；另有8件未派单。"
ALONE = {"expected": None, "recurrence_days": None, "basis": "rule", "handlers": ()}

GOLDEN: dict[Kind, tuple[dict[str, Any], str, str]] = {
    "mass": (
        {"unknown_callers": 3},
        "群诉｜川沙新镇｜锦绣花园停水：近6小时14人19件（平时同期约1.5件）",
        "近6小时收到19件，其中14人反映16件，另3件来电人不详，首件3月2日06:00。"
        f"平时同期约1.5件；按历史水平，约每40天才会碰巧出现一次。{STANDING}",
    ),
    "new": (
        {"count": 3, "distinct_callers": 3, "window_hours": 168.0, "expected": None, "recurrence_days": 90.0},
        "新发｜川沙新镇｜锦绣花园停水：近7天3人3件",
        f"近期首次出现的问题。近7天3人反映3件，首件3月2日06:00。按历史水平，约每3个月才会碰巧出现一次。{STANDING}",
    ),
    "rising": (
        {
            "scope": "cell",
            "headline": "",
            "place": "",
            "topic": "住建房产/物业管理",
            "count": 38,
            "distinct_callers": 33,
            "window_hours": 24.0,
            "expected": 12.3,
            "recurrence_days": 800.0,
            "handlers": (),
        },
        "高发｜川沙新镇｜物业管理类诉求：近24小时33人38件（平时同期约12件）",
        "近24小时33人反映38件。平时同期约12件；按历史水平，约每2年才会碰巧出现一次。",
    ),
    "urgent": (
        ALONE | {"count": 1, "distinct_callers": 1, "ticket_ids": ("T1",), "danger": "燃气泄漏"},
        "紧急件｜川沙新镇｜锦绣花园燃气泄漏：3月2日06:00来电",
        "3月2日06:00来电反映燃气泄漏。可能危及人身安全，一件即报，请立即核实处置。",
    ),
    "recurred": (
        {"quiet_days": 16.0, "count": 3, "distinct_callers": 2, "window_hours": 24.0, "handlers": ()},
        "问题复发｜川沙新镇｜锦绣花园停水：平静16天后再现，近24小时2人3件",
        "平静16天后再次出现的老问题。近24小时2人反映3件，首件3月2日06:00。"
        "平时同期约1.5件；按历史水平，约每40天才会碰巧出现一次。",
    ),
    "drift": (
        {
            "scope": "street",
            "headline": "",
            "place": "",
            "shifts": (TopicShift("城市管理/违停", 0.04, 0.15), TopicShift("住建房产/物业管理", 0.2, 0.12)),
            "count": 240,
            "distinct_callers": 200,
            "window_hours": 168.0,
            "expected": None,
            "handlers": (),
        },
        "诉求结构变化｜川沙新镇｜违停由4%升至15%",
        "各类诉求占比与平时明显不同：违停由4%升至15%，物业管理由20%降至12%。近7天200人反映240件。"
        "按历史水平，约每40天才会碰巧出现一次。",
    ),
    "repeat_call": (
        ALONE | {"repeats": 3, "count": 5, "distinct_callers": 1, "window_hours": 720.0},
        "重复来电未解决｜川沙新镇｜锦绣花园停水：办结后又来电3次",
        "办结后又来电3次，问题可能没有解决。近30天1人反映5件，首件3月2日06:00。",
    ),
    "bounced": (
        ALONE
        | {
            "scope": "ticket",
            "returns": 4,
            "hands": 5,
            "count": 1,
            "distinct_callers": 1,
            "ticket_ids": ("T1",),
            "handlers": (HandlerLoad("区水务局", 1, 0),),
        },
        "退单推诿｜川沙新镇｜锦绣花园停水：已退单4次、经手5家单位",
        "已退单4次、经手5家单位，建议协调明确主办单位。受理时间3月2日06:00。承办：区水务局（处置中1件）。",
    ),
    "unsatisfied": (
        ALONE
        | {
            "unsatisfied": 3,
            "contradicted": 2,
            "count": 4,
            "distinct_callers": 3,
            "window_hours": 720.0,
        },
        "二次回访不满意｜川沙新镇｜锦绣花园停水：回访不满意3件，2件疑似虚假办结",
        "回访不满意3件。其中2件按已解决办结，来电人称未解决，疑似虚假办结（线索，待核实）。"
        "近30天3人反映4件，首件3月2日06:00。",
    ),
    "overdue": (
        ALONE
        | {
            "scope": "handler",
            "headline": "",
            "topic": "",
            "place": "川沙镇城管中队",
            "overdue": 6,
            "due_soon": 3,
            "count": 9,
            "distinct_callers": 8,
            "window_hours": 0.0,
        },
        "超期临期｜川沙新镇｜川沙镇城管中队：超期6件、临期3件",
        "在办工单超期6件、临期3件。共8人反映9件。",
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_reads_as_written_here(book: AlertBook, detection: Build, kind: Kind) -> None:
    changes, title, summary = GOLDEN[kind]
    (alert,) = book.detect(detection(kind=kind, **changes))
    assert alert.title == title
    assert alert.summary == summary


def test_a_growing_alert_says_what_is_new(book: AlertBook, detection: Build) -> None:
    book.detect(detection())
    (alert,) = book.detect(detection(count=31, distinct_callers=23, copied=12, texts=("有老人摔伤了",)))
    assert alert.title == "群诉·扩大｜川沙新镇｜锦绣花园停水：近6小时23人31件（平时同期约1.5件）"
    assert alert.summary.startswith("较上次通报新增9人12件。近6小时23人反映31件，首件3月2日06:00。")
    assert alert.summary.endswith("其中12件文案雷同，疑似统一话术。诉求中提到“摔伤”。")


def test_an_escalated_alert_says_from_what_to_what(book: AlertBook, detection: Build) -> None:
    book.detect(detection(kind="new", count=3, distinct_callers=3))
    (alert,) = book.detect(detection())
    assert alert.title.startswith("群诉·升级｜川沙新镇｜锦绣花园停水：")
    assert alert.summary.startswith("由新发升级为群诉，级别由“提示”升为“重要”，较上次通报新增11人16件。")


def test_a_resolved_alert_says_how_long_it_has_been_quiet(book: AlertBook, detection: Build) -> None:
    book.detect(detection())
    (alert,) = book.due(MARCH_2 + 72 * HOUR, 9)
    assert alert.title == "已解除｜群诉｜川沙新镇｜锦绣花园停水：已3天无新增，累计14人19件"
    assert alert.summary.startswith("已3天没有新情况，预警自动解除（工单仍按原流程办理）；再次出现会重新提醒。")


def test_an_expired_danger_asks_whether_it_is_over(book: AlertBook, detection: Build) -> None:
    book.detect(detection(kind="urgent", danger="燃气泄漏"))
    (alert,) = book.due(MARCH_2 + 24 * HOUR, 9)
    assert alert.title.startswith("已过期｜紧急件｜川沙新镇｜锦绣花园燃气泄漏：已24小时无新增")
    assert "是否处置完毕请向承办单位核实" in alert.summary


def test_what_comes_back_says_after_how_long(book: AlertBook, detection: Build) -> None:
    book.detect(detection())
    book.due(MARCH_2 + 72 * HOUR, 9)
    (alert,) = book.detect(detection(at=MARCH_2 + 240 * HOUR, count=21, distinct_callers=16))
    assert alert.title.startswith("群诉·再现｜")
    assert alert.summary.startswith("上次预警解除7天后再次出现，较上次通报新增2人2件。")


def test_a_merged_alert_names_the_one_that_lives_on(book: AlertBook, detection: Build) -> None:
    book.detect(detection())
    book.detect(detection(kind="new", subject="i2", headline="自来水停了", place=""))
    (alert,) = book.rename("i2", "i1", MARCH_2, 9)
    assert alert.title == "已并入｜新发｜川沙新镇｜自来水停了：并入“锦绣花园停水”"
    assert alert.summary.startswith("与“锦绣花园停水”为同一问题，后续并入该预警。")


def test_a_floor_says_that_it_is_a_rule_and_claims_no_rarity(book: AlertBook, detection: Build) -> None:
    (alert,) = book.detect(detection(basis="floor", recurrence_days=None))
    assert "多人反映同一问题，达到设定人数，按规则通报。" in alert.summary
    assert "碰巧" not in alert.summary


def test_tickets_without_callers_are_not_called_people(book: AlertBook, detection: Build) -> None:
    (alert,) = book.detect(detection(count=3, distinct_callers=0, unknown_callers=3))
    assert "近6小时3件（" in alert.title
    assert "近6小时收到3件，来电人均不详，" in alert.summary


NO_CALLERS = {"distinct_callers": 0, "unknown_callers": 0, "ticket_ids": ("T1", "T2"), "handlers": ()}
AT_A_HANDLER = NO_CALLERS | {"scope": "handler", "headline": "", "topic": "", "place": "区水务局"}


@pytest.mark.parametrize(
    ("changes", "title", "summary"),
    [
        (
            AT_A_HANDLER | {"kind": "unsatisfied", "unsatisfied": 7, "count": 7, "expected": 1.2, "window_hours": 96.0},
            "二次回访不满意｜浦东新区｜区水务局：回访不满意7件",
            "近4天回访不满意7件。平时同期约1.2件；按历史水平，约每40天才会碰巧出现一次。",
        ),
        (
            AT_A_HANDLER | {"kind": "overdue", "basis": "rule", "overdue": 12, "count": 12, "window_hours": 0.0},
            "超期临期｜浦东新区｜区水务局：超期12件",
            "在办工单超期12件。",
        ),
        (
            AT_A_HANDLER
            | {"kind": "overdue", "basis": "rule", "overdue": 12, "ticket_count": 7, "count": 7, "window_hours": 48.0},
            "超期临期｜浦东新区｜区水务局：超期12件",
            "在办工单超期12件。其中7件近2天到期，多于平时。",
        ),
        (
            {"kind": "rising", "scope": "topic", "headline": "", "place": "", "handlers": ()},
            "高发｜浦东新区｜供水类诉求：近6小时14人19件（平时同期约1.5件）",
            "近6小时14人反映19件。平时同期约1.5件；按历史水平，约每40天才会碰巧出现一次。",
        ),
        (
            {"kind": "rising", "scope": "city", "headline": "", "place": "", "topic": "", "handlers": ()},
            "高发｜浦东新区｜各类诉求：近6小时14人19件（平时同期约1.5件）",
            "近6小时14人反映19件。平时同期约1.5件；按历史水平，约每40天才会碰巧出现一次。",
        ),
    ],
    ids=["unsatisfied", "overdue", "a burst", "topic", "city"],
)
def test_the_city_stage_reads_well_and_speaks_of_callers_only_where_it_knows_of_them(
    severity_rules: SeverityRules, detection: Build, changes: dict[str, Any], title: str, summary: str
) -> None:
    book = AlertBook("", "浦东新区", RULES, severity_rules, SHANGHAI)
    (alert,) = book.detect(detection(**changes))
    assert alert.title == title
    assert alert.summary == summary


def test_the_city_names_the_streets(book: AlertBook, detection: Build) -> None:
    streets = tuple(StreetCount(name, n) for name, n in [("川沙新镇", 6), ("张江镇", 5), ("祝桥镇", 4)])
    (alert,) = book.detect(detection(streets=streets))
    assert alert.summary.endswith("涉及川沙新镇6件、张江镇5件、祝桥镇4件。")


def test_a_place_that_the_headline_names_is_not_said_twice(book: AlertBook, detection: Build) -> None:
    (alert,) = book.detect(detection(headline="锦绣花园整夜停水"))
    assert "｜锦绣花园整夜停水：" in alert.title


LONG = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=200)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    headline=LONG,
    place=LONG,
    topic=LONG,
    handlers=st.lists(st.builds(HandlerLoad, LONG, st.integers(0, 999), st.integers(0, 999)), max_size=6),
    tags=st.lists(LONG, max_size=6),
    count=st.integers(0, 10**6),
    callers=st.integers(0, 10**6),
    expected=st.none() | st.floats(0, 1e6),
    hours=st.floats(0, 1e4),
    recurrence=st.none() | st.floats(0, 1e12),
    shifts=st.lists(st.builds(TopicShift, LONG, st.floats(0, 1), st.floats(0, 1)), max_size=5),
)
def test_lengths_and_lines_are_bounded_whatever_the_facts(
    book: AlertBook,
    detection: Build,
    kind: Kind,
    headline: str,
    place: str,
    topic: str,
    handlers: list[HandlerLoad],
    tags: list[str],
    count: int,
    callers: int,
    expected: float | None,
    hours: float,
    recurrence: float | None,
    shifts: list[TopicShift],
) -> None:
    spoken = detection(
        kind=kind,
        subject="any",
        headline=headline,
        place=place,
        topic=topic,
        handlers=tuple(handlers),
        tags=tuple(tags),
        count=count,
        distinct_callers=callers,
        expected=expected,
        window_hours=hours,
        recurrence_days=recurrence,
        shifts=tuple(shifts),
    )
    for alert in book.detect(spoken) + book.due(MARCH_2 + 2000 * HOUR, 8):
        assert len(alert.title) <= MAX_TITLE
        assert len(alert.summary) <= MAX_SUMMARY
        assert not re.search(r"[\r\n\t]", alert.title + alert.summary)


def test_nothing_but_masked_text_is_quoted(book: AlertBook, detection: Build) -> None:
    """The texts searched for harm are never quoted, so what a mask has missed in them does not leave."""
    texts = ("我叫王建国，电话13812345678，身份证310115198001011234，孩子受伤了",)
    (alert,) = book.detect(detection(texts=texts))
    said = alert.title + alert.summary + repr(alert)
    assert "受伤" in alert.summary
    assert not re.search(r"\d{11}|\d{17}[\dXx]|王建国", said)
