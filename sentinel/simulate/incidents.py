"""What is planted in the stream: which incident when, and the calls it consists of."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sentinel.simulate.background import Background, Call, Callers, Known
from sentinel.simulate.chance import Chance, Weighted
from sentinel.simulate.copies import copies
from sentinel.simulate.grammar import Frame
from sentinel.simulate.handling import DAY, HOUR, SHANGHAI, Course
from sentinel.simulate.places import Street
from sentinel.simulate.texts import Case, Ration, Writer

DECK: Final = (
    *["new"] * 6, *["rising"] * 2, *["mass"] * 2, "copied", "city_wide", "urgent",
    "repeat_call", "bounced", "unsatisfied", "overdue",
)  # fmt: skip
"""One round of kinds, dealt in random order and then again: every kind comes once in 17 incidents."""

PRELUDE_DAYS: Final = 22
"""How long before an incident its first trace may lie: a rising issue has a history."""

_HOURS: Final = (1, 0.6, 0.4, 0.3, 0.4, 1, 3, 5, 8, 9, 9, 8, 7, 8, 8, 8, 8, 8, 8, 8, 8, 7, 5, 3)
_AGAIN: Final = 0.12
"""How many of an incident's callers call a second time."""


@dataclass(slots=True)
class Incident:
    """A planted incident and, as its tickets go out, what they were."""

    incident_id: str
    kind: str
    name: str
    topic: str
    first_at: float = float("inf")
    last_at: float = float("-inf")
    streets: dict[str, None] = field(default_factory=dict)
    ticket_ids: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    people: list[int] = field(default_factory=list)
    """For each ticket, the number of its caller within the incident."""
    _numbers: dict[str, int] = field(default_factory=dict)

    def add(
        self, ticket_id: str, at: float, caller: str, street: str, shows: tuple[float, float] | None = None
    ) -> None:
        """Counts a ticket; `shows` is from when to when its failed handling shows, if it is about that."""
        self.ticket_ids.append(ticket_id)
        self.times.append(at)
        self.people.append(self._numbers.setdefault(caller, len(self._numbers)))
        self.streets.setdefault(street)
        begin, end = shows or (at, at)
        self.first_at = min(self.first_at, begin)
        self.last_at = max(self.last_at, end)

    @property
    def callers(self) -> int:
        """Distinct people behind the tickets."""
        return len(self._numbers)


@dataclass(slots=True)
class Failing:
    """A handler about to fail: some of its ordinary tickets of the coming days take a bad course."""

    incident: Incident
    handler: str
    until: float
    wanted: int
    show: str
    """The event at which it shows: `callback` or `closed`."""

    def course(self, chance: Chance) -> Course:
        """What happens to one of its tickets."""
        return Course(contradicted=True) if self.show == "callback" else Course(late_days=chance.uniform(2.0, 9.0))


class Planter:
    """Plans incidents and lets them happen.

    Parameters
    ----------
    frames
        Those with enough wordings for an incident, by their role.
    quiet_until, end
        POSIX seconds: before the first only `urgent` is planted, and all ends before the second.
    per_day
        Incidents a day, from `quiet_until` on.
    """

    def __init__(
        self,
        streets: Sequence[Street],
        frames: Mapping[str, Sequence[Frame]],
        background: Background,
        topics: Sequence[str],
        known: Known,
        callers: Callers,
        writer: Writer,
        start: float,
        quiet_until: float,
        end: float,
        per_day: float,
        seed: int,
    ) -> None:
        """Plan which incident begins when."""
        self._streets = streets
        self._by_size = Weighted(range(len(streets)), [street.size**0.8 for street in streets])
        self._frames = frames
        self._background = background
        self._topics = {topic: i for i, topic in enumerate(topics)}
        self._known = known
        self._callers = callers
        self._writer = writer
        self._start, self._end = start, end
        self._chance = Chance(f"{seed}/incidents")
        self._plan = self._planned(quiet_until, per_day)
        self._made: dict[str, int] = {}
        self._kinds: dict[str, Callable[[float], list[Call]]] = {
            "new": self._new,
            "rising": self._rising,
            "mass": self._mass,
            "copied": self._copied,
            "city_wide": self._city_wide,
            "urgent": self._urgent,
            "repeat_call": self._repeat_call,
            "bounced": self._bounced,
        }
        self.incidents: list[Incident] = []
        self.failing: list[Failing] = []

    def _planned(self, quiet_until: float, per_day: float) -> list[tuple[float, str]]:
        """Times and kinds, latest first."""
        chance, plan = self._chance, []
        deck: list[str] = []
        for since, until, kinds in ((self._start, quiet_until, ("urgent",)), (quiet_until, self._end, DECK)):
            rate = per_day * len(kinds) / len(DECK)
            at = since + chance.uniform(0.0, 0.5) * DAY / max(rate, 1e-9)
            while rate > 0.0 and at < until - (2.2 * DAY if kinds is DECK else 0.0):
                if not deck:
                    deck = list(kinds)
                    chance.shuffle(deck)
                plan.append((self._waking(at), deck.pop()))
                at += DAY / rate * chance.uniform(0.3, 1.7)
            deck = []
        return sorted(plan, reverse=True)

    def day(self, midnight: float, busiest: Callable[[int], list[str]]) -> list[Call]:
        """Calls of incidents whose first trace may lie on or before the day that begins at `midnight`.

        `busiest` names the handlers with the most tickets lately, for those that are about to fail.
        """
        calls: list[Call] = []
        ready = [item for item in self._plan if item[0] - self._lead(item[1]) < midnight + DAY]
        self._plan = [item for item in self._plan if item[0] - self._lead(item[1]) >= midnight + DAY]
        for at, kind in reversed(ready):
            if kind in self._kinds:
                calls += self._kinds[kind](at)
            else:
                self._fail(kind, at, busiest)
        self.failing = [failing for failing in self.failing if failing.until > midnight and failing.wanted]
        return calls

    @staticmethod
    def _lead(kind: str) -> float:
        return PRELUDE_DAYS * DAY if kind == "rising" else 0.0

    # ---- kinds

    def _new(self, at: float) -> list[Call]:
        callers = self._chance.between(3, 8)
        return self._gather("new", at, callers, self._chance.between(1, 3) * DAY + self._chance.uniform(0, 1.5) * HOUR)

    def _mass(self, at: float) -> list[Call]:
        chance = self._chance
        callers = min(40, max(10, round(chance.lognormal(16, 0.5))))
        return self._gather("mass", at, callers, min(72.0, max(4.0, chance.lognormal(16.0, 0.8))) * HOUR)

    def _rising(self, at: float) -> list[Call]:
        chance = self._chance
        if chance.hit(0.4):
            return self._rising_cell(at)
        small = chance.hit(0.7)
        callers = chance.between(4, 8) if small else chance.between(9, 16)
        span = chance.between(1, 2) * DAY + chance.uniform(0, 2) * HOUR
        earlier = [at - chance.uniform(4.0, PRELUDE_DAYS - 2.0) * DAY for _ in range(chance.between(2, 4))]
        return self._gather("rising", at, callers, span, [self._waking(t) for t in sorted(earlier) if t > self._start])

    def _rising_cell(self, at: float) -> list[Call]:
        """Many different issues of one topic in one street."""
        chance = self._chance
        frame = self._frame("usual")
        street = self._street()
        usual = self._background.mean(street, self._topics[frame.topic])
        count = round(8 + 4 * usual**0.5 + 1.5 * usual + chance.between(0, 6))
        place = self._streets[street]
        incident = self._incident("rising", f"{place.name}{frame.topic.rsplit('/', 1)[-1]}集中上升", frame.topic)
        frames = [
            other for role in ("usual", "background") for other in self._frames[role] if other.topic == frame.topic
        ]
        ration = Ration(count, chance)
        calls = []
        for moment in self._times(at, count, chance.uniform(1.0, 2.2) * DAY):
            case = self._known.case("", place, chance.pick(frames), chance)
            case.ration = ration
            calls.append(Call(moment, case, self._callers.stranger(), incident=incident))
        return calls

    def _copied(self, at: float) -> list[Call]:
        chance = self._chance
        small = chance.hit(0.5)
        callers = chance.between(5, 8) if small else chance.between(9, 30)
        span = chance.uniform(24.2, 48.0) * HOUR if small else chance.uniform(5.0, 40.0) * HOUR
        calls = self._gather("copied", at, callers, span)
        original = self._writer.write(Case("", calls[0].case.street, calls[0].case.frame, calls[0].case.thing)).text
        for call, text in zip(calls, copies(original, len(calls), chance), strict=True):
            call.text = text
        return calls

    def _city_wide(self, at: float) -> list[Call]:
        chance = self._chance
        frame = self._frame("city")
        callers = chance.between(12, 36)
        around = chance.sample(self._streets, chance.between(6, min(18, len(self._streets))))
        thing = around[0].new_entity(frame.about[0])
        incident = self._incident("city_wide", f"{thing.name}{frame.problem}", frame.topic)
        ration = Ration(callers, chance)
        tickets: list[str] = []
        facts: dict[str, str] = {}
        key = incident.incident_id
        cases = [Case(key, street, frame, thing, ration, tickets, facts) for street in around]
        calls = []
        for i, moment in enumerate(self._times(at, callers, chance.uniform(0.6, 3.0) * DAY)):
            case = cases[i] if i < len(cases) else chance.pick(cases)
            calls.append(Call(moment, case, self._callers.stranger(), incident=incident))
        return calls

    def _urgent(self, at: float) -> list[Call]:
        chance = self._chance
        frame = self._frame("danger")
        return self._gather("urgent", at, 2 if chance.hit(0.2) else 1, chance.uniform(0.2, 1.5) * HOUR, frame=frame)

    def _repeat_call(self, at: float) -> list[Call]:
        """Closed as solved, and the same caller or a neighbour is on the phone again."""
        chance = self._chance
        case, incident = self._case("repeat_call", self._frame("usual"), 6)
        first = self._callers.stranger()
        calls = [
            Call(
                at,
                case,
                first,
                course=Course(close_days=chance.uniform(0.5, 1.5), solved=True),
                incident=incident,
            )
        ]
        moment = at
        for _ in range(chance.between(1, 3)):
            moment = self._waking(moment + chance.uniform(4.1, 5.5) * DAY)
            caller = first if chance.hit(0.7) else self._callers.stranger()
            course = Course(close_days=chance.uniform(0.5, 1.5), solved=True)
            calls.append(Call(moment, case, caller, again=True, course=course, incident=incident))
        return calls

    def _bounced(self, at: float) -> list[Call]:
        chance = self._chance
        case, incident = self._case("bounced", self._frame("usual"), 4)
        calls = []
        for moment in self._times(at, chance.between(1, 2), 30 * HOUR):
            course = Course(returns=chance.between(3, 5))
            calls.append(Call(moment, case, self._callers.stranger(), course=course, incident=incident))
        return calls

    def _fail(self, kind: str, at: float, busiest: Callable[[int], list[str]]) -> None:
        """A handler's closures are contradicted, or its tickets are left lying."""
        chance = self._chance
        taken = {failing.handler for failing in self.failing}
        handlers = [name for name in busiest(40) if name not in taken]
        if not handlers:
            return
        handler = chance.pick(handlers)
        show = "callback" if kind == "unsatisfied" else "closed"
        incident = self._incident(kind, f"{handler}{'办结与回访不符' if show == 'callback' else '超期积压'}", "")
        self.failing.append(Failing(incident, handler, at + 5 * DAY, chance.between(6, 14), show))

    # ---- parts

    def _gather(
        self,
        kind: str,
        at: float,
        callers: int,
        span: float,
        earlier: Sequence[float] = (),
        frame: Frame | None = None,
    ) -> list[Call]:
        """Several callers about one issue within `span` seconds; those at `earlier` are its past."""
        chance = self._chance
        case, incident = self._case(kind, frame or self._frame("usual"), callers + 4)
        calls = [Call(moment, case, self._callers.stranger()) for moment in earlier]
        people = [self._callers.stranger() for _ in range(callers)]
        times = self._times(at, callers, span)
        for moment, person in zip(times, people, strict=True):
            calls.append(Call(moment, case, person, incident=incident))
            if callers > 2 and chance.hit(_AGAIN):
                later = moment + chance.uniform(0.1, 0.9) * (times[-1] - moment)
                calls.append(Call(later, case, person, again=later - moment > 4 * HOUR, incident=incident))
        return calls

    def _case(self, kind: str, frame: Frame, tickets: int) -> tuple[Case, Incident]:
        case = self._known.case("", self._streets[self._street()], frame, self._chance)
        incident = self._incident(kind, f"{case.thing.name or case.street.name}{frame.problem}", frame.topic)
        case.key = incident.incident_id
        case.ration = Ration(tickets, self._chance)
        return case, incident

    def _incident(self, kind: str, name: str, topic: str) -> Incident:
        number = self._made[kind] = self._made.get(kind, 0) + 1
        incident = Incident(f"{kind}-{number:04d}", kind, name, topic)
        self.incidents.append(incident)
        return incident

    def _street(self) -> int:
        return self._by_size.draw(self._chance)

    def _frame(self, role: str) -> Frame:
        return self._chance.pick(self._frames[role])

    def _waking(self, at: float) -> float:
        """A moment on the same local day when people call."""
        day = (at + SHANGHAI) // DAY
        return day * DAY + self._chance.uniform(8.0, 20.0) * HOUR - SHANGHAI

    def _times(self, at: float, count: int, span: float) -> list[float]:
        """`count` times from `at` to `at + span`, both included, by day rather than by night."""
        chance = self._chance
        times = [at, at + span][:count]
        while len(times) < count:
            moment = at + span * chance.unit()
            hour = int((moment + SHANGHAI) % DAY / HOUR)
            if chance.unit() * 9.0 < _HOURS[hour]:
                times.append(moment)
        return sorted(times)
