"""The street stage as it is spread: the streets of one partition behind one state machine."""

from collections.abc import Callable

from sentinel.records import Heartbeat, IssueDigest, Outputs, Routed, RoutedTicket
from sentinel.street import Street


class Partition:
    """The streets whose records come through one partition of the routed log.

    Records at or below the last number applied are redeliveries and are skipped.
    """

    def __init__(self, number: int, make_street: Callable[[str], Street]) -> None:
        self.number = number
        self.applied = 0
        self.streets: dict[str, Street] = {}
        self._make_street = make_street

    def take(self, record: Routed) -> Outputs:
        """Apply one record: a ticket goes to its street, a tick or the end to all of them by code."""
        if record.seq <= self.applied:
            return Outputs([])
        self.applied = record.seq
        if isinstance(record, RoutedTicket):
            street = self.streets.get(record.street)
            if street is None:
                street = self.streets[record.street] = self._make_street(record.street)
            return street.take(record)
        digests: list[IssueDigest] = []
        outputs = Outputs([], issues=[])
        for code in sorted(self.streets):
            street = self.streets[code]
            outputs.alerts.extend(street.advance(record.clock, record.seq))
            digests += street.drain()
            outputs.issues.extend(street.forgotten())
        heartbeat = Heartbeat(record.seq, record.clock, self.number, tuple(digests))
        return outputs._replace(heartbeat=heartbeat)

    def summaries(self) -> Outputs:
        """Return the summary of every live issue, for the end of a replay."""
        return Outputs([], issues=[s for code in sorted(self.streets) for s in self.streets[code].summaries()])

    def __getstate__(self) -> dict[str, object]:
        """State without the factory, which belongs to the configuration."""
        state = self.__dict__.copy()
        del state["_make_street"]
        return state
