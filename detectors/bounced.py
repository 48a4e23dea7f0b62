"""A ticket returned again and again, or passed through many hands: ``bounced``."""

from __future__ import annotations

from typing import ClassVar

from detectors.base import Basis, Decision, Detector, Evidence, Kind


class _Path:
    """The way of one ticket so far."""

    __slots__ = ("first", "handlers", "returns")

    def __init__(self, first: float) -> None:
        self.first = first
        self.returns = 0
        self.handlers: list[str] = []


class BouncedDetector(Detector):
    """Fires when a ticket has been returned, or has had distinct handlers, too many times.

    Parameters
    ----------
    max_returns
        Returns (count) from which on it fires.
    max_handlers
        Distinct handlers from which on it fires.

    Examples
    --------
    >>> bounced = BouncedDetector()
    >>> path = [("城管", False), ("", True), ("物业", False), ("", True), ("房管", False)]
    >>> [bounced.update("t1", float(n), h, returned=r) is not None for n, (h, r) in enumerate(path)]
    [False, False, False, False, True]

    References
    ----------
    A rule of hotline practice (退单、推诿); the commented default in the configuration gives its provenance.
    """

    kind: ClassVar[Kind] = "bounced"
    basis: ClassVar[Basis] = "rule"

    def __init__(self, max_returns: int = 3, max_handlers: int = 3) -> None:
        self.max_returns = max_returns
        self.max_handlers = max_handlers
        self._tickets: dict[str, _Path] = {}

    def update(self, key: str, t: float, handler: str = "", returned: bool = False) -> Decision | None:
        """Take a dispatch to a handler, or a return, of the ticket ``key``; ``None`` below both limits."""
        if not handler and not returned:
            return None
        path = self._tickets.get(key)
        if path is None:
            path = self._tickets[key] = _Path(t)
        path.returns += returned
        if handler and handler not in path.handlers and len(path.handlers) < self.max_handlers:
            path.handlers.append(handler)
        returns = path.returns >= self.max_returns
        if not returns and len(path.handlers) < self.max_handlers:
            return None
        evidence = Evidence(
            statistic="returns" if returns else "handlers",
            observed=float(path.returns if returns else len(path.handlers)),
            window=max(0.0, t - path.first),
        )
        return Decision(self.kind, True, self.basis, evidence)

    def forget(self, key: str) -> None:
        """Drop a ticket, as when it is closed."""
        self._tickets.pop(key, None)
