"""One series of counts, a day or a week each, held against its own trend, season and weekdays."""

from __future__ import annotations

from typing import NamedTuple, Self

from river import base

from detectors.excess import Excess
from detectors.seasonal import Forecast, SeasonalForecast


class Verdict(NamedTuple):
    """Forecast of a period's count, and ``-log10`` of the chance that one of this series stands out like it."""

    score: float
    forecast: Forecast


class PeriodTest(base.Base):
    """Forecasts each count of a series, says how surprising it is together with those before it, and learns it.

    Parameters
    ----------
    forecast
        What to expect.
    excess
        How far above that is how rare.
    quiet
        Periods learned before it says anything.

    Examples
    --------
    >>> test = PeriodTest.weekly()
    >>> scores = [test.update(week, 12 + week * 7 % 5).score for week in range(150)]
    >>> test.update(150, 40).score > 6.0 > max(scores)
    True
    """

    def __init__(self, forecast: SeasonalForecast, excess: Excess, quiet: int) -> None:
        self.forecast = forecast
        self.excess = excess
        self.quiet = quiet

    @classmethod
    def weekly(cls, year: float = 52.0) -> Self:
        """For counts a week: half of an outbreak comes in its first week, most of the rest in the second.

        ``year`` is how many weeks a year has.
        """
        return cls(SeasonalForecast(year=year, nested=True, recent=1.0), Excess(), quiet=4)

    @classmethod
    def daily(cls, days: int = 7) -> Self:
        """For counts a day, so many days a week: a level that may wander, outbreaks that last a week."""
        forecast = SeasonalForecast(
            year=52.0 * days,
            harmonics=4,
            week=days,
            drifts=(0.0, 1e-4, 1e-3, 6e-3),
            noises=(0.02, 0.05, 0.1, 0.2, 0.4, 0.7, 1.0, 1.1, 1.25, 1.5, 1.8, 2.2, 2.8, 3.6, 4.8, 6.5, 10.0),
            teach_after=4 * days,
            fading=0.998,
        )
        excess = Excess(
            sizes=(2.0, 4.0, 8.0, 14.0, 22.0),
            profile=(1 / 6,) * 6,
            weights=(1 / 6,) * 6,
            memory=1500.0,
            patience=3.0,
        )
        return cls(forecast, excess, quiet=2 * days)

    def update(self, number: int, count: float, offset: float = 0.0) -> Verdict:
        """Take the count of period ``number``, which is over; ``offset`` as in ``SeasonalForecast.forecast``."""
        forecast = self.forecast.forecast(number, offset)
        score = self.excess.update(count, forecast) if self.forecast.learned >= self.quiet else 0.0
        self.forecast.learn(number, count, offset)
        return Verdict(score, forecast)
