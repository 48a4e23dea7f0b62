"""Configurations as they come through the log: each made into what it stands for once, for all partitions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from sentinel.settings import ConfigDocument
from sentinel.shared import Shared

_KEPT: Final = 4
"""Partitions follow a change one after the other, so the last few are in use at a time."""


class Configured(NamedTuple):
    """A configuration: what the log says, and what it stands for."""

    document: ConfigDocument
    shared: Shared


class Configurations:
    """Makes configurations out of documents; equal documents give the same one.

    Parameters
    ----------
    load
        Gives what the package ships, under any configuration; called once, when first needed, since it takes a second.
    """

    def __init__(self, load: Callable[[], Shared]) -> None:
        self._load = load
        self._shipped: Shared | None = None
        self._known: list[Configured] = []

    def of(self, document: ConfigDocument) -> Configured:
        """Return what a document stands for.

        Raises `ValueError`, `KeyError` or `TypeError` for one that no valid directory gave, `EncoderUnusableError`
        where this machine lacks the encoder it names.
        """
        for known in self._known:
            if known.document == document:
                return known
        if self._shipped is None:
            self._shipped = self._load()
        made = Configured(document, self._shipped.changed(document))
        self._known = [made, *self._known[: _KEPT - 1]]
        return made
