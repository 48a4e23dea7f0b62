import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embeddings.ngrams import CONDUCT, DANGER, PART, SLOT_BITS, TELLING, NgramModel, most_telling, slots_of
from embeddings.terms import codes_of
from embeddings.text import normalise

ALARM = "烟感一直在叫，走廊里全是烟，十二楼的老人还没下来"
CALM = "公交车等了半个小时才来，司机态度很差"


@pytest.fixture(scope="module")
def model() -> NgramModel:
    return NgramModel.load(DANGER)


def test_tells_what_it_has_learned(model: NgramModel) -> None:
    chance, kind = model.judge(ALARM)
    assert chance > 0.8
    assert kind == "火灾"
    assert model.judge(CALM)[0] == model.chance(CALM) < 0.1
    assert model.judge("小区健身器材坏了好久，没人来修")[1] == ""


def test_what_ships_tells_of_different_things(model: NgramModel) -> None:
    bribed = "市场所的人每次来检查都要拿两条烟走，不给就挑毛病"
    chance, kind = NgramModel.load(CONDUCT).judge(bribed)
    assert chance > 0.8
    assert kind == "吃拿卡要"
    assert model.judge(bribed)[0] < 0.1
    assert NgramModel.load(CONDUCT).judge(ALARM)[0] < 0.3


def test_nothing_is_no_danger(model: NgramModel) -> None:
    assert model.judge("") == (0.0, "")
    assert model.judge(" \n\t") == (0.0, "")


def test_width_script_space_and_digits_do_not_matter(model: NgramModel) -> None:
    plain = model.judge("3號樓着火了，12樓還有人")
    assert plain == model.judge("３号楼 着火了，９７楼\n还有人")


def test_danger_after_a_long_story_is_heard(model: NgramModel) -> None:
    story = CALM * (PART // len(CALM) + 1)
    assert model.judge(story[:PART] + ALARM)[0] > model.judge(story)[0]


def test_danger_is_heard_among_what_people_say_around_it(model: NgramModel) -> None:
    before = "你好，我是六号楼的，"
    after = (
        "，给物业打了好几次电话都没有人接，居委会说不归他们管，邻居们意见都很大，以前就反映过消防通道的事，"
        "一直没有答复，希望给个说法，这里的管理公司从来不出面，联系电话随时能打通。"
    )
    assert model.chance(before + after) < 0.05
    assert model.chance(before + ALARM + after) > 0.5
    deaf = NgramModel(model.table, model.bias, model.kinds, model.names, telling=0.0)
    assert deaf.chance(before + ALARM + after) < 0.1


def test_finds_what_tells_most(model: NgramModel) -> None:
    begins = len(normalise(CALM)) * 3
    at = most_telling(codes_of(normalise(CALM * 3 + ALARM + CALM * 3)), model.table)
    assert begins - TELLING // 2 <= at <= begins + len(ALARM) - TELLING // 2


def test_a_slot_counts_once() -> None:
    assert sorted(slots_of(codes_of("着火着火"))) == sorted(set(slots_of(codes_of("着火着火"))))
    # 着 火 着火 火着 着火着 火着火
    assert len(slots_of(codes_of("着火着火"))) == 6


@given(text=st.text(max_size=700))
def test_any_text_has_a_chance(model: NgramModel, text: str) -> None:
    chance, kind = model.judge(text)
    assert 0.0 <= chance <= 1.0
    assert kind == "" or kind in model.names
    slots = slots_of(codes_of(normalise(text)))
    assert len(np.unique(slots)) == len(slots)
    assert len(slots) == 0 or (slots.min() >= 0 and slots.max() < 1 << SLOT_BITS)


def test_same_after_pickling(model: NgramModel) -> None:
    assert pickle.loads(pickle.dumps(model)).judge(ALARM) == model.judge(ALARM)
