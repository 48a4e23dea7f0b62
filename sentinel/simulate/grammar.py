"""Phrases with alternatives and slots, read from the YAML beside this file.

A phrase is plain Chinese with two marks: `(停了|坏了)` is one of several wordings, `<n>` a slot filled later
(see `sentinel.simulate.texts`). A *frame* is one kind of problem of one topic: what is said of it (`says`),
what comes of it (`effects`), what is asked (`asks`). Of every list the even entries belong to tuning seeds
and the odd ones to test seeds.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

from sentinel.simulate.chance import Chance
from sentinel.simulate.names import KINDS

PLACES: Final = frozenset({"estate", "road", "village", "river", "park"})
"""Kinds whose name the opening carries; phrases about any other kind name it themselves by `<it>`."""

_FRAMES: Final = Path(__file__).parent / "frames"
_CHOICE: Final = re.compile(r"\(([^()]*)\)")
_SLOT: Final = re.compile(r"<([a-z]+)>")


class Slot(NamedTuple):
    """A place in a phrase to be filled."""

    name: str


Wording = tuple[str | Slot, ...]
"""Text and open slots in order."""


class Phrase:
    """One phrase, parsed once.

    Examples
    --------
    >>> phrase = Phrase("电梯(停了|坏了)<n>天")
    >>> phrase.wording(Chance("1"))
    ('电梯', '停了', Slot(name='n'), '天')
    """

    __slots__ = ("names_thing", "parts", "source")

    def __init__(self, source: str) -> None:
        """Parse a phrase as written in the YAML files."""
        self.source = source
        self.names_thing = "<it>" in source
        """Whether it names what it is about; else the opening does, if that is a place."""
        # what is fixed is a choice of one
        self.parts: list[tuple[Wording, ...]] = []
        for at, piece in enumerate(_CHOICE.split(source)):
            if at % 2:
                self.parts.append(tuple(_slots(wording) for wording in piece.split("|")))
            elif piece:
                self.parts.append((_slots(piece),))

    def wording(self, chance: Chance) -> Wording:
        """The phrase with its alternatives chosen and its slots still open."""
        out: list[str | Slot] = []
        for choice in self.parts:
            out += choice[0] if len(choice) == 1 else choice[chance.below(len(choice))]
        return tuple(out)


def _slots(text: str) -> Wording:
    pieces = _SLOT.split(text)
    return tuple(Slot(piece) if at % 2 else piece for at, piece in enumerate(pieces) if at % 2 or piece)


class Frame(NamedTuple):
    """One kind of problem, in the half of its phrases that a seed may use."""

    topic: str
    problem: str
    about: tuple[str, ...]
    nature: str
    role: str
    """`usual` (one concrete problem: fit for incidents), `background`, `danger`, `lookalike`, `city`."""
    weight: float
    says: tuple[Phrase, ...]
    effects: tuple[Phrase, ...]
    asks: tuple[Phrase, ...]


def split(phrases: Sequence[str], half: int) -> tuple[Phrase, ...]:
    """The phrases of one half."""
    return tuple(Phrase(text) for text in phrases[half::2])


@cache
def general(half: int) -> Mapping[str, tuple[Phrase, ...]]:
    """Openings, requests and small talk that belong to no topic."""
    lists: dict[str, list[str]] = _read(Path(__file__).parent / "general.yaml")
    return {name: split(phrases, half) for name, phrases in lists.items()}


@cache
def frames(half: int) -> tuple[Frame, ...]:
    """Every frame that ships, in file order.

    Raises
    ------
    ValueError
        If a frame names an unknown kind of thing.
    """
    return tuple(_frame(entry, half) for path in sorted(_FRAMES.glob("*.yaml")) for entry in _read(path))


def frame_of_words(topic: str, words: Sequence[str]) -> Frame:
    """A frame for a topic of the configuration that none ships for, made of its own words."""
    leaf = topic.rsplit("/", 1)[-1]
    says = [f"<it>(存在|涉及){word}方面的问题" for word in words] or [f"<it>(存在|涉及){leaf}方面的问题"]
    return Frame(topic, f"{leaf}问题", ("shop",), "投诉举报", "background", 1.0, tuple(map(Phrase, says)), (), ())


def _frame(entry: Mapping[str, Any], half: int) -> Frame:
    about = tuple(entry["about"])
    if unknown := [kind for kind in about if kind not in KINDS]:
        raise ValueError(f"frame {entry['problem']} of {entry['topic']}: about {unknown} is no kind of thing")
    return Frame(
        topic=entry["topic"],
        problem=entry["problem"],
        about=about,
        nature=entry.get("nature", "投诉举报"),
        role=entry.get("role", "usual"),
        weight=entry.get("weight", 1.0),
        says=split(entry["says"], half),
        effects=split(entry.get("effects", ()), half),
        asks=split(entry.get("asks", ()), half),
    )


def _read(path: Path) -> Any:
    return yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def sources(half: int) -> Iterator[str]:
    """Every phrase of one half as written."""
    for phrases in general(half).values():
        yield from (phrase.source for phrase in phrases)
    for frame in frames(half):
        for phrases in (frame.says, frame.effects, frame.asks):
            yield from (phrase.source for phrase in phrases)
