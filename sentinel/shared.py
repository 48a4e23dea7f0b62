"""What all streets share: configuration, and what ships with the package. Nothing here changes as tickets come."""

import math
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cached_property

from alerts.domains import DomainReader
from embeddings.clusterer import ClustererSettings, IssueClusterer
from embeddings.encoder import SCORER, Encoder, EncoderIdentity, load_encoder, model_of
from embeddings.lexicon import MODELS, Lexicon
from embeddings.memory import TicketMemory
from embeddings.ngrams import CONDUCT, DANGER, NgramModel
from embeddings.scorer import PairScorer
from embeddings.vectors import VectorStore, VectorStoreError
from sentinel.danger import DangerReader
from sentinel.door.streets import PARTITIONS, StreetResolver
from sentinel.errors import SentinelError
from sentinel.reading import TicketReader
from sentinel.settings import ConfigDocument, Settings
from sentinel.topics import TopicClassifier, topic_words

DAY = 86400.0
CITY_SINGLE_DAYS, CITY_ISSUE_DAYS = 5.0, 21.0
#: What spans streets has a name or words of its own, so only rare terms find it, and few tickets share them.
CITY_COMMON, CITY_CANDIDATES, CITY_WORDS, CITY_NAMES = 5.0, 12, 0.9, 0.27


class EncoderUnusableError(SentinelError):
    """The configured encoder cannot be loaded; the message says why and what to do."""


class OtherEncoderError(SentinelError):
    """State was made with another encoder than the one configured."""

    exit_code = 1


@dataclass(frozen=True)
class Shared:
    """The configuration with the lexicon, the encoder and the pair scorer it names.

    `store` keeps the vectors of a slow encoder from one run to the next, where there is one.
    """

    settings: Settings
    lexicon: Lexicon
    encoder: Encoder
    scorer: PairScorer
    store: VectorStore | None = None

    @classmethod
    def load(cls, settings: Settings, store: VectorStore | None = None) -> "Shared":
        """Load what the settings name; takes about a second, with an encoder that needs torch several.

        Raises `EncoderUnusableError`.
        """
        return cls(settings, Lexicon.shipped(), *_encoder(settings.encoder, store), store)

    def changed(self, document: ConfigDocument) -> "Shared":
        """Return what is shared once another configuration holds; what ships with the package stays.

        Raises as `Settings.changed` and `load` do.
        """
        settings = self.settings.changed(document)
        if settings.encoder == self.settings.encoder:
            return replace(self, settings=settings)
        encoder, scorer = _encoder(settings.encoder, self.store)
        return replace(self, settings=settings, encoder=encoder, scorer=scorer)

    @property
    def untaught(self) -> str:
        """What to tell people where no pair scorer was learned for the encoder, "" where there is one."""
        if (model_of(self.settings.encoder) / SCORER).is_file():
            return ""
        return (
            f"encoder {self.settings.encoder}: no {SCORER} beside it, so its vectors are not used; to learn one: "
            f"python -m embeddings.train.pair_scorer --encoder {self.settings.encoder}"
        )

    def close(self) -> None:
        """Let go of what is open."""
        if self.store is not None:
            self.store.close()

    def require(self, made: EncoderIdentity) -> None:
        """Raise `OtherEncoderError` if state was `made` with another encoder: its vectors compare with none of ours."""
        ours = self.encoder.identity
        if made != ours:
            raise OtherEncoderError(
                f"the state was made with encoder {_shown(made)}, and the settings say `encoder: "
                f"{self.settings.encoder}`, which is {_shown(ours)}; vectors of two encoders cannot be compared. Set "
                f"`encoder` back to {made.name}, or start anew: replay the tickets, or start a new application "
                "(SENTINEL_APPLICATION) from the exported log"
            )

    @cached_property
    def reader(self) -> TicketReader:
        """How a ticket is read."""
        return TicketReader(self.lexicon, self.encoder)

    @cached_property
    def streets(self) -> StreetResolver:
        """The streets of the city."""
        return StreetResolver(self.settings.streets)

    @property
    def partitions(self) -> list[int]:
        """The partitions that have a street, ascending; all of them where any street may come."""
        city = self.settings.streets
        if city.open:
            return list(range(PARTITIONS))
        return sorted({city.unknown_partition, *(street.partition for street in city.streets)})

    @cached_property
    def danger(self) -> DangerReader:
        """How danger is read from a text."""
        return DangerReader(self.settings.urgent, NgramModel.load(DANGER))

    @cached_property
    def domains(self) -> DomainReader:
        """How a domain of public harm, and a complaint about the conduct of an office, is told."""
        return DomainReader(self.settings.domains, NgramModel.load(CONDUCT).chance)

    @property
    def clusterer_settings(self) -> ClustererSettings:
        """The thresholds of a street's clusterer."""
        memory, issues = self.settings.memory, self.settings.issues
        return ClustererSettings(
            join_at=issues.join_at,
            single_days=memory.single_tickets / DAY,
            issue_days=memory.issues / DAY,
            confirmed_days=memory.confirmed_issues / DAY,
        )

    @property
    def city_clusterer_settings(self) -> ClustererSettings:
        """The city's, whose memory is shorter: what spans streets does so soon."""
        return ClustererSettings(
            join_at=self.settings.issues.city_join_at,
            candidates=CITY_CANDIDATES,
            common=CITY_COMMON,
            least_words=CITY_WORDS,
            least_names=CITY_NAMES,
            elsewhere=math.inf,  # what spans streets is told of many places
            single_days=CITY_SINGLE_DAYS,
            issue_days=CITY_ISSUE_DAYS,
            confirmed_days=CITY_ISSUE_DAYS,
        )

    def clusterer(self) -> IssueClusterer:
        """Return a street's empty clusterer."""
        return self._clusterer(self.clusterer_settings)

    def city_clusterer(self) -> IssueClusterer:
        """Return the city's empty clusterer."""
        return self._clusterer(self.city_clusterer_settings)

    def _clusterer(self, settings: ClustererSettings) -> IssueClusterer:
        memory = TicketMemory(self.lexicon.prior, self.encoder.identity.dimension)
        return IssueClusterer(memory, self.scorer, settings)

    def classifier(self) -> TopicClassifier:
        """Return a topic classifier that knows the taxonomy's own words."""
        known = self._cold_classifier.known
        return deepcopy(self._cold_classifier, {id(known): known})

    @cached_property
    def _cold_classifier(self) -> TopicClassifier:
        return TopicClassifier(topic_words(self.settings.topics, lambda word: self.lexicon.read("", word)[0].words))


def _encoder(name: str, store: VectorStore | None) -> tuple[Encoder, PairScorer]:
    """Load an encoder, and the pair scorer that was learned with it or, where there is none, without any vectors."""
    try:
        encoder = load_encoder(name, store)
        learned = model_of(name) / SCORER
        return encoder, PairScorer.load(learned if learned.is_file() else MODELS / SCORER)
    except VectorStoreError:
        raise
    except Exception as error:  # a model may fail in as many ways as there are libraries under it
        raise EncoderUnusableError(
            f"encoder {name!r} cannot be loaded: {type(error).__name__}: {error}; use `static`, `small`, or the "
            "absolute path of a sentence-transformers model that this machine can load"
        ) from error


def _shown(identity: EncoderIdentity) -> str:
    return f"{identity.name} ({identity.dimension} dimensions, checksum {identity.checksum})"
