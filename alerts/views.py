"""Views: of an alert, what one recipient may see. The rest never leaves.

A recipient of one street or handler sees its own tickets only: lists and counts are cut to them. What is about the
conduct of offices is told to nobody whose subscriber does not say so: an alert that is mainly that not at all, and of
any other alert those tickets are taken out, with the words that may come from them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, get_args

from alerts.matching import handlers_of
from alerts.model import Alert, Standing
from alerts.pushes import AlertView, PushReason, Status
from alerts.subscribers import DeliveryRules, FieldName, Recipient

MOST_TICKETS: Final = 20
"""Tickets that a push lists, the last ones; the HTTP API lists all that the alert does."""

_KEYS: Final[dict[FieldName, tuple[str, ...]]] = {name: (name,) for name in get_args(FieldName)} | {
    "street": ("street", "street_name"),
    "evidence": ("expected", "recurrence_days", "window_hours", "contradicted"),
    "times": ("first_ticket_at", "opened_at"),
    "issue": ("issue_id",),
}
"""What each field of a view lets out."""


def visible(alert: Alert, recipient: Recipient, *, granted: bool = False) -> bool:
    """Whether a recipient may know of an alert; `granted` says that it was transferred to it."""
    if alert.restricted and not recipient.subscriber.conduct:
        return False
    if granted:
        return True
    if recipient.street:
        return alert.street == recipient.street
    return not recipient.handler or recipient.handler in handlers_of(alert)


class Viewer:
    """Cuts alerts to views."""

    def __init__(self, rules: DeliveryRules) -> None:
        """Remember what each view lets out."""
        self._views = {
            name: frozenset(k for field in fields for k in _KEYS[field]) for name, fields in rules.views.items()
        }

    def counts(self, alert: Alert, recipient: Recipient, *, granted: bool) -> tuple[int, int]:
        """Return callers and tickets as a view would tell them, 0 for what it does not: far cheaper than a view."""
        hidden = _hidden(alert, recipient)
        tickets = _own(alert, recipient, hidden, granted)[2]
        allowed = self._views[recipient.subscriber.view]
        whole = tickets == alert.ticket_count and not hidden
        callers = alert.evidence.distinct_callers if whole and "callers" in allowed else 0
        return callers, tickets if "tickets" in allowed else 0

    def view(
        self,
        alert: Alert,
        recipient: Recipient,
        reasons: tuple[PushReason, ...],
        status: Status,
        joined: tuple[str, ...] = (),
        *,
        granted: bool = False,
        most_tickets: int = MOST_TICKETS,
    ) -> AlertView:
        """Return the alert as the recipient may see it, which must be `visible`, with its last tickets."""
        hidden = _hidden(alert, recipient)
        handlers, ids, tickets = _own(alert, recipient, hidden, granted)
        whole = tickets == alert.ticket_count and not hidden
        evidence = alert.evidence
        shown: dict[str, Any] = {
            "street": alert.street,
            "street_name": alert.street_name,
            "topic": alert.topic or None,
            "tickets": tickets,
            "ticket_ids": ids[-most_tickets:],
            "handlers": handlers,
            "first_ticket_at": alert.first_ticket_at,
            "opened_at": alert.opened_at,
            "issue_id": alert.issue_id or None,
            "status": status,
        }
        if not recipient.street and not recipient.handler:
            shown["joined"] = joined or None
        if not hidden:
            shown |= {
                "place": alert.place or None,
                "matter": alert.matter or None,
                "companies": alert.companies or None,
                "tags": alert.tags or None,
                "keywords": alert.keywords or None,
                "domains": alert.domains or None,
            }
        if whole:
            shown |= {
                "streets": alert.streets or None,
                "callers": evidence.distinct_callers or None,
                "expected": evidence.expected,
                "recurrence_days": evidence.recurrence_days,
                "window_hours": evidence.window_hours or None,
                "contradicted": alert.contradicted or None,
            }
        allowed = self._views[recipient.subscriber.view]
        return AlertView(
            alert_id=alert.alert_id,
            kind=alert.kind,
            severity=alert.severity,
            state=alert.state,
            reasons=reasons,
            updated_at=alert.updated_at,
            **{name: value for name, value in shown.items() if name in allowed},
        )


def _hidden(alert: Alert, recipient: Recipient) -> bool:
    """Whether tickets are withheld from a recipient."""
    return bool(alert.withheld_count) and not recipient.subscriber.conduct


def _own(
    alert: Alert, recipient: Recipient, hidden: bool, granted: bool
) -> tuple[tuple[Standing, ...], tuple[str, ...], int]:
    """The standing, the listed tickets and the count of those that a recipient may see."""
    standing = alert.standing
    held = set() if recipient.subscriber.conduct else set(alert.withheld)
    if not hidden and not recipient.handler:
        return _numbers(standing), alert.ticket_ids, alert.ticket_count
    ids = tuple(ticket for ticket in alert.ticket_ids if ticket not in held) if held else alert.ticket_ids
    tickets = alert.ticket_count - (alert.withheld_count if hidden else 0)
    if recipient.handler:
        standing = tuple(part for part in standing if part.handler == recipient.handler)
        if not granted and alert.scope != "handler":
            own = set().union(*(part.ticket_ids for part in standing))
            ids = tuple(filter(own.__contains__, ids))
            tickets = sum(part.open + part.closed for part in standing)
            if held:
                tickets -= sum(ticket in held for part in standing for ticket in part.ticket_ids)
            if hidden and alert.withheld_count > len(alert.withheld):
                tickets = len(ids)  # some of those no longer listed are withheld, and whose they were is not known
    if held:
        standing = tuple(_without(part, held) for part in standing)
        standing = tuple(part for part in standing if part.open or part.closed)
    return _numbers(standing), ids, max(tickets, len(ids))


def _numbers(standing: tuple[Standing, ...]) -> tuple[Standing, ...]:
    """Handlers' parts without the tickets, which the view lists by itself."""
    return tuple(_counted(part.handler, part.open, part.closed) if part.ticket_ids else part for part in standing)


@lru_cache(maxsize=10_000)
def _counted(handler: str, open_: int, closed: int) -> Standing:
    """A handler's part in numbers; few differ, and to validate each anew is a third of what a view costs."""
    return Standing(handler=handler, open=open_, closed=closed)


def _without(part: Standing, held: set[str]) -> Standing:
    """A handler's part less tickets of which it is not told; whether they are open is not known, so the sum counts."""
    kept = tuple(ticket for ticket in part.ticket_ids if ticket not in held)
    gone = len(part.ticket_ids) - len(kept)
    closed = max(0, part.closed - max(0, gone - part.open))
    return Standing(handler=part.handler, open=max(0, part.open - gone), closed=closed, ticket_ids=kept)
