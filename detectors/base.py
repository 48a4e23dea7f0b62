"""What every detector shares: the evidence it gives, the decision it takes, the base it stands on."""

from __future__ import annotations

import abc
from typing import ClassVar, Final, Literal, NamedTuple, Self

from river import base

Kind = Literal[
    "new",
    "rising",
    "mass",
    "urgent",
    "recurred",
    "repeat_call",
    "bounced",
    "unsatisfied",
    "overdue",
    "drift",
]
Basis = Literal["statistical", "floor", "rule"]

HOUR: Final = 3600.0
DAY: Final = 86400.0
NEVER: Final = 1e9
"""Recurrence interval, in days, of what chance alone does not bring about, and of what no chance decided."""


class Evidence(NamedTuple):
    """What a detector saw, in numbers a person can check.

    Parameters
    ----------
    statistic
        Name of the test or rule that spoke, for example ``scan 24h``.
    observed
        The count the decision rests on.
    expected, low, high
        Mean of that count when nothing happens, and its central 95 % predictive interval.
    window
        Length of the time the count covers, in seconds.
    score
        ``-log10`` of the p-value, corrected for the best of several windows; 0 for rules.
    p_value
        The corrected p-value; 1 for rules.
    recurrence_days
        By chance, an episode with a score like this would come once in so many days, in all the series
        the detector watches together.
    distinct_callers, unknown_callers
        Known callers in the window, each once, and tickets in it whose caller is not known.
    """

    statistic: str
    observed: float
    expected: float = 0.0
    low: float = 0.0
    high: float = 0.0
    window: float = 0.0
    score: float = 0.0
    p_value: float = 1.0
    recurrence_days: float = NEVER
    distinct_callers: int = 0
    unknown_callers: int = 0


class Decision(NamedTuple):
    """What a detector says of one subject at one moment.

    ``fired`` is its verdict. A decision that did not fire says how far it was from doing so.
    """

    kind: Kind
    fired: bool
    basis: Basis
    evidence: Evidence


class Detector(base.Base, abc.ABC):
    """Base of all detectors.

    A detector is fed through ``update``, which takes the key of a series or issue, the event's own time in
    POSIX seconds (or the :class:`~detectors.callers.RecentCallers` that counted the event), and numbers; it
    returns a :class:`Decision`, or ``None`` where there is nothing to say. It reads no clock and does no I/O,
    and may be pickled between any two updates. River's own drift detectors take one number and watch one
    series; these watch many, so they stand on River's ``Base``, which gives them ``clone`` and a readable
    ``repr``.
    """

    kind: ClassVar[Kind]
    basis: ClassVar[Basis]

    def forget(self, key: str) -> None:
        """Drop all state of ``key``; an unknown key is no error."""

    def retune(self, like: Self) -> None:
        """Take over the parameters of another detector of the class; what was learned stays."""
        for name in like._get_params():
            value = getattr(like, name)
            if not isinstance(value, base.Base):
                setattr(self, name, value)
