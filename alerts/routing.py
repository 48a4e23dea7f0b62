"""Routing: which recipients an alert goes to, with what timing, and why."""

from __future__ import annotations

from typing import NamedTuple

from alerts.matching import handlers_of
from alerts.model import Alert
from alerts.subscribers import DeliveryRules, Recipient, Route, Subscriber, Timing, handler_id
from alerts.views import visible


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


class Router:
    """Applies the tree of routes; built once, used for every transition."""

    def __init__(self, rules: DeliveryRules) -> None:
        """Look up the subscribers by id."""
        self.rules = rules
        self._subscribers = {subscriber.id: subscriber for subscriber in rules.subscribers}

    def ways(self, alert: Alert) -> list[Way]:
        """Return how the alert goes to everyone it goes to, each once, by the first route that leads there."""
        found: dict[str, Way] = {}
        for number, route in enumerate(self.rules.routes):
            for way in self._down(alert, route, self.rules.timing, route.name or f"routes[{number}]", ()):
                found.setdefault(way.recipient.id, way)
        if self.elevated(alert):
            looks_for = "elevated"
            for recipient in self.recipients(alert, self.rules.elevated.to):
                found.setdefault(recipient.id, Way(recipient, looks_for, self.rules.timing, looks_for))
        return [way for way in found.values() if visible(alert, way.recipient)]

    def tried(self, alert: Alert) -> list[Tried]:
        """Return how every top route of the tree holds against the alert."""
        tried = []
        for number, route in enumerate(self.rules.routes):
            name = route.name or f"routes[{number}]"
            ways = self._down(alert, route, self.rules.timing, name, ())
            seen = [way.recipient.id for way in ways if visible(alert, way.recipient)]
            hidden = [way.recipient.id for way in ways if way.recipient.id not in seen]
            tried.append(
                Tried(name, route.match.told(), route.match.against(alert), tuple(seen), tuple(dict.fromkeys(hidden)))
            )
        return tried

    def elevated(self, alert: Alert) -> bool:
        """Whether the alert is a matter for a leader (提级)."""
        return any(match.holds(alert) for match in self.rules.elevated.match)

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

    def _down(self, alert: Alert, route: Route, above: Timing, name: str, to: tuple[str, ...]) -> list[Way]:
        """Ways through a route: through the first of those below it that matches, else its own."""
        if not route.match.holds(alert):
            return []
        timing = _over(above, route)
        named = (*to, *route.to)
        for number, child in enumerate(route.routes):
            below = child.name or f"{name}.routes[{number}]"
            if child.match.holds(alert):
                return self._down(alert, child, timing, below, named)
        looks_for = route.match.told()
        return [Way(recipient, name, timing, looks_for) for recipient in self.recipients(alert, named)]

    def _behind(self, subscriber: Subscriber, alert: Alert) -> list[Recipient]:
        if subscriber.each == "street":
            return [_of_street(subscriber, alert.street, alert.street_name)] if alert.street else []
        if subscriber.each == "handler":
            return [_of_handler(subscriber, handler_id(self.rules, name), name) for name in handlers_of(alert)]
        return [Recipient(subscriber.id, subscriber.name, subscriber)]


def _of_street(subscriber: Subscriber, code: str, name: str) -> Recipient:
    return Recipient(f"{subscriber.id}-{code}", f"{name}{subscriber.name}", subscriber, street=code)


def _of_handler(subscriber: Subscriber, key: str, name: str) -> Recipient:
    return Recipient(f"{subscriber.id}-{key}", f"{name}{subscriber.name}", subscriber, handler=name)


def _over(above: Timing, route: Timing) -> Timing:
    """Timing of a route: its own, and where it has none that of the one above."""
    own = {name: getattr(route, name) for name in Timing.model_fields}
    return Timing.model_construct(**{n: getattr(above, n) if v is None else v for n, v in own.items()})
