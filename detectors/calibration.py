"""From a raw score to what people understand: by chance, this would come once in so many days."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, inf, log
from typing import Final

from river import base

from detectors.base import DAY, NEVER

# Episodes with an excess of more than so many shipped scales are taken for true incidents.
_FAR: Final = 4.0
# What the shipped number of calls a day is worth, in days.
_DAYS_TO_KNOW_A_PACE: Final = 2.0


@dataclass(frozen=True, slots=True)
class Budget:
    """How many false alarms are allowed.

    Parameters
    ----------
    alarms_per_week
        For one kind in one street; 0 allows none, ``inf`` all.

    Examples
    --------
    >>> Budget(0.5).allows(recurrence_days=14.0), Budget(0.5).allows(recurrence_days=13.0)
    (True, False)
    """

    alarms_per_week: float = inf

    @property
    def recurrence_days(self) -> float:
        """The rarest event by chance that is not yet worth an alarm, in days."""
        return inf if self.alarms_per_week <= 0.0 else 7.0 / self.alarms_per_week

    def allows(self, recurrence_days: float) -> bool:
        """Whether an alarm on what recurs by chance in so many days keeps the budget."""
        return recurrence_days >= self.recurrence_days


class Calibrator(base.Base):
    """Learns how often, by chance, an episode reaches a score, and turns scores into recurrence intervals.

    An episode is what could have become one alarm: all scores of one key within ``span``, of which only the
    highest counts. The rate of episodes with a score of at least s is modelled above ``floor`` as
    ``rate * exp(-(s - floor) / scale)``: a peaks-over-threshold model with an exponential tail. Both numbers
    start at shipped values and move to the stream's own past. True incidents are in that past too, and mostly far
    out: what exceeds the floor by more than four shipped scales is not looked at, and in its place counts what the
    tail as learned so far has there, one in fifty-five. That is the expectation step for an exponential sample that
    is cut off at a known point: without incidents nothing is lost, and with them a hotline does not grow deaf.

    Parameters
    ----------
    floor
        Lowest score that counts.
    span
        Length of an episode, in seconds.
    scale
        Shipped scale of the tail, in score units. Exact p-values have ``1 / ln 10`` = 0.434.
    scale_weight
        What the shipped scale is worth, in episodes.
    rate
        Shipped rate of episodes above the floor, a day.
    rate_weight
        What the shipped rate is worth, in days.
    memory
        Days after which an episode's weight has fallen to 1/e.
    calls_a_day
        Calls a day among which the shipped rate holds. Where there are more or fewer (``expose``), it is as many
        times higher or lower, and calls count what days else do. 0: a rate of days, however many call.

    Examples
    --------
    >>> calibrator = Calibrator(floor=2.0, rate=0.1)
    >>> round(calibrator.recurrence_days(2.0)), round(calibrator.recurrence_days(4.0))
    (10, 546)
    >>> for day in range(60):
    ...     calibrator.observe(f"cell-{day}", 86400.0 * day, 2.5)
    >>> calibrator.recurrence_days(4.0) < 100
    True

    References
    ----------
    Coles 2001, An Introduction to Statistical Modeling of Extreme Values, sections 4.2 and 4.3.2 (peaks
    over a threshold, return levels). Samples cut off: Dempster, Laird, Rubin 1977, JRSS B 39:1, section 4.2; step by
    step as in Titterington 1984, JRSS B 46:257.
    """

    def __init__(
        self,
        floor: float = 2.0,
        span: float = 7 * DAY,
        scale: float = 0.5,
        scale_weight: float = 30.0,
        rate: float = 0.3,
        rate_weight: float = 14.0,
        memory: float = 180.0,
        calls_a_day: float = 0.0,
    ) -> None:
        self.floor = floor
        self.span = span
        self.scale = scale
        self.scale_weight = scale_weight
        self.rate = rate
        self.rate_weight = rate_weight
        self.memory = memory
        self.calls_a_day = calls_a_day
        self._open: dict[str, tuple[float, float]] = {}
        self._episodes = 0.0
        self._excess = 0.0
        self._days = 0.0
        self._calls = 0.0
        self._now = -inf

    def expose(self, now: float) -> None:
        """Count a call, any of those among which an episode may begin."""
        if self._now == -inf:
            self._now = now
        self._calls += 1.0

    def advance(self, now: float) -> None:
        """Let event time pass: episodes older than ``span`` end, and the past fades."""
        if now <= self._now:
            return
        if self._now > -inf:
            keep = exp(-(now - self._now) / DAY / self.memory)
            days = self.memory * (1.0 - keep)
            chance, excess = self._beyond(days)
            self._episodes = self._episodes * keep + chance
            self._excess = self._excess * keep + excess
            self._calls *= keep
            self._days = self._days * keep + days
        self._now = now
        ended = now - self.span
        while self._open:
            key = next(iter(self._open))
            if self._open[key][0] > ended:
                break
            self._close(key)

    def observe(self, key: str, t: float, score: float) -> None:
        """Take a score of ``key`` at event time ``t``; one below the floor is no episode."""
        self.advance(t)
        if score < self.floor:
            return
        episode = self._open.get(key)
        if episode is None:
            self._open[key] = (max(t, self._now), score)
        elif score > episode[1]:
            self._open[key] = (episode[0], score)

    def forget(self, key: str) -> None:
        """End the episode of a key that will not come back."""
        if key in self._open:
            self._close(key)

    def discard(self, key: str) -> None:
        """Drop the open episode of a key, uncounted: it was no chance."""
        self._open.pop(key, None)

    def merge(self, key: str, into: str) -> None:
        """Make one episode of the open ones of two keys that are one from now on; the higher score counts."""
        episode = self._open.pop(key, None)
        if episode is not None:
            begun, score = self._open.get(into, (max(self._now, episode[0]), 0.0))
            self._open[into] = (begun, max(score, episode[1]))

    def episodes_a_day(self, score: float) -> float:
        """Episodes a day that reach ``score`` by chance, all keys together."""
        rate = self.rate * self.rate_weight + self._episodes
        if self.calls_a_day:
            pace = (_DAYS_TO_KNOW_A_PACE * self.calls_a_day + self._calls) / (_DAYS_TO_KNOW_A_PACE + self._days)
            rate *= pace / (self.rate_weight * self.calls_a_day + self._calls)
        else:
            rate /= self.rate_weight + self._days
        if score <= self.floor:
            return rate
        return rate * exp(-(score - self.floor) / self.learned_scale)

    def recurrence_days(self, score: float) -> float:
        """By chance an episode reaches ``score`` once in so many days, at most 1e9."""
        return min(NEVER, 1.0 / max(1.0 / NEVER, self.episodes_a_day(score)))

    def score_for(self, budget: Budget) -> float:
        """The least score that the budget lets through."""
        rate = self.episodes_a_day(self.floor) * budget.recurrence_days
        return inf if rate == inf else self.floor + max(0.0, log(rate) if rate > 0.0 else 0.0) * self.learned_scale

    @property
    def learned_scale(self) -> float:
        """Scale of the tail: the shipped one, moved towards the mean excess of the stream's own episodes."""
        weight = self.scale_weight
        return (weight * self.scale + self._excess) / (weight + self._episodes)

    def _beyond(self, days: float) -> tuple[float, float]:
        """Episodes by chance in so many days that are too far out to be looked at, and their excess in sum."""
        count = days * self.episodes_a_day(self.floor + self._far)
        return count, count * (self._far + self.learned_scale)

    def _close(self, key: str) -> None:
        excess = self._open.pop(key)[1] - self.floor
        if excess <= self._far:
            self._episodes += 1.0
            self._excess += excess

    @property
    def _far(self) -> float:
        """The excess beyond which nothing is learned."""
        return _FAR * self.scale
