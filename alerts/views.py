"""Views: of an alert, what one recipient may see. The rest never leaves.

A recipient of one street or handler sees its own tickets only: lists and counts are cut to them. What is about the
conduct of offices is told to nobody whose subscriber does not say so: an alert that is mainly that not at all, and of
any other alert those tickets are taken out, with the words that may come from them.
"""

from __future__ import annotations

from typing import Any, Final

from alerts.matching import handlers_of
from alerts.model import Alert, Standing
from alerts.pushes import AlertView, PushReason, Status
from alerts.subscribers import DeliveryRules, Recipient

MOST_TICKETS: Final = 20
"""Tickets that a push lists, the last ones; the HTTP API lists all that the alert does."""


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
        """Remember the views."""
        self._views = {name: frozenset(fields) for name, fields in rules.views.items()}

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
        held = () if recipient.subscriber.conduct else alert.withheld
        hidden = bool(alert.withheld_count) and not recipient.subscriber.conduct
        handlers, ids, tickets = _own(alert, recipient, set(held), hidden, granted)
        whole = tickets == alert.ticket_count and not hidden
        own_words = not hidden
        known: dict[str, dict[str, object]] = {
            "street": {"street": alert.street, "street_name": alert.street_name},
            "streets": {"streets": alert.streets or None} if whole else {},
            "topic": {"topic": alert.topic or None},
            "place": {"place": alert.place or None} if own_words else {},
            "matter": {"matter": alert.matter or None} if own_words else {},
            "callers": {"callers": alert.evidence.distinct_callers or None} if whole else {},
            "tickets": {"tickets": tickets},
            "ticket_ids": {"ticket_ids": ids[-most_tickets:]},
            "handlers": {"handlers": handlers},
            "companies": {"companies": alert.companies or None} if own_words else {},
            "tags": {"tags": alert.tags or None} if own_words else {},
            "keywords": {"keywords": alert.keywords or None} if own_words else {},
            "domains": {"domains": alert.domains or None} if own_words else {},
            "evidence": {
                "expected": alert.evidence.expected,
                "recurrence_days": alert.evidence.recurrence_days,
                "window_hours": alert.evidence.window_hours or None,
                "contradicted": alert.contradicted or None,
            }
            if whole
            else {},
            "times": {"first_ticket_at": alert.first_ticket_at, "opened_at": alert.opened_at},
            "issue": {"issue_id": alert.issue_id or None},
            "status": {"status": status},
            "joined": {"joined": joined or None} if not recipient.street and not recipient.handler else {},
        }
        allowed = self._views[recipient.subscriber.view]
        shown: dict[str, Any] = {}
        for field in known:
            if field in allowed:
                shown.update(known[field])
        return AlertView(
            alert_id=alert.alert_id,
            kind=alert.kind,
            severity=alert.severity,
            state=alert.state,
            reasons=reasons,
            updated_at=alert.updated_at,
            **shown,
        )


def _own(
    alert: Alert, recipient: Recipient, held: set[str], hidden: bool, granted: bool
) -> tuple[tuple[Standing, ...], tuple[str, ...], int]:
    """The standing, the listed tickets and the count of those that a recipient may see."""
    standing = alert.standing
    if not hidden and not recipient.handler:
        return _numbers(standing), alert.ticket_ids, alert.ticket_count
    ids = tuple(ticket for ticket in alert.ticket_ids if ticket not in held)
    tickets = alert.ticket_count - (alert.withheld_count if hidden else 0)
    if recipient.handler:
        standing = tuple(part for part in standing if part.handler == recipient.handler)
        if not granted and alert.scope != "handler":
            own = {ticket for part in standing for ticket in part.ticket_ids}
            ids = tuple(ticket for ticket in ids if ticket in own)
            tickets = sum(part.open + part.closed for part in standing)
            tickets -= sum(ticket in held for part in standing for ticket in part.ticket_ids)
            if hidden and alert.withheld_count > len(alert.withheld):
                tickets = len(ids)  # some of those no longer listed are withheld, and whose they were is not known
    if held:
        standing = tuple(_without(part, held) for part in standing)
        standing = tuple(part for part in standing if part.open or part.closed)
    return _numbers(standing), ids, max(tickets, len(ids))


def _numbers(standing: tuple[Standing, ...]) -> tuple[Standing, ...]:
    """Handlers' parts without the tickets, which the view lists by itself."""
    return tuple(
        Standing(handler=part.handler, open=part.open, closed=part.closed) if part.ticket_ids else part
        for part in standing
    )


def _without(part: Standing, held: set[str]) -> Standing:
    """A handler's part less tickets of which it is not told; whether they are open is not known, so the sum counts."""
    kept = tuple(ticket for ticket in part.ticket_ids if ticket not in held)
    gone = len(part.ticket_ids) - len(kept)
    closed = max(0, part.closed - max(0, gone - part.open))
    return Standing(handler=part.handler, open=max(0, part.open - gone), closed=closed, ticket_ids=kept)
