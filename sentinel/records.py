"""What the stages pass to each other: the one log's records, and the streets' answers to them.

Every record carries the number that intake gave it and the clock at that moment. Times are POSIX seconds.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeGuard

from alerts.model import Alert
from embeddings.clusterer import Reading
from sentinel.tickets import EventName

UNKNOWN_STREET = "unknown"


class RoutedTicket(NamedTuple):
    """A ticket event as intake made it: numbered, stamped, masked, its street resolved."""

    seq: int
    clock: float
    street: str
    event: EventName
    ticket_id: str
    at: float
    title: str = ""
    text: str = ""
    topic: str = ""
    nature: str = ""
    handler: str = ""
    company: str = ""
    address: str = ""
    channel: str = ""
    tags: tuple[str, ...] = ()
    caller: str = ""
    """keyed hash, 16 hex digits; empty if not given"""
    due_at: float | None = None
    satisfied: bool | None = None
    solved: bool | None = None
    returned_by: str = ""


class Tick(NamedTuple):
    """The clock has reached `clock`; goes to every partition."""

    seq: int
    clock: float


class End(NamedTuple):
    """The input has ended and the clock stops; goes to every partition."""

    seq: int
    clock: float


class ConfigChange(NamedTuple):
    """From here on another configuration holds; goes to every partition."""

    seq: int
    clock: float
    document: Mapping[str, dict[str, object]]
    """what `sentinel.settings.load_document` gives"""


class Feedback(NamedTuple):
    """What people found out about an alert; goes to its street's partition, of the city's alerts to every partition."""

    seq: int
    clock: float
    street: str
    """code; "" for an alert of the city"""
    scope: str
    subject: str
    """scope and subject as in the alert's `dedup_key`"""
    real: bool
    """whether there was something to it: then chance had no part in it"""


Routed = RoutedTicket | Tick | End | ConfigChange | Feedback
ForAll = Tick | End | ConfigChange | Feedback
"""What may go to every partition, and is answered by a heartbeat."""


def of_one_street(record: Routed) -> TypeGuard[RoutedTicket | Feedback]:
    """Whether a record stands in its street's partition alone; any other stands in all."""
    return isinstance(record, RoutedTicket) or (isinstance(record, Feedback) and record.street != "")


class Assigned(NamedTuple):
    """To which issue a new ticket went, decided on arrival."""

    seq: int
    ticket_id: str
    issue_id: str
    issue_seq: int
    """number of the record that opened the issue"""


class IssueDigest(NamedTuple):
    """One new ticket of a street, as far as the city needs to know it."""

    seq: int
    clock: float
    street: str
    issue_id: str
    opened: bool
    reading: Reading
    topic: str
    nature: str
    handler: str
    caller: str
    tags: tuple[str, ...]
    title: str
    text: str
    company: str = ""
    withheld: bool = False
    """it is about the conduct of an office"""
    level: tuple[float, float, float] | None = None
    """what is known of the rate of its topic in the street (`detectors.baseline.Level`); none if it was not counted"""


class HandlerDigest(NamedTuple):
    """What happened to a ticket at a handler: it came with a time limit, it left, or its caller was called back."""

    seq: int
    clock: float
    street: str
    handler: str
    ticket_id: str
    at: float
    due_at: float
    """time limit, 0 if it did not come with one"""
    left: bool
    bad: bool | None
    """a call-back's answer: dissatisfied or not solved; None if this is no call-back"""
    contradicted: bool
    """it was closed as solved and the caller says it is not"""
    withheld: bool = False
    """the ticket is about the conduct of an office"""


Digest = IssueDigest | HandlerDigest


class Heartbeat(NamedTuple):
    """An answer to a tick: what some partitions' streets have to tell the city since the last one."""

    seq: int
    clock: float
    source: int
    """who answers, one of those the city waits for"""
    digests: tuple[Digest, ...]
    record: ConfigChange | Feedback | None = None
    """the record answered, where it is more than a tick"""


class IssueSummary(NamedTuple):
    """An issue when it is forgotten or the input ends, less its members, which only the whole history knows."""

    issue_id: str
    issue_seq: int
    street: str
    topic: str
    title: str
    keywords: tuple[str, ...]
    callers: int
    unknown_callers: int
    first_at: float
    last_at: float


class Merged(NamedTuple):
    """Two issues have turned out to be one."""

    issue_seq: int
    """of the one that ends"""
    into_seq: int


class Outputs(NamedTuple):
    """What a stage says in answer to one record."""

    alerts: list[Alert]
    assigned: Assigned | None = None
    digests: Sequence[Digest] = ()
    heartbeat: Heartbeat | None = None
    issues: Sequence[IssueSummary] = ()
    merged: Sequence[Merged] = ()


def in_log_order(alerts: Iterable[tuple[int, str, Alert]]) -> list[Alert]:
    """Sort (number, street, alert) by number, then street; the city's, whose street is "", come last.

    Alerts of one number and street keep their order.
    """
    return [alert for _, _, alert in sorted(alerts, key=lambda a: (a[0], a[1] == "", a[1]))]
