"""More calls about one topic in streets that touch than each of them, or the city, would show: ``rising``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import inf, log10
from typing import ClassVar, Final, NamedTuple

from detectors.base import DAY, Decision, Kind
from detectors.baseline import Level
from detectors.calibration import Calibrator
from detectors.callers import Caller, RecentCallers
from detectors.statistical import StatisticalDetector
from detectors.tails import score_of, upper_tail

WINDOWS: Final = (7 * DAY, 2 * DAY, DAY)
"""Trailing windows tested at each call, in seconds, the longest first."""
HOURS: Final = (168, 48, 24)
_NAMES: Final = ("area 7d", "area 48h", "area 24h")
# A sum of fewer standard deviations above its mean does not score: as in the scan of one series.
_DEVIATIONS: Final = 2.8
# So many calls in the others, without the street that has most too many, must be rarer than this by chance, or it is
# that street's own affair.
_REST: Final = 0.01
_LEAST_MEAN: Final = 1e-3

Everywhere = Callable[[float], tuple[float, float]]
"""Calls about a topic in the whole city in so many seconds up to now, and their mean."""


class _Cell:
    """The recent calls about one topic in one street, and how many are usual there."""

    __slots__ = ("callers", "level")

    def __init__(self, level: Level) -> None:
        self.callers = RecentCallers()
        self.level = level


class Area(NamedTuple):
    """Streets that touch, in which there is too much of one topic: the one that spoke last first."""

    subject: str
    """the same as long as an alert about it may be open"""
    streets: tuple[str, ...]
    decision: Decision


class _Sum(NamedTuple):
    """The best of an area's windows."""

    score: float
    number: int
    calls: int
    mean: float
    dispersion: float
    streets: tuple[str, ...]


class AreaDetector(StatisticalDetector):
    """Adds up what touching streets hear about one topic, where none of them hears enough to speak by itself.

    At each call the calls of its street and of those that touch it, in a trailing window, are held against the sum of
    their forecasts. Which of the neighbours belong to it is not known: they are added in the order of their calls over
    their forecast, which for a scan statistic of this kind finds the best of all subsets without looking at each. What
    the rest of the city has too much of is no news about an area: its forecast is raised by that factor. Nor is what
    one of its streets has by itself: without that one, the others together must still have too much.

    Parameters
    ----------
    alarms_per_week
        False alarms it may give a week, all topics and areas together.
    touching
        For each street those that touch it; a street not listed touches none.
    min_calls
        Fewest distinct calls in the window that may alarm.
    calibrator
        Turns scores into recurrence intervals; an episode is one topic's day.

    Examples
    --------
    >>> touching = {"a": ("b", "c"), "b": ("a",), "c": ("a",)}
    >>> area = AreaDetector(alarms_per_week=1.0, touching=touching)
    >>> usual, calm = Level(0.1, 30.0, 1.0), (7.0, 2.0, 1.0)
    >>> for n, street in enumerate("bcabcabca"):
    ...     found = area.update("water", street, 3600.0 * n, f"caller {n}", usual, calm, lambda window: (9.0, 9.0))
    >>> found.decision.fired, sorted(found.streets)
    (True, ['a', 'b', 'c'])

    References
    ----------
    Neill 2012, JRSS B 74:337 (fast subset scan: linear-time subset scanning, with proximity constraints); Kulldorff
    1997, Communications in Statistics 26:1481 (scan for clusters of neighbouring places).
    """

    kind: ClassVar[Kind] = "rising"

    def __init__(
        self,
        alarms_per_week: float = 0.05,
        touching: Mapping[str, tuple[str, ...]] | None = None,
        min_calls: int = 4,
        calibrator: Calibrator | None = None,
    ) -> None:
        super().__init__(alarms_per_week, calibrator or _calibrator())
        self.touching = dict(touching or {})
        self.min_calls = min_calls
        self._topics: dict[str, dict[str, _Cell]] = {}
        self._told: dict[str, list[tuple[float, str, set[str]]]] = {}
        self._clock = self._swept = -inf

    def update(
        self,
        topic: str,
        street: str,
        t: float,
        caller: Caller,
        level: Level,
        exposures: Sequence[float],
        everywhere: Everywhere,
    ) -> Area | None:
        """Count a call and test its street's surroundings; ``None`` if nothing stands out.

        ``level`` is what the street knows of its own rate of the topic, ``exposures`` are the nominal days of each of
        ``WINDOWS`` up to now, ``everywhere`` tells of the city.
        """
        now = self._clock = max(t, self._clock)
        self._sweep(now)
        around = self.touching.get(street, ())
        if not around:
            return None
        cells = self._topics.setdefault(topic, {})
        own = cells.get(street)
        if own is None:
            own = cells[street] = _Cell(level)
        own.level = level
        own.callers.add(t, caller, WINDOWS[0])
        near = [(name, cell) for name in around if (cell := cells.get(name)) is not None]
        if not near:
            return None
        best: _Sum | None = None
        for number, window in enumerate(WINDOWS):
            if own.callers.count(now, window) + sum(c.callers.count(now, window) for _, c in near) < self.min_calls:
                break  # shorter windows hold no more
            found = self._sum(street, own, near, now, number, exposures[number], everywhere)
            if found is not None and (best is None or found.score > best.score):
                best = found
        if best is None or best.score < self.calibrator.floor:
            return None
        decision = self._decide(
            topic,
            now,
            score=best.score,
            statistic=_NAMES[best.number],
            observed=best.calls,
            mean=best.mean,
            dispersion=best.dispersion,
            window=WINDOWS[best.number],
            distinct=sum(cells[name].callers.distinct(now, WINDOWS[best.number]) for name in best.streets),
            unknown=sum(cells[name].callers.unknown(now, WINDOWS[best.number]) for name in best.streets),
        )
        subject = self._subject(topic, best.streets, now) if decision.fired else ""
        return Area(subject, best.streets, decision)

    def forget(self, key: str) -> None:
        """Drop all state of a topic."""
        super().forget(key)
        self._topics.pop(key, None)
        self._told.pop(key, None)

    def __len__(self) -> int:
        """How many cells of street and topic are kept: those with calls within a week."""
        return sum(map(len, self._topics.values()))

    def _sum(
        self,
        street: str,
        own: _Cell,
        near: list[tuple[str, _Cell]],
        now: float,
        number: int,
        exposure: float,
        everywhere: Everywhere,
    ) -> _Sum | None:
        """The most surprising sum of a street and some of its neighbours in one window."""
        window = WINDOWS[number]
        calls = own.callers.count(now, window)
        mean, dispersion = own.level.forecast(exposure, window)
        variance = mean * dispersion
        # excess, calls, mean and variance of the street with most too many
        top = (calls - mean, calls, mean, variance)
        others = []
        for name, cell in near:
            count = cell.callers.count(now, window)
            if count:
                expected, spread = cell.level.forecast(exposure, window)
                others.append((count / max(expected, _LEAST_MEAN), name, count, expected, expected * spread))
        others.sort(key=lambda other: (-other[0], other[1]))
        # one look for each number of neighbours and each window
        looks = log10(len(WINDOWS) * max(1, len(others)))
        best: _Sum | None = None
        streets = [street]
        city: tuple[float, float] | None = None
        for _, name, count, expected, spread in others:
            calls, mean, variance = calls + count, mean + expected, variance + spread
            top = max(top, (count - expected, count, expected, spread))
            streets.append(name)
            excess = calls - mean
            if calls < self.min_calls or excess <= 0.0 or excess * excess < _DEVIATIONS**2 * variance:
                continue
            rest = mean - top[2]
            if upper_tail(calls - top[1], rest, (variance - top[3]) / rest) > _REST:
                continue
            city = city or everywhere(window)
            usual = mean * _raised(calls, mean, city)
            score = score_of(upper_tail(calls, usual, variance / mean)) - looks
            if best is None or score > best.score:
                best = _Sum(score, number, calls, usual, variance / mean, tuple(streets))
        return best

    def _subject(self, topic: str, streets: tuple[str, ...], now: float) -> str:
        """The name of an area that has been told of lately and shares a street with this one, or a new one."""
        told = self._told.setdefault(topic, [])
        told[:] = [area for area in told if area[0] > now]
        for n, (_, subject, known) in enumerate(told):
            if known.intersection(streets):
                known.update(streets)
                told[n] = (now + WINDOWS[0], subject, known)
                return subject
        subject = f"{topic}@{streets[0]}"
        told.append((now + WINDOWS[0], subject, set(streets)))
        return subject

    def _sweep(self, now: float) -> None:
        """Drop, once a day, what had no call within the longest window."""
        if now < self._swept + DAY:
            return
        self._swept = now
        before = now - WINDOWS[0]
        for topic, cells in list(self._topics.items()):
            for street in [street for street, cell in cells.items() if cell.callers.last <= before]:
                del cells[street]
            if not cells:
                del self._topics[topic]
        self._told = {topic: told for topic, told in self._told.items() if any(area[0] > now for area in told)}


def _raised(calls: float, mean: float, everywhere: tuple[float, float]) -> float:
    """How many times more than usual the rest of the city hears about the topic, at least 1."""
    rest = everywhere[1] - mean
    return max(1.0, (everywhere[0] - calls) / rest) if rest > mean else 1.0


def _calibrator() -> Calibrator:
    """Scores of a city's topics, whose areas overlap; an episode is a topic's day, as an alert's quiet end is.

    Quiet streams of `benchmarks/false_alarms.py` over 36 streets, 800 and 1,200 calls a day, had 0.12 and 0.16
    episodes a day and a scale of 0.42 and 0.5; what ships errs towards silence.
    """
    return Calibrator(floor=2.0, span=DAY, scale=0.47, rate=0.25, rate_weight=14.0)
