"""Danger in a text: the words that tell of present danger to life, and those that take it back; and what no list of
words foresees, as a model has learned it from sentences.

Works clause by clause with the phrases of `config/urgent.yaml`, and asks the model (`embeddings/ngrams.py`) about the
whole. Gives numbers and names only; whether to alert is decided by `detectors/urgent.py`.
"""

import re
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from operator import itemgetter
from typing import Annotated, Final, Literal, NamedTuple, Protocol

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator
from pydantic_core import PydanticCustomError

from embeddings.text import normalise

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Phrase = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=30)]
Doubt = Literal["negated", "past", "hypothetical", "worry", "reported"]
Reach = Literal["touching", "near", "clause", "sentence"]

READ_CHARS: Final = 600
"""Characters of a text that are read; who is in danger says so early."""

_REACH: Final[dict[Reach, int]] = {"touching": 4, "near": 10, "clause": READ_CHARS, "sentence": READ_CHARS}
"""How many characters before or after a phrase, its own left out, a doubt's word may begin or end."""

_SENTENCE = re.compile(r"[。!?;]+|\.{3,}")
_CLAUSE = re.compile(r"[,、:()]")


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Strengths(_Entry):
    """What a phrase counts for before doubts."""

    certain: Share
    lifted: Share
    possible: Share


class Category(_Entry):
    """One kind of danger, with the phrases that tell of it."""

    name: Phrase
    certain: Annotated[tuple[Phrase, ...], Field(min_length=1)]
    possible: tuple[Phrase, ...] = ()
    at_any_length: bool = False

    @field_validator("certain", "possible")
    @classmethod
    def _can_be_searched(cls, phrases: tuple[str, ...]) -> tuple[str, ...]:
        for phrase in phrases:
            if not _pairs(phrase):
                raise PydanticCustomError(
                    "config",
                    "{wrong}",
                    {
                        "wrong": f"has {phrase}, which is too short to search for",
                        "fix": "give two characters at least, side by side",
                    },
                )
        return phrases


class DoubtWords(_Entry):
    """One kind of doubt: where its words may stand, and what is left of the strength."""

    name: Doubt
    factor: Share
    reach: Reach
    before: tuple[Phrase, ...] = ()
    after: tuple[Phrase, ...] = ()


class Learned(_Entry):
    """What the learned model has to say."""

    strength: Share
    ruled_out: Share


class DangerWords(_Entry):
    """`config/urgent.yaml`."""

    strength: Strengths
    learned: Learned
    gap: Annotated[int, Field(ge=1, le=30)]
    short_chars: Annotated[int, Field(ge=1)]
    present: Annotated[tuple[Phrase, ...], Field(min_length=1)]
    categories: Annotated[tuple[Category, ...], Field(min_length=1)]
    harmless: tuple[Phrase, ...] = ()
    doubts: tuple[DoubtWords, ...] = ()


class DangerCues(NamedTuple):
    """What one ticket says about danger to life."""

    strength: float = 0.0
    """how surely danger is present, 0 to 1, doubts taken off"""
    category: str = ""
    """kind of the strongest danger, "" if the text has no word of any"""
    negated: bool = False
    past: bool = False
    hypothetical: bool = False
    """drill, question, condition, training, fiction"""
    worry: bool = False
    """feared or possible, not said to be happening"""
    reported: bool = False
    """news, hearsay, somewhere else"""
    words: tuple[str, ...] = ()
    """the words that the strongest finding rests on, in order of appearance; none where it is the model's"""


NO_DANGER: Final = DangerCues()


class _Pattern(NamedTuple):
    number: int
    category: Category
    certain: bool
    begin: str
    regex: re.Pattern[str]


class _Doubt(NamedTuple):
    name: Doubt
    factor: float
    reach: Reach
    before: re.Pattern[str] | None
    after: re.Pattern[str] | None


class _Place(NamedTuple):
    """Where a phrase stands."""

    sentence: str
    title: str
    start: int
    end: int

    def before(self, reach: Reach) -> str:
        """Return what stands before the phrase, as far as a doubt reaches."""
        if reach == "sentence":
            return f"{self.title}。{self.sentence[: self.start]}"
        clause = _CLAUSE.split(self.sentence[: self.start])[-1]
        return clause[-_REACH[reach] :]

    def after(self, reach: Reach) -> str:
        """Return what stands after the phrase, as far as a doubt reaches."""
        if reach == "sentence":
            return self.sentence[self.end :]
        return self.clause_rest()[: _REACH[reach]]

    def clause_rest(self) -> str:
        """Return the rest of the clause that the phrase stands in."""
        return _CLAUSE.split(self.sentence[self.end :])[0]


class DangerJudge(Protocol):
    """What a model makes of a text: `embeddings.ngrams.NgramModel`, which settings need not load."""

    def judge(self, text: str) -> tuple[float, str]:
        """Return the chance, 0 to 1, that a text tells of present danger, and of which kind it then is most likely."""
        ...


class DangerReader:
    """Finds danger cues in texts. Holds no state: the same text always gives the same cues.

    Parameters
    ----------
    words
        The lexicon, `config/urgent.yaml`.
    model
        What was learned; None leaves the words alone.
    """

    def __init__(self, words: DangerWords, model: DangerJudge | None = None) -> None:
        """Compile the lexicon."""
        self._words = words
        self._model = model if words.learned.strength > 0.0 else None
        phrases = [
            (category, certain, phrase)
            for category in words.categories
            for certain, listed in ((True, category.certain), (False, category.possible))
            for phrase in listed
        ]
        common = Counter(pair for _, _, phrase in phrases for pair in _pairs(phrase))
        self._patterns: dict[str, list[_Pattern]] = {}
        for number, (category, certain, phrase) in enumerate(phrases):
            key = max(reversed(_pairs(phrase)), key=lambda pair: common[pair])
            pattern = _Pattern(number, category, certain, phrase.split("…")[0], _compile(phrase, words.gap))
            self._patterns.setdefault(key, []).append(pattern)
        self._any_key = _any_pair(self._patterns)
        self._harmless = _any_of(words.harmless)
        self._present = re.compile("|".join(map(re.escape, words.present)))
        self._doubts = [_Doubt(d.name, d.factor, d.reach, _any_of(d.before), _any_of(d.after)) for d in words.doubts]

    def assess(self, text: str, title: str = "") -> DangerCues:
        """Return the strongest danger cue of a ticket: its words', or what the model makes of it all.

        Where the model as good as rules danger out, a phrase is only a possible one. `NO_DANGER` if neither says
        anything.
        """
        cues = self._by_words(text, title)
        if self._model is None:
            return cues
        chance, kind = self._model.judge(f"{title}。{text}" if title else text)
        if chance < self._words.learned.ruled_out:
            return cues._replace(strength=min(cues.strength, self._words.strength.possible))
        learned = self._words.learned.strength * chance
        return DangerCues(learned, kind) if kind and learned > cues.strength else cues

    def _by_words(self, text: str, title: str) -> DangerCues:
        """Return the strongest danger cue by words, `NO_DANGER` if there is none."""
        read = f"{title[:READ_CHARS]}\n{text[:READ_CHARS]}"
        keys = {read[found.start() : found.end() + 1] for found in self._any_key.finditer(read)}
        if not keys:
            return NO_DANGER
        patterns = [entry for key in keys for entry in self._patterns[key]]
        patterns.sort(key=itemgetter(0))
        head, short = _plain(title), len(text) <= self._words.short_chars
        return max(self._part(patterns, head, "", short), self._part(patterns, _plain(text), head, short), key=_weight)

    def _part(self, patterns: list[_Pattern], part: str, title: str, short: bool) -> DangerCues:
        """Return the strongest cue of a title, or of the text under it."""
        patterns = [p for p in patterns if p.begin in part and p.regex.search(part)]
        if not patterns:
            return NO_DANGER
        found = (self._sentence(patterns, sentence, title, short) for sentence in _SENTENCE.split(part))
        return max(found, key=_weight)

    def _sentence(self, patterns: list[_Pattern], sentence: str, title: str, short: bool) -> DangerCues:
        """Return the strongest cue of one sentence of a ticket with that title."""
        patterns = [p for p in patterns if p.begin in sentence and p.regex.search(sentence)]
        if patterns and self._harmless:
            sentence = self._harmless.sub(lambda found: "□" * len(found[0]), sentence)
        cues = (
            self._judge(pattern, _Place(sentence, title, *found.span()), short)
            for pattern in patterns
            for found in pattern.regex.finditer(sentence)
        )
        return max(cues, key=_weight, default=NO_DANGER)

    def _judge(self, pattern: _Pattern, place: _Place, short: bool) -> DangerCues:
        """Return what one phrase is worth where it stands."""
        strengths = self._words.strength
        short = short or pattern.category.at_any_length
        present = self._present.search(place.sentence) if short else None
        words = [place.sentence[place.start : place.end]]
        if pattern.certain and short:
            strength = strengths.certain
        elif present:
            strength = strengths.lifted
            words.append(present[0])
        else:
            strength = strengths.possible
        doubts: dict[Doubt, float] = {}
        for doubt in self._doubts:
            word = self._doubted(doubt, place)
            if word:
                words.append(word)
                doubts[doubt.name] = min(doubt.factor, doubts.get(doubt.name, 1.0))
        for factor in doubts.values():
            strength *= factor
        return DangerCues(
            strength,
            pattern.category.name,
            "negated" in doubts,
            "past" in doubts,
            "hypothetical" in doubts,
            "worry" in doubts,
            "reported" in doubts,
            tuple(words),
        )

    def _doubted(self, doubt: _Doubt, place: _Place) -> str:
        """Return the word that raises this doubt of the phrase, "" if there is none."""
        if doubt.before:
            before = place.before(doubt.reach)
            *_, last = [None, *doubt.before.finditer(before)]
            if last and not (doubt.name == "past" and self._goes_on(before[last.end() :], place)):
                return last[0]
        found = doubt.after.search(place.after(doubt.reach)) if doubt.after else None
        return found[0] if found else ""

    def _goes_on(self, between: str, place: _Place) -> bool:
        """Whether a word of the present follows one of the past, and so ends it."""
        return bool(self._present.search(f"{between}{place.clause_rest()}"))


def _plain(text: str) -> str:
    """Return a text in the normal form of all texts, with its line breaks as ends of sentences."""
    return normalise(text[:READ_CHARS].replace("\n", "。"), READ_CHARS)


def _weight(cues: DangerCues) -> tuple[float, bool]:
    return cues.strength, bool(cues.category)


def _pairs(phrase: str) -> list[str]:
    """Return the pairs of neighbouring characters in a phrase: any text that holds it has all of them."""
    return [a + b for half in phrase.split("…") for a, b in pairwise(half)]


def _compile(phrase: str, gap: int) -> re.Pattern[str]:
    """Return "A…B" as A, then at most `gap` characters of the same clause, then B."""
    return re.compile(f"[^,、:()。！？!?;]{{0,{gap}}}?".join(map(re.escape, phrase.split("…"))))


def _any_pair(pairs: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern of the first character of any of the pairs where the second follows, which may begin another."""
    seconds: dict[str, str] = {}
    for pair in sorted(pairs):
        seconds[pair[0]] = seconds.get(pair[0], "") + re.escape(pair[1])
    return re.compile("|".join(f"{re.escape(first)}(?=[{second}])" for first, second in seconds.items()))


def _any_of(phrases: Iterable[str]) -> re.Pattern[str] | None:
    """Return a pattern of any of the phrases, the longest first; None for no phrase."""
    longest = sorted(phrases, key=lambda phrase: (-len(phrase), phrase))
    return re.compile("|".join(map(re.escape, longest))) if longest else None
