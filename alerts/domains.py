"""What an alert is about beyond its topic: domains of public harm, and the conduct of offices."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

CONDUCT: Final = "conduct"
"""The domain of complaints about how an office or its people behave (吃拿卡要, 不作为)."""

_SENTENCE_ENDS: Final = re.compile(r"[。！？；!?;\n]+")


class _Rules(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Domain(_Rules):
    """One domain: what it is called, the topics that belong to it whole, and the words that tell of it."""

    title: str
    topics: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


class ConductRules(_Rules):
    """How a complaint about the conduct of an office is told from one about a firm or a neighbour."""

    topics: tuple[str, ...] = ()
    certain: tuple[str, ...] = ()
    possible: tuple[str, ...] = ()
    offices: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    learned: Annotated[float, Field(ge=0.0, le=1.0)] = 1.0


class DomainRules(_Rules):
    """All of ``domains.yaml``. See the file for what each part means."""

    conduct: ConductRules = ConductRules()
    domains: dict[str, Domain] = Field(default_factory=dict)


class DomainReader:
    """Applies the rules; built once, used for every ticket.

    Parameters
    ----------
    rules
        Topics and words, `config/domains.yaml`.
    learned
        The chance that a text is a complaint about conduct, as learned (`embeddings.ngrams`); None leaves topics and
        words alone.
    """

    def __init__(self, rules: DomainRules, learned: Callable[[str], float] | None = None) -> None:
        """Compile the words."""
        self.rules = rules
        self._learned = learned
        conduct = rules.conduct
        self._words = {word: name for name, domain in rules.domains.items() for word in domain.words}
        self._pattern = _any_of(self._words)
        self._certain, self._offices = frozenset(conduct.certain), frozenset(conduct.offices)
        self._possible = frozenset(conduct.possible)
        self._telling = _any_of((*conduct.certain, *conduct.possible))
        self._parts = _any_of((*conduct.certain, *conduct.possible, *conduct.offices, *conduct.others))

    def of(self, texts: Iterable[str], topic: str) -> tuple[str, ...]:
        """Return the domains that masked texts or their topic belong to, in the order of the file."""
        found = {name for name, domain in self.rules.domains.items() if _within(topic, domain.topics)}
        if self._pattern is not None:
            for text in texts:
                found.update(self._words[word] for word in self._pattern.findall(text))
        return tuple(name for name in self.rules.domains if name in found)

    def conduct(self, title: str, text: str, topic: str) -> bool:
        """Whether a ticket complains of the conduct of an office.

        A certain word says so by itself. A possible one (不作为) does if what stands closest before it in its
        sentence, or else after it, is an office and not a firm. And what no list of words foresees is told by what
        was learned from sentences.
        """
        if _within(topic, self.rules.conduct.topics):
            return True
        return self._by_words(f"{title}\n{text}") or self._as_learned(f"{title}。{text}" if title else text)

    def _as_learned(self, whole: str) -> bool:
        if self._learned is None or self.rules.conduct.learned >= 1.0:
            return False
        return self._learned(whole) >= self.rules.conduct.learned

    def _by_words(self, whole: str) -> bool:
        if self._telling is None or self._telling.search(whole) is None:
            return False
        return any(self._complains(sentence) for sentence in _SENTENCE_ENDS.split(whole))

    def _complains(self, sentence: str) -> bool:
        assert self._parts is not None
        found = self._parts.findall(sentence)
        for position, word in enumerate(found):
            if word in self._certain:
                return True
            if word in self._possible:
                nearest = (*reversed(found[:position]), *found[position + 1 :])
                subject = next((other for other in nearest if other not in self._possible), "")
                if subject in self._offices:
                    return True
        return False


def _any_of(words: Iterable[str]) -> re.Pattern[str] | None:
    """A pattern for any of the words, the longest first; None if there is none."""
    ordered = sorted(set(words), key=lambda word: (-len(word), word))
    return re.compile("|".join(map(re.escape, ordered))) if ordered else None


def _within(topic: str, paths: Iterable[str]) -> bool:
    return any(topic == path or topic.startswith(f"{path}/") for path in paths)
