"""Phrases: that tuning and test seeds share none, and that incidents have enough of them."""

from collections import Counter

import pytest
import yaml

from sentinel.settings import default_config_dir
from sentinel.simulate.chance import Chance
from sentinel.simulate.grammar import PLACES, Phrase, Slot, frames, sources
from sentinel.simulate.mentions import SLOTS
from sentinel.simulate.names import KINDS, Namer, half_of
from sentinel.simulate.places import people, read_streets
from sentinel.simulate.texts import Case, Ration, Writer

STREETS = default_config_dir() / "streets" / "pudong.json"


def test_the_halves_share_no_phrase() -> None:
    tune, test = (set(sources(half)) for half in (0, 1))
    assert not tune & test
    assert min(len(tune), len(test)) > 800


def test_the_halves_share_no_name() -> None:
    names = []
    for seed in (5, 1005):
        namer = Namer(half_of(seed), Chance(f"{seed}"))
        entities = [namer.entity(kind, namer.road(), "") for kind in sorted(KINDS - {"person"}) for _ in range(40)]
        names.append({entity.name for entity in entities} | {entity.road for entity in entities})
    assert not names[0] & names[1]


def test_every_topic_of_the_configuration_has_a_frame() -> None:
    topics = yaml.safe_load((default_config_dir() / "topics.yaml").read_text(encoding="utf-8"))["topics"]
    told = {frame.topic for frame in frames(0) if frame.role in ("usual", "background")}
    assert {topic["path"] for topic in topics} <= told


@pytest.mark.parametrize("half", [0, 1])
def test_slots_are_known_and_things_are_named(half: int) -> None:
    known = {*SLOTS, "at", "it", "street", "call", "spot", "partner", "ask"}
    for source in sources(half):
        parts = [part for choice in Phrase(source).parts for wording in choice for part in wording]
        assert {part.name for part in parts if isinstance(part, Slot)} <= known, source
        assert not any(mark in part for part in parts if isinstance(part, str) for mark in "<>()|"), source
    for frame in frames(half):
        if not PLACES.issuperset(frame.about) and frame.about != ("person",):
            assert all(say.names_thing for say in frame.says), frame.problem


@pytest.mark.parametrize("half", [0, 1])
def test_no_sentence_is_shared_by_more_than_a_tenth_of_an_incident(half: int) -> None:
    street = people(read_streets(STREETS), 11, half)[0]
    writer = Writer(half, Chance("texts"))
    for frame in frames(half):
        if frame.role not in ("usual", "city"):
            continue
        for tickets in (8, 30):
            case = Case("x", street, frame, street.new_entity(frame.about[0]), Ration(tickets, Chance("ration")))
            used = Counter(s for _ in range(tickets) for s in set(writer.write(case).sentences))
            assert max(used.values()) <= max(1, tickets // 10), (frame.problem, used.most_common(1))
