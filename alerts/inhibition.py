"""Inhibition: an open alert stands for others that belong to it, and they are not pushed beside it.

Of two alerts that would stand for each other the narrower does: an issue before a topic, a topic before all that
people call about. A wider one stands for a narrower one only where nothing narrower stands for itself. So nobody ever
stands, over however many others, for what stands for him, and of alerts that belong together one always speaks.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from alerts.matching import upwards, within
from alerts.model import Alert, Scope
from alerts.subscribers import Inhibition

ENOUGH: Final = 0.5
"""Share of an alert's tickets that must be another's for it to belong to it."""
LEAST: Final = 0.2
"""An alert with fewer tickets than this share of another's stands for it no more. It is less than `ENOUGH` because
what an alert was last told with may be old: it speaks again only as it grows past a step."""

_WIDTHS: Final[tuple[Scope, ...]] = ("ticket", "issue", "handler", "cell", "area", "topic", "street", "city")
_Index = dict[str, dict[str, None]]
_Places = tuple[tuple[str, ...], ...]
_NOWHERE: Final[_Places] = ((),) * 6


class Inhibitions:
    """Which open alerts stand for which. An alert never stands for itself, nor for one that stands for it.

    What belongs to what is found when an alert changes, through indexes, and kept: it is asked for far more often, at
    every push and reminder.
    """

    def __init__(self, rules: tuple[Inhibition, ...]) -> None:
        """Start with no alerts."""
        self.rules = rules
        self._alerts: dict[str, Alert] = {}
        self._sources: dict[str, tuple[int, ...]] = {}
        """alert -> numbers of the rules by which it may stand for others"""
        self._targets: dict[str, tuple[int, ...]] = {}
        self._covers: _Index = {}
        self._by_topic: _Index = {}
        self._by_ticket: _Index = {}
        self._issues: _Index = {}
        self._target_topics: _Index = {}
        self._target_tickets: _Index = {}
        self._indexes = (
            self._covers, self._by_topic, self._by_ticket, self._issues, self._target_topics, self._target_tickets,
        )  # fmt: skip
        self._places: dict[str, _Places] = {}
        """alert -> its keys in each of these"""
        self._narrower: _Index = {}
        """alert -> those narrower than it to which it belongs"""
        self._wider: _Index = {}
        self._under: _Index = {}
        """alert -> those that belong to it"""

    def put(self, alert: Alert) -> None:
        """Take an open alert as it is now."""
        alert_id = alert.alert_id
        numbered = list(enumerate(self.rules))
        sources = tuple(n for n, rule in numbered if rule.by.holds(alert))
        targets = tuple(n for n, rule in numbered if rule.mutes.holds(alert))
        if not sources and not targets:
            self.drop(alert_id)
            return
        self._unrelate(alert_id)
        self._alerts[alert_id] = alert
        self._sources[alert_id], self._targets[alert_id] = sources, targets
        self._place(alert_id, self._places_of(alert))
        for source in self._sources_for(alert):
            self._relate(alert, self._alerts[source])
        for target in self._targets_of(alert):
            self._relate(self._alerts[target], alert)

    def drop(self, alert_id: str) -> None:
        """Forget an alert that is open no more."""
        if alert_id in self._alerts:
            self._unrelate(alert_id)
            self._place(alert_id, _NOWHERE)
            del self._alerts[alert_id], self._sources[alert_id], self._targets[alert_id], self._places[alert_id]

    def _unrelate(self, alert_id: str) -> None:
        for target in self._under.pop(alert_id, ()):
            _remove(self._narrower, target, alert_id)
            _remove(self._wider, target, alert_id)
        for source in (*self._narrower.pop(alert_id, ()), *self._wider.pop(alert_id, ())):
            _remove(self._under, source, alert_id)

    def _place(self, alert_id: str, places: _Places) -> None:
        """Let an alert be found at these keys only. Most stay from one transition to the next."""
        for index, old, new in zip(self._indexes, self._places.get(alert_id, _NOWHERE), places, strict=True):
            if old != new:
                for key in set(old).difference(new):
                    _remove(index, key, alert_id)
                for key in new:
                    index.setdefault(key, {})[alert_id] = None
        self._places[alert_id] = places

    def standing_for(self, alert_id: str) -> list[str]:
        """Return the alerts that stand for this one, by id."""
        narrower, wider = self._narrower.get(alert_id), self._wider.get(alert_id)
        if narrower is None and wider is None:  # as of most, and every reminder asks
            return []
        return sorted([*(narrower or ()), *(source for source in wider or () if source not in self._narrower)])

    def standing_under(self, alert_id: str) -> list[str]:
        """Return the alerts for which this one stands, by id."""
        under = self._under.get(alert_id)
        if under is None:
            return []
        if alert_id in self._narrower:  # then it stands for what is wider than itself only
            return sorted(target for target in under if alert_id in self._narrower.get(target, ()))
        return sorted(under)

    def _relate(self, target: Alert, source: Alert) -> None:
        if target is source or not self._belongs(target, source):
            return
        side = self._wider if _rank(source) > _rank(target) else self._narrower
        side.setdefault(target.alert_id, {})[source.alert_id] = None
        self._under.setdefault(source.alert_id, {})[target.alert_id] = None

    def _sources_for(self, target: Alert) -> dict[str, None]:
        """Those to which an alert may belong."""
        found: dict[str, None] = {}
        if self._targets[target.alert_id]:
            _gather(found, self._covers, (target.issue_id,))
            _gather(found, self._by_topic, upwards(target.topic))
            _gather(found, self._by_ticket, target.ticket_ids)
        return found

    def _targets_of(self, source: Alert) -> dict[str, None]:
        """Those that may belong to an alert."""
        found: dict[str, None] = {}
        if self._sources[source.alert_id]:
            _gather(found, self._issues, source.covers)
            _gather(found, self._target_topics, (source.topic,))
            _gather(found, self._target_tickets, source.ticket_ids)
        return found

    def _belongs(self, target: Alert, source: Alert) -> bool:
        shared = set(self._targets[target.alert_id]).intersection(self._sources[source.alert_id])
        return any(_belongs(self.rules[number], target, source) for number in sorted(shared))

    def _places_of(self, alert: Alert) -> _Places:
        sames = {self.rules[n].same for n in self._sources[alert.alert_id]}
        muted = {self.rules[n].same for n in self._targets[alert.alert_id]}
        return (
            alert.covers if "issues" in sames else (),
            (alert.topic,) if "topic" in sames and alert.topic else (),
            alert.ticket_ids if "tickets" in sames else (),
            (alert.issue_id,) if "issues" in muted and alert.issue_id else (),
            upwards(alert.topic) if "topic" in muted else (),
            alert.ticket_ids if "tickets" in muted else (),
        )


def _gather(found: dict[str, None], index: _Index, keys: Iterable[str]) -> None:
    for key in keys:
        if held := index.get(key):
            found.update(held)


def _remove(index: _Index, key: str, alert_id: str) -> None:
    held = index.get(key)
    if held is not None:
        held.pop(alert_id, None)
        if not held:
            del index[key]


def _belongs(rule: Inhibition, target: Alert, source: Alert) -> bool:
    if rule.same == "issues":
        return bool(target.issue_id) and target.issue_id in source.covers
    if rule.same == "topic":
        return bool(source.topic) and within(target.topic, source.topic)
    if source.ticket_count < LEAST * target.ticket_count:
        return False
    own = set(source.ticket_ids)
    shared = [place for place, ticket in enumerate(target.ticket_ids, 1) if ticket in own]
    # what came after the last that both know the other may have too, and has not told yet
    return bool(shared) and len(shared) >= ENOUGH * shared[-1]


def _rank(alert: Alert) -> tuple[int, bool, int, str]:
    """How narrow an alert is, the narrowest first; no two alike. What spans streets comes before its like."""
    return _WIDTHS.index(alert.scope), alert.street != "", -len(upwards(alert.topic)), alert.alert_id
