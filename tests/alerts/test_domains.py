from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from alerts.detection import Detection
from alerts.domains import DomainReader, DomainRules
from alerts.lifecycle import AlertBook
from alerts.severity import SeverityRules
from embeddings.ngrams import CONDUCT, NgramModel
from tests.alerts.conftest import RULES, SHANGHAI


@pytest.fixture(scope="session")
def rules() -> DomainRules:
    path = Path(__file__).parents[2] / "config" / "domains.yaml"
    return DomainRules.model_validate(yaml.safe_load(path.read_text("utf-8")))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("办证窗口的人吃拿卡要，不给好处不办", True),
        ("街道对此不作为，多次反映无人管", True),
        ("物业不作为，电梯坏了三天", False),
        ("物业不管。城管也推诿，踢皮球", True),
        ("向居委反映过，物业态度恶劣", False),
        ("不作为！不作为！", False),
        ("推诿扯皮的就是镇政府", True),
        ("楼道灯坏了，希望街道维修", False),
    ],
)
def test_conduct_is_that_of_an_office(rules: DomainRules, text: str, told: bool) -> None:
    assert DomainReader(rules).conduct("", text, "") is told


def test_a_topic_of_conduct_needs_no_words(rules: DomainRules) -> None:
    reader = DomainReader(rules)
    assert reader.conduct("", "请处理", "党风政风/违纪违法")
    assert not reader.conduct("", "请处理", "党风政风/司法信访")


def test_conduct_is_heard_in_no_words_of_a_list(rules: DomainRules) -> None:
    words, both = DomainReader(rules), DomainReader(rules, NgramModel.load(CONDUCT).chance)
    lines = Path(__file__).with_name("conduct_sentences.tsv").read_text("utf-8").splitlines()
    told = {"1": [0, 0, 0], "0": [0, 0, 0]}
    for label, _, text in (line.split("\t") for line in lines):
        for place, found in enumerate((True, words.conduct("", text, ""), both.conduct("", text, ""))):
            told[label][place] += found
    written, by_words, by_both = told["1"]
    assert by_words < 0.1 * written, "asked to say what happened, nobody says the word for it"
    assert by_both > 0.8 * written
    assert told["0"][2] < 0.08 * told["0"][0]


def test_the_title_counts_and_what_is_learned_can_be_left_out(rules: DomainRules) -> None:
    model = NgramModel.load(CONDUCT).chance
    title, text = "办事窗口刁难人", "去办证，窗口那个人叫我先找他亲戚的公司做材料，不然不收"
    assert DomainReader(rules, model).conduct(title, "请处理", "")
    assert DomainReader(rules, model).conduct("", text, "")
    off = rules.model_copy(update={"conduct": rules.conduct.model_copy(update={"learned": 1.0})})
    assert not DomainReader(off, model).conduct("", text, "")
    assert not DomainReader(rules, model).conduct("路灯不亮", "花木路的路灯坏了三天，请派人修", "")


def test_domains_come_from_topics_and_words(rules: DomainRules) -> None:
    reader = DomainReader(rules)
    assert reader.of([], "生态环境/水体污染") == ("ecology",)
    assert reader.of(["工厂夜里偷排", "校园欺凌没人管"], "") == ("ecology", "minors")
    assert reader.of(["路灯不亮"], "城市管理/路灯照明") == ()
    assert DomainReader(DomainRules()).of(["偷排"], "") == ()


def test_an_alert_keeps_its_domains(
    severity_rules: SeverityRules, rules: DomainRules, detection: Callable[..., Detection]
) -> None:
    book = AlertBook("310115103", "川沙新镇", RULES, severity_rules, SHANGHAI, rules)
    opened = book.detect(detection(texts=("工厂偷排污水",)))[0]
    grown = book.detect(detection(texts=("还是老样子",), distinct_callers=25, count=30))[0]
    assert opened.domains == grown.domains == ("ecology",)


@pytest.mark.parametrize(("count", "restricted"), [(0, False), (2, False), (10, True)])
def test_an_alert_is_restricted_if_half_of_it_is_conduct(
    book: AlertBook, detection: Callable[..., Detection], count: int, restricted: bool
) -> None:
    alert = book.detect(detection(withheld=("T1",) if count else (), withheld_count=count))[0]
    assert alert.restricted is restricted
    assert alert.withheld == (("T1",) if count else ())
