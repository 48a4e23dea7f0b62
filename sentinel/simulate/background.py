"""The hotline on an ordinary day: unrelated calls, issues of a few callers over weeks, calls made again."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sentinel.simulate.chance import Chance, Weighted
from sentinel.simulate.grammar import Frame
from sentinel.simulate.handling import DAY, HOUR, SHANGHAI, USUAL, Course
from sentinel.simulate.mentions import phone
from sentinel.simulate.names import Entity
from sentinel.simulate.places import Street
from sentinel.simulate.rhythm import Rhythm
from sentinel.simulate.texts import Case

if TYPE_CHECKING:
    from sentinel.simulate.incidents import Incident

_SHARED: Final = 0.11
"""Of new issues, how many other callers will also speak of, over weeks."""
_OWN: Final = 0.05
"""Of new issues, how many their caller will call about again."""
_EXTRA: Final = 0.36
"""Further tickets that a new issue brings on average through both."""
_DISPERSION: Final = 4.0
"""Size of the negative binomial of a (street, topic) on one day."""
_QUIET: Final = 80 * HOUR
"""No three callers speak of a background issue within this time: that would be an incident."""
_REMEMBERED: Final = 60
"""Days in which the same problem of the same thing is not invented twice."""
_UNSOLVED: Final = Course(solved=False)


@dataclass(slots=True)
class Call:
    """One call to come."""

    at: float
    case: Case
    caller: str
    again: bool = False
    course: Course = USUAL
    incident: "Incident | None" = None
    text: str = ""
    """A text given beforehand (copied from others); written anew if empty."""


class Known:
    """Which problems of which things were spoken of lately, so that none is invented twice by accident."""

    def __init__(self) -> None:
        """Know of nothing yet."""
        self._today: set[tuple[str, str, str]] = set()
        self._days: deque[set[tuple[str, str, str]]] = deque([self._today], maxlen=_REMEMBERED)

    def next_day(self) -> None:
        """Forgets the oldest day."""
        self._today = set()
        self._days.append(self._today)

    def claim(self, street: Street, frame: Frame, thing: Entity) -> bool:
        """Whether this problem of this thing is new; it is known from now on."""
        if not thing.name:
            return True
        key = (street.code, frame.problem, thing.name)
        if any(key in day for day in self._days):
            return False
        self._today.add(key)
        return True

    def case(self, key: str, street: Street, frame: Frame, chance: Chance) -> Case:
        """A case of this frame in this street that nobody has spoken of lately."""
        kind = chance.pick(frame.about)
        for _ in range(3):
            thing = street.entity(kind)
            if self.claim(street, frame, thing):
                return Case(key, street, frame, thing)
        thing = street.new_entity(kind)
        self.claim(street, frame, thing)
        return Case(key, street, frame, thing)


class Callers:
    """Who calls: strangers, people who called lately, and a few who call all the time."""

    def __init__(self, chance: Chance) -> None:
        """Make up those who call all the time."""
        self._chance = chance
        regulars = [phone(chance) for _ in range(300)]
        self._regulars = Weighted(regulars, [1.0 / (rank + 10.0) for rank in range(len(regulars))])
        self._recent: deque[str] = deque([phone(chance)], maxlen=6000)

    def anyone(self) -> str:
        """A caller of an unrelated matter."""
        luck = self._chance.unit()
        if luck < 0.025:
            return self._regulars.draw(self._chance)
        if luck < 0.2:
            return self._chance.pick(self._recent)
        return self.stranger()

    def stranger(self) -> str:
        """Someone who has not called before."""
        number = phone(self._chance)
        self._recent.append(number)
        return number


class Background:
    """Ordinary calls, day by day.

    Parameters
    ----------
    streets, frames
        Where calls come from and what they are about, by topic.
    shares
        Each topic's share of all tickets, summing to 1, in the order of `rhythm`'s topics.
    per_day
        Mean tickets a day over the year.
    """

    def __init__(
        self,
        streets: Sequence[Street],
        frames: Mapping[str, Sequence[Frame]],
        shares: Mapping[str, float],
        per_day: float,
        rhythm: Rhythm,
        known: Known,
        callers: Callers,
        seed: int,
    ) -> None:
        """Fix what each street complains of on average."""
        self._streets = streets
        self._topics = tuple(shares)
        self._frames = {topic: Weighted(frames[topic], [frame.weight for frame in frames[topic]]) for topic in shares}
        self._rhythm = rhythm
        self._known = known
        self._callers = callers
        self._chance = Chance(f"{seed}/background")
        taste = Chance(f"{seed}/taste")
        total = sum(street.size for street in streets)
        base = per_day / (1.0 + _EXTRA)
        # streets differ in what they complain of, not only in how much
        self._means = [
            [base * street.size / total * share * taste.lognormal(1.0, 0.35) for share in shares.values()]
            for street in streets
        ]
        self._serial = 0

    def mean(self, street: int, topic: int) -> float:
        """New issues a day to expect of a street's topic, without season or weather."""
        return self._means[street][topic]

    def day(self, midnight: float, levels: Sequence[float]) -> Iterator[Call]:
        """The calls of new issues on the day that begins at `midnight`, and those they will bring later."""
        chance = self._chance
        for street, means in zip(self._streets, self._means, strict=True):
            for topic, mean in enumerate(means):
                for _ in range(chance.overdispersed(mean * levels[topic], _DISPERSION)):
                    at = midnight + self._rhythm.second(topic, chance)
                    yield from self._issue(street, self._frames[self._topics[topic]].draw(chance), at)

    def _issue(self, street: Street, frame: Frame, at: float) -> Iterator[Call]:
        chance = self._chance
        case = self._known.case("", street, frame, chance)
        caller = self._callers.anyone()
        luck = chance.unit()
        if luck < _SHARED and case.thing.name and frame.role != "lookalike":
            case.key = self._key()
            yield Call(at, case, caller, course=_UNSOLVED)
            yield from self._others(case, at, caller)
        elif luck > 1.0 - _OWN:
            case.key = self._key()
            yield Call(at, case, caller, course=_UNSOLVED)
            while True:
                at = self._daytime(at + DAY * max(0.3, chance.lognormal(4.0, 0.8)))
                yield Call(at, case, caller, again=True, course=_UNSOLVED)
                if chance.hit(0.75):
                    return
        else:
            yield Call(at, case, caller)

    def _others(self, case: Case, at: float, caller: str) -> Iterator[Call]:
        chance = self._chance
        more = 1
        while more < 5 and chance.hit(0.55):
            more += 1
        if chance.hit(0.02):
            more = chance.between(7, 16)
        times, callers = [at], [caller]
        for _ in range(more):
            after = times[-1] + DAY * max(0.4, chance.lognormal(5.0, 0.9))
            if len(times) > 1:
                after = max(after, times[-2] + _QUIET)
            times.append(self._daytime(after))
            same = chance.hit(0.22)
            callers.append(chance.pick(callers) if same else self._callers.stranger())
            yield Call(times[-1], case, callers[-1], again=callers[-1] in callers[:-1], course=_UNSOLVED)

    def _daytime(self, at: float) -> float:
        """`at`, moved forward to a time of day when people call."""
        day, second = divmod(at + SHANGHAI, DAY)
        if second < 7.5 * HOUR:
            second = self._chance.uniform(7.5, 12.0) * HOUR
        return day * DAY + second - SHANGHAI

    def _key(self) -> str:
        self._serial += 1
        return f"background-{self._serial:06d}"
