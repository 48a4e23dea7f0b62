"""Settings: everything in ``config/``, validated as a whole and frozen.

A directory of one's own needs only what differs from the shipped one: whole files, and of ``sentinel.yaml``
single keys.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from alerts.domains import DomainRules
from alerts.severity import SeverityRules
from alerts.subscribers import DeliveryRules
from sentinel.config_files import ConfigError, Data, Document, Place, Problem, field_name, read_document
from sentinel.config_problems import closest, problems_of, shown
from sentinel.config_references import unknown_references
from sentinel.danger import DangerWords
from sentinel.delivery.settings import SinksFile
from sentinel.door.streets import City
from sentinel.stream.settings import StreamFile
from sentinel.taxonomy import Taxonomy
from sentinel.thresholds import CITY_NAME, ENCODERS, SentinelFile

SENTINEL: Final = "sentinel.yaml"
TOPICS: Final = "topics.yaml"
URGENT: Final = "urgent.yaml"
SEVERITY: Final = "severity.yaml"
DOMAINS: Final = "domains.yaml"
SUBSCRIBERS: Final = "subscribers.yaml"
SINKS: Final = "sinks.yaml"
STREAM: Final = "stream.yaml"
STREETS: Final = "streets"
MODULES: Final = "modules.json"
"""What every directory of a sentence-transformers model holds."""
_FILES: Final = (SENTINEL, TOPICS, URGENT, SEVERITY, DOMAINS, SUBSCRIBERS, SINKS, STREAM)

ConfigDocument = Mapping[str, Data]
"""What a config directory says about detection, file by file, defaults included: JSON, whole in itself."""

_WHOLE: Final[tuple[Place, ...]] = (("budget", "street_weights"), ("floors", "topics"))
"""Tables of ``sentinel.yaml`` that a user's file replaces as a whole: their keys are data, not settings."""

Model = TypeVar("Model", bound=BaseModel)


class Settings(SentinelFile):
    """All of the config: the keys of ``sentinel.yaml``, and the files beside it."""

    streets: City
    topics: Taxonomy
    urgent: DangerWords
    severity: SeverityRules
    domains: DomainRules
    subscribers: DeliveryRules
    sinks: SinksFile
    stream: StreamFile

    def changed(self, document: ConfigDocument) -> Settings:
        """Return what a document says, with this deployment's own ``sinks`` and ``stream``.

        Raises `pydantic.ValidationError` or `KeyError` for one that no valid directory gave.
        """
        main = SentinelFile.model_validate(document[SENTINEL])
        return Settings.model_construct(
            **{name: getattr(main, name) for name in SentinelFile.model_fields},
            streets=City.model_validate(document[STREETS]),
            topics=Taxonomy.model_validate(document[TOPICS]),
            urgent=DangerWords.model_validate(document[URGENT]),
            severity=SeverityRules.model_validate(document[SEVERITY]),
            domains=DomainRules.model_validate(document[DOMAINS]),
            subscribers=DeliveryRules.model_validate(document[SUBSCRIBERS]),
            sinks=self.sinks,
            stream=self.stream,
        )


class ConfigFile(NamedTuple):
    """A file the settings were read from; ``shipped`` tells that the directory itself has none."""

    path: Path
    shipped: bool


class Inspection(NamedTuple):
    """What reading a config directory gave: settings, or the problems that stand in their way."""

    files: tuple[ConfigFile, ...]
    problems: tuple[Problem, ...]
    settings: Settings | None
    document: ConfigDocument
    """as far as it could be read"""


def default_config_dir() -> Path:
    """Return the shipped config: inside the installed package, or the repository's ``config/``."""
    package = Path(__file__).resolve().parent
    installed = package / "config"
    return installed if installed.is_dir() else package.parent / "config"


def load_settings(directory: Path | None = None, encoder: str = "") -> Settings:
    """Read and validate a config directory, by default the shipped one; an `encoder` given takes precedence.

    Raises `ConfigError` with all problems found, each with file, field, value and what to do.
    """
    inspection = inspect_config(directory, encoder)
    if inspection.settings is None:
        raise ConfigError(list(inspection.problems))
    return inspection.settings


def load_document(directory: Path | None = None) -> ConfigDocument:
    """Read a config directory as `load_settings` does; return what it says, to be sent and read elsewhere."""
    inspection = inspect_config(directory)
    if inspection.settings is None:
        raise ConfigError(list(inspection.problems))
    return inspection.document


def inspect_config(directory: Path | None = None, encoder: str = "") -> Inspection:
    """Read a config directory as far as it can be read, and say everything that is wrong with it."""
    return _Reader(directory or default_config_dir(), encoder).read()


class _Reader:
    """Reads one directory over the shipped one, collecting problems as it goes."""

    def __init__(self, directory: Path, encoder: str) -> None:
        """Start with nothing read."""
        self._directory = directory
        self._encoder = encoder
        self._files: list[ConfigFile] = []
        self._problems: list[Problem] = []
        self._said: dict[str, Data] = {}

    def read(self) -> Inspection:
        """Read and check every file."""
        if not self._directory.is_dir():
            wrong = "is not a directory" if self._directory.exists() else "does not exist"
            self._add(self._directory, wrong, "name a directory that holds config files")
            return Inspection((), tuple(self._problems), None, {})
        self._refuse_strangers()
        document, data = self._overlay()
        if self._encoder:
            data = {**data, "encoder": self._encoder}
        self._said[SENTINEL] = data
        main = self._validated(document, data, SentinelFile) if document else None
        topics = self._file(TOPICS, Taxonomy)
        urgent = self._file(URGENT, DangerWords)
        severity = self._file(SEVERITY, SeverityRules)
        domains = self._file(DOMAINS, DomainRules)
        routed = self._document(SUBSCRIBERS)
        subscribers = self._kept(SUBSCRIBERS, routed, DeliveryRules)
        sinks = self._file(SINKS, SinksFile)
        stream = self._file(STREAM, StreamFile)
        city = data.get("city")
        named = isinstance(city, str) and re.fullmatch(CITY_NAME, city)
        streets = self._file(f"streets/{city}.json", City) if named else None
        if document and topics and streets:
            self._problems += _across(document, data, topics, streets)
        if document and main:
            self._problems += _without_model(document, main.encoder)
        if routed and topics and streets and domains:
            self._problems += unknown_references(routed, topics, streets, domains)
        settings = None
        files = (main, topics, urgent, severity, domains, subscribers, sinks, stream, streets)
        if main and all(files) and not self._problems:
            values = {name: getattr(main, name) for name in SentinelFile.model_fields}
            settings = Settings.model_construct(
                **values,
                streets=streets,
                topics=topics,
                urgent=urgent,
                severity=severity,
                domains=domains,
                subscribers=subscribers,
                sinks=sinks,
                stream=stream,
            )
        for own in (SINKS, STREAM):  # of this deployment, and no part of the history
            self._said.pop(own, None)
        return Inspection(tuple(self._files), tuple(self._problems), settings, self._said)

    def _add(self, path: Path, wrong: str, fix: str) -> None:
        self._problems.append(Problem(str(path), None, "", "", wrong, fix))

    def _refuse_strangers(self) -> None:
        """A misspelt file name would otherwise silently leave the shipped values in force."""
        for path in sorted(self._directory.iterdir()):
            if path.suffix in (".yaml", ".yml", ".json") and path.name not in _FILES:
                self._add(path, "is not a file Sentinel reads", closest(path.name, _FILES))

    def _document(self, name: str) -> Document | None:
        own = self._directory / name
        shipped = default_config_dir() / name
        path = own if own.exists() or not shipped.exists() else shipped
        if name.startswith("streets/") and not path.exists():
            known = sorted({file.stem for place in (own, shipped) for file in place.parent.glob("*.json")})
            city = Path(name).stem
            self._problems.append(
                Problem(
                    str(path),
                    None,
                    "",
                    "",
                    f"does not exist, but city is {city}",
                    f"add it, or {closest(city, known)}",
                )
            )
            return None
        self._files.append(ConfigFile(path, own != path))
        try:
            return read_document(path)
        except ConfigError as error:
            self._problems += error.problems
            return None

    def _file(self, name: str, model: type[Model]) -> Model | None:
        return self._kept(name, self._document(name), model)

    def _kept(self, name: str, document: Document | None, model: type[Model]) -> Model | None:
        if document is None:
            return None
        self._said[STREETS if name.startswith(f"{STREETS}/") else name] = document.data
        return self._validated(document, document.data, model)

    def _overlay(self) -> tuple[Document | None, Data]:
        """Return ``sentinel.yaml`` and its keys over the shipped ones; None and no keys if unreadable."""
        document = self._document(SENTINEL)
        if document is None:
            return None, {}
        shipped = default_config_dir() / SENTINEL
        if document.path == shipped:
            return document, document.data
        return document, _overlaid(read_document(shipped).data, document.data, ())

    def _validated(self, document: Document, data: Data, model: type[Model]) -> Model | None:
        try:
            return model.model_validate(data)
        except ValidationError as error:
            self._problems += problems_of(error, document, model)
            return None


def _overlaid(base: Data, over: Data, where: Place) -> Data:
    """Return ``base`` with the keys of ``over`` in their place, table by table."""
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        place = (*where, key)
        if isinstance(below, dict) and isinstance(value, dict) and place not in _WHOLE:
            value = _overlaid(below, value, place)
        merged[key] = value
    return merged


def _across(document: Document, data: Data, taxonomy: Taxonomy, city: City) -> list[Problem]:
    """Return what ``sentinel.yaml`` says of things that another file does not know."""
    problems = []

    def refuse(where: Place, wrong: str, fix: str) -> None:
        line = document.line(where)
        problems.append(Problem(str(document.path), line, field_name(where), "", wrong, fix))

    paths = taxonomy.paths()
    for topic in _keys(data, "floors", "topics"):
        if topic not in paths:
            refuse(("floors", "topics", topic), "is not a topic of topics.yaml", closest(topic, paths))
    codes = [street.code for street in city.streets]
    for code in _keys(data, "budget", "street_weights"):
        if code not in codes and not city.open:
            wrong = f"is not a street of streets/{data['city']}.json"
            refuse(("budget", "street_weights", code), wrong, closest(code, codes))
    if city.city != data["city"]:
        refuse(("city",), f"is {city.city} in streets/{data['city']}.json", "make the two the same")
    return problems


def _without_model(document: Document, encoder: str) -> list[Problem]:
    """Return what is wrong with an encoder that should be on this machine."""
    if encoder in ENCODERS or (Path(encoder) / MODULES).is_file():
        return []
    there = Path(encoder).is_dir()
    wrong = f"holds no sentence-transformers model ({MODULES} is missing)" if there else "is no directory here"
    fix = f"name the directory that holds the model's {MODULES}, or use one of: {', '.join(ENCODERS)}"
    return [Problem(str(document.path), document.line(("encoder",)), "encoder", shown(encoder), wrong, fix)]


def _keys(data: Data, section: str, table: str) -> list[str]:
    """Return the keys of a table that may be anything, since its file need not be valid yet."""
    inner = data.get(section)
    keys = inner.get(table) if isinstance(inner, dict) else None
    return [str(key) for key in keys] if isinstance(keys, dict) else []
