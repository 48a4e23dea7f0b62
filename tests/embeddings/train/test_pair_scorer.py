"""What scorers learn from: pairs made as if they came from elsewhere, and the hotlines that were written for it."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embeddings.pairs import N_FEATURES
from embeddings.train.pair_scorer import DAYS, RETURNING, VECTOR, Pairs, b_cubed, returning, unlearned
from embeddings.train.told import written
from embeddings.train.tune import UNSEEN, WRITTEN
from sentinel.door.masking import mask
from sentinel.settings import load_settings
from sentinel.shared import Shared

KEPT_BACK = Path(__file__).parents[3] / "benchmarks" / "written_issues.tsv"


def pairs(n: int, seed: int, highest: float = 1.0) -> Pairs:
    random = np.random.default_rng(seed)
    features = random.uniform(0.0, highest, (n, N_FEATURES))
    labels = np.arange(n) % 2.0
    return Pairs(features, labels, np.ones(n), [""] * n)


@given(st.integers(2, 60), st.integers(2, 60), st.integers(0, 1000))
def test_what_an_encoder_knows_by_heart_gets_cosines_of_what_it_does_not_know_in_the_same_order(
    n: int, others: int, seed: int
) -> None:
    known, unseen = pairs(n, seed), pairs(others, seed + 1, 0.5)
    found = unlearned(known, unseen)
    for label in (0.0, 1.0):
        rows = known.labels == label
        before, after = known.features[rows, VECTOR], found.features[rows, VECTOR]
        assert (np.diff(after[np.argsort(before)]) >= 0.0).all()
        like = unseen.features[unseen.labels == label, VECTOR]
        assert like.min() <= after.min()
        assert after.max() <= like.max()
    rest = [column for column in range(N_FEATURES) if column != VECTOR]
    assert (found.features[:, rest] == known.features[:, rest]).all()


def test_some_pairs_of_one_issue_lie_as_far_apart_as_pairs_of_different_ones() -> None:
    before = pairs(10_000, 0)
    before.features[:, DAYS] = np.where(before.labels > 0.0, 0.1, 4.0)
    after = returning(before)
    late = after.features[:, DAYS] == 4.0
    assert late[before.labels == 0.0].all()
    assert late[before.labels == 1.0].mean() == pytest.approx(RETURNING, abs=0.02)


def test_b_cubed_of_two_issues_in_one_part() -> None:
    truth = {"a": "1", "b": "1", "c": "2"}
    precision, recall, _ = b_cubed(dict.fromkeys(truth, "x"), truth)
    assert (precision, recall) == (pytest.approx((4 / 3 + 1 / 3) / 3), 1.0)


@pytest.mark.parametrize("path", [WRITTEN, UNSEEN, KEPT_BACK], ids=["written", "unseen", "kept back"])
def test_written_hotlines_are_whole_name_known_streets_and_no_number_of_a_person(path: Path) -> None:
    shared = Shared.load(load_settings())
    streams, truth = written(path, shared)
    assert sum(map(len, streams)) == len(truth)
    streets = {street.name for street in shared.settings.streets.streets}
    for line in path.read_text("utf-8").splitlines():
        _, _, hours, _, street, address, title, text = line.split("\t")
        assert float(hours) >= 0.0
        assert street in streets
        assert text
        assert "〔" not in mask(title + address + text).replace("〔姓名〕", "")  # made-up people have no numbers


def test_no_ticket_that_is_measured_on_was_learned_from() -> None:
    texts = [{line.split("\t")[-1] for line in path.read_text("utf-8").splitlines()} for path in (WRITTEN, UNSEEN)]
    kept = [line.split("\t")[-1] for line in KEPT_BACK.read_text("utf-8").splitlines()]
    assert not [text for text in kept if text in texts[0] | texts[1] and len(text) > 15]
