"""Silences (暂停推送): for a while, alerts that a matcher means are not pushed to one recipient."""

from __future__ import annotations

from typing import Final, NamedTuple

from alerts.matching import Match
from alerts.model import Alert

_KEYS: Final = ("alert_id", "issue_id", "street", "topic", "kind")
"""By the first of these that a matcher gives, a silence is found; the most telling first."""
_Key = tuple[str, str, str]


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
        self._found: dict[_Key, dict[str, None]] = {}

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
        for key in _keys(silence):
            self._found.setdefault(key, {})[silence.id] = None

    def end(self, identity: str) -> Silence:
        """Take one out of force; raises `KeyError` if it is not."""
        silence = self._active.pop(identity)
        for key in _keys(silence):
            held = self._found[key]
            del held[identity]
            if not held:
                del self._found[key]
        return silence

    def holding(self, recipient: str, alert: Alert) -> str:
        """Return the id of a silence that holds the alert back from the recipient, "" if none does."""
        topic = alert.topic
        values = [
            ("alert_id", alert.alert_id),
            ("issue_id", alert.issue_id),
            ("street", alert.street),
            ("topic", topic),
            ("kind", alert.kind),
            ("", ""),
        ]
        while "/" in topic:
            topic = topic.rpartition("/")[0]
            values.append(("topic", topic))
        for name, value in values:
            for identity in self._found.get((recipient, name, value), ()):
                if self._active[identity].match.holds(alert):
                    return identity
        return ""


def _keys(silence: Silence) -> list[_Key]:
    for name in _KEYS:
        if values := getattr(silence.match, name):
            return [(silence.recipient, name, value) for value in values]
    return [(silence.recipient, "", "")]
