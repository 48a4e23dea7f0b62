"""The clusterer on what people will meet, and its promises about order, forgetting and state."""

import math
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embeddings.clusterer import ClustererSettings, IssueClusterer, Reading
from embeddings.encoder import StaticEncoder
from embeddings.lexicon import MODELS, Lexicon
from embeddings.memory import TicketMemory
from embeddings.pairs import NAME_WORTH
from embeddings.scorer import PairScorer
from embeddings.tickets import Fields

LEXICON, ENCODER = Lexicon.shipped(), StaticEncoder()
SCORER = PairScorer.load(MODELS / "static" / "pair_scorer.json")
HOUR, DAY = 3600.0, 86400.0
TOPICS = ("停水", "车位", "电梯", "物业费")  # a street's classifier knows more, and is as sure of such texts


def clusterer(**changes: float) -> IssueClusterer:
    memory = TicketMemory(LEXICON.prior, ENCODER.identity.dimension)
    return IssueClusterer(memory, SCORER, ClustererSettings(**changes))  # type: ignore[arg-type]


def reading(ticket_id: str, text: str, at: float = 0.0, caller: int = 0, address: int = 0) -> Reading:
    terms, ids = LEXICON.read("", text)
    topic = next((n for n, word in enumerate(TOPICS, 1) if word in text), 0)
    fields = Fields(at, caller, address, topic=topic, group=topic, sure=0.9)
    return Reading(ticket_id, terms, ENCODER.encode(text, ids), fields)


def issues_of(*texts: str, gap: float = HOUR) -> list[str]:
    subject = clusterer()
    return [subject.assign(reading(f"t{n}", text, n * gap, n + 1), f"t{n}").issue_id for n, text in enumerate(texts)]


WATER = "金桥镇银杏花园小区从昨天晚上开始停水，物业公司说不清楚什么时候恢复供水，居民生活很不方便。"
WATER_AGAIN = "我是银杏花园的业主，小区停水一天了，家里没有水用，希望尽快恢复供水。"
WATER_ELSEWHERE = "川沙新镇碧云家园小区停水，物业没有提前通知，居民家里没有水用，希望尽快处理。"
PARKING = "银杏花园物业公司强制业主购买车位，不买就不让车辆进小区，乱收停车费。"


def test_one_problem_in_other_words_at_one_address_is_one_issue() -> None:
    subject = clusterer()
    subject.assign(reading("t0", WATER, 0.0, 1, address=120), "t0")
    assert subject.assign(reading("t1", WATER_AGAIN, HOUR, 2, address=120), "t1").issue_id == "t0"


def test_what_tickets_name_together_is_told() -> None:
    subject = clusterer()
    first = subject.assign(reading("t0", WATER, 0.0, 1), "t0")
    again = subject.assign(reading("t1", WATER_AGAIN, HOUR, 2), "t1")
    assert (first.opened, first.named, again.opened) == (True, 0.0, False)
    assert again.named > 0.2


def test_how_likely_it_is_the_same_is_told_and_what_a_ticket_cites_is_no_less_than_even() -> None:
    subject = clusterer()
    first = subject.assign(reading("t0", WATER, 0.0, 1, address=120), "t0")
    again = subject.assign(reading("t1", WATER_AGAIN, HOUR, 2, address=120), "t1")
    cited = subject.assign(reading("t2", PARKING, HOUR, 3), "t2", told="t0")
    assert (first.odds, cited.issue_id, cited.odds) == (0.0, "t0", 0.0)
    assert subject.settings.join_at <= again.odds < 9.0


def test_what_is_usual_in_names_is_learned_within_some_dozen_tickets() -> None:
    subject = clusterer()
    subject._names = 5.0  # as if much more were usual than is
    named = [subject.assign(reading(f"t{n}", WATER, n * HOUR, n + 1), f"t{n}").named for n in range(100)]
    assert 0.0 < named[1] < 0.25
    assert 0.6 < named[-1] < 1.1


@given(st.lists(st.sampled_from((WATER, WATER_AGAIN, WATER_ELSEWHERE, PARKING)), max_size=8))
@settings(max_examples=20, deadline=None)
def test_nobody_shares_more_names_than_it_has(texts: list[str]) -> None:
    subject = clusterer()
    for n, text in enumerate(texts):
        usual = math.expm1(subject._names)
        assignment = subject.assign(reading(f"t{n}", text, n * HOUR, n + 1, address=n % 2), f"t{n}")
        slot = int(subject.memory.tickets.alive.nonzero()[0].max())
        assert 0.0 <= assignment.named * usual <= max(NAME_WORTH, float(subject.memory.tickets.named[slot]) + 1e-3)


def test_a_ticket_that_belongs_to_two_issues_makes_them_one() -> None:
    subject = clusterer(join_at=-2.25)
    subject.assign(reading("t0", WATER, 0.0, 1), "t0")
    subject.assign(reading("t1", PARKING, HOUR, 2), "t1")
    both = subject.assign(reading("t2", WATER, 2 * HOUR, 3), "t2")
    assert (both.issue_id, both.merged) == ("t0", ())
    # nothing is certain enough at any price, everything at none
    subject.settings = ClustererSettings(join_at=-20.0, merge_at=-20.0)
    all_one = subject.assign(reading("t3", f"{PARKING}而且从昨天晚上开始停水。", 3 * HOUR, 4), "t3")
    assert (all_one.issue_id, all_one.merged) == ("t0", ("t1",))
    assert len(subject) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("潍坊新村街道阳光花园物业费涨价，没有征求业主意见", "阳光花园小区物业突然涨物业费，业主都不同意"),
        ("川沙新镇绿波家园3号楼电梯坏了三天没人修", "绿波家园电梯停运，老人下不了楼"),
        ("三林镇凯榭名邸电梯故障，一直没人来修，老人下不了楼", "三林镇凯谢名邸电梯坏了没人修"),  # a slip in the name
        (
            "三林镇凯榭名邸電梯故障，壹直沒人來修，老人下不了樓",
            "三林镇凯榭名邸电梯坏了没人修",
        ),  # traditional characters
        ("张江镇OPPO大厦停水，restaurant没法营业", "张江镇ｏｐｐｏ大厦停水，餐厅没有水没法营业"),
    ],
)
def test_one_problem_said_otherwise_is_one_issue(one: str, other: str) -> None:
    assert issues_of(one, other) == ["t0", "t0"]


def test_a_caller_who_calls_ten_times_makes_one_issue() -> None:
    subject = clusterer()
    ids = [
        subject.assign(reading(f"t{n}", f"我第{n}次来电，{WATER_AGAIN}", n * HOUR, 1), f"t{n}").issue_id
        for n in range(10)
    ]
    assert set(ids) == {"t0"}


def test_an_issue_that_slept_for_three_months_returns() -> None:
    subject = clusterer()
    for n in range(3):
        subject.assign(reading(f"t{n}", WATER, n * HOUR, n + 1), f"t{n}")
    subject.forget(90 * DAY)
    again = "银杏花园小区又停水了，物业公司还是说不清楚什么时候恢复供水。"
    assert subject.assign(reading("t9", again, 90 * DAY, 9), "t9").issue_id == "t0"


def test_the_same_problem_at_another_estate_is_another_issue() -> None:
    first, second = issues_of(WATER, WATER_ELSEWHERE)
    assert first != second


def test_another_problem_at_the_same_estate_is_another_issue() -> None:
    first, second = issues_of(WATER, PARKING)
    assert first != second


def test_a_ticket_joins_the_issue_it_says_it_is_about_while_that_is_alive() -> None:
    subject = clusterer()
    for n, text in enumerate((WATER, PARKING)):
        subject.assign(reading(f"t{n}", text, n * HOUR, n + 1), f"t{n}")
    unlike = reading("t2", "又来电，还是没人管", 2 * HOUR, 3)
    assert subject.predict_one(unlike._asdict()) == 0
    joined = subject.assign(unlike, "t2", told="t1")
    assert (joined.issue_id, joined.opened, joined.merged) == ("t1", False, ())
    subject.forget(400 * DAY)
    gone = subject.assign(reading("t3", "又来电", 400 * DAY, 4), "t3", told="t1")
    assert (gone.issue_id, gone.opened) == ("t3", True)


def test_a_copied_text_is_recognised_but_not_the_callers_own_repeat() -> None:
    subject = clusterer()
    subject.assign(reading("t0", WATER, 0.0, 1), "t0")
    copy = subject.assign(reading("t1", WATER.replace("昨天", "前天"), HOUR, 2), "t1")
    own = subject.assign(reading("t2", WATER, 2 * HOUR, 1), "t2")
    assert copy.copied
    assert copy.issue_id == own.issue_id == "t0"


@pytest.mark.parametrize("text", ["停水", "没水", "x", "，，，", WATER * 200])
def test_very_short_and_very_long_tickets_are_taken(text: str) -> None:
    assert issues_of(text, text)[0] == "t0"


def test_issues_are_forgotten_in_event_time() -> None:
    subject = clusterer(single_days=10.0, issue_days=20.0)
    subject.assign(reading("t0", WATER, 0.0, 1), "t0")
    subject.assign(reading("t1", PARKING, 0.0, 9), "t1")
    subject.assign(reading("t2", WATER, DAY, 2), "t2")
    assert subject.forget(9.9 * DAY) == []
    assert subject.forget(10.0 * DAY) == ["t1"]
    assert subject.forget(21.0 * DAY) == ["t0"]
    assert len(subject) == subject.memory.live == 0


def test_memory_of_a_large_issue_is_bounded() -> None:
    subject = clusterer(members=10)
    for n in range(50):
        subject.assign(reading(f"t{n}", WATER, n * HOUR, n + 1), f"t{n}")
    assert len(subject) == 1
    assert subject.memory.count - subject.memory.dead == 10


def test_likeness_to_an_issue_as_a_whole_joins_what_no_pair_does() -> None:
    alone, whole = clusterer(candidates=0), clusterer(candidates=0, common=0.0, whole=50.0)
    for subject in (alone, whole):
        subject.assign(reading("t0", WATER), "t0")
    again = reading("t1", WATER_AGAIN, HOUR, 2)
    assert alone.assign(again, "t1").opened
    assert whole.assign(again, "t1").issue_id == "t0"
    assert whole.assign(reading("t2", "地铁十号线早高峰太挤", HOUR, 3), "t2").opened


@given(st.lists(st.sampled_from((WATER, WATER_AGAIN, WATER_ELSEWHERE, PARKING)), max_size=30))
@settings(max_examples=20, deadline=None)
def test_of_a_whole_no_more_is_kept_than_its_length(texts: list[str]) -> None:
    subject = clusterer(whole=20.0, members=10)
    for n, text in enumerate(texts):
        subject.assign(reading(f"t{n}", text, n * HOUR, n), f"t{n}")
    for issue in subject._issues.values():
        kept = len(issue.slots)
        assert kept <= 10
        # as long as that of so many alike at most, and of one by itself at least
        assert 1.0 - 1e-6 <= issue.length <= kept * (1.0 + 1e-6)
    assert subject.memory.count - subject.memory.dead == sum(len(i.slots) for i in subject._issues.values())


def test_compacting_changes_no_later_decision() -> None:
    texts = [WATER, PARKING, WATER_ELSEWHERE, WATER_AGAIN]
    plain, compacted = clusterer(), clusterer()
    for n in range(40):
        one = reading(f"t{n}", texts[n % 4] + f"已经第{n}次反映", n * HOUR, n)
        assert plain.assign(one, f"t{n}") == compacted.assign(one, f"t{n}")
        if n % 7 == 0:
            moved = compacted.memory.compact()
            for issue in compacted._issues.values():
                issue.slots = [int(moved[slot]) for slot in issue.slots]


@pytest.mark.parametrize("weight", [0.0, 20.0])
@settings(max_examples=15, deadline=None)
@given(calls=st.lists(st.tuples(st.integers(0, 3), st.integers(1, 5)), min_size=4, max_size=25), data=st.data())
def test_state_survives_pickling_at_any_point(weight: float, calls: list[tuple[int, int]], data: st.DataObject) -> None:
    texts = [WATER, PARKING, WATER_ELSEWHERE, WATER_AGAIN]
    cut = data.draw(st.integers(0, len(calls)))
    whole, broken = clusterer(whole=weight, members=8), clusterer(whole=weight, members=8)
    for n, (which, caller) in enumerate(calls):
        if n == cut:
            broken = pickle.loads(pickle.dumps(broken))
            broken.attach(SCORER, LEXICON.prior)
        one = reading(f"t{n}", texts[which] + f"{n}号楼", n * 6 * HOUR, caller)
        assert whole.assign(one, f"t{n}") == broken.assign(one, f"t{n}")
