"""Routing: which recipients an alert goes to, with what timing, and why."""

from __future__ import annotations

from typing import Final, NamedTuple

from alerts.matching import Match, handlers_of
from alerts.model import Alert
from alerts.subscribers import DeliveryRules, Recipient, Route, Subscriber, Timing, handler_id
from alerts.views import visible

_ELEVATED: Final = "elevated"
"""Name of the way of what is a matter for a leader."""


class Way(NamedTuple):
    """How an alert reaches a recipient."""

    recipient: Recipient
    route: str
    """name of the route, or its place in the file"""
    timing: Timing
    because: str
    """what the route looks for, in words"""


class Tried(NamedTuple):
    """One route held against an alert, for whoever asks why."""

    route: str
    looks_for: str
    against: tuple[str, ...]
    """what does not hold; empty if the route matches"""
    told: tuple[str, ...]
    """ids of the recipients it leads to"""
    hidden: tuple[str, ...]
    """ids of those it names who may not see this alert"""


class _Branch(NamedTuple):
    """A route with what it has of those above it."""

    match: Match
    name: str
    timing: Timing
    to: tuple[str, ...]
    because: str
    below: tuple[_Branch, ...]
    ways: dict[str, Way]
    """those taken so far, by recipient: one object for all alerts, so that what is remembered of them is small"""


class Router:
    """Applies the tree of routes; built once, used for every transition."""

    def __init__(self, rules: DeliveryRules) -> None:
        """Look up the subscribers by id, and hand the timing down the tree."""
        self.rules = rules
        self._subscribers = {subscriber.id: subscriber for subscriber in rules.subscribers}
        self._tree = tuple(
            _branch(route, rules.timing, route.name or f"routes[{number}]", ())
            for number, route in enumerate(rules.routes)
        )
        self._leaders = _Branch(Match(), _ELEVATED, rules.timing, rules.elevated.to, _ELEVATED, (), {})

    def ways(self, alert: Alert) -> list[Way]:
        """Return how the alert goes to everyone it goes to, each once, by the first route that leads there."""
        found: dict[str, Way] = {}
        for branch in self._tree:
            for way in self._down(alert, branch):
                found.setdefault(way.recipient.id, way)
        if self.elevated(alert):
            for way in self._down(alert, self._leaders):
                found.setdefault(way.recipient.id, way)
        return [way for way in found.values() if visible(alert, way.recipient)]

    def tried(self, alert: Alert) -> list[Tried]:
        """Return how every top route of the tree holds against the alert."""
        tried = []
        for branch in self._tree:
            ways = self._down(alert, branch)
            seen = [way.recipient.id for way in ways if visible(alert, way.recipient)]
            hidden = dict.fromkeys(way.recipient.id for way in ways if way.recipient.id not in seen)
            tried.append(Tried(branch.name, branch.because, branch.match.against(alert), tuple(seen), tuple(hidden)))
        return tried

    def elevated(self, alert: Alert) -> bool:
        """Whether the alert is a matter for a leader (提级)."""
        return any(match.holds(alert) for match in self.rules.elevated.match)

    def superiors(self, alert: Alert, way: Way) -> list[Recipient]:
        """Return who is told where nobody has acknowledged in time what came by this way.

        Of leaders of handlers, what a handler was told goes to its own.
        """
        own = way.recipient
        return [
            other
            for other in self.recipients(alert, way.timing.unacknowledged or ())
            if other.id != own.id
            and visible(alert, other)
            and not (own.handler and other.handler and own.handler != other.handler)
        ]

    def recipients(self, alert: Alert, ids: tuple[str, ...]) -> list[Recipient]:
        """Return who stands behind subscribers' ids for this alert: of one of `each`, those whose tickets it has."""
        return [recipient for name in ids for recipient in self._behind(self._subscribers[name], alert)]

    def recipient(self, identity: str, streets: dict[str, str], handlers: dict[str, str]) -> Recipient | None:
        """Return the recipient of an id, None if there is none.

        `streets` gives names by code, `handlers` names by the id that `handler_id` gives.
        """
        if subscriber := self._subscribers.get(identity):
            return None if subscriber.each else Recipient(identity, subscriber.name, subscriber)
        for subscriber in self.rules.subscribers:
            key = identity.removeprefix(f"{subscriber.id}-")
            if key == identity or not subscriber.each:
                continue
            if subscriber.each == "street" and key in streets:
                return _of_street(subscriber, key, streets[key])
            if subscriber.each == "handler" and key in handlers:
                return _of_handler(subscriber, key, handlers[key])
        return None

    def named(self, target: str, streets: dict[str, str], handlers: dict[str, str]) -> Recipient | None:
        """Return the recipient of an id or a name, None if there is none."""
        if found := self.recipient(target, streets, handlers):
            return found
        for subscriber in self.rules.subscribers:
            if subscriber.each is None:
                found = Recipient(subscriber.id, subscriber.name, subscriber)
            else:
                known = streets if subscriber.each == "street" else handlers
                key = next((key for key, name in known.items() if f"{name}{subscriber.name}" == target), "")
                found = self.recipient(f"{subscriber.id}-{key}", streets, handlers)
            if found is not None and found.name == target:
                return found
        return None

    def is_id(self, target: str) -> bool:
        """Whether it reads as the id of one of many recipients, be there such a one or not."""
        return any(target.startswith(f"{subscriber.id}-") for subscriber in self.rules.subscribers if subscriber.each)

    def _down(self, alert: Alert, branch: _Branch) -> list[Way]:
        """Ways through a route: through the first of those below it that matches, else its own."""
        if not branch.match.holds(alert):
            return []
        for below in branch.below:
            if below.match.holds(alert):
                return self._down(alert, below)
        return [_way(branch, recipient) for recipient in self.recipients(alert, branch.to)]

    def _behind(self, subscriber: Subscriber, alert: Alert) -> list[Recipient]:
        if subscriber.each == "street":
            return [_of_street(subscriber, alert.street, alert.street_name)] if alert.street else []
        if subscriber.each == "handler":
            return [_of_handler(subscriber, handler_id(self.rules, name), name) for name in handlers_of(alert)]
        return [Recipient(subscriber.id, subscriber.name, subscriber)]


def _branch(route: Route, above: Timing, name: str, to: tuple[str, ...]) -> _Branch:
    timing, named = _over(above, route), (*to, *route.to)
    below = tuple(
        _branch(child, timing, child.name or f"{name}.routes[{number}]", named)
        for number, child in enumerate(route.routes)
    )
    return _Branch(route.match, name, timing, named, route.match.told(), below, {})


def _way(branch: _Branch, recipient: Recipient) -> Way:
    known = branch.ways.get(recipient.id)
    if known is None or known.recipient != recipient:
        known = branch.ways[recipient.id] = Way(recipient, branch.name, branch.timing, branch.because)
    return known


def _of_street(subscriber: Subscriber, code: str, name: str) -> Recipient:
    return Recipient(f"{subscriber.id}-{code}", f"{name}{subscriber.name}", subscriber, street=code)


def _of_handler(subscriber: Subscriber, key: str, name: str) -> Recipient:
    return Recipient(f"{subscriber.id}-{key}", f"{name}{subscriber.name}", subscriber, handler=name)


def _over(above: Timing, route: Timing) -> Timing:
    """Timing of a route: its own, and where it has none that of the one above."""
    own = {name: getattr(route, name) for name in Timing.model_fields}
    return Timing.model_construct(**{n: getattr(above, n) if v is None else v for n, v in own.items()})
