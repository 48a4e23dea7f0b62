"""New, mass, floor and recurred on single issues."""

from __future__ import annotations

from itertools import pairwise
from math import log, log10

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.base import Decision
from detectors.calibration import Calibrator
from detectors.callers import CallerLedger
from detectors.floor import Floor, FloorDetector
from detectors.growth import GrowthModel
from detectors.mass import MassDetector
from detectors.new import NewDetector
from detectors.recurred import RecurredDetector
from detectors.regrowth import RegrowthDetector
from tests.detectors.streams import DAY, HOUR, MONDAY, Call, background, burst, merged

START = MONDAY + 30 * DAY + 9 * HOUR


def _new(calls: list[Call], returning: bool = False) -> list[tuple[Call, Decision]]:
    ledger, new = CallerLedger(), NewDetector()
    said = [
        (call, new.update(call.issue, ledger.add(call.issue, call.t, call.caller), returning=returning))
        for call in calls
    ]
    return [(call, decision) for call, decision in said if decision is not None and decision.fired]


@pytest.mark.parametrize(("callers", "hours"), [(5, 20.0), (6, 36.0), (8, 70.0)])
def test_a_small_burst_on_a_new_issue_is_found(callers: int, hours: float) -> None:
    planted = burst("planted", START, callers, hours, "g1/t1")
    found = _new(merged(list(background(11, 34)), planted))
    assert found
    assert {call.issue for call, _ in found} == {"planted"}
    assert found[0][1].evidence.distinct_callers <= callers


def test_two_callers_a_slow_issue_or_one_persistent_caller_are_not() -> None:
    two = burst("two", START, 2, 1.0, "g1/t1")
    slow = burst("slow", START, 3, 13 * 24.0, "g1/t1")
    one = [call._replace(caller="me", issue="one") for call in burst("one", START, 12, 10.0, "g1/t1")]
    assert not _new(merged(list(background(11, 34)), two, slow, one))


def test_a_returning_issue_is_not_new() -> None:
    assert not _new(burst("old", START, 12, 10.0, "g1/t1"), returning=True)


def test_where_issues_grow_more_it_takes_more() -> None:
    calm, lively = GrowthModel(), GrowthModel()
    for n in range(600):
        for growth, grown in ((calm, n % 50 == 0), (lively, n % 3 == 0)):
            for callers in range(1, 5 if grown else 2):
                growth.learn(callers, HOUR * callers, n * HOUR)
    assert lively.tail(5, DAY) > 50 * calm.tail(5, DAY)


def test_more_callers_in_less_time_is_rarer() -> None:
    growth = GrowthModel()
    for callers in range(2, 9):
        assert growth.tail(callers + 1, DAY) < growth.tail(callers, DAY)
        assert growth.tail(callers, HOUR) < growth.tail(callers, DAY)


@pytest.mark.parametrize(
    ("hours", "named", "doubt", "days", "low", "high"),
    [
        (20.0, True, 0.0, 60.0, 0.0, 1e-3),
        (70.0, True, 0.0, 60.0, 0.0, 1e-3),
        (20.0, False, 0.0, 60.0, 0.9, 1.1),
        (20.0, True, log(100.0), 60.0, 1.9, 2.1),
        (200.0, True, 0.0, 60.0, 1.0, 2.5),
        (20.0, True, 0.0, 0.0, 0.9, 1.0),
    ],
)
def test_what_is_young_named_surely_one_thing_and_not_among_the_first_is_let_through_sooner(
    hours: float, named: bool, doubt: float, days: float, low: float, high: float
) -> None:
    ledger, new = CallerLedger(), NewDetector(calibrator=Calibrator(floor=0.0))
    new.update("first", ledger.add("first", START - days * DAY, "a"))
    *before, last = burst("one", START, 5, hours, "g1/t1")
    for call in before:
        new.update("one", ledger.add("one", call.t, call.caller), named, doubt)
    chance = new.growth.tail(5, last.t - before[0].t, named)
    decision = new.update("one", ledger.add("one", last.t, last.caller), named, doubt)
    assert decision is not None
    assert low <= -log10(chance) - decision.evidence.score <= high


def test_of_one_kind_of_thing_it_takes_more_callers_than_of_one_thing() -> None:
    fired = {}
    for named in (True, False):
        ledger, new = CallerLedger(), NewDetector()
        said = [new.update("i", ledger.add("i", START + 5 * n * HOUR, n), named=named) for n in range(8)]
        fired[named] = next(n for n, decision in enumerate(said) if decision is not None and decision.fired)
    assert fired[True] < fired[False]


@given(st.lists(st.tuples(st.integers(1, 8), st.floats(0, 15 * DAY), st.booleans()), max_size=60))
def test_growth_is_a_chance_and_rarer_with_each_caller(lessons: list[tuple[int, float, bool]]) -> None:
    growth = GrowthModel()
    for n, (callers, age, named) in enumerate(lessons):
        growth.learn(callers, age, n * HOUR, named)
    for named in (True, False):
        chances = [growth.tail(callers, DAY, named) for callers in range(1, 10)]
        assert chances[0] == 1.0
        assert all(0.0 < later <= earlier for earlier, later in pairwise(chances))


def test_what_is_too_small_for_a_mass_still_says_what_chance_can_do() -> None:
    ledger, mass = CallerLedger(), MassDetector(min_callers=5)
    before = mass.calibrator.episodes_a_day(mass.calibrator.floor)
    for n in range(60):
        for caller in range(3):
            t = START + 20 * n * HOUR + 6 * HOUR * caller
            assert mass.update(f"i{n}", ledger.add(f"i{n}", t, f"{n} {caller}")) is None
    mass.calibrator.advance(START + 80 * DAY)
    assert mass.calibrator.episodes_a_day(mass.calibrator.floor) > 5 * before


def _mass(calls: list[Call]) -> list[Decision]:
    ledger, mass = CallerLedger(), MassDetector()
    said = [mass.update(call.issue, ledger.add(call.issue, call.t, call.caller)) for call in calls]
    return [decision for decision in said if decision is not None and decision.fired]


def test_many_callers_in_a_day_are_a_mass() -> None:
    found = _mass(merged(list(background(11, 34)), burst("planted", START, 15, 12.0, "g1/t1")))
    assert found
    assert found[0].evidence.distinct_callers <= 10


def test_an_issue_that_is_always_busy_must_outdo_itself() -> None:
    busy = [Call(MONDAY + n * DAY / 4, f"c{n}", "g1/t1", "busy") for n in range(4 * 60)]
    late = [said for said in _mass(busy) if said.evidence.window <= DAY]
    assert not late
    outburst = [call._replace(issue="busy") for call in burst("out", MONDAY + 60 * DAY, 25, 10.0, "g1/t1")]
    assert len(_mass(busy + outburst)) > len(_mass(busy))


def test_one_caller_calling_often_is_no_mass() -> None:
    assert not _mass([call._replace(caller="me") for call in burst("one", START, 40, 5.0, "g1/t1")])


def test_the_floor_always_fires() -> None:
    ledger, floor = (
        CallerLedger(),
        FloorDetector(by_topic={"教育": Floor(3, 24.0), "教育/学区": Floor(4, 2.0)}),
    )
    said = [floor.update(ledger.add("i", START + n * HOUR, n)) for n in range(6)]
    assert [decision is not None for decision in said] == [False, False, False, False, True, True]
    assert floor.floor_of("教育/学区/划分") == Floor(4, 2.0)
    assert floor.floor_of("教育/收费") == Floor(3, 24.0)
    assert floor.floor_of("教育局") == Floor()


def test_five_callers_over_more_than_a_day_are_below_the_floor() -> None:
    ledger, floor = CallerLedger(), FloorDetector()
    said = [floor.update(ledger.add("i", START + n * 7 * HOUR, n)) for n in range(6)]
    assert said == [None] * 6


def test_an_issue_is_back_after_a_month() -> None:
    ledger, recurred = CallerLedger(), RecurredDetector()
    planted = burst("old", START, 4, 20.0, "g1/t1")
    planted += [
        call._replace(t=call.t + 30 * DAY, caller=f"back-{call.caller}")
        for call in burst("old", START, 7, 24.0, "g1/t1")
    ]
    fired = []
    for call in planted:
        decision = recurred.update(call.issue, ledger.add(call.issue, call.t, call.caller), call.caller)
        if decision is not None and decision.fired:
            fired.append(decision.evidence.distinct_callers)
    assert fired
    assert fired[0] <= 6


def test_an_issue_that_never_stopped_has_not_recurred() -> None:
    ledger, recurred = CallerLedger(), RecurredDetector(alarms_per_week=10.0)
    for n in range(20):
        assert recurred.update("i", ledger.add("i", START + n * DAY, n), n) is None


def test_a_closed_issue_need_not_have_been_quiet() -> None:
    ledger, recurred = CallerLedger(), RecurredDetector(alarms_per_week=10.0)
    recurred.update("i", ledger.add("i", START, "a"), "a")
    recurred.close("i")
    said = [recurred.update("i", ledger.add("i", START + n * HOUR, n), n) for n in range(1, 5)]
    assert said[-1] is not None
    assert said[-1].evidence.distinct_callers == 4


@pytest.mark.parametrize(
    ("old_days", "found"),
    [(20.0, True), (1.0, False)],
    ids=["neither was heard of in the pause", "one of them was heard of the day before"],
)
def test_what_came_back_under_two_names_has_come_back(old_days: float, found: bool) -> None:
    ledger, regrowth = CallerLedger(), RegrowthDetector(alarms_per_week=0.02)
    said = []

    def call(key: str, t: float, who: str) -> None:
        said.append(regrowth.update(key, ledger.add(key, t, who), who))

    call("one", START - 20 * DAY, "a")
    call("other", START - old_days * DAY, "b")
    for n in range(3):
        call("one", START + n * HOUR, f"new {n}")
    one, other = ledger.get("one"), ledger.get("other")
    assert one is not None
    assert other is not None
    regrowth.merge("one", "other", one.last, other.last)
    ledger.merge("one", "other")
    for n in range(3, 6):
        call("other", START + n * HOUR, f"new {n}")
    fired = [decision for decision in said if decision is not None and decision.fired]
    assert bool(fired) is found
    assert not fired or fired[-1].evidence.distinct_callers == 6


def test_an_issue_that_was_told_of_is_told_of_under_its_new_name_and_teaches_nothing() -> None:
    ledger, new = CallerLedger(), NewDetector(alarms_per_week=0.02)
    for n in range(6):
        decision = new.update("one", ledger.add("one", START + n * HOUR, f"{n}"))
    assert decision is not None
    assert decision.fired
    new.merge("one", "other")
    ledger.merge("one", "other")
    before = new.growth.tail(7, DAY)
    decision = new.update("other", ledger.add("other", START + 6 * HOUR, "6"))
    assert decision is not None
    assert decision.evidence.distinct_callers == 7
    assert new.growth.tail(7, DAY) == before


def test_episodes_of_what_turns_out_to_be_one_thing_are_one() -> None:
    plain, merged_ = Calibrator(), Calibrator()
    for calibrator in (plain, merged_):
        for day in range(0, 60, 2):
            calibrator.observe(f"a{day}", day * DAY, 3.0)
            calibrator.observe(f"b{day}", day * DAY + HOUR, 2.5)
            if calibrator is merged_:
                calibrator.merge(f"a{day}", f"b{day}")
        calibrator.advance(90 * DAY)
    assert merged_.episodes_a_day(2.0) < 0.75 * plain.episodes_a_day(2.0)
