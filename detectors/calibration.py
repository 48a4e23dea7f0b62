"""From a raw score to what people understand: by chance, this would come once in so many days."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, inf, log
from typing import Final

from river import base

from detectors.base import DAY, NEVER

# Part of the episodes that are taken for true incidents before any are known, and the largest excess these have.
_INCIDENTS: Final = 0.1
_LARGEST: Final = 10.0


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
    start at shipped values and move to the stream's own past. True incidents are in that past too: each
    episode counts for the chance that it was none, in a mixture of the tail with incidents whose excess may be
    anything up to ten, and whose part is learned as well.

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
    over a threshold, return levels). Mixture with a uniform for what does not belong: Banfield, Raftery 1993,
    Biometrics 49:803, section 4; weighted step by step as in Titterington 1984, JRSS B 46:257.
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
    ) -> None:
        self.floor = floor
        self.span = span
        self.scale = scale
        self.scale_weight = scale_weight
        self.rate = rate
        self.rate_weight = rate_weight
        self.memory = memory
        self._open: dict[str, tuple[float, float]] = {}
        self._episodes = 0.0
        self._real = 0.0
        self._excess = 0.0
        self._days = 0.0
        self._now = -inf

    def advance(self, now: float) -> None:
        """Let event time pass: episodes older than ``span`` end, and the past fades."""
        if now <= self._now:
            return
        if self._now > -inf:
            days = (now - self._now) / DAY
            keep = exp(-days / self.memory)
            self._episodes *= keep
            self._real *= keep
            self._excess *= keep
            self._days = self._days * keep + self.memory * (1.0 - keep)
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

    def episodes_a_day(self, score: float) -> float:
        """Episodes a day that reach ``score`` by chance, all keys together."""
        rate = (self.rate * self.rate_weight + self._episodes) / (self.rate_weight + self._days)
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

    def _close(self, key: str) -> None:
        excess, scale, weight = self._open.pop(key)[1] - self.floor, self.learned_scale, self.scale_weight
        real = (weight * _INCIDENTS + self._real) / (weight + self._episodes + self._real)
        tail = (1.0 - real) * exp(-excess / scale) / scale
        chance = tail / (tail + real / _LARGEST)
        self._episodes += chance
        self._excess += chance * excess
        self._real += 1.0 - chance
