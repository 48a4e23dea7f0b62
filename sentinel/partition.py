"""The street stage as it is spread: the streets of one partition behind one state machine."""

from collections.abc import Iterable
from math import inf

from alerts import Alert
from sentinel.records import ConfigChange, Digest, Feedback, IssueSummary, Outputs, Routed, RoutedTicket
from sentinel.shared import Shared
from sentinel.street import Street


class Partition:
    """The streets whose records come through one partition of the routed log.

    Records at or below the last number applied are redeliveries and are skipped.
    """

    def __init__(self, number: int, shared: Shared) -> None:
        self.number = number
        self.applied = 0
        self.streets: dict[str, Street] = {}
        self.due = inf
        """before this clock a tick finds nothing to do and nothing to tell"""
        self._shared = shared

    def take(self, record: Routed) -> Outputs:
        """Apply one record: what is about one street goes there, anything else to all of them by code."""
        if record.seq <= self.applied:
            return Outputs([])
        self.applied = record.seq
        if isinstance(record, RoutedTicket):
            street = self.streets.get(record.street)
            if street is None:
                street = self.streets[record.street] = Street(record.street, self._shared)
            outputs = street.take(record)
            if self.due > -inf:
                self.due = min(self.due, street.due())
            return outputs
        if isinstance(record, Feedback) and record.street:
            if record.street in self.streets:
                self.streets[record.street].feedback(record)
            return Outputs([])
        digests: list[Digest] = []
        alerts: list[Alert] = []
        issues: list[IssueSummary] = []
        for code in sorted(self.streets):
            street = self.streets[code]
            if street.due() <= record.clock:
                alerts += street.advance(record.clock, record.seq)
                digests += street.drain()
                issues += street.forgotten()
        self._look_ahead()
        return Outputs(alerts, digests=digests, issues=issues)

    def adopt(self, applied: int, streets: Iterable[Street]) -> None:
        """Take over restored streets, which have applied everything up to a number."""
        self.applied = applied
        for street in streets:
            street.attach(self._shared)
            self.streets[street.code] = street
        self._look_ahead()

    def change(self, record: ConfigChange, shared: Shared) -> Outputs:
        """Apply a change of the configuration to what `shared` holds."""
        if record.seq <= self.applied:
            return Outputs([])
        outputs = self.take(record)
        self._shared = shared
        for street in self.streets.values():
            street.configure(shared)
        self._look_ahead()
        return outputs

    def summaries(self) -> Outputs:
        """Return the summary of every live issue, for the end of a replay."""
        return Outputs([], issues=[s for code in sorted(self.streets) for s in self.streets[code].summaries()])

    def _look_ahead(self) -> None:
        self.due = min((street.due() for street in self.streets.values()), default=inf)

    def __getstate__(self) -> dict[str, object]:
        """State without what belongs to the package and the configuration."""
        state = self.__dict__.copy()
        del state["_shared"]
        return state

    def attach(self, shared: Shared) -> None:
        """Give a restored partition and its streets what their state leaves out."""
        self._shared = shared
        for street in self.streets.values():
            street.attach(shared)
