"""The stages joined: ticket events in, what intake, the streets, the city and delivery make of them out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from alerts import Alert, Delivery
from alerts.pushes import Push
from sentinel.city import City
from sentinel.intake import Door, Intake, IntakeSettings, Taken
from sentinel.partitions import InlinePartitions, Partitions
from sentinel.records import (
    Assigned,
    ConfigChange,
    Feedback,
    IssueSummary,
    Merged,
    Outputs,
    Routed,
    RoutedTicket,
    in_log_order,
    of_one_street,
)
from sentinel.settings import Settings
from sentinel.shared import Shared
from sentinel.tickets import TicketEvent


class Said(NamedTuple):
    """What all stages said between two ticks, in log order."""

    alerts: list[Alert]
    assigned: list[Assigned]
    issues: list[IssueSummary]
    """those that were forgotten; at the end, all that are left"""
    merged: list[Merged]
    pushes: list[Push]
    """what delivery makes of the alerts, and of the time that has passed"""


class Pipeline:
    """Intake, the street stage however it is spread, the city, and delivery.

    With `InlinePartitions` it can be pickled between any two events; what is loaded needs `attach` and goes
    on where the other stood.
    """

    def __init__(self, shared: Shared, door: Door, partitions: Partitions | None = None) -> None:
        self.partitions: Partitions = partitions or InlinePartitions(shared, shared.partitions)
        self._intake = Intake(door, intake_settings(shared.settings))
        self._city = City(shared, self.partitions.sources)
        self._delivery = delivery_of(shared.settings)
        self._shared = shared

    def take(self, position: int, event: TicketEvent) -> Taken:
        """Take one event at its position in the source; return what intake made of it."""
        taken = self._intake.take(position, event)
        self._route(taken.records)
        return taken

    def route(self, record: Routed) -> None:
        """Take a record that an intake has made, this one's or one of an exported log."""
        if of_one_street(record):
            self.partitions.ticket(self._shared.streets.partition(record.street), record)
            return
        assert not isinstance(record, RoutedTicket)
        if isinstance(record, ConfigChange):
            self._shared = self._shared.changed(record.document)
        self.partitions.tick(record)

    def said(self) -> list[Said]:
        """Return what is complete: said up to a tick that all partitions have answered."""
        return list(self._collect(self.partitions.ready()))

    def finish(self) -> Iterator[Said]:
        """End the input; give everything that is left, a part at a time."""
        self._route(self._intake.end())
        return self.rest()

    def rest(self) -> Iterator[Said]:
        """Give everything that is left, a part at a time; the input has ended."""
        return self._collect(self.partitions.finish())

    def __getstate__(self) -> dict[str, object]:
        """State without what belongs to the package and the configuration."""
        state = self.__dict__.copy()
        del state["_shared"]
        return state

    def attach(self, shared: Shared, door: Door) -> None:
        """Give a restored pipeline what its state leaves out."""
        self._shared = shared
        self._intake.attach(door, intake_settings(shared.settings))
        self._city.attach(shared)
        if isinstance(self.partitions, InlinePartitions):
            self.partitions.attach(shared)

    def _route(self, records: Sequence[Routed]) -> None:
        for record in records:
            self.route(record)

    def _collect(self, rounds: Iterable[Sequence[Outputs]]) -> Iterator[Said]:
        return map(self._round, rounds)

    def _round(self, outputs: Sequence[Outputs]) -> Said:
        """Let the city answer to what all partitions said up to a tick, and put it all in log order."""
        alerts: list[tuple[int, str, Alert]] = []
        assigned: list[Assigned] = []
        issues: list[IssueSummary] = []
        merged: list[Merged] = []
        told: ConfigChange | Feedback | None = None
        clock = 0.0
        for said in outputs:
            if said.alerts:
                alerts += [(alert.seq, alert.street, alert) for alert in said.alerts]
            if said.assigned is not None:
                assigned.append(said.assigned)
            issues += said.issues
            merged += said.merged
            if said.heartbeat is not None:
                alerts += [(alert.seq, "", alert) for alert in self._city.take(said.heartbeat)]
                told, clock = said.heartbeat.record, said.heartbeat.clock
        in_order = in_log_order(alerts) if alerts else []
        pushes = [push for alert in in_order for push in self._delivery.take(alert)]
        pushes += self._delivery.tick(clock)
        if isinstance(told, ConfigChange):
            shared = self._shared.changed(told.document)
            self._city.configure(shared)
            configure_delivery(self._delivery, shared.settings)
        elif told is not None:
            self._city.feedback(told)
        assigned.sort()
        return Said(in_order, assigned, issues, merged, pushes)


def intake_settings(settings: Settings) -> IntakeSettings:
    """Intake's numbers, out of all settings."""
    return IntakeSettings(settings.tick, settings.arrival.future_limit, settings.memory.tickets)


def delivery_of(settings: Settings, parts: Mapping[str, Any] | None = None) -> Delivery:
    """Return delivery with nothing delivered yet, or where the one that gave the `parts` stood."""
    return Delivery(settings.subscribers, _street_names(settings), settings.timezone, parts)


def configure_delivery(delivery: Delivery, settings: Settings) -> None:
    """Let other settings hold for delivery from now on."""
    delivery.configure(settings.subscribers, _street_names(settings), settings.timezone)


def _street_names(settings: Settings) -> dict[str, str]:
    return {street.code: street.name for street in settings.streets.streets}
