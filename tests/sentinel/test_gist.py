from __future__ import annotations

import re
from collections.abc import Callable
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.gist import HEADLINE_CHARS, KEYWORDS, Gist, gist

COMMON = (
    "市民 来电 来电人 反映 希望 相关部门 尽快 处理 解决 您好 领导 我们 小区 业主 居民 问题 情况 现在 目前 "
    "已经 没有 影响 严重 要求 投诉 家里 老人 孩子 "
    "物业 晚上 每天 半夜 公司 电话"
)
TELLING = (
    "停水 停电 捆绑 销售 车位 强制 夜间 施工 噪声 噪音 扰民 油烟 垃圾 堆积 清运 电梯 停运 困人 健身房 "
    "跑路 退费 会员 拖欠 工资 农民工 路灯 不亮 "
    "积水 下水道 堵塞 补课 收费 学生 燃气 泄漏 外墙 渗水 居民楼 公交 停开 班次 老伯 睡不着 混凝土 搅拌站 污染"
)
RARITY = dict.fromkeys(COMMON.split(), 2.0) | dict.fromkeys(TELLING.split(), 6.0)
LONGEST_WORD = max(map(len, RARITY))


def cut(text: str) -> list[str]:
    """Longest known word first; names come out in single characters, as from a real segmenter."""
    words, at = [], 0
    while at < len(text):
        size = next((n for n in range(LONGEST_WORD, 1, -1) if text[at : at + n] in RARITY), 1)
        words.append(text[at : at + size])
        at += size
    return words


def rarity(word: str) -> float:
    return RARITY.get(word, 0.0)


def read(*texts: str, topic: str = "城市管理/其他") -> Gist:
    """The gist of texts; a title stands before ｜."""
    pairs = [tuple(text.split("｜", 1)) if "｜" in text else ("", text) for text in texts]
    return gist([(title, text) for title, text in pairs], topic, cut, rarity)


@pytest.mark.parametrize(
    ("texts", "place", "headline"),
    [
        (
            ["市民来电反映，云栖花园从昨晚开始停水，至今没有恢复。", "我是云栖花园的业主，小区停水两天了。"],
            "云栖花园",
            "停水",
        ),
        (
            [
                "投诉临江滨河苑捆绑销售车位｜尊敬的领导：您好！开发商强制捆绑销售车位。",
                "我是临江滨河苑的业主，开发商捆绑销售车位，不买不让签约。",
                "位于A3区的滨河苑，买房强制销售车位，希望相关部门尽快处理。",
            ],
            "临江滨河苑",
            "捆绑销售车位",
        ),
        (
            ["您好，我家住川沙新镇秋实路88弄晨曦公寓，晨曦公寓电梯停运，老人下不了楼。"],
            "晨曦公寓",
            "电梯停运",
        ),
        (
            ["恒动健身房跑路，会员无法退费。", "我在恒动健身房办了卡，现在健身房跑路，要求退费。"],
            "恒动健身房",
            "退费",
        ),
        (["来电人称，鼎泰建筑有限公司拖欠农民工工资，要求尽快处理。"], "鼎泰建筑有限公司", "拖欠农民工工资"),
        (["关于竹园路夜间施工噪声扰民的投诉｜竹园路半夜施工，睡不着。"], "竹园路", "夜间施工噪声扰民"),
        (
            ["请问育才实验学校为什么收费补课？｜学生家长反映育才实验学校补课收费。"],
            "育才实验学校",
            "收费补课",
        ),
        (["市民反映：锦绣居委会旁边垃圾堆积，无人清运。"], "锦绣居委会", "垃圾堆积"),
        (["地铁9号线夜间施工噪音扰民｜地铁9号线夜间施工，半夜睡不着。"], "地铁9号线", "夜间施工噪音扰民"),
        (
            ["希望相关部门尽快处理梧桐家园外墙渗水的问题｜梧桐家园外墙渗水，物业不管。"],
            "梧桐家园",
            "外墙渗水",
        ),
        (["2025年3月5日，阳光新村路灯不亮，老人摔倒。"], "阳光新村", "路灯不亮"),
        (["来电人家住向阳小区，小区燃气泄漏，要求尽快处理。"], "向阳小区", "燃气泄漏"),
        (["我们小区停电了，晚上睡不着"], "", "停电"),
        (
            ["时代年华的业主反映，时代年华外墙渗水。", "我是时代年华的业主，外墙渗水。"],
            "时代年华",
            "外墙渗水",
        ),
        (["绿洲新城搅拌站污染，噪音扰民。", "绿州新城旁边混凝土搅拌站污染。"], "绿洲新城", "搅拌站污染"),
    ],
)
def test_says_where_and_what(texts: list[str], place: str, headline: str) -> None:
    found = read(*texts)
    assert (found.place, headline in found.headline) == (place, True), found


def test_a_name_most_texts_do_not_give_is_no_place() -> None:
    assert read("云栖花园停水。", "晨曦公寓停水。", "梧桐家园停水。", "秋实大厦停水。").place == ""


def test_running_away_is_no_road() -> None:
    assert read("健身房跑路，会员退费", "健身房跑路，退费").place == ""


def test_names_are_compared_whatever_leads_up_to_them() -> None:
    found = read("本人去年购得云栖花园，停水", "众多住云栖花园的老伯说停水", "反映云栖花园停水")
    assert found.place == "云栖花园"


def test_masks_are_never_repeated() -> None:
    found = read("停水〔电话〕扰民｜来电人〔姓名〕停水，〔车牌〕堵塞", "停水，联系〔电话〕")
    assert "〔" not in found.headline + found.place + "".join(found.keywords)
    assert not re.search("电话|姓名|车牌", found.headline)


def test_keywords_begin_with_what_most_texts_say() -> None:
    found = read("停水，电梯停运", "停水，积水", "停水，电梯停运", "停水")
    assert found.keywords[0] == "停水"
    assert "电梯" in found.keywords
    assert len(found.keywords) <= KEYWORDS


def test_representative_says_most_of_what_all_say() -> None:
    found = read("云栖花园停水", "云栖花园停水，电梯停运，垃圾堆积", "电梯停运，垃圾堆积")
    assert found.representative == 1


@pytest.mark.parametrize(
    ("text", "headline"),
    [("您好，谢谢", "物业管理"), ("", "物业管理")],
)
def test_without_a_problem_the_topic_speaks(text: str, headline: str) -> None:
    assert read(text, topic="住建房产/物业管理").headline == headline


def test_long_clause_is_cut_between_words() -> None:
    text = "开发商在未经全体业主同意的情况之下擅自决定强制要求每一户家庭都必须捆绑销售车位方可签约"
    found = read(text)
    assert len(found.headline) <= HEADLINE_CHARS
    assert "捆绑销售车位" in found.headline


def test_no_texts_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one"):
        gist([], "", cut, rarity)


def test_headline_place_and_keywords_do_not_depend_on_the_order_of_texts() -> None:
    texts = ["云栖花园停水，电梯停运", "反映云栖花园停水", "云栖花园小区电梯停运，停水"]
    found = {(g.place, g.headline, g.keywords) for g in (read(*order) for order in permutations(texts))}
    assert len(found) == 1


PIECES = st.sampled_from([*RARITY, "，", "。", "〔电话〕", "云栖花园", "路", "小区", "3号", "A7县", "的", "2025年"])
TEXTS = st.lists(
    st.tuples(st.lists(PIECES, max_size=6).map("".join), st.lists(PIECES, max_size=40).map("".join)),
    min_size=1,
    max_size=6,
)


@given(TEXTS)
def test_any_texts_give_a_gist_within_its_limits(texts: list[tuple[str, str]]) -> None:
    found = gist(texts, "住建房产/物业管理", cut, rarity)
    assert 0 < len(found.headline) <= HEADLINE_CHARS
    assert "〔" not in found.headline + found.place
    assert len(found.keywords) <= KEYWORDS
    assert all(len(word) >= 2 for word in found.keywords)
    assert 0 <= found.representative < len(texts)
    assert gist(texts, "住建房产/物业管理", cut, rarity) == found


@given(st.lists(st.tuples(st.text(max_size=30), st.text(max_size=200)), min_size=1, max_size=4))
def test_no_text_is_too_strange(texts: list[tuple[str, str]]) -> None:
    assert len(gist(texts, "", cut, rarity).headline) <= HEADLINE_CHARS


def test_the_shipped_words_serve() -> None:
    lexicon = pytest.importorskip("embeddings.lexicon").Lexicon.shipped()
    shipped_cut: Callable[[str], list[str]] = lexicon.cut
    texts = [
        ("", "市民来电反映，云栖花园开发商强制捆绑销售车位，不买车位不让签约，希望相关部门尽快处理。"),
        ("云栖花园捆绑销售车位", "我是云栖花园的准业主，开发商把车位和房子捆绑销售。"),
        ("", "家住浦东新区云栖花园，买房必须买车位，属于捆绑销售，请问合法吗？"),
    ]
    found = gist(texts, "住建房产/房产交易", shipped_cut, lexicon.rarity)
    assert (found.place, found.headline) == ("云栖花园", "捆绑销售车位")
