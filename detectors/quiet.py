"""Which counts of a series are plainly nothing, so that its forecast need not be tested at every call."""

from __future__ import annotations

from math import ceil, sqrt
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

_DAY: Final = 24
_MANY: Final = 2**62
# Well above the rounding errors of sums of hours.
_ROUNDED_DOWN: Final = 1.0 - 1e-6


@njit(cache=True)
def fewest_calls(
    parts: int,
    passed: F64,
    factors: F64,
    hours: I64,
    rough: F64,
    rate: float,
    known: float,
    noise: float,
    deviations: float,
    least: int,
) -> I64:
    """Calls below which no window that ends in a part of the day is so many standard deviations above its mean.

    Parameters
    ----------
    parts
        Equal parts of the day, at most 24.
    passed
        Nominal days that have passed by each full hour up to the midnight that ends the day, hours before it
        included.
    factors
        The series' own calls over the rhythm's in each part of the day; they matter to windows within a day.
    hours, rough
        Length in hours of each window, and squared relative error of the rhythm over it.
    rate, known, noise
        Level of the series.
    deviations
        Standard deviations above the mean.
    least
        No answer is below this.

    Returns
    -------
    Array of shape (parts, windows): part of the day in which the window ends, window.
    """
    end = len(passed) - 1
    own = passed.copy()
    for at in range(1, end + 1):
        part = (at - 1) % _DAY * len(factors) // _DAY
        own[at] = own[at - 1] + (passed[at] - passed[at - 1]) * factors[part]
    fewest = np.full((parts, len(hours)), _MANY)
    for hour in range(_DAY):
        at = end - _DAY + hour
        for window in range(len(hours)):
            n = hours[window]
            days = own if n < _DAY else passed
            # Within an hour both ends of a window of whole hours move at a steady rate.
            exposure = min(days[at] - days[at - n], days[at + 1] - days[at + 1 - n])
            mean = rate * exposure * _ROUNDED_DOWN
            variance = mean * (noise + mean * (1.0 / known + rough[window]))
            needed = max(least, ceil(mean + deviations * sqrt(variance)))
            part = hour * parts // _DAY
            fewest[part, window] = min(fewest[part, window], needed)
    return fewest
