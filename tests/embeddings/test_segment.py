"""Our segmenter against the `tokenizers` library on the shipped file: the same words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from embeddings.lexicon import STATIC
from embeddings.segment import Segmenter
from embeddings.text import normalise

SEGMENTER = Segmenter(STATIC / "tokenizer.json")
REFERENCE = Tokenizer.from_file(str(STATIC / "tokenizer.json"))
COMMON = "小区停水物业公司不作为噪声扰民公交路号一直没有人处理的了在我们业主abc129，。！\n的"


def _score(ids: list[int]) -> float:
    return float(sum(SEGMENTER._score[i] for i in ids))


@given(st.one_of(st.text(COMMON, max_size=80), st.text(max_size=40)))
def test_cuts_as_the_library_does(text: str) -> None:
    text = normalise(text)
    ours = SEGMENTER.cut(text).tolist()
    theirs = REFERENCE.encode(text, add_special_tokens=False).ids
    # two cuts may be equally likely (一/一一 and 一一/一): then the words are the same in another order
    assert ours == theirs or (len(ours) == len(theirs) and _score(ours) == pytest.approx(_score(theirs)))


@pytest.mark.parametrize("text", ["", "，。", "𠀀𠀁小区", "a3区b座"])
def test_unusual_texts(text: str) -> None:
    assert SEGMENTER.cut(text).tolist() == REFERENCE.encode(text, add_special_tokens=False).ids
