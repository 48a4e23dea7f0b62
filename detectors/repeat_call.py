"""Called again after it was closed: ``repeat_call``."""

from __future__ import annotations

from typing import ClassVar, Final

from detectors.base import DAY, Basis, Decision, Detector, Evidence, Kind
from detectors.callers import UNKNOWN, Caller

_MOST_CALLERS: Final = 50


class _Closing:
    """Whose tickets were closed on one issue, and who called afterwards, each with the latest time."""

    __slots__ = ("after", "at", "cited", "closed", "repeats", "unknown")

    def __init__(self, at: float) -> None:
        self.at = at
        self.closed: dict[Caller, float] = {}
        self.after: dict[Caller, float] = {}
        self.repeats = 0
        self.cited = False
        self.unknown = 0


class RepeatCallDetector(Detector):
    """Fires when a caller whose ticket was closed calls again, when a call cites a closed ticket by its number,
    or when enough callers come after a closing.

    At most 50 callers an issue are remembered on either side of the closing.

    Parameters
    ----------
    min_repeats
        Calls after the closing that fire, by callers whose own ticket was closed or who cite the one that was.
    min_callers
        Distinct known callers after the closing that fire, whoever they are.
    memory_days
        How long a closing is remembered.

    Examples
    --------
    >>> repeat = RepeatCallDetector()
    >>> repeat.close("issue", 0.0, "a")
    >>> repeat.update("issue", 3600.0, "b").fired, repeat.update("issue", 7200.0, "a").fired
    (False, True)

    References
    ----------
    A rule of hotline practice (重复来电); the commented default in the configuration gives its provenance.
    """

    kind: ClassVar[Kind] = "repeat_call"
    basis: ClassVar[Basis] = "rule"

    def __init__(self, min_repeats: int = 1, min_callers: int = 3, memory_days: float = 30.0) -> None:
        self.min_repeats = min_repeats
        self.min_callers = min_callers
        self.memory_days = memory_days
        self._issues: dict[str, _Closing] = {}

    def close(self, key: str, t: float, caller: Caller) -> None:
        """A ticket of this caller on this issue was closed at ``t``."""
        closing = self._issues.get(key)
        if closing is None or t - closing.at > self.memory_days * DAY:
            closing = self._issues[key] = _Closing(t)
        closing.at = max(closing.at, t)
        if caller != UNKNOWN and (caller in closing.closed or len(closing.closed) < _MOST_CALLERS):
            closing.closed[caller] = max(t, closing.closed.get(caller, t))

    def update(self, key: str, t: float, caller: Caller, cited: float = 0.0) -> Decision | None:
        """Judge a call on an issue; ``None`` if nothing of it has been closed lately.

        ``cited`` is when the ticket was closed that the call cites, 0 if it cites no closed one.
        """
        closing = self._issues.get(key)
        if closing is None:
            if not cited:
                return None
            closing = self._issues[key] = _Closing(cited)
        if t - closing.at > self.memory_days * DAY:
            del self._issues[key]
            return None
        closed_at = closing.closed.get(caller)
        if cited or (closed_at is not None and t > closed_at):
            closing.cited |= cited > 0.0
            closing.repeats += 1
        if caller == UNKNOWN:
            closing.unknown += 1
        else:
            if caller in closing.after or len(closing.after) < _MOST_CALLERS:
                closing.after[caller] = t
        return self._judge(closing, t)

    def forget(self, key: str) -> None:
        """Drop all state of an issue."""
        self._issues.pop(key, None)

    def _judge(self, closing: _Closing, t: float) -> Decision:
        callers = len(closing.after)
        again = closing.repeats >= self.min_repeats
        evidence = Evidence(
            statistic=("closed ticket cited" if closing.cited else "same caller") if again else "callers after closing",
            observed=float(closing.repeats if again else callers),
            window=max(0.0, t - closing.at),
            distinct_callers=callers,
            unknown_callers=closing.unknown,
        )
        return Decision(self.kind, again or callers >= self.min_callers, self.basis, evidence)
