"""The detectors of one street, fed with numbers and times, within the street's share of the budget."""

from functools import lru_cache, partial
from math import inf

from alerts.matching import upwards
from detectors.area import HOURS as AREA_HOURS
from detectors.area import Area, AreaDetector
from detectors.base import Decision, Evidence
from detectors.baseline import Level
from detectors.calibration import Calibrator
from detectors.callers import CallerLedger
from detectors.drift import DriftDetector, Shift
from detectors.floor import Floor, FloorDetector
from detectors.mass import MassDetector
from detectors.new import NewDetector
from detectors.recurred import RecurredDetector
from detectors.regrowth import RegrowthDetector
from detectors.rising import RisingDetector
from detectors.statistical import StatisticalDetector
from detectors.urgent import DangerCue, UrgentDetector
from sentinel.records import UNKNOWN_STREET, RoutedTicket
from sentinel.settings import Settings

DAY = 86400.0
HOUR = 3600.0

#: Where the tail of each kind's scores begins; how often a day, among 32 calls, chance reaches so far, and the tail's
#: scale. Near what ten weeks of a simulation without incidents show (seed 31, 32 calls a day and street), and on the
#: careful side of eighteen others (seeds 331 to 333: some two thirds of it), since the first weeks of a hotline bring
#: more by chance than later ones; a street's own past takes over. Growth is learned step by step, so that its p-values
#: are nearly exact (0.434, or less where counts are few). Those of `new` are weighted, so that few come so far by
#: chance (0.003 where incidents are planted, seeds 301 to 305: the careful side again), and where some issues draw
#: many more callers than others, as in `benchmarks/false_alarms.py`, their tail is longer (0.7 there; from 0.53 a
#: street gets there by itself). The frailty behind `mass` is a guess at how issues differ, and its tail is longer
#: still.
TAIL = 3.0
TAILS = {"new": (0.008, 0.53), "mass": (0.12, 0.7), "regrowth": (0.02, 0.4), "recurred": (0.03, 0.4)}
#: Calls a day in a street among which the rates above hold.
CALLS_A_DAY = 32.0
#: How a street's false alarms are shared out over the kinds that have any: half to what tells earliest, and a fifth to
#: what no issue shows, many calls about one kind of thing.
KIND_SHARES = {"new": 0.5, "regrowth": 0.16, "rising": 0.2, "mass": 0.09, "recurred": 0.03, "drift": 0.02}
#: What data without streets may spend of all streets' budget: it must not starve.
UNKNOWN_SHARE = 0.25
#: Days until what is usual in a street is known well enough to say that it has changed.
DAYS_TO_KNOW_A_MIX = 21.0
#: The series of all tickets.
EVERYTHING = ""
#: Streets a city whose streets are not listed is taken to have.
OPEN_CITY_STREETS = 12


def street_budget(settings: Settings, street: str) -> float:
    """Return the false alarms a week that one street may give."""
    budget = settings.budget
    total = budget.false_alarms_per_week * (1.0 - budget.city_share)
    if street == UNKNOWN_STREET:
        return total * UNKNOWN_SHARE
    total *= 1.0 - UNKNOWN_SHARE
    codes = [s.code for s in settings.streets.streets]
    if street not in codes:
        return total / OPEN_CITY_STREETS
    weights = budget.street_weights
    return total * weights.get(street, 1.0) / sum(weights.get(code, 1.0) for code in codes)


def city_budget(settings: Settings) -> float:
    """Return the false alarms a week that the city stage may give."""
    return settings.budget.false_alarms_per_week * settings.budget.city_share


@lru_cache(maxsize=4096)
def cells_of(topic: str) -> tuple[str, ...]:
    """Return the series a ticket counts in, each after its parent: the street, the group, the whole path.

    >>> cells_of("住建房产/物业管理")
    ('', '住建房产', '住建房产/物业管理')
    """
    return ("", *upwards(topic))


def topic_shares(settings: Settings) -> dict[str, float]:
    """Return each series' expected part of its parent's tickets, from the taxonomy's weights."""
    weight: dict[str, float] = {}
    for topic in settings.topics.topics:
        for series in cells_of(topic.path):
            weight[series] = weight.get(series, 0.0) + topic.weight
    return {s: w / weight[s.rpartition("/")[0]] for s, w in weight.items() if s}


class StreetWatch:
    """`new`, `mass`, `recurred`, the floors, `rising`, `drift` and `urgent` for one street, or for what spans them.

    `rising` is both a cell's, a topic's or a street's, and that of an issue already known (regrowth).

    Parameters
    ----------
    alarms_per_week
        False alarms that the statistical kinds may give together.
    streets
        How many streets' tickets it sees: chance has so many times the opportunities.
    """

    def __init__(self, settings: Settings, alarms_per_week: float, streets: int = 1) -> None:
        d, budget = settings.detectors, alarms_per_week
        share = {kind: budget * part for kind, part in KIND_SHARES.items()}
        self._ledger = CallerLedger()
        self._new = NewDetector(
            share["new"],
            min_callers=d.new.min_callers,
            max_age_days=d.new.horizon / DAY,
            calibrator=_calibrator("new", streets),
        )
        self._mass = MassDetector(
            share["mass"],
            min_callers=d.mass.min_callers,
            calibrator=_calibrator("mass", streets),
        )
        self._regrowth = RegrowthDetector(
            share["regrowth"],
            min_callers=d.rising.min_issue_callers,
            calibrator=_calibrator("regrowth", streets),
        )
        self._recurred = RecurredDetector(
            share["recurred"],
            quiet_days=d.recurred.quiet / DAY,
            min_callers=d.recurred.min_callers,
            calibrator=_calibrator("recurred", streets),
        )
        self._floor = FloorDetector(
            Floor(settings.floors.callers, settings.floors.within / HOUR),
            {path: Floor(f.callers, f.within / HOUR) for path, f in settings.floors.topics.items()},
        )
        self._rising = RisingDetector(share["rising"], topic_shares(settings), min_calls=d.rising.min_callers)
        self._drift = DriftDetector(share["drift"])
        self._urgent = UrgentDetector(d.urgent.strength)

    def configure(self, settings: Settings, alarms_per_week: float) -> None:
        """Let other settings hold from now on; what was learned stays."""
        fresh = StreetWatch(settings, alarms_per_week)
        for detector, other in zip(self._of_issues, fresh._of_issues, strict=True):
            detector.retune(other)
        self._floor.retune(fresh._floor)
        self._rising.retune(fresh._rising)
        self._drift.retune(fresh._drift)
        self._urgent.retune(fresh._urgent)

    def issue(
        self,
        issue: str,
        ticket: RoutedTicket,
        topic: str,
        *,
        closed: bool,
        countable: bool,
        named: bool,
        doubt: float = 0.0,
    ) -> list[Decision]:
        """Judge an issue that has just got a ticket; `countable` is False for mere questions: never mass.

        `closed` says that every earlier ticket of the issue had been closed, `named` that its tickets name the same
        thing and do not only tell of the same kind of thing, `doubt` how far the log odds that they are about one thing
        lie below even.
        """
        callers = self._ledger.add(issue, ticket.at, ticket.caller)
        if closed:
            self._recurred.close(issue)
        decisions = [
            self._recurred.update(issue, callers, ticket.caller, named),
            self._new.update(issue, callers, named, doubt),
            self._regrowth.update(issue, callers, ticket.caller, named),
        ]
        if countable:
            decisions.append(self._mass.update(issue, callers))
            decisions.append(self._floor.update(callers, topic))
        return [decision for decision in decisions if decision is not None]

    def standing(self, issue: str, now: float) -> Evidence:
        """Return the plain counts of an issue over the last day, for an alert that is open already."""
        callers = self._ledger.get(issue)
        distinct = callers.distinct(now, DAY) if callers else 0
        unknown = callers.unknown(now, DAY) if callers else 0
        return Evidence("callers 24h", float(distinct), window=DAY, distinct_callers=distinct, unknown_callers=unknown)

    def __len__(self) -> int:
        """How many series of counts are kept."""
        return len(self._rising)

    def cells(self, ticket: RoutedTicket, topic: str) -> list[tuple[str, Decision]]:
        """Count a ticket in its series and return those that fire."""
        fired = []
        parent: str | None = None
        for series in cells_of(topic):
            decision = self._rising.update(series, ticket.at, ticket.caller, parent)
            parent = series
            if decision is not None and decision.fired:
                fired.append((series, decision))
        return fired

    def level(self, topic: str) -> Level:
        """What is known of the rate of a topic whose tickets were counted before."""
        return self._rising.level(topic)

    def area(self, areas: AreaDetector, ticket: RoutedTicket, topic: str, level: Level) -> Area | None:
        """Count a ticket, counted in its series before, in what `areas` adds up around its street."""
        exposures = self._rising.exposures(EVERYTHING, AREA_HOURS)
        return areas.update(
            topic, ticket.street, ticket.at, ticket.caller, level, exposures, partial(self._rising.heard, topic)
        )

    def mix(self, ticket: RoutedTicket, topic: str) -> tuple[Decision, tuple[Shift, ...]] | None:
        """Count a ticket, counted in its series before, in the mix of topics; return what has shifted, if it fires."""
        group = topic.partition("/")[0]
        if not group or self._rising.days(EVERYTHING) < DAYS_TO_KNOW_A_MIX:
            return None
        decision = self._drift.update(EVERYTHING, ticket.at, group, self._rising.share)
        if decision is None or not decision.fired:
            return None
        return decision, self._drift.shifts(EVERYTHING)

    def urgent(self, strength: float) -> Decision | None:
        """Judge one ticket by how surely its text tells of present danger, 0 to 1."""
        return self._urgent.update([DangerCue(strength)] if strength > 0.0 else [])

    def confirm(self, scope: str, subject: str) -> None:
        """Count what is known to be real as no work of chance: it must not teach what chance can do."""
        if scope == "issue":
            for detector in self._of_issues:
                detector.calibrator.discard(subject)
        elif scope in ("cell", "topic"):
            self._rising.calibrator.discard(subject)
        elif scope in ("street", "city"):
            self._rising.calibrator.discard(EVERYTHING)
            self._drift.calibrator.discard(EVERYTHING)

    def merge(self, issue: str, into: str) -> None:
        """Let an issue take over the callers of another, which ends, and what the detectors know of it."""
        old, kept = self._ledger.get(issue), self._ledger.get(into)
        for detector in (self._new, self._mass):
            detector.merge(issue, into)
        for back in (self._recurred, self._regrowth):
            back.merge(issue, into, old.last if old else -inf, kept.last if kept else -inf)
        self._ledger.merge(issue, into)

    def forget(self, issue: str) -> None:
        """Drop all state of an issue."""
        self._ledger.forget(issue)
        for detector in self._of_issues:
            detector.forget(issue)

    @property
    def _of_issues(self) -> tuple[StatisticalDetector, ...]:
        """What judges an issue by chance."""
        return self._new, self._mass, self._regrowth, self._recurred


def _calibrator(kind: str, streets: int) -> Calibrator:
    """Calibrate what judges the issues of so many streets."""
    rate, scale = TAILS[kind]
    return Calibrator(floor=TAIL, span=14 * DAY, scale=scale, rate=rate * streets, calls_a_day=CALLS_A_DAY * streets)
