"""Another encoder: its vectors are as long as they are, and state that was made with one is refused by any other."""

import copy
import json
import pickle
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embeddings.encoder import SCORER, EncoderIdentity
from embeddings.lexicon import MODELS, SMALL
from embeddings.pairs import FEATURES
from embeddings.scorer import PairScorer
from embeddings.tickets import F32, I64
from sentinel.intake import Door
from sentinel.pipeline import Pipeline, Said
from sentinel.settings import ConfigDocument, load_document, load_settings
from sentinel.shared import EncoderUnusableError, OtherEncoderError, Shared
from sentinel.stream import envelope
from sentinel.stream.configurations import Configurations
from sentinel.stream.envelope import Message, Outgoing, PoisonError
from sentinel.stream.inbox import control
from sentinel.stream.intake import IntakeUnit
from sentinel.stream.metrics import Metrics
from sentinel.stream.produce import event_to_json
from sentinel.stream.street import StreetUnit
from sentinel.tickets import TicketEvent

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


class Lengths:
    """An encoder of one's own, of an odd dimension."""

    identity = EncoderIdentity("lengths", 37, "0123456789abcdef")

    def encode(self, text: str, word_ids: I64) -> F32:  # noqa: ARG002  # the protocol's
        vector = np.zeros(37, np.float32)
        vector[len(text) % 37] = 1.0
        return vector


@pytest.fixture(scope="module")
def other(shared: Shared) -> Shared:
    return replace(shared, encoder=Lengths())


def run(pipeline: Pipeline, events: list[TicketEvent]) -> list[Said]:
    for position, event in enumerate(events):
        pipeline.take(position, event)
    return list(pipeline.finish())


def test_streets_and_city_follow_the_encoders_dimension(other: Shared, door: Door, events: list[TicketEvent]) -> None:
    pipeline = Pipeline(other, door)
    assert run(pipeline, events[:600])
    assert pipeline._city._clusterer.memory.tickets.vector.shape[1] == 37
    assert len(pipeline._city._clusterer) > 0


def test_a_pipelines_state_is_refused_by_another_encoder(
    shared: Shared, other: Shared, door: Door, events: list[TicketEvent]
) -> None:
    pipeline = Pipeline(shared, door)
    for position, event in enumerate(events[:100]):
        pipeline.take(position, event)
    loaded: Pipeline = pickle.loads(pickle.dumps(pipeline))
    with pytest.raises(OtherEncoderError, match=r"made with encoder static \(128 .*lengths \(37 .*back to static"):
        loaded.attach(other, door)
    loaded.attach(shared, door)


def test_the_same_model_with_other_weights_is_another_encoder(shared: Shared) -> None:
    identity = shared.encoder.identity._replace(checksum="0" * 16)
    with pytest.raises(OtherEncoderError, match="0000000000000000"):
        shared.require(identity)


def renamed(document: ConfigDocument, encoder: str) -> ConfigDocument:
    changed = copy.deepcopy(dict(document))
    changed["sentinel.yaml"]["encoder"] = encoder
    return changed


@pytest.fixture(scope="module")
def unit(shared: Shared, door: Door) -> IntakeUnit:
    configurations = Configurations(lambda: shared)
    return IntakeUnit(configurations, lambda _: door, load_document(), "routed", "tickets", Metrics(), None)


@pytest.mark.parametrize(
    ("encoder", "why"),
    [("small", r"static .* and the settings say `encoder: small`"), ("/nowhere/bge", "/nowhere/bge.*cannot be loaded")],
)
def test_a_configuration_with_another_encoder_cannot_take_over_a_log(unit: IntakeUnit, encoder: str, why: str) -> None:
    key, value, headers = control("a", envelope.CONFIG, "c", renamed(load_document(), encoder))
    before = unit.document
    with pytest.raises(PoisonError, match=why):
        unit.take(Message("tickets", 0, 0, 2e9, key, value, headers))
    assert unit.document == before


def test_the_log_says_which_encoder_not_the_workers_directory(shared: Shared) -> None:
    document = renamed(load_document(), "small")
    configured = Configurations(lambda: shared).of(document).shared
    assert configured.encoder.identity.name == "small"
    assert configured.reader.encoder is configured.encoder
    assert configured.clusterer().memory.tickets.vector.shape[1] == configured.encoder.identity.dimension


def test_a_workers_snapshot_is_refused_by_another_encoder(
    shared: Shared, other: Shared, events: list[TicketEvent], unit: IntakeUnit
) -> None:
    routed: list[Outgoing] = []
    for n, event in enumerate(events[:200]):
        routed += unit.take(Message("tickets", 0, n, 2e9, event.ticket_id.encode(), event_to_json(event)))
    routed += unit.flush()
    batches: dict[int, list[Message]] = {}
    for out in routed:
        at = batches.setdefault(out.partition, [])
        at.append(Message("routed", out.partition, len(at), 2e9, out.key, out.value, out.headers))
    number, messages = max(batches.items(), key=lambda item: sum(len(m.value or b"") for m in item[1]))

    def street(configured: Shared, objects: Mapping[str, Any] | None) -> StreetUnit:
        return StreetUnit(number, Configurations(lambda: configured), "a", "d", "x", "r", Metrics(), objects)

    made = street(shared, None)
    for message in messages:
        made.take(message)
    objects = pickle.loads(pickle.dumps(dict(made.objects())))
    assert any(name.startswith("street:") for name in objects)
    with pytest.raises(OtherEncoderError, match="start a new application"):
        street(other, objects)


def test_a_model_that_cannot_be_loaded_is_told_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "modules.json").write_text("{")
    settings = load_settings(encoder=str(tmp_path))
    with pytest.raises(EncoderUnusableError, match=r"cannot be loaded: .*use `static`"):
        Shared.load(settings)


def test_each_encoder_has_the_scorer_that_was_learned_with_it(shared: Shared) -> None:
    weights = PairScorer.load(MODELS / "static" / SCORER).letters.weights
    assert (shared.scorer.letters.weights == weights).all()
    small = Shared.load(load_settings(encoder="small"))
    assert (small.scorer.letters.weights == PairScorer.load(SMALL / SCORER).letters.weights).all()
    assert (small.scorer.letters.weights != weights).any()


def test_a_scorer_whose_trees_are_in_the_old_order_is_refused(tmp_path: Path) -> None:
    stored = json.loads((MODELS / SCORER).read_text("utf-8"))
    stored["notes"]["right"] = stored["notes"]["left"]
    (tmp_path / SCORER).write_text(json.dumps(stored))
    with pytest.raises(ValueError, match="of an earlier version; learn it again"):
        PairScorer.load(tmp_path / SCORER)


def test_an_encoder_that_no_scorer_was_learned_for_has_no_say() -> None:
    """Its cosines may mean anything."""
    plain = PairScorer.load(MODELS / SCORER)
    vector = FEATURES.index("vector")
    assert plain.letters.weights[vector] == 0.0
    inner = plain.notes.left >= 0
    assert not (plain.notes.feature[inner] == vector).any()
    learned = PairScorer.load(SMALL / SCORER).notes
    assert (learned.feature[learned.left >= 0] == vector).any()
