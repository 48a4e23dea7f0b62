"""What an alert tells of an issue, a cell or a ticket: detectors' evidence and tickets' facts in one form."""

from collections.abc import Iterable

from alerts.detection import Facts, HandlerLoad, StreetCount
from alerts.model import AlertEvidence
from detectors.base import NEVER, Evidence
from sentinel.gist import Gist
from sentinel.issues import Issue
from sentinel.records import RoutedTicket


def evidence_of(seen: Evidence, tickets: int) -> AlertEvidence:
    """Translate a detector's evidence; `tickets` is how many tickets the window holds."""
    by_chance = seen.recurrence_days < NEVER or seen.score > 0.0
    return AlertEvidence(
        count=tickets,
        distinct_callers=seen.distinct_callers,
        unknown_callers=seen.unknown_callers,
        expected=seen.expected if by_chance else None,
        low=seen.low if by_chance else None,
        high=seen.high if by_chance else None,
        score=seen.score if by_chance else None,
        p_value=seen.p_value if by_chance else None,
        recurrence_days=seen.recurrence_days if by_chance else None,
        window_hours=seen.window / 3600.0,
        statistic=seen.statistic,
        explanation=_explanation(seen) if by_chance else seen.statistic,
    )


def _explanation(seen: Evidence) -> str:
    return (
        f"{seen.statistic}: observed {seen.observed:g} where {seen.expected:.2f} "
        f"[{seen.low:g}, {seen.high:g}] was expected in {seen.window / 3600.0:.1f} h; "
        f"p {seen.p_value:.2g}, by chance once in {seen.recurrence_days:.0f} days"
    )


def issue_facts(issue: Issue, gist: Gist, streets: tuple[StreetCount, ...] = ()) -> Facts:
    """Return the facts of an issue; `streets` where it spans several."""
    return Facts(
        headline=gist.headline,
        place=gist.place,
        ticket_ids=tuple(issue.ticket_ids),
        ticket_count=issue.count,
        total_callers=len(issue.callers),
        representative_ticket_id=issue.texts[gist.representative][0],
        first_ticket_at=issue.first_at,
        texts=tuple(f"{title} {text}" for _, title, text in issue.texts),
        keywords=gist.keywords,
        tags=tuple(sorted(issue.tags, key=lambda tag: (-issue.tags[tag], tag))),
        handlers=issue.loads(),
        copied=issue.copied,
        streets=streets,
    )


def ticket_facts(ticket: RoutedTicket, gist: Gist, danger: str) -> Facts:
    """Return the facts of one ticket that is urgent by itself."""
    return Facts(
        headline=gist.headline,
        place=gist.place,
        ticket_ids=(ticket.ticket_id,),
        ticket_count=1,
        total_callers=1 if ticket.caller else 0,
        representative_ticket_id=ticket.ticket_id,
        first_ticket_at=ticket.at,
        texts=(f"{ticket.title} {ticket.text}",),
        keywords=gist.keywords,
        tags=ticket.tags,
        handlers=(HandlerLoad(ticket.handler, 1, 0),),
        danger=danger,
    )


def tickets_facts(tickets: Iterable[tuple[float, str]], callers: int) -> Facts:
    """Return the facts of a cell, topic or street, for which its topic speaks: its recent (time, ticket id)."""
    recent = list(tickets)
    ids = tuple(ticket_id for _, ticket_id in recent)
    return Facts(
        headline="",
        ticket_ids=ids[-200:],
        ticket_count=len(ids),
        total_callers=callers,
        representative_ticket_id=ids[-1] if ids else "",
        first_ticket_at=recent[0][0] if recent else 0.0,
    )
