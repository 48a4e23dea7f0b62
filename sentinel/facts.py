"""What an alert tells of an issue, a cell or a ticket: detectors' evidence and tickets' facts in one form."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from alerts.detection import Facts, HandlerLoad, StreetCount, TopicShift
from alerts.model import AlertEvidence
from detectors.base import Basis, Evidence
from detectors.drift import Shift
from sentinel.gist import Gist
from sentinel.issues import Issue
from sentinel.recent import Counted
from sentinel.records import RoutedTicket

LONGEST_RECURRENCE: Final = 36_500.0
"""Days; a hundred years say "not by chance", and no calibration reaches further."""


def evidence_of(seen: Evidence, tickets: int, basis: Basis = "rule") -> AlertEvidence:
    """Translate the evidence of a decision on this basis; `tickets` is how many the window holds.

    Score, p-value and recurrence are numbers of what is held against the budget, so they are told of nothing
    else; what was to be expected is told of a rule too that has tested it (overdue).
    """
    statistical = basis == "statistical"
    usual = statistical or seen.p_value < 1.0
    return AlertEvidence(
        # an issue keeps the times of its last tickets only, a detector those of all callers
        count=max(tickets, seen.distinct_callers + seen.unknown_callers),
        distinct_callers=seen.distinct_callers,
        unknown_callers=seen.unknown_callers,
        expected=seen.expected if usual else None,
        low=seen.low if usual else None,
        high=seen.high if usual else None,
        score=seen.score if statistical else None,
        p_value=seen.p_value if statistical else None,
        recurrence_days=min(LONGEST_RECURRENCE, seen.recurrence_days) if statistical else None,
        window_hours=seen.window / 3600.0,
        statistic=seen.statistic,
        explanation=_explanation(seen, statistical, usual),
    )


def _explanation(seen: Evidence, statistical: bool, usual: bool) -> str:
    text = seen.statistic
    if usual:
        text += f": observed {seen.observed:g} where {seen.expected:.2f} [{seen.low:g}, {seen.high:g}] was expected"
    if statistical:
        days = min(LONGEST_RECURRENCE, seen.recurrence_days)
        text += f" in {seen.window / 3600.0:.1f} h; p {seen.p_value:.2g}, by chance once in {days:.0f} days"
    return text


MOST_COMPANIES: Final = 5


def issue_facts(
    issue: Issue,
    gist: Gist,
    streets: tuple[StreetCount, ...] = (),
    *,
    at_handlers: Mapping[str, tuple[str, ...]] | None = None,
    covers: tuple[str, ...] = (),
) -> Facts:
    """Return the facts of an issue; `streets` and the issues it `covers` where it spans several.

    `at_handlers` tells which of the listed tickets each handler has.
    """
    held = at_handlers or {}
    listed = set(issue.ticket_ids)
    return Facts(
        headline=gist.headline,
        place=gist.place,
        ticket_ids=issue.ticket_ids,
        ticket_count=issue.count,
        total_callers=len(issue.callers),
        representative_ticket_id=issue.texts[gist.representative][0],
        first_ticket_at=issue.first_at,
        texts=tuple(f"{title} {text}" for _, title, text in issue.texts),
        keywords=gist.keywords,
        tags=tuple(sorted(issue.tags, key=lambda tag: (-issue.tags[tag], tag))),
        handlers=tuple(load._replace(ticket_ids=held.get(load.handler, ())) for load in issue.loads()),
        copied=issue.copied,
        streets=streets,
        companies=tuple(sorted(issue.companies, key=lambda name: (-issue.companies[name], name))[:MOST_COMPANIES]),
        covers=covers,
        withheld=tuple(ticket for ticket in issue.withheld if ticket in listed),
        withheld_count=issue.withheld_count,
    )


def ticket_facts(ticket: RoutedTicket, gist: Gist, danger: str, withheld: bool) -> Facts:
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
        handlers=(HandlerLoad(ticket.handler, 1, 0, (ticket.ticket_id,)),),
        danger=danger,
        companies=(ticket.company,) if ticket.company else (),
        withheld=(ticket.ticket_id,) if withheld else (),
        withheld_count=int(withheld),
    )


def tickets_facts(recent: Sequence[Counted], callers: int) -> Facts:
    """Return the facts of a cell, topic or street, for which its topic speaks: its recent tickets."""
    ids = tuple(ticket.ticket_id for ticket in recent)
    withheld = {ticket.ticket_id for ticket in recent if ticket.withheld}
    return Facts(
        headline="",
        ticket_ids=ids[-200:],
        ticket_count=len(ids),
        total_callers=callers,
        representative_ticket_id=ids[-1] if ids else "",
        first_ticket_at=recent[0].at if recent else 0.0,
        withheld=tuple(ticket_id for ticket_id in ids[-200:] if ticket_id in withheld),
        withheld_count=sum(ticket_id in withheld for ticket_id in ids),
    )


def drift_facts(recent: Sequence[Counted], shifts: Sequence[Shift]) -> Facts:
    """Return the facts of a mix of topics that has shifted; the tickets are those of the topic that rose most."""
    return replace(tickets_facts(recent, 0), shifts=tuple(TopicShift(*shift) for shift in shifts))
