"""The life of an alert: opened once, grown, escalated, resolved, and back again if it recurs.

One subject has one alert for what people complain of. ``new``, ``recurred`` and ``rising`` say the same of
an issue, that people have begun to complain about it, so whichever comes first speaks and the others are
absorbed; ``mass`` is stronger and turns the same alert into a mass complaint (reason ``escalated``), never
into a second one. ``urgent`` has an alert of its own beside it, and while that is open the weak three add to
it: to those on their way to a gas leak it is no news that it is new. ``drift`` and the four kinds about
handling concern other people and have alerts of their own.

What each transition needs:

=============  =====================  ==========================================================
from           on                     to, and the reason
=============  =====================  ==========================================================
(nothing)      detection              open: opened
open           detection, progress    open: escalated, if stronger in kind or severity;
                                      else grew, if past the next step of callers; else silent
open           quiet for its time     resolved: resolved (``urgent``: expired: expired)
open           its issue was merged   resolved: merged, if the other issue's alert lives on
resolved,      detection              open: recurred
expired
resolved,      ``recur_within`` over  (forgotten)
expired
=============  =====================  ==========================================================
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, tzinfo

from alerts.detection import Detection, Facts
from alerts.domains import CONDUCT, DomainReader, DomainRules
from alerts.model import (
    MAX_TICKET_IDS,
    Alert,
    AlertEvidence,
    Reason,
    Scope,
    Standing,
    State,
    StreetShare,
    alert_id,
    dedup_key,
    graver,
)
from alerts.phrases import clip
from alerts.rules import LifecycleRules
from alerts.severity import SeverityJudge, SeverityRules
from alerts.thread import FAMILIES, Thread, family_of, precedence, strength
from alerts.timers import Timers
from alerts.wording import Telling, Told, matter, summary, title

_Key = tuple[str, str, str]
"""Family of kinds, scope, subject."""


class AlertBook:
    """The alerts of one street, or of the city: takes detections, gives transitions.

    A pure state machine. Times are POSIX seconds and must not go back; ``due`` is called with the clock of a
    record before anything else about that record. The book can be pickled at any point.

    Parameters
    ----------
    street, street_name
        Code and name as they stand in the alerts; for the city stage the city's own.
    zone
        Time zone in which the wording tells times.
    domains
        By which words and topics an alert belongs to a domain of public harm.
    """

    def __init__(
        self,
        street: str,
        street_name: str,
        rules: LifecycleRules,
        severity: SeverityRules,
        zone: tzinfo,
        domains: DomainRules | None = None,
    ) -> None:
        """Start with no alerts."""
        self.street = street
        self._threads: dict[_Key, Thread] = {}
        self._timers: Timers[_Key] = Timers()
        self.configure(street_name, rules, severity, zone, domains)

    def configure(
        self,
        street_name: str,
        rules: LifecycleRules,
        severity: SeverityRules,
        zone: tzinfo,
        domains: DomainRules | None = None,
    ) -> None:
        """Let other rules hold from now on; the alerts stay as they are."""
        self.street_name = street_name
        self.rules = rules
        self.zone = zone
        self._judge = SeverityJudge(severity)
        self._domains = DomainReader(domains or DomainRules())

    def __len__(self) -> int:
        """Return how many alerts the book remembers, ended ones included."""
        return len(self._threads)

    def is_open(self, scope: Scope, subject: str) -> bool:
        """Whether a complaint or danger about the subject is open, so that ``progress`` matters."""
        return self._open("complaint", scope, subject) or self._open("urgent", scope, subject)

    def detect(self, detection: Detection) -> list[Alert]:
        """Take a detection; return the transition it makes, if any."""
        key = (family_of(detection.kind), detection.scope, detection.subject)
        thread = self._threads.get(key)
        if thread is not None and thread.state == "open":
            return self._advance(key, thread, detection)
        if strength(detection.kind) == 1 and self._open("urgent", detection.scope, detection.subject):
            return self.progress(
                detection.scope,
                detection.subject,
                detection.at,
                detection.seq,
                detection.evidence,
                detection.facts,
            )
        if thread is None:
            return [self._begin(key, detection)]
        return [self._return(key, thread, detection)]

    def progress(
        self, scope: Scope, subject: str, at: float, seq: int, evidence: AlertEvidence, facts: Facts
    ) -> list[Alert]:
        """Take a new ticket of a subject whose alert is open, though no detector spoke.

        It keeps the alert open, and makes it speak when it has grown past a step or become graver.
        ``evidence`` and ``facts`` replace what was known.
        """
        transitions = []
        for family in ("complaint", "urgent"):
            key = (family, scope, subject)
            thread = self._threads.get(key)
            if thread is not None and thread.state == "open":
                detection = Detection(
                    thread.kind, thread.basis, scope, subject, at, seq, evidence, facts, "", thread.topic
                )
                transitions += self._advance(key, thread, detection)
        return transitions

    def rename(self, old: str, new: str, at: float, seq: int) -> list[Alert]:
        """Follow the merge of issue ``old`` into ``new``.

        Where both have an open alert of one family, the stronger (then the graver, then the older) lives on
        under the new issue, and the other ends with reason ``merged``.
        """
        transitions = []
        for family in FAMILIES:
            key, target = (family, "issue", old), (family, "issue", new)
            thread, other = self._threads.get(key), self._threads.get(target)
            if thread is None:
                continue
            keep = thread if other is None or precedence(thread) < precedence(other) else other
            drop = other if keep is thread else thread
            if drop is not None and drop.state == "open":
                transitions.append(self._end(drop, "resolved", "merged", at, seq, into=keep))
            for gone in (key, target):
                self._threads.pop(gone, None)
                self._timers.drop(gone)
            keep.subject = keep.issue_id = new
            self._threads[target] = keep
            self._schedule(target, keep)
        return transitions

    def next_due(self) -> float | None:
        """Return when the next alert ends or is forgotten, None if the book is empty."""
        return self._timers.next_due()

    def due(self, until: float, seq: int) -> list[Alert]:
        """Let everything due at or before ``until`` happen, in (due time, id) order.

        Each transition is stamped with its due time and with ``seq``, the number of the record that moved the
        clock.
        """
        transitions = []
        while (due := self.next_due()) is not None and due <= until:
            key = self._timers.pop()
            thread = self._threads[key]
            if thread.state != "open":
                del self._threads[key]
                continue
            ended: tuple[State, Reason] = (
                ("expired", "expired") if thread.kind == "urgent" else ("resolved", "resolved")
            )
            transitions.append(self._end(thread, *ended, due, seq))
            self._schedule(key, thread)
        return transitions

    # -- transitions -------------------------------------------------------------------------------------

    def _begin(self, key: _Key, detection: Detection) -> Alert:
        facts, evidence = _settled(detection)
        harm = self._harm((), detection.facts)
        opening = detection.cause or (facts.ticket_ids[-1] if facts.ticket_ids else f"{detection.at:.3f}")
        first = facts.ticket_ids[0] if facts.ticket_ids else facts.representative_ticket_id
        kind, scope, subject = detection.kind, detection.scope, detection.subject
        thread = Thread(
            alert_id=alert_id(self.street, first, kind, scope, subject, opening),
            dedup_key=dedup_key(kind, scope, subject),
            kind=kind,
            basis=detection.basis,
            scope=scope,
            subject=subject,
            issue_id=detection.issue,
            topic=detection.topic,
            severity=self._judge.assess(detection, harm),
            state="open",
            opened_at=detection.at,
            active_at=detection.at,
            ended_at=0.0,
            evidence=evidence,
            facts=facts,
            harm=harm,
            told=Told(),
            step=0,
            domains=self._domains.of(detection.facts.texts, detection.topic),
        )
        self._threads[key] = thread
        self._schedule(key, thread)
        return self._tell(thread, "opened", detection.at, detection.seq)

    def _advance(self, key: _Key, thread: Thread, detection: Detection) -> list[Alert]:
        stronger = strength(detection.kind) > strength(thread.kind)
        self._learn(thread, detection)
        if stronger:
            thread.kind = detection.kind
        if stronger or (thread.basis == "floor" and strength(detection.kind) == strength(thread.kind)):
            thread.basis = detection.basis
        severity = graver(
            thread.severity,
            self._judge.assess(replace(detection, kind=thread.kind, basis=thread.basis), thread.harm),
        )
        escalated = stronger or severity != thread.severity
        thread.severity = severity
        self._schedule(key, thread)
        grew = self.rules.step(thread.kind, thread.facts.total_callers) > thread.step
        if not escalated and not grew:
            return []
        return [self._tell(thread, "escalated" if escalated else "grew", detection.at, detection.seq)]

    def _return(self, key: _Key, thread: Thread, detection: Detection) -> Alert:
        thread.state, thread.kind, thread.basis = "open", detection.kind, detection.basis
        thread.harm = thread.domains = ()
        self._learn(thread, detection)
        thread.severity = self._judge.assess(detection, thread.harm)
        self._schedule(key, thread)
        return self._tell(thread, "recurred", detection.at, detection.seq)

    def _end(
        self, thread: Thread, state: State, reason: Reason, at: float, seq: int, into: Thread | None = None
    ) -> Alert:
        thread.state, thread.ended_at = state, at
        alert = self._tell(thread, reason, at, seq, into)
        # an ended alert needs no list of its tickets: what returns brings its own
        thread.facts = replace(thread.facts, ticket_ids=())
        return alert

    def _learn(self, thread: Thread, detection: Detection) -> None:
        facts, thread.evidence = _settled(detection)
        thread.facts = replace(facts, danger=facts.danger or thread.facts.danger)
        thread.harm = self._harm(thread.harm, detection.facts)
        thread.active_at = max(thread.active_at, detection.at)
        thread.topic = detection.topic or thread.topic
        found = self._domains.of(detection.facts.texts, thread.topic)
        thread.domains = tuple(dict.fromkeys((*thread.domains, *found)))
        thread.issue_id = detection.issue or thread.issue_id

    def _harm(self, known: tuple[str, ...], facts: Facts) -> tuple[str, ...]:
        found = dict.fromkeys(known)
        for text in facts.texts:
            found.update(dict.fromkeys(self._judge.harm_in(text)))
        return tuple(found)

    def _open(self, family: str, scope: Scope, subject: str) -> bool:
        thread = self._threads.get((family, scope, subject))
        return thread is not None and thread.state == "open"

    # -- telling -----------------------------------------------------------------------------------------

    def _tell(self, thread: Thread, reason: Reason, at: float, seq: int, into: Thread | None = None) -> Alert:
        facts, evidence = thread.facts, thread.evidence
        restricted = facts.withheld_count > 0 and 2 * facts.withheld_count >= facts.ticket_count
        telling = Telling(
            kind=thread.kind,
            severity=thread.severity,
            reason=reason,
            basis=thread.basis,
            scope=thread.scope,
            street_name=self.street_name,
            topic=thread.topic,
            evidence=evidence,
            facts=facts,
            harm=thread.harm,
            before=thread.told,
            at=at,
            active_at=thread.active_at,
            ended_at=thread.ended_at,
            zone=self.zone,
            into=matter(into.facts, into.topic) if into is not None else "",
        )
        thread.told = Told(thread.kind, thread.severity, facts.total_callers, facts.ticket_count)
        if thread.state == "open":
            step = self.rules.step(thread.kind, facts.total_callers)
            thread.step = step if reason == "recurred" else max(thread.step, step)
        return Alert(
            alert_id=thread.alert_id,
            dedup_key=thread.dedup_key,
            kind=thread.kind,
            severity=thread.severity,
            state=thread.state,
            reason=reason,
            basis=thread.basis,
            scope=thread.scope,
            street=self.street,
            street_name=self.street_name,
            topic=thread.topic,
            issue_id=thread.issue_id,
            title=title(telling),
            summary=summary(telling),
            evidence=evidence.as_written(),
            seq=seq,
            ticket_ids=facts.ticket_ids,
            ticket_count=facts.ticket_count,
            representative_ticket_id=facts.representative_ticket_id,
            first_ticket_at=_moment(facts.first_ticket_at),
            opened_at=_moment(thread.opened_at),
            updated_at=_moment(at),
            keywords=facts.keywords,
            handlers=tuple(load.handler for load in facts.handlers if load.handler),
            tags=facts.tags,
            place=clip(facts.place, 40),
            matter=clip(facts.danger or facts.headline, 40),
            standing=tuple(
                Standing(handler=handler, open=opened, closed=closed, ticket_ids=ids)
                for handler, opened, closed, ids in facts.handlers
            ),
            streets=tuple(StreetShare(street_name=name, tickets=count) for name, count in facts.streets),
            companies=facts.companies,
            domains=(*thread.domains, CONDUCT) if restricted else thread.domains,
            covers=facts.covers,
            withheld=facts.withheld,
            withheld_count=facts.withheld_count,
            restricted=restricted,
            contradicted=facts.contradicted,
        )

    def _schedule(self, key: _Key, thread: Thread) -> None:
        if thread.state == "open":
            due = thread.active_at + self.rules.resolve_after[thread.kind]
        else:
            due = thread.ended_at + self.rules.recur_within
        self._timers.set(key, due, thread.alert_id)


def _settled(detection: Detection) -> tuple[Facts, AlertEvidence]:
    """Return facts to keep: bounded, without texts, with totals at least those of the window."""
    facts, evidence = detection.facts, detection.evidence
    return (
        replace(
            facts,
            texts=(),
            ticket_ids=facts.ticket_ids[-MAX_TICKET_IDS:],
            ticket_count=max(facts.ticket_count, evidence.count, len(facts.ticket_ids)),
            total_callers=max(facts.total_callers, evidence.distinct_callers),
        ),
        evidence,
    )


def _moment(at: float) -> datetime:
    """A time as an alert's line holds it, to the second: who reads the line knows what who made it knew."""
    return datetime.fromtimestamp(at // 1, tz=UTC)
