"""A detection: what a detector says, with the facts a reader needs to understand it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from alerts.model import AlertEvidence, Basis, Kind, Scope


class HandlerLoad(NamedTuple):
    """How the member tickets stand at one handler; an empty name means not dispatched yet (未派)."""

    handler: str
    open: int
    closed: int
    ticket_ids: tuple[str, ...] = ()
    """those of the listed tickets that it has"""


class StreetCount(NamedTuple):
    """How many of the member tickets one street has."""

    street_name: str
    tickets: int


class TopicShift(NamedTuple):
    """The share of one topic among all tickets, usually and now, each from 0 to 1."""

    topic: str
    usual: float
    now: float


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known about the subject at this moment. Texts are masked before they come here.

    Parameters
    ----------
    headline
        What it is about, in the callers' words and short: 停水, 捆绑销售车位. For a cell or topic it may be
        empty: the topic then speaks.
    place
        Estate, committee, road or company it is about; empty if unknown.
    ticket_ids
        Member tickets in order of arrival; the last 200 are enough.
    ticket_count, total_callers
        All tickets and all distinct known callers of the subject so far, which the window of the evidence
        need not cover. Growth is measured on the callers. 0 means: as in the evidence.
    representative_ticket_id
        The ticket to read first.
    first_ticket_at
        Event time of the oldest ticket, POSIX seconds.
    texts
        Masked texts to search for words of harm; searched and not kept.
    handlers
        Where the tickets stand, the busiest handler first.
    copied
        Tickets whose text copies that of another.
    danger
        For ``urgent``: the danger told of, 燃气泄漏.
    quiet_days
        For ``recurred``: days of quiet before it came back.
    returns, hands
        For ``bounced``: times returned, and handlers it has passed through.
    repeats
        For ``repeat_call``: calls after the closing.
    unsatisfied, contradicted
        For ``unsatisfied``: call-backs that were dissatisfied, and those that contradict a closing as solved.
    overdue, due_soon
        For ``overdue``: all tickets past their limit, and those close to it; the member tickets are those of them
        that made it news.
    shifts
        For ``drift``: the topics that moved most, the largest move first.
    streets
        For the city: the streets it shows in, the busiest first.
    companies
        Companies complained of, the most named first.
    covers
        For the city: issues of streets that this one is made of.
    withheld, withheld_count
        Of the listed tickets those about the conduct of an office, and how many there are in all: nothing of
        them may reach a street or handler.
    """

    headline: str
    place: str = ""
    ticket_ids: tuple[str, ...] = ()
    ticket_count: int = 0
    total_callers: int = 0
    representative_ticket_id: str = ""
    first_ticket_at: float = 0.0
    texts: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    handlers: tuple[HandlerLoad, ...] = ()
    copied: int = 0
    danger: str = ""
    quiet_days: float = 0.0
    returns: int = 0
    hands: int = 0
    repeats: int = 0
    unsatisfied: int = 0
    contradicted: int = 0
    overdue: int = 0
    due_soon: int = 0
    shifts: tuple[TopicShift, ...] = ()
    streets: tuple[StreetCount, ...] = ()
    companies: tuple[str, ...] = ()
    covers: tuple[str, ...] = ()
    withheld: tuple[str, ...] = ()
    withheld_count: int = 0


@dataclass(frozen=True, slots=True)
class Detection:
    """A detector's word that something about ``subject`` needs attention.

    Parameters
    ----------
    kind, basis, scope
        As in the alert.
    subject
        Id of the issue, cell, topic, street, ticket or handler.
    at
        The stage's clock when the detector spoke, POSIX seconds.
    seq
        Number of the record that caused it.
    evidence, facts
        What the detector saw, and what is known about the subject.
    cause
        Id of the ticket that caused it; empty when a tick did.
    topic
        Path of the topic, if any.
    issue_id
        Issue it is about; if empty and the scope is an issue, the subject.
    """

    kind: Kind
    basis: Basis
    scope: Scope
    subject: str
    at: float
    seq: int
    evidence: AlertEvidence
    facts: Facts = field(repr=False)
    cause: str = ""
    topic: str = ""
    issue_id: str = ""

    @property
    def issue(self) -> str:
        """The issue it is about, empty if it is about none."""
        return self.issue_id or (self.subject if self.scope == "issue" else "")
