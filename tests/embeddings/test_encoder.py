from pathlib import Path

import numpy as np
import pytest

from embeddings.encoder import StaticEncoder, load_encoder
from embeddings.lexicon import STATIC, Lexicon

TEXTS = ["川沙新镇××小区停水三天", "夜间施工噪声扰民", "公交1203路经常不来", "", "，。"]


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    return Lexicon.shipped()


def test_vectors_have_unit_length_and_the_stated_dimension(lexicon: Lexicon) -> None:
    encoder = StaticEncoder()
    for text in TEXTS[:3]:
        vector = encoder.encode(text, lexicon.cut_ids(text))
        assert vector.shape == (encoder.identity.dimension,)
        assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-6)


def test_equal_texts_have_equal_bits(lexicon: Lexicon) -> None:
    encoder = StaticEncoder()
    first = [encoder.encode(t, lexicon.cut_ids(t)).tobytes() for t in TEXTS]
    again = [StaticEncoder().encode(t, lexicon.cut_ids(t)).tobytes() for t in reversed(TEXTS)]
    assert first == again[::-1]


def test_paraphrases_are_nearer_than_other_complaints(lexicon: Lexicon) -> None:
    encoder = StaticEncoder()
    one, two, other = (
        encoder.encode(t, lexicon.cut_ids(t)) for t in ("小区停水没有水用", "家里断水了", "公交车不准时")
    )
    assert one @ two > one @ other + 0.1


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_is_a_sentence_transformers_model(lexicon: Lexicon) -> None:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(STATIC), device="cpu", local_files_only=True)
    encoder = StaticEncoder()
    theirs = model.encode(TEXTS[:3], convert_to_numpy=True, show_progress_bar=False)
    centre = np.load(STATIC / "centre.npy")
    for text, vector in zip(TEXTS[:3], theirs, strict=True):
        centred = vector - centre
        ours = encoder.encode(text, lexicon.cut_ids(text))
        np.testing.assert_allclose(ours, centred / np.linalg.norm(centred), atol=1e-5)


def test_a_directory_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no sentence-transformers model there"):
        load_encoder(str(tmp_path))
