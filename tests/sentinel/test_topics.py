import itertools
import pickle

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.hashed_softmax import Hashes
from sentinel.settings import default_config_dir
from sentinel.taxonomy import Taxonomy, Topic
from sentinel.topics import TopicClassifier, TopicWords, topic_words

Tickets = list[tuple[Hashes, str]]


def terms(*numbers: int) -> Hashes:
    return np.array(sorted(set(numbers)), np.uint32)


def read(word: str) -> Hashes:
    return terms(*(ord(a) << 16 | ord(b) for a, b in itertools.pairwise(word)))


def stream(topics: int, tickets: int, seed: int, per_group: int = 5) -> Tickets:
    """Tickets of 20 common terms and 6 of the 15 that their topic uses."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(tickets):
        topic = int(random.integers(topics))
        own = 1_000_000 + 1000 * topic + random.integers(0, 15, 6)
        common = random.integers(0, 400, 20)
        found.append((terms(*own.tolist(), *common.tolist()), f"g{topic // per_group}/t{topic}"))
    return found


def accuracy(model: TopicClassifier, tickets: Tickets) -> float:
    hits = 0
    for x, y in tickets:
        hits += model.predict_one(x) == y
        model.learn_one(x, y)
    return hits / len(tickets)


def test_knows_nothing_at_first() -> None:
    model = TopicClassifier(bits=10)
    assert model.predict_one(terms(1, 2)) is None
    assert model.predict_proba_one(terms(1, 2)) == {}


def test_learns_forty_topics_from_the_stream() -> None:
    tickets = stream(40, 3000, seed=1)
    model = TopicClassifier(bits=14)
    accuracy(model, tickets[:2000])
    assert accuracy(model, tickets[2000:]) > 0.97


def test_follows_a_topic_that_changes_its_words() -> None:
    model = TopicClassifier(bits=12)
    for _ in range(50):
        model.learn_one(terms(1, 9), "a/x")
        model.learn_one(terms(2, 9), "b/y")
    for _ in range(50):
        model.learn_one(terms(2, 9), "a/x")
        model.learn_one(terms(1, 9), "b/y")
    assert model.predict_one(terms(1, 9)) == "b/y"


def test_starts_from_the_words_of_the_shipped_taxonomy(taxonomy: Taxonomy) -> None:
    model = TopicClassifier(topic_words(taxonomy, read))
    assert model.predict_one(read("小区里自来水管停水三天了没有水")) == "公用事业/供水"
    assert model.predict_one(read("健身房关门跑路会员卡余额不退")) == "市场监管/预付卡退费"
    assert model.predict_one(read("包工头拖欠工资农民工讨薪")) == "劳动社保/拖欠工资"
    guess = model.guess_one(terms(1, 2, 3))
    assert guess is not None
    assert guess.probability < 0.1


def test_shares_decide_where_words_do_not() -> None:
    known = [TopicWords("a/x", terms(1), 1.0), TopicWords("b/y", terms(2), 9.0)]
    assert TopicClassifier(known, bits=10).predict_one(terms()) == "b/y"


def test_experience_overrides_the_words_it_started_from() -> None:
    model = TopicClassifier([TopicWords("a/x", terms(1), 1.0), TopicWords("b/y", terms(2), 1.0)], bits=10)
    assert model.predict_one(terms(1)) == "a/x"
    for _ in range(30):
        model.learn_one(terms(1), "b/y")
    assert model.predict_one(terms(1)) == "b/y"


def test_a_topic_that_ends_at_a_group_teaches_the_group() -> None:
    model = TopicClassifier([TopicWords("a/x", terms(1), 1.0), TopicWords("b/y", terms(2), 1.0)], bits=10)
    for _ in range(20):
        model.learn_one(terms(7), "b")
    assert model.predict_one(terms(7)) == "b/y"


def test_more_siblings_than_a_row_holds() -> None:
    model = TopicClassifier(bits=12)
    for _ in range(10):
        for n in range(40):
            model.learn_one(terms(n, 1000 + n, 5000), f"only/{n}")
    assert [model.predict_one(terms(n, 1000 + n, 5000)) for n in range(40)] == [f"only/{n}" for n in range(40)]


def test_guess_is_the_most_probable_of_all() -> None:
    model = TopicClassifier(bits=12)
    tickets = stream(30, 300, seed=3)
    for x, y in tickets:
        model.learn_one(x, y)
    for x, _ in tickets[:50]:
        guess, all_ = model.guess_one(x), model.predict_proba_one(x)
        assert guess is not None
        assert guess.topic == max(all_, key=lambda topic: all_[topic])
        assert guess.probability == all_[guess.topic]
        assert sum(all_.values()) == pytest.approx(1.0)


def test_continues_bit_identically_after_pickling() -> None:
    tickets = stream(20, 400, seed=5)
    one = TopicClassifier(bits=12)
    accuracy(one, tickets[:200])
    two = pickle.loads(pickle.dumps(one))
    for x, y in tickets[200:]:
        assert one.predict_proba_one(x) == two.predict_proba_one(x)
        one.learn_one(x, y)
        two.learn_one(x, y)
    assert pickle.dumps(one) == pickle.dumps(two)


def test_memory_is_bounded() -> None:
    model = TopicClassifier(bits=10, max_topics=100)
    before = len(pickle.dumps(model))
    for n in range(3000):
        model.learn_one(terms(*range(50 * n, 50 * n + 50)), f"g{n // 10}/t{n}")
    assert model.refused > 0
    assert len(pickle.dumps(model)) < before + 100 * 400


@pytest.mark.parametrize("topic", ["", "/", "//"])
def test_a_path_without_a_name_teaches_nothing(topic: str) -> None:
    model = TopicClassifier(bits=10)
    model.learn_one(terms(1), topic)
    assert model.refused == 1
    assert model.predict_one(terms(1)) is None


def test_refuses_an_impossible_table() -> None:
    with pytest.raises(ValueError, match="bits is 30"):
        TopicClassifier(bits=30)


def test_takes_rivers_feature_dictionaries() -> None:
    model = TopicClassifier(bits=12)
    for _ in range(5):
        model.learn_one({"停水": 1, "小区": 2}, "供水")
        model.learn_one({"公交": 1, "小区": 1}, "公交")
    assert model.predict_one({"公交": 3}) == "公交"
    assert model.clone().predict_one({"公交": 3}) is None


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.lists(st.integers(0, 2**32 - 1), max_size=12),
            st.sampled_from(["a", "a/x", "a/y", "b/z", "b/z/1", "b/z/2", "c"]),
        ),
        max_size=30,
    ),
    st.lists(st.integers(0, 2**32 - 1), max_size=12),
)
def test_probabilities_are_probabilities(history: list[tuple[list[int], str]], asked: list[int]) -> None:
    model = TopicClassifier(bits=8)
    for numbers, topic in history:
        model.learn_one(terms(*numbers), topic)
    chances = model.predict_proba_one(terms(*asked))
    assert all(0.0 <= p <= 1.0 for p in chances.values())
    if history:
        assert sum(chances.values()) == pytest.approx(1.0)
        assert model.predict_one(terms(*asked)) in chances


def test_taxonomy_is_fit_to_start_from(taxonomy: Taxonomy) -> None:
    assert 80 <= len(taxonomy.topics) <= 110
    assert all(topic.path.count("/") == 1 for topic in taxonomy.topics)
    assert all(8 <= len(topic.words) <= 20 for topic in taxonomy.topics)
    assert all(len(set(topic.words)) == len(topic.words) for topic in taxonomy.topics)


def test_words_become_terms_once_each() -> None:
    topic = Topic(path="a/b", words=("停水", "停水了"), weight=2.0)
    (known,) = topic_words(Taxonomy(topics=(topic,)), read)
    assert known.path == "a/b"
    assert known.weight == 2.0
    np.testing.assert_array_equal(known.terms, read("停水了"))


@pytest.fixture(scope="module")
def taxonomy() -> Taxonomy:
    text = (default_config_dir() / "topics.yaml").read_text(encoding="utf-8")
    return Taxonomy.model_validate(yaml.safe_load(text))
