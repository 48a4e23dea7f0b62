"""Silences (暂停推送): for a while, alerts that a matcher means are not pushed to one recipient."""

from __future__ import annotations

from itertools import product
from typing import Final, NamedTuple

from alerts.matching import Match, upwards
from alerts.model import Alert

_KEYS: Final = ("alert_id", "issue_id", "street", "topic", "kind")
_MOST_NAMES: Final = 2
"""By the first so many of these that a matcher gives, a silence is found; the most telling first."""
_Index = dict[tuple[str, ...], dict[tuple[str, ...], dict[str, None]]]
"""names -> values of these -> ids"""
_NONE: Final[_Index] = {}


class Silence(NamedTuple):
    """One silence; ``until`` in POSIX seconds."""

    id: str
    recipient: str
    match: Match
    author: str
    reason: str
    since: float
    until: float


class Silences:
    """Those in force, found by what they match."""

    def __init__(self) -> None:
        """Start with none."""
        self._active: dict[str, Silence] = {}
        self._found: dict[str, _Index] = {}
        """by recipient"""

    def __len__(self) -> int:
        """Return how many are in force."""
        return len(self._active)

    def of(self, recipient: str) -> list[Silence]:
        """Return a recipient's, the oldest first."""
        return [silence for silence in self._active.values() if silence.recipient == recipient]

    def get(self, identity: str) -> Silence | None:
        """Return one in force, None if there is none of this id."""
        return self._active.get(identity)

    def start(self, silence: Silence) -> None:
        """Put one in force."""
        self._active[silence.id] = silence
        names, places = _places(silence)
        found = self._found.setdefault(silence.recipient, {}).setdefault(names, {})
        for values in places:
            found.setdefault(values, {})[silence.id] = None

    def end(self, identity: str) -> Silence:
        """Take one out of force; raises `KeyError` if it is not."""
        silence = self._active.pop(identity)
        names, places = _places(silence)
        index = self._found[silence.recipient]
        for values in places:
            del index[names][values][identity]
            if not index[names][values]:
                del index[names][values]
        if not index[names]:
            del index[names]
        if not index:
            del self._found[silence.recipient]
        return silence

    def holding(self, recipient: str, alert: Alert) -> str:
        """Return the id of a silence that holds the alert back from the recipient, "" if none does."""
        for names, found in self._found.get(recipient, _NONE).items():
            for values in product(*[_values(alert, name) for name in names]):
                for identity in found.get(values, ()):
                    if self._active[identity].match.holds(alert):
                        return identity
        return ""


def _values(alert: Alert, name: str) -> tuple[str, ...]:
    return upwards(alert.topic) if name == "topic" else (getattr(alert, name),)


def _places(silence: Silence) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """The names by which a silence is found, and their values."""
    names = tuple(name for name in _KEYS if getattr(silence.match, name))[:_MOST_NAMES]
    return names, list(product(*(getattr(silence.match, name) for name in names)))
