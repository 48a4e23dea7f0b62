"""Which tickets are about the same thing, on what people will meet: tickets as intake sends them, each encoder."""

from collections.abc import Callable, Sequence

import pytest

from embeddings.clusterer import Assignment
from sentinel.reading import with_topic
from sentinel.records import RoutedTicket
from sentinel.settings import load_settings
from sentinel.shared import Shared

DAY = 24 * 60.0  # minutes

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

Ticket = Callable[..., RoutedTicket]
Assign = Callable[[Sequence[RoutedTicket]], list[Assignment]]


@pytest.fixture(scope="module", params=["static", "small"])
def configured(request: pytest.FixtureRequest, shared: Shared) -> Shared:
    return shared if request.param == shared.settings.encoder else Shared.load(load_settings(encoder=request.param))


@pytest.fixture
def assign(configured: Shared) -> Assign:
    """Gives each ticket its issue, as a street does; sleeping issues are forgotten on the way."""

    def run(tickets: Sequence[RoutedTicket]) -> list[Assignment]:
        clusterer, classifier = configured.clusterer(), configured.classifier()
        found = []
        for ticket in tickets:
            clusterer.forget(ticket.at)
            reading = configured.reader.read(ticket)
            topic, sure = classifier.topic_of(reading.terms.words, ticket.topic)
            found.append(clusterer.assign(with_topic(reading, topic, sure), ticket.ticket_id))
        return found

    return run


@pytest.fixture
def called(ticket: Ticket) -> Callable[..., RoutedTicket]:
    """A call: minutes after noon, and what was said; callers are others if not given."""
    number = 0

    def build(minutes: float, text: str, **fields: object) -> RoutedTicket:
        nonlocal number
        number += 1
        given = {"ticket_id": f"T{number}", "caller": f"{number:016x}", **fields}
        return ticket(minutes, text=text, **given)

    return build


def ids(assignments: Sequence[Assignment]) -> list[str]:
    return [assignment.issue_id for assignment in assignments]


ELSEWHERE = (
    "市民来电反映，张杨北路上夜间有渣土车鸣笛，影响休息。",
    "市民来电反映，家门口的公交站台灯箱坏了，晚上看不清站牌。",
    "市民来电咨询，退休人员异地就医如何备案，需要带哪些材料。",
    "市民来电反映，菜场里活禽摊位气味难闻，希望有人管理。",
)


def known_failure(request: pytest.FixtureRequest, reason: str, *encoders: str) -> None:
    """Expect the test to fail with these encoders, and say so the day it does not."""
    if request.node.callspec.params["configured"] in encoders:
        request.applymarker(pytest.mark.xfail(strict=True, raises=AssertionError, reason=reason))


@pytest.mark.parametrize(
    ("estate", "one", "other"),
    [
        ("锦绣花园", "小区从昨晚开始停水，家里没有水用。", "小区3号楼电梯故障停运，老人下不了楼。"),
        ("云山佳苑", "物业强制业主购买车位。", "南门外烧烤摊油烟扰民。"),
    ],
)
def test_the_same_estate_with_another_problem(
    assign: Assign, called: Ticket, estate: str, one: str, other: str, request: pytest.FixtureRequest
) -> None:
    if estate == "锦绣花园":
        known_failure(
            request, "a mean of words is near where most of them are the estate's and the note's own", "static"
        )
    first, second = ids(assign([called(n, f"市民来电反映，{estate}{text}") for n, text in enumerate((one, other))]))
    assert first != second


NOISE, LAMPS = (
    "来电人称御桥名邸楼上住户装修噪音大，影响孩子上网课。",
    "来电人称御桥名邸小区路灯不亮，晚上进出看不清。",
)


def test_two_short_notes_of_one_estate_are_told_apart_by_their_topics(assign: Assign, called: Ticket) -> None:
    first, second = ids(assign([
        called(0, NOISE, topic="生态环境/噪声扰民"),
        called(60, LAMPS, topic="城市管理/路灯照明"),
    ]))  # fmt: skip
    assert first != second


def test_two_short_notes_of_one_estate_in_a_street_that_has_learned_no_topics(
    assign: Assign, called: Ticket, request: pytest.FixtureRequest
) -> None:
    known_failure(request, "an uncommon name weighs more than the words of so short a text", "static", "small")
    first, second = ids(assign([called(0, NOISE), called(60, LAMPS)]))
    assert first != second


@pytest.mark.parametrize(
    ("here", "there", "problem"),
    [
        ("市民来电反映，锦绣花园", "市民来电反映，碧云家园", "小区从昨晚开始停水，家里没有水用，希望尽快恢复供水。"),
        ("来电人称银桥公寓", "来电人称金桥公寓", "地下车库积水严重，车辆无法进出。"),
        ("市民反映育才小学", "市民反映明珠小学", "放学时校门口乱停车。"),
    ],
)
def test_the_same_problem_at_the_neighbouring_estate(
    assign: Assign, called: Ticket, here: str, there: str, problem: str
) -> None:
    first, second = ids(assign([called(0, here + problem), called(60, there + problem)]))
    assert first != second


def test_a_company_with_branches_in_many_streets_is_one_issue_in_each(assign: Assign, called: Ticket) -> None:
    """Each street has a clusterer of its own; what spans them is the city's to join, see test_city.py."""
    texts = (
        "市民来电反映，优贝健身突然关门，会员卡里的钱退不出来，联系不上负责人。",
        "来电人在优贝健身办了年卡，现在门店停业，要求退还会费。",
        "优贝健身闭店跑路，教练也找不到人，请帮忙追回私教课的钱。",
    )
    for n in range(3):
        street = [called(60.0 * n, texts[n]), called(60.0 * n + 30, texts[(n + 1) % 3])]
        assert len(set(ids(assign(street)))) == 1


def test_two_companies_with_the_same_trouble_are_two_issues(assign: Assign, called: Ticket) -> None:
    text = "市民来电反映，{}突然关门，会员卡里的钱退不出来，联系不上负责人。"
    first, second = ids(assign([
        called(60 * n, text.format(name), company=f"{name}有限公司") for n, name in enumerate(("优贝健身", "力美瑜伽"))
    ]))  # fmt: skip
    assert first != second


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("凯榭名邸", "凯谢名邸"), ("馨竹苑", "新竹苑"), ("臻水湾花园", "真水湾花园"), ("翡翠澜庭", "翡翠蓝庭")],
)
def test_a_slip_in_the_estates_name(assign: Assign, called: Ticket, right: str, wrong: str) -> None:
    tickets = [called(0, f"市民来电反映，{right}电梯故障停运，一直没人来修，老人下不了楼。")]
    tickets += [called(10 + n, text) for n, text in enumerate(ELSEWHERE)]
    tickets.append(called(90, f"市民来电反映，{wrong}电梯坏了没人修，家里老人下不了楼。"))
    found = ids(assign(tickets))
    assert found[0] == found[-1]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "市民来电反映，凯榭名邸电梯故障，一直没人来修，老人下不了楼。",
            "市民來電反映，凱榭名邸電梯故障，壹直沒人來修，老人下不了樓。",
        ),
        (
            "张江的OPPO大厦停水，restaurant没法营业，WiFi也断了。",
            "張江的ｏｐｐｏ大廈停水，Restaurant沒法營業，wifi也斷了。",
        ),
    ],
)
def test_traditional_characters_and_english_words(assign: Assign, called: Ticket, one: str, other: str) -> None:
    assert len(set(ids(assign([called(0, one), called(60, other)])))) == 1


def test_two_words_are_enough_where_the_address_says_the_rest(assign: Assign, called: Ticket) -> None:
    here, there = "张杨路500弄锦绣花园", "云台路88号"
    found = ids(assign([
        called(0, "锦绣花园小区停水了，家里没有水用。", address=here),
        called(20, "停水", address=there),
        called(40, "停水", address=here),
    ]))  # fmt: skip
    assert found[2] == found[0]
    assert found[1] != found[0]


def test_two_words_alone_join_nothing_that_names_a_place(assign: Assign, called: Ticket) -> None:
    found = ids(assign([called(0, "锦绣花园小区停水了，家里没有水用。"), called(40, "停水")]))
    assert found[0] != found[1]


def test_five_thousand_characters_about_what_one_sentence_said(
    assign: Assign, called: Ticket, request: pytest.FixtureRequest
) -> None:
    known_failure(request, "the mean of all words is that of the pleading", "static")
    sentence = "市民来电反映，臻水湾花园地下车库积水严重，车辆无法进出，物业一直不处理。"
    long = sentence + "居民多次找物业协商，每次都说在走流程，至今没有结果，希望有关部门重视。" * 150
    assert len(long) > 5000
    found = ids(assign([called(0, sentence), called(30, long), called(60, long)]))
    assert found == [found[0]] * 3


def test_a_campaign_of_copies_is_one_issue_and_known_as_copies(assign: Assign, called: Ticket) -> None:
    text = (
        "我是臻水湾花园的业主，开发商承诺的幼儿园至今没有建，交房两年了，孩子没有地方上学，请政府督促开发商履行承诺。"
    )
    tickets = [called(n, f"{text}{n}号楼业主") for n in range(25)]
    found = assign(tickets)
    assert set(ids(found)) == {"T1"}
    assert [one.copied for one in found] == [False] + [True] * 24


def test_neighbours_who_say_the_same_of_a_house_each_are_one_issue(assign: Assign, called: Ticket) -> None:
    text = "锦绣花园{}号楼从今天早上开始停水，家里没有自来水，请尽快恢复供水"
    found = ids(assign([called(n, text.format(n), topic="公用事业/供水") for n in range(3, 12)]))
    assert len(set(found)) == 1


def test_copies_of_one_short_note_in_an_empty_street(assign: Assign, called: Ticket) -> None:
    found = ids(assign([called(n, f"川沙路88号锦绣花园小区停水三天没人管第{n}次") for n in range(8)]))
    assert len(set(found)) == 1


def test_one_caller_ten_times_about_one_thing(assign: Assign, called: Ticket) -> None:
    texts = (
        "市民来电反映，臻水湾花园楼上住户半夜打麻将，吵得睡不着。",
        "我又来电，臻水湾花园楼上打麻将的声音还是很大，没有人管。",
        "第三次打电话了，楼上还在半夜打麻将，臻水湾花园物业不管。",
    )
    tickets = [called(n * DAY, texts[n % 3], caller="00000000000000ff") for n in range(10)]
    found = assign(tickets)
    assert len(set(ids(found))) == 1
    assert not any(one.copied for one in found), "a caller's own repeat is no campaign"


def test_an_issue_that_sleeps_for_three_months_and_returns(
    assign: Assign, called: Ticket, request: pytest.FixtureRequest
) -> None:
    known_failure(request, "said in half other words, which a mean of words finds less near", "static")
    tickets = [called(n * 60.0, f"市民来电反映，臻水湾花园小区停水，{n + 1}号楼没有水用。") for n in range(4)]
    tickets += [called(n * 3 * DAY, text) for n, text in enumerate(ELSEWHERE * 7, 1)]
    tickets.append(called(92 * DAY, "来电人称臻水湾花园小区又停水了，家里没有水用，上次停水还是三个月前。"))
    found = ids(assign(tickets))
    assert set(found[:4]) == {found[0]}
    assert found[-1] == found[0]
