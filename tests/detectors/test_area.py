"""What touching streets hear of one topic adds up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.area import WINDOWS, Area, AreaDetector
from detectors.base import DAY, HOUR
from detectors.baseline import Level
from tests.detectors.streams import MONDAY

TOUCHING = {"a": ("b", "c", "d"), "b": ("a",), "c": ("a", "d"), "d": ("a", "c"), "far": ()}
USUAL = Level(0.2, 50.0, 1.0)
DAYS = (7.0, 2.0, 1.0)


def heard(
    calls: str, area: AreaDetector | None = None, everywhere: tuple[float, float] = (30.0, 30.0), at: float = MONDAY
) -> list[Area | None]:
    """What is said of calls in these streets, an hour apart, by different people."""
    if area is None:
        area = AreaDetector(alarms_per_week=1.0, touching=TOUCHING)
    return [
        area.update("water", street, at + n * HOUR, f"{at} {n}", USUAL, DAYS, lambda _: everywhere)
        for n, street in enumerate(calls.split())
    ]


def fired(said: list[Area | None]) -> list[Area]:
    return [area for area in said if area is not None and area.decision.fired]


def test_a_few_calls_in_each_of_some_touching_streets_are_many() -> None:
    found = fired(heard("b c a b c a b c a"))
    assert found
    evidence = found[-1].decision.evidence
    assert (set(found[-1].streets), evidence.observed, evidence.distinct_callers) == ({"a", "b", "c"}, 9.0, 9)
    assert found[-1].decision.kind == "rising"
    assert evidence.expected < 1.0


@pytest.mark.parametrize("calls", ["a a a a a a a a a", "b c b d b c b d b", "far a far b far c far d far"])
def test_one_street_alone_and_streets_that_do_not_touch_add_nothing_up(calls: str) -> None:
    assert not fired(heard(calls))


def test_what_one_street_has_by_itself_is_its_own() -> None:
    assert not fired(heard("a a a b a a a a a b a"))
    assert fired(heard("a a a b a b b b a b b"))


def test_what_the_whole_city_has_too_much_of_is_no_news_of_an_area() -> None:
    calls = "a b c a b c a b"
    assert fired(heard(calls))
    assert not fired(heard(calls, everywhere=(300.0, 30.0)))


def test_one_caller_in_many_streets_counts_once_in_each() -> None:
    area = AreaDetector(alarms_per_week=1.0, touching=TOUCHING)
    said = [
        area.update("water", street, MONDAY + n * HOUR, "the same", USUAL, DAYS, lambda _: (30.0, 30.0))
        for n, street in enumerate("acacacacac")
    ]
    assert not fired(said)


def test_an_area_keeps_its_name_while_it_is_told_of() -> None:
    area = AreaDetector(alarms_per_week=1.0, touching=TOUCHING)
    first = {found.subject for found in fired(heard("a b c a b c a b c d d", area))}
    later = {found.subject for found in fired(heard("a b c a b c a b c", area, at=MONDAY + 2 * DAY))}
    much_later = {found.subject for found in fired(heard("d a c d a c d a c", area, at=MONDAY + 60 * DAY))}
    assert len(first) == 1
    assert first == later
    assert len(much_later) == 1
    assert next(iter(first)).startswith("water@")


def test_what_is_a_week_old_is_forgotten() -> None:
    area = AreaDetector(touching=TOUCHING)
    heard("a b c d a b c d", area)
    assert len(area) == 4
    area.update("noise", "a", MONDAY + 9 * DAY, "x", USUAL, DAYS, lambda _: (1.0, 1.0))
    assert len(area) == 1


@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.floats(0.0, 9.0 * DAY)), max_size=60),
    st.tuples(*[st.floats(0.02, 3.0)] * 4),
)
def test_what_it_tells_is_what_was_heard_in_streets_that_touch(
    calls: list[tuple[str, float]], rates: tuple[float, ...]
) -> None:
    area = AreaDetector(alarms_per_week=1.0, touching=TOUCHING)
    levels = {street: Level(rate, 20.0, 1.2) for street, rate in zip("abcd", rates, strict=True)}
    so_far: list[tuple[str, float]] = []
    for n, (street, t) in enumerate(sorted(calls, key=lambda call: call[1])):
        so_far.append((street, t))
        said = area.update("water", street, MONDAY + t, f"{n}", levels[street], DAYS, lambda _: (0.0, 0.0))
        if said is None:
            continue
        evidence, streets = said.decision.evidence, said.streets
        assert streets[0] == street
        assert set(streets[1:]) <= set(TOUCHING[street])
        assert len(set(streets)) == len(streets) >= 2
        heard_there = [s for s, at in so_far if s in streets and at > t - evidence.window]
        assert evidence.observed == len(heard_there) == evidence.distinct_callers
        days = DAYS[WINDOWS.index(evidence.window)]
        assert evidence.expected == pytest.approx(sum(days * levels[s].rate for s in streets))
        assert evidence.observed > evidence.expected
