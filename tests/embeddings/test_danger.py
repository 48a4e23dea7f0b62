import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embeddings.danger import PART, SLOT_BITS, DangerModel, slots_of
from embeddings.terms import codes_of
from embeddings.text import normalise

ALARM = "烟感一直在叫，走廊里全是烟，十二楼的老人还没下来"
CALM = "公交车等了半个小时才来，司机态度很差"


@pytest.fixture(scope="module")
def model() -> DangerModel:
    return DangerModel.load()


def test_tells_what_it_has_learned(model: DangerModel) -> None:
    chance, kind = model.judge(ALARM)
    assert chance > 0.8
    assert kind == "火灾"
    assert model.judge(CALM)[0] < 0.1
    assert model.judge("小区健身器材坏了好久，没人来修")[1] == ""


def test_nothing_is_no_danger(model: DangerModel) -> None:
    assert model.judge("") == (0.0, "")
    assert model.judge(" \n\t") == (0.0, "")


def test_width_script_space_and_digits_do_not_matter(model: DangerModel) -> None:
    plain = model.judge("3號樓着火了，12樓還有人")
    assert plain == model.judge("３号楼 着火了，９７楼\n还有人")


def test_danger_after_a_long_story_is_heard(model: DangerModel) -> None:
    story = CALM * (PART // len(CALM) + 1)
    assert model.judge(story[:PART] + ALARM)[0] > model.judge(story)[0]


def test_a_slot_counts_once() -> None:
    assert sorted(slots_of(codes_of("着火着火"))) == sorted(set(slots_of(codes_of("着火着火"))))
    # 着 火 着火 火着 着火着 火着火
    assert len(slots_of(codes_of("着火着火"))) == 6


@given(text=st.text(max_size=700))
def test_any_text_has_a_chance(model: DangerModel, text: str) -> None:
    chance, kind = model.judge(text)
    assert 0.0 <= chance <= 1.0
    assert kind == "" or kind in model.names
    slots = slots_of(codes_of(normalise(text)))
    assert len(np.unique(slots)) == len(slots)
    assert len(slots) == 0 or (slots.min() >= 0 and slots.max() < 1 << SLOT_BITS)


def test_same_after_pickling(model: DangerModel) -> None:
    assert pickle.loads(pickle.dumps(model)).judge(ALARM) == model.judge(ALARM)
