from hypothesis import given
from hypothesis import strategies as st

from embeddings.text import MAX_CHARS, normalise


@given(st.text(max_size=2000))
def test_normalising_twice_changes_nothing(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once
    assert len(once) <= MAX_CHARS


def test_width_case_and_space_do_not_matter() -> None:
    assert normalise("Ａ 座　1203 室\n停水") == normalise("a座1203室停水")
