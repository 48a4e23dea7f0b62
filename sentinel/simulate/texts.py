"""What one caller says about one case, built from a frame's phrases and those of no topic."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from sentinel.simulate.chance import Chance, Deck
from sentinel.simulate.grammar import PLACES, Frame, Phrase, Slot, general
from sentinel.simulate.mentions import SLOTS, place, thing
from sentinel.simulate.names import Entity
from sentinel.simulate.noise import rough
from sentinel.simulate.places import Street

_SHORTEST: Final = 30
_LONGEST: Final = 250
_TRIES: Final = 60
_FACTS: Final = frozenset({"n", "k", "m", "d", "day", "b"})


class Ration:
    """Sees to it that no sentence of an incident is built the same way in more than a tenth of its tickets.

    Parameters
    ----------
    tickets
        How many tickets the incident is going to have.
    chance
        Orders the phrases of each list, so that all of them are used before any comes again.
    """

    def __init__(self, tickets: int, chance: Chance) -> None:
        """Set the limit for an incident of that many tickets."""
        self._limit = max(1, tickets // 10)
        self._chance = chance
        self._used: Counter[str] = Counter()
        self._decks: dict[str, Deck] = {}

    def pick(self, name: str, phrases: tuple[Phrase, ...]) -> Phrase:
        """The next phrase of the list called `name`."""
        deck = self._decks.get(name)
        if deck is None:
            deck = self._decks[name] = Deck(len(phrases), self._chance)
        return phrases[deck.draw()]

    def take(self, sentences: list[str]) -> bool:
        """Whether these sentences may be used; they count if so."""
        if any(self._used[sentence] >= self._limit for sentence in sentences):
            return False
        self._used.update(sentences)
        return True


@dataclass(slots=True)
class Case:
    """One concrete issue: a kind of problem with one thing in one street."""

    key: str
    """Its true issue id; empty if only one ticket will ever be about it."""
    street: Street
    frame: Frame
    thing: Entity
    ration: Ration | None = None
    tickets: list[str] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)
    """Dates, sums and numbers that belong to the issue, not to the caller, by slot."""
    said: Phrase | None = None
    """What was said of it last."""


class Said(NamedTuple):
    """One text and how it was built."""

    text: str
    title: str
    sentences: list[str]
    """Each sentence with its slots open: its template."""


class Writer:
    """Writes texts; one per simulation.

    Parameters
    ----------
    half
        Whose phrases to use, see `sentinel.simulate.names.half_of`.
    chance
        Where the draws come from.
    """

    def __init__(self, half: int, chance: Chance) -> None:
        """Take one half of the phrases."""
        self._general = general(half)
        self._chance = chance

    def write(self, case: Case, again: str = "") -> Said:
        """What a caller says about `case`; `again` tells of their earlier ticket, where there was one."""
        for _ in range(_TRIES):
            said = self._draft(case, again)
            fits = _SHORTEST <= len(said.text) <= _LONGEST
            if fits and (case.ration is None or case.ration.take(said.sentences)):
                break
        return said

    def praise(self, street: Street) -> Said:
        """A caller who is content."""
        chance = self._chance
        wording = chance.pick(self._general["praise"]).wording(chance)
        text = "".join(part if type(part) is str else chance.pick((street.name, street.short)) for part in wording)
        return Said(rough(text + "。", self._chance), "", [_template(wording)])

    def _draft(self, case: Case, again: str) -> Said:
        chance, frame = self._chance, case.frame
        operator = chance.hit(0.6)
        voice = "operator" if operator else "citizen"
        say = self._say(case, again)
        by_place = case.thing.kind in PLACES and not say.names_thing
        opening = self._pick(case, f"{'place' if by_place else 'other'}_{voice}")
        first = [*opening.wording(chance), *say.wording(chance)]
        effects = [self._pick(case, "effects", frame.effects)] if frame.effects else []
        if effects and chance.hit(0.5):
            other = self._pick(case, "effects", frame.effects)
            if other is not effects[0]:
                effects.append(other)
        body: list[list[str | Slot]] = [first]
        for effect in effects:
            wording = effect.wording(chance)
            if chance.hit(0.65):
                body[-1] += ["，", *wording]
            else:
                body.append(list(wording))
        if again:
            body.insert(chance.below(2), list(self._pick(case, "again").wording(chance)))
        elif chance.hit(0.5):
            # a remark hangs on a sentence of its own kind, lest many tickets share it as a whole sentence
            body[-1] += ["，", *self._pick(case, "attitudes").wording(chance)]
            if chance.hit(0.35):
                body.append(
                    [
                        *self._pick(case, "attitudes").wording(chance),
                        "，",
                        *self._pick(case, "attitudes").wording(chance),
                    ]
                )
        if (case.thing.name or case.key) and chance.hit(0.7):
            body[-1] += ["，", *self._pick(case, "where").wording(chance)]
        if chance.hit(0.09):
            body.append(list(self._pick(case, "details").wording(chance)))
        if chance.hit(0.86):
            body.append(self._request(case, voice))
        if chance.hit(0.2):
            body[-1] += ["，", *self._pick(case, "chat").wording(chance)]
        text = "".join(_closed(self._fill(part, case, again)) for part in body)
        return Said(rough(text, chance), self._title(case), [_template(part) for part in body])

    def _say(self, case: Case, again: str) -> Phrase:
        """What is wrong; who calls again says it again, and neighbours often see the same side of it."""
        if case.ration is None and case.said is not None and self._chance.hit(0.85 if again else 0.5):
            return case.said
        case.said = self._pick(case, "says", case.frame.says)
        return case.said

    def _request(self, case: Case, voice: str) -> list[str | Slot]:
        chance = self._chance
        own = case.frame.asks
        asked = self._pick(case, "asks", own) if own and chance.hit(0.7) else self._pick(case, "any_asks")
        request: list[str | Slot] = []
        for part in self._pick(case, f"asks_{voice}").wording(chance):
            request += asked.wording(chance) if part == ("ask",) else (part,)
        return request

    def _pick(self, case: Case, name: str, phrases: tuple[Phrase, ...] | None = None) -> Phrase:
        phrases = self._general[name] if phrases is None else phrases
        if case.ration is None:
            return self._chance.pick(phrases)
        return case.ration.pick(f"{case.frame.problem}/{name}", phrases)

    def _title(self, case: Case) -> str:
        chance = self._chance
        if chance.hit(0.6):
            return ""
        about = case.thing.name or case.street.short
        return chance.pick(
            (f"{about}{case.frame.problem}", f"关于{about}{case.frame.problem}的诉求", case.frame.problem)
        )

    def _fill(self, wording: Iterable[str | Slot], case: Case, again: str) -> str:
        chance, about = self._chance, case.thing
        out: list[str] = []
        for part in wording:
            if type(part) is str:
                out.append(part)
                continue
            name = part[0]
            if name == "at":
                out.append(place(about, case.street, chance))
            elif name == "it":
                out.append(thing(about, chance) if about.name else "本人")
            elif name == "street":
                out.append(
                    chance.pick((case.street.name, case.street.short, f"浦东新区{case.street.name}", "浦东新区"))
                )
            elif name == "call":
                out.append(again)
            elif name == "spot":
                out.append(f"{about.road}{about.number}{'弄' if about.kind == 'estate' else '号'}")
            elif name == "partner":
                out.append(about.partner)
            elif name in _FACTS and chance.hit(0.7):
                if name not in case.facts:
                    case.facts[name] = SLOTS[name](chance)
                out.append(case.facts[name])
            else:
                out.append(SLOTS[name](chance))
        return "".join(out)


def _template(wording: Iterable[str | Slot]) -> str:
    return "".join(part if type(part) is str else f"<{part[0]}>" for part in wording)


def _closed(sentence: str) -> str:
    return sentence if sentence[-1:] in "。！？" else sentence + "。"
