"""What the baseline expects, after quiet weeks, incidents, gaps and on its first day."""

from __future__ import annotations

import pytest

from detectors.baseline import Baseline
from detectors.rhythm import Rhythm
from tests.detectors.streams import DAY, HOUR, MONDAY, background


def _street(days: int, calls_a_day: float = 60.0, seed: int = 1) -> Baseline:
    street = Baseline(Rhythm(), prior_rate=20.0, prior_weight=2.0, teaches=True)
    for call in background(seed, days, calls_a_day):
        street.update(call.t)
    return street


def test_learns_the_level_and_the_weekday() -> None:
    street = _street(70)
    monday, _ = street.expected(MONDAY + 70 * DAY, MONDAY + 71 * DAY)
    sunday, _ = street.expected(MONDAY + 76 * DAY, MONDAY + 77 * DAY)
    assert monday == pytest.approx(66.0, rel=0.15)
    assert sunday == pytest.approx(45.0, rel=0.15)


def test_learns_the_hour() -> None:
    street = _street(70)
    begin = MONDAY + 71 * DAY
    night, _ = street.expected(begin + 2 * HOUR, begin + 5 * HOUR)
    morning, _ = street.expected(begin + 8 * HOUR, begin + 11 * HOUR)
    assert night == pytest.approx(60.0 * 3 / 193, rel=0.5)
    assert morning == pytest.approx(60.0 * 45 / 193, rel=0.25)


def test_parts_of_a_stretch_add_up() -> None:
    street = _street(30)
    begin = MONDAY + 28.3 * DAY
    whole, _ = street.expected(begin, begin + 3.5 * DAY)
    parts = [street.expected(begin + n * 0.5 * DAY, begin + (n + 1) * 0.5 * DAY)[0] for n in range(7)]
    assert sum(parts) == pytest.approx(whole)


def test_an_incident_does_not_become_its_own_baseline() -> None:
    street = _street(40)
    before = street.rate
    for n in range(1500):
        street.update(MONDAY + 40 * DAY + 9 * HOUR + n * 20.0)
    street.update(MONDAY + 41 * DAY + HOUR)
    assert street.rate < 1.1 * before


def test_a_few_days_far_beyond_teach_a_cell_nothing_and_more_of_them_a_new_level() -> None:
    street = _street(40)
    cell = Baseline(street.rhythm, parent=street, share=0.02)
    levels = []
    for day in range(40, 48):
        for n in range(60):
            street.update(MONDAY + day * DAY + 9 * HOUR + n * 60.0)
            if n < (1 if day == 40 else 25):
                cell.update(MONDAY + day * DAY + 9 * HOUR + n * 60.0)
        levels.append(cell.level())
    # a day is learned when two more are over
    assert [level.rate for level in levels[4:7]] == [pytest.approx(levels[3].rate, rel=0.05)] * 3
    assert [level.noise for level in levels[4:7]] == [levels[3].noise] * 3
    assert levels[-1].rate > 1.5 * levels[6].rate


def test_the_first_day_of_an_incident_does_not_hide_its_second() -> None:
    street = _street(40)
    struck, spared = (Baseline(street.rhythm, parent=street, share=0.02) for _ in range(2))
    same = []
    for day in range(40, 70):
        for n in range(60):
            street.update(MONDAY + day * DAY + 9 * HOUR + n * 60.0)
        for cell, calls in ((struck, 5 if day == 60 else 1), (spared, 1)):
            for n in range(calls):
                cell.update(MONDAY + day * DAY + 9 * HOUR + n * 60.0)
        same.append(struck.level() == spared.level())
    assert same == [day < 63 for day in range(40, 70)]
    assert struck.level().noise > spared.level().noise


def test_learns_how_much_days_differ() -> None:
    steady = Baseline(Rhythm(), prior_rate=20.0, teaches=True)
    wild = Baseline(Rhythm(), prior_rate=20.0, teaches=True)
    for day in range(60):
        for n in range(20):
            steady.update(MONDAY + day * DAY + 8 * HOUR + n * 1800.0)
        for n in range(5 if day % 2 else 35):
            wild.update(MONDAY + day * DAY + 8 * HOUR + n * 900.0)
    span = (MONDAY + 60 * DAY, MONDAY + 61 * DAY)
    assert steady.expected(*span)[1] < 2.0 < 4.0 < wild.expected(*span)[1]


def test_the_first_day_is_wide_not_silent() -> None:
    street = Baseline(Rhythm(), prior_rate=20.0, prior_weight=2.0, teaches=True)
    mean, dispersion = street.expected(MONDAY, MONDAY + DAY)
    assert mean > 0.0
    assert dispersion > 5.0


def test_a_dead_line_is_no_news() -> None:
    street = _street(40)
    before = street.rate
    street.update(MONDAY + 54 * DAY + 9 * HOUR)
    assert street.rate == pytest.approx(before, rel=0.05)


def test_silence_of_a_sparse_cell_is_news() -> None:
    street = _street(20)
    cell = Baseline(street.rhythm, street, 0.1)
    for call in background(2, 60, 60.0, start=MONDAY + 20 * DAY):
        street.update(call.t)
    cell.update(MONDAY + 80 * DAY - HOUR)
    assert cell.rate < 0.2 < 0.1 * street.rate


def test_a_sparse_cell_borrows_its_parents_level() -> None:
    street = Baseline(Rhythm(), prior_rate=20.0, teaches=True)
    street.update(MONDAY)
    cell = Baseline(street.rhythm, street, 0.1)
    assert cell.rate == pytest.approx(0.1 * street.rate, rel=0.5)


def test_a_late_call_of_a_learned_day_still_counts() -> None:
    street = _street(20)
    street.update(MONDAY + 20 * DAY + 60.0)
    before = street.rate
    street.update(MONDAY + 20 * DAY - 60.0)
    assert street.rate > before
