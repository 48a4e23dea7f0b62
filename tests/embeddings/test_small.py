"""The contextual encoder that ships: small, quick to load, and the same bits whatever shares a batch with a text."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from embeddings import int8
from embeddings.encoder import SentenceEncoder, load_encoder
from embeddings.int8 import EXACT, by_bytes, by_floats
from embeddings.lexicon import SMALL
from embeddings.tickets import F32, I64

NO_WORDS: I64 = np.zeros(0, np.int64)
TEXTS = [
    "川沙新镇××小区停水三天",
    "夜间施工噪声扰民，" * 20,
    "公交1203路经常不来",
    "",
    "，。",
    "WiFi连不上，iphone無法使用",
    "停水",
    "小区停水。" * 1000,
]

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def small() -> SentenceEncoder:
    encoder = load_encoder("small")
    assert isinstance(encoder, SentenceEncoder)
    return encoder


def test_fits_into_thirty_megabytes() -> None:
    assert sum(file.stat().st_size for file in SMALL.iterdir()) <= 30e6


def test_is_a_sentence_transformers_model_whose_batches_give_the_bits_of_single_texts() -> None:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(SMALL), local_files_only=True, trust_remote_code=True)
    together = model.encode(TEXTS, batch_size=len(TEXTS), show_progress_bar=False)
    reversed_pairs = model.encode(TEXTS[::-1], batch_size=2, show_progress_bar=False)[::-1]
    alone = [model.encode(text, show_progress_bar=False) for text in TEXTS]
    assert [v.tobytes() for v in together] == [v.tobytes() for v in alone]
    assert [v.tobytes() for v in reversed_pairs] == [v.tobytes() for v in alone]


def test_equal_texts_have_equal_bits_in_another_instance(small: SentenceEncoder) -> None:
    first = [small.encode(text, NO_WORDS).tobytes() for text in TEXTS]
    other = load_encoder("small")
    assert other.identity == small.identity
    assert [other.encode(text, NO_WORDS).tobytes() for text in TEXTS] == first


@given(
    tokens=st.integers(1, 9), width=st.sampled_from([1, 512, EXACT, EXACT + 1, 2 * EXACT]),
    seed=st.integers(0, 2**32 - 1), greatest=st.integers(1, 127),
)  # fmt: skip
def test_products_of_floats_have_the_bits_of_products_of_bytes(
    tokens: int, width: int, seed: int, greatest: int
) -> None:
    random = np.random.default_rng(seed)
    # next to nothing but the greatest: sums as great as they come
    numbers = random.choice([-greatest, greatest, greatest, greatest], (tokens + 3, width)).astype(np.int8)
    rows, columns = torch.from_numpy(numbers[:tokens]), torch.from_numpy(numbers[tokens:]).T
    assert torch.equal(by_bytes(rows, columns).float(), by_floats(rows.float(), columns.float()))


@pytest.mark.parametrize("bytes_are_fast", [False, True])
def test_vectors_have_the_same_bits_on_every_processor(
    small: SentenceEncoder, monkeypatch: pytest.MonkeyPatch, *, bytes_are_fast: bool
) -> None:
    monkeypatch.setattr(int8, "multiplies_bytes", lambda: bytes_are_fast)
    other = load_encoder("small")
    for text in TEXTS[:6]:
        assert other.encode(text, NO_WORDS).tobytes() == small.encode(text, NO_WORDS).tobytes()


def test_vectors_have_unit_length_and_the_stated_dimension(small: SentenceEncoder) -> None:
    for text in TEXTS:
        vector = small.encode(text, NO_WORDS)
        assert vector.dtype == np.float32
        assert vector.shape == (small.identity.dimension,)
        assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-3)  # in half precision


@pytest.mark.parametrize(
    ("one", "two", "other"),
    [
        ("小区停水没有水用", "家里断水了", "公交车不准时"),
        ("健身房关门了，会员卡退不了钱", "预付卡商家跑路，要求退款", "公园健身器材损坏"),
        ("工地半夜打桩", "施工单位夜里作业，噪音很大", "工地拖欠农民工工资"),
    ],
)
def test_paraphrases_are_nearer_than_other_complaints(small: SentenceEncoder, one: str, two: str, other: str) -> None:
    a, b, c = (small.encode(text, NO_WORDS) for text in (one, two, other))
    assert a @ b > a @ c + 0.05


def test_unrelated_texts_are_about_orthogonal(small: SentenceEncoder) -> None:
    vectors = np.array(
        [small.encode(t, NO_WORDS) for t in ("小区停水", "公交不来", "咨询居住证", "商家不退款", "路灯坏了")]
    )
    cosines = (vectors @ vectors.T)[np.triu_indices(5, 1)]
    assert abs(cosines.mean()) < 0.25


def test_the_integer_product_is_near_the_one_in_floating_point() -> None:
    import torch

    from embeddings.int8 import Int8Bert

    model = Int8Bert.load(str(SMALL))
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(7, 512)).astype(np.float32))
    name = "layer.0.intermediate.dense"
    weights = model._weights
    exact = x @ (weights[f"{name}.weight"].float() * weights[f"{name}.scale"][:, None]).T + weights[f"{name}.bias"]
    found: F32 = model._linear(x, name).numpy()
    assert np.abs(found - exact.numpy()).max() < 0.02 * np.abs(exact.numpy()).max()
    one_by_one = [model._linear(row[None], name).numpy() for row in x]
    assert np.concatenate(one_by_one).tobytes() == found.tobytes()


def test_what_is_saved_is_what_was_loaded(tmp_path: Path) -> None:
    from embeddings.int8 import Int8Bert

    model = Int8Bert.load(str(SMALL))
    model.save(str(tmp_path))
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        assert (tmp_path / name).read_bytes() == (SMALL / name).read_bytes(), name
