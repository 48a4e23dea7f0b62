"""The street stage: everything that is learned and said of one street, from its own records alone."""

from dataclasses import replace
from math import inf

from alerts import Alert, AlertBook, Detection
from alerts.detection import Facts
from alerts.model import Scope
from detectors.base import Decision
from embeddings.clusterer import Reading
from sentinel.facts import drift_facts, evidence_of, issue_facts, ticket_facts, tickets_facts
from sentinel.gist import Gist, gist
from sentinel.handling import Finding, HandlingWatch
from sentinel.issues import Issue
from sentinel.reading import issue_id_of, with_topic
from sentinel.recent import Recent
from sentinel.records import Assigned, Digest, Feedback, IssueDigest, IssueSummary, Merged, Outputs, RoutedTicket
from sentinel.shared import Shared
from sentinel.watch import StreetWatch, street_budget

DAY = 86400.0
PRAISE = "表扬"
QUESTION = "咨询"
OPENING = 40
SINGLE_KEYWORDS = 5


class Street:
    """State machine of one street. Records come in order of their numbers; times are POSIX seconds."""

    def __init__(self, code: str, shared: Shared) -> None:
        self.code = code
        self.clock = 0.0
        self._shared = shared
        self._encoder = shared.encoder.identity
        self._clusterer = shared.clusterer()
        self._topics = shared.classifier()
        self._watch = StreetWatch(shared.settings, street_budget(shared.settings, code))
        self._handling = HandlingWatch(shared.settings)
        self._book = AlertBook(
            code,
            shared.streets.name(code),
            shared.settings.alerts.rules,
            shared.settings.severity,
            shared.settings.timezone,
            shared.settings.domains,
        )
        self._issues: dict[str, Issue] = {}
        self._gists: dict[str, tuple[int, Gist]] = {}
        self._recent = Recent()
        self._digests: list[IssueDigest] = []
        self._ended: list[IssueSummary] = []
        self._next_sweep = 0.0

    # -- the stage's interface ---------------------------------------------------------------------------

    def __len__(self) -> int:
        """Return how many issues are alive."""
        return len(self._issues)

    @property
    def cells(self) -> int:
        """How many series of counts are kept."""
        return len(self._watch)

    def take(self, ticket: RoutedTicket) -> Outputs:
        """Apply one ticket event."""
        alerts = self.advance(ticket.clock, ticket.seq)
        if ticket.event != "created":
            return Outputs(alerts + self._later_event(ticket))
        reading = self._shared.reader.read(ticket)
        topic, sure = self._topics.topic_of(reading.terms.words, ticket.topic)
        reading = with_topic(reading, topic, sure)
        cited = self._handling.cited(ticket)
        assignment = self._clusterer.assign(
            reading, issue_id_of(self.code, ticket.ticket_id), self._handling.issue_of(cited)
        )
        issue = self._issues.get(assignment.issue_id)
        if issue is None:
            issue = self._issues[assignment.issue_id] = Issue(
                assignment.issue_id, self.code, ticket.seq, ticket.at, ticket.at
            )
        merged = [self._merge(old, issue) for old in assignment.merged]
        for old in merged:
            alerts += self._book.rename(old.id, issue.id, self.clock, ticket.seq)
        closed = issue.count > 0 and issue.open_tickets <= 0
        quiet = ticket.at - issue.last_at
        withheld = self._shared.domains.conduct(ticket.title, ticket.text, topic)
        issue.add(ticket, topic, assignment.copied, withheld)
        if not assignment.opened:
            issue.join(assignment.named, assignment.odds)
        self._recent.add(self.clock, topic, ticket.at, ticket.ticket_id, self.code, withheld)
        repeated = self._handling.created(ticket, issue.id, withheld, cited)
        level = None
        if ticket.nature != PRAISE and ticket.at > self.clock - self._shared.settings.arrival.late_limit:
            alerts += self._urgent(ticket, topic, issue, withheld)
            alerts += self._issue_alerts(ticket, topic, issue, closed, quiet)
            alerts += self._handling_alerts(ticket, issue, repeated)
            alerts += self._cell_alerts(ticket, topic)
            alerts += self._drift_alerts(ticket, topic)
            level = self._watch.level(topic)[:] if topic else None
        self._digests.append(self._digest(ticket, topic, issue.id, assignment.opened, reading, withheld, level))
        assigned = Assigned(ticket.seq, ticket.ticket_id, issue.id, issue.seq)
        return Outputs(alerts, assigned, merged=[Merged(old.seq, issue.seq) for old in merged])

    def advance(self, clock: float, seq: int) -> list[Alert]:
        """Let everything due at `clock` happen."""
        if clock <= self.clock:
            return []
        self.clock = clock
        due = self._book.next_due()
        alerts = self._book.due(clock, seq) if due is not None and due <= clock else []
        if clock >= self._next_sweep:
            self._sweep(clock)
        return alerts

    def due(self) -> float:
        """Return when a tick next finds something to do: at once while there is something to tell the city."""
        if self._digests or self._handling.digests:
            return -inf
        due = self._book.next_due()
        return self._next_sweep if due is None else min(due, self._next_sweep)

    def configure(self, shared: Shared) -> None:
        """Let another configuration hold from now on; what was learned stays, the topic classifier's words too.

        Raises `OtherEncoderError`.
        """
        shared.require(self._encoder)
        self._shared = shared
        settings = shared.settings
        self._clusterer.settings = shared.clusterer_settings
        self._watch.configure(settings, street_budget(settings, self.code))
        self._handling.configure(settings)
        self._book.configure(
            shared.streets.name(self.code),
            settings.alerts.rules,
            settings.severity,
            settings.timezone,
            settings.domains,
        )

    def feedback(self, record: Feedback) -> None:
        """Learn what people found out about an alert."""
        if record.real:
            self._watch.confirm(record.scope, record.subject)

    def drain(self) -> list[Digest]:
        """Return what the city has not been told yet."""
        digests: list[Digest] = [*self._digests, *self._handling.drain()]
        digests.sort(key=lambda digest: digest.seq)
        self._digests = []
        return digests

    def forgotten(self) -> list[IssueSummary]:
        """Return the issues forgotten since the last call."""
        ended, self._ended = self._ended, []
        return ended

    def summaries(self) -> list[IssueSummary]:
        """Return every live issue as it is now."""
        return [self._summary(issue) for issue in self._issues.values()]

    def _merge(self, issue_id: str, into: Issue) -> Issue:
        """Let an issue take over another that has turned out to be the same; return the one that ends."""
        old = self._issues.pop(issue_id)
        into.absorb(old)
        self._gists.pop(issue_id, None)
        self._gists.pop(into.id, None)
        self._watch.merge(issue_id, into.id)
        self._handling.merge(issue_id, into.id)
        return old

    # -- new tickets -------------------------------------------------------------------------------------

    def _issue_alerts(self, ticket: RoutedTicket, topic: str, issue: Issue, closed: bool, quiet: float) -> list[Alert]:
        countable = ticket.nature != QUESTION
        decisions = self._watch.issue(
            issue.id, ticket, topic, closed=closed, countable=countable, named=issue.named, doubt=issue.doubt
        )
        fired = [decision for decision in decisions if decision.fired]
        alerts: list[Alert] = []
        for decision in fired:
            facts = self._facts_of(issue)
            if decision.kind == "recurred":
                facts = replace(facts, quiet_days=quiet / DAY)
            count = issue.tickets_within(decision.evidence.window)
            alerts += self._detect(decision, "issue", issue.id, ticket, topic, facts, count)
        if not fired and self._book.is_open("issue", issue.id):
            standing = self._watch.standing(issue.id, self.clock)
            evidence = evidence_of(standing, issue.tickets_within(standing.window))
            facts = self._facts_of(issue)
            alerts += self._book.progress("issue", issue.id, self.clock, ticket.seq, evidence, facts)
        return alerts

    def _cell_alerts(self, ticket: RoutedTicket, topic: str) -> list[Alert]:
        alerts: list[Alert] = []
        for series, decision in self._watch.cells(ticket, topic):
            found = self._recent.within(decision.evidence.window, self.clock, series)
            facts = tickets_facts(found, decision.evidence.distinct_callers)
            scope: Scope = "cell" if series else "street"
            alerts += self._detect(decision, scope, series or self.code, ticket, series, facts, len(found))
        return alerts

    def _drift_alerts(self, ticket: RoutedTicket, topic: str) -> list[Alert]:
        shifted = self._watch.mix(ticket, topic)
        if shifted is None:
            return []
        decision, shifts = shifted
        part = shifts[0].part
        found = self._recent.within(decision.evidence.window, self.clock, part)
        return self._detect(decision, "street", self.code, ticket, part, drift_facts(found, shifts), len(found))

    def _urgent(self, ticket: RoutedTicket, topic: str, issue: Issue, withheld: bool) -> list[Alert]:
        cues = self._shared.danger.assess(ticket.text, ticket.title)
        decision = self._watch.urgent(cues.strength)
        if decision is None or not decision.fired:
            return []
        lexicon = self._shared.lexicon
        said = gist([(ticket.title, ticket.text)], topic, lexicon.cut, lexicon.rarity)
        facts = ticket_facts(ticket, said, cues.category, withheld)
        # of the issue, so that a second caller makes it grow; told by the one ticket that says it
        return self._detect(decision, "issue", issue.id, ticket, topic, facts, 1)

    def _detect(
        self,
        decision: Decision,
        scope: Scope,
        subject: str,
        ticket: RoutedTicket,
        topic: str,
        facts: Facts,
        count: int,
        issue_id: str = "",
    ) -> list[Alert]:
        return self._book.detect(
            Detection(
                kind=decision.kind,
                basis=decision.basis,
                scope=scope,
                subject=subject,
                at=self.clock,
                seq=ticket.seq,
                evidence=evidence_of(decision.evidence, count, decision.basis),
                facts=facts,
                cause=ticket.ticket_id,
                topic=topic,
                issue_id=issue_id,
            )
        )

    def _digest(
        self,
        ticket: RoutedTicket,
        topic: str,
        issue_id: str,
        opened: bool,
        reading: Reading,
        withheld: bool,
        level: tuple[float, float, float] | None,
    ) -> IssueDigest:
        return IssueDigest(
            seq=ticket.seq,
            clock=ticket.clock,
            street=self.code,
            issue_id=issue_id,
            opened=opened,
            reading=reading,
            topic=topic,
            nature=ticket.nature,
            handler=ticket.handler,
            caller=ticket.caller,
            tags=ticket.tags,
            title=ticket.title,
            text=ticket.text,
            company=ticket.company,
            withheld=withheld,
            level=level,
        )

    # -- later events ------------------------------------------------------------------------------------

    def _later_event(self, ticket: RoutedTicket) -> list[Alert]:
        issue = self._issues.get(self._handling.issue_of(ticket.ticket_id))
        findings = self._handling.take(ticket, issue)
        return self._handling_alerts(ticket, issue, findings) if issue is not None else []

    def _handling_alerts(self, ticket: RoutedTicket, issue: Issue, findings: list[Finding]) -> list[Alert]:
        alerts: list[Alert] = []
        for decision, counts in findings:
            facts = replace(self._facts_of(issue), returns=counts.returns, hands=counts.hands, repeats=counts.repeats)
            scope: Scope = "issue"
            subject = issue.id
            if decision.kind == "bounced":
                scope, subject = "ticket", ticket.ticket_id
                facts = _of_one(facts, ticket.ticket_id, self._handling.withheld(ticket.ticket_id))
            alerts += self._detect(decision, scope, subject, ticket, issue.topic, facts, facts.ticket_count, issue.id)
        return alerts

    # -- memory ------------------------------------------------------------------------------------------

    def _gist_of(self, issue: Issue) -> Gist:
        """The issue in words; looked at again when it has grown by a third."""
        known = self._fresh_gist(issue)
        if known is None:
            known = self._new_gist(issue)
            self._gists[issue.id] = (issue.count, known)
        return known

    def _fresh_gist(self, issue: Issue) -> Gist | None:
        """What was said of the issue before, if it still holds."""
        count, known = self._gists.get(issue.id, (0, None))
        return known if 3 * issue.count < 4 * count else None

    def _new_gist(self, issue: Issue) -> Gist:
        texts = [(title, text) for _, title, text in issue.texts]
        return gist(texts, issue.topic, self._shared.lexicon.cut, self._shared.lexicon.rarity)

    def _opening(self, issue: Issue) -> Gist:
        _, title, text = issue.texts[0]
        lexicon = self._shared.lexicon
        words = {word for word in lexicon.cut(f"{title} {text[:OPENING]}") if len(word) > 1}
        telling = sorted(words, key=lambda word: (-lexicon.rarity(word), word))
        return Gist("", (title or text)[:OPENING], tuple(telling[:SINGLE_KEYWORDS]), 0)

    def _facts_of(self, issue: Issue) -> Facts:
        held = self._handling.at_handlers(issue.ticket_ids)
        return issue_facts(issue, self._gist_of(issue), at_handlers=held)

    def _sweep(self, clock: float) -> None:
        """Forget, once a day, what is over."""
        self._next_sweep = (clock // DAY + 1) * DAY
        for issue_id in self._clusterer.forget(clock):
            issue = self._issues.pop(issue_id)
            self._ended.append(self._summary(issue))
            self._gists.pop(issue_id, None)
            self._watch.forget(issue_id)
            self._handling.forget_issue(issue_id)
        self._handling.forget(clock - self._shared.settings.memory.tickets)
        self._recent.forget(clock)

    def _summary(self, issue: Issue) -> IssueSummary:
        # most issues are one ticket: its title, or its opening, says it all
        # it is asked for once, and not kept: at the end of a replay, every live issue is
        said = (self._fresh_gist(issue) or self._new_gist(issue)) if issue.count > 1 else self._opening(issue)
        return IssueSummary(
            issue_id=issue.id,
            issue_seq=issue.seq,
            street=issue.street,
            topic=issue.topic,
            title="".join(part for part in (said.place, said.headline) if part),
            keywords=said.keywords,
            callers=len(issue.callers),
            unknown_callers=issue.unknown_callers,
            first_at=issue.first_at,
            last_at=issue.last_at,
        )

    def __getstate__(self) -> dict[str, object]:
        """State without what belongs to the package and the configuration."""
        state = self.__dict__.copy()
        del state["_shared"]
        return state

    def attach(self, shared: Shared) -> None:
        """Give a restored street what its state leaves out. Raises `OtherEncoderError`."""
        shared.require(self._encoder)
        self._shared = shared
        self._clusterer.attach(shared.scorer, shared.lexicon.prior)


def _of_one(facts: Facts, ticket_id: str, withheld: bool) -> Facts:
    """The facts of an issue cut down to one of its tickets."""
    return replace(
        facts,
        ticket_ids=(ticket_id,),
        ticket_count=1,
        withheld=(ticket_id,) if withheld else (),
        withheld_count=int(withheld),
    )
