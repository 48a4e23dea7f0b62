"""What delivery remembers: all of its state and nothing of its rules, so that it can be kept apart from both."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any, Final

from alerts.actions import Outcome
from alerts.lines import Group, Line, Tracked
from alerts.outlet import Outlet
from alerts.routing import Way
from alerts.silences import Silences
from alerts.timers import Timers
from alerts.views import visible

PARTS: Final = 64
"""In so many parts the alerts are kept, so that none takes long to pickle."""
_REST: Final = "rest"
_Part = tuple[dict[str, Tracked], dict[str, Group]]


class Memory:
    """Delivery's state; as large as what is alive.

    Parameters
    ----------
    handlers
        Names by id, of those configured; those met are added.
    """

    def __init__(self, handlers: Mapping[str, str]) -> None:
        """Remember nothing."""
        self.clock = 0.0
        """the time at which things happen now"""
        self.logged = 0.0
        """how far the log has come, as transitions and ticks tell"""
        self.seq = 0
        self.tracked: dict[str, Tracked] = {}
        self.silences = Silences()
        self.handlers = dict(handlers)
        self.streets: dict[str, str] = {}
        """names by code, those configured and those met"""
        self.groups: dict[str, Group] = {}
        self.company: dict[str, float] = {}
        """groups whose first push waits for company -> until when"""
        self.timers: Timers[tuple[str, ...]] = Timers()
        """of what may have to be told"""
        self.chores: Timers[tuple[str, ...]] = Timers()
        """of what is forgotten in silence"""
        self.outlet = Outlet(self.timers)
        self.silenced: dict[str, dict[tuple[str, str], None]] = {}
        """silence -> (recipient, alert) that it holds back"""
        self.under: dict[str, dict[tuple[str, str], None]] = {}
        """alert -> (recipient, alert) for which it stands"""
        self.answered: dict[str, Outcome] = {}
        """what came of the latest actions"""

    def line_of(self, alert_id: str, recipient: str) -> Line | None:
        """Return what a recipient was told of an alert that it may see, None if it may not or there is none."""
        tracked = self.tracked.get(alert_id)
        line = tracked.lines.get(recipient) if tracked is not None else None
        if tracked is None or line is None:
            return None
        return line if visible(tracked.alert, line.way.recipient, granted=line.granted) else None

    def parts(self) -> dict[str, object]:
        """Return the state as parts that share nothing and can each be pickled by itself."""
        parts: list[_Part] = [({}, {}) for _ in range(PARTS)]
        for alert_id, tracked in self.tracked.items():
            parts[_number(alert_id)][0][alert_id] = tracked
        for key, group in self.groups.items():
            parts[_number(key)][1][key] = group
        rest = {**self.__dict__, "tracked": tuple(self.tracked), "groups": None}
        return {_REST: rest, **{f"alerts-{number}": part for number, part in enumerate(parts)}}

    @classmethod
    def of(cls, parts: Mapping[str, Any]) -> Memory:
        """Return the memory that gave these parts."""
        memory = cls({})
        memory.__dict__ |= parts[_REST]
        memory.groups = {}
        found: dict[str, Tracked] = {}
        for number in range(PARTS):
            alerts, groups = parts[f"alerts-{number}"]
            found |= alerts
            memory.groups |= groups
        memory.tracked = {alert_id: found[alert_id] for alert_id in memory.tracked}
        ways: dict[tuple[str, str], list[Way]] = {}
        for tracked in memory.tracked.values():
            for line in tracked.lines.values():
                line.way = _shared(ways, line.way)
        return memory


def _number(key: str) -> int:
    return zlib.crc32(key.encode()) % PARTS


def _shared(ways: dict[tuple[str, str], list[Way]], way: Way) -> Way:
    """The first way like this one, so that what many alerts have in common is there once."""
    known = ways.setdefault((way.recipient.id, way.route), [])
    for other in known:
        if other == way:
            return other
    known.append(way)
    return way
