"""The city stage: what spans streets, from the streets' digests in the order of their numbers."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from operator import attrgetter

from alerts import Alert, AlertBook, Detection
from alerts.detection import Facts, StreetCount
from alerts.model import Scope
from detectors.area import AreaDetector
from detectors.base import Decision
from detectors.baseline import Level
from sentinel.desks import UNSATISFIED_SHARE, Desks
from sentinel.facts import drift_facts, evidence_of, issue_facts, tickets_facts
from sentinel.gist import gist
from sentinel.issues import Issue
from sentinel.reading import issue_id_of
from sentinel.recent import Recent
from sentinel.records import Digest, Feedback, HandlerDigest, Heartbeat, IssueDigest, RoutedTicket
from sentinel.settings import Settings
from sentinel.shared import Shared
from sentinel.watch import StreetWatch, city_budget

DAY = 86400.0
CITY = ""
PRAISE, QUESTION = "表扬", "咨询"
MIN_STREETS = 3
"""an issue in fewer streets is the streets' own"""
MOST_IN_ONE = 0.7
"""an issue with a greater part of its tickets in one street is that street's own"""
MOST_COVERED = 200
"""an alert names no more issues of streets than this"""
AREA_SHARE = 0.25
"""part of the city's false alarms for streets that touch; `desks` has its own, the rest is for issues and topics"""
WATCH_SHARE = 1.0 - AREA_SHARE - UNSATISFIED_SHARE
MOST_NAMED = 3
"""streets by which an area is called"""
_NUMBER, _IN_ORDER = attrgetter("seq"), attrgetter("seq", "street")


class City:
    """State machine of the city stage.

    Takes heartbeats of all sources in any order; applies digests in (number, street) order up to the lowest
    number that every source has answered, and holds the rest.
    """

    def __init__(self, shared: Shared, sources: int) -> None:
        self.clock = 0.0
        self._shared = shared
        self._encoder = shared.encoder.identity
        self._answered = dict.fromkeys(range(sources), 0)
        self._applied = 0
        self._held: list[Digest] = []
        self._clusterer = shared.city_clusterer()
        self._watch = StreetWatch(
            shared.settings, WATCH_SHARE * city_budget(shared.settings), max(1, len(shared.settings.streets.streets))
        )
        self._areas = _areas(shared.settings)
        self._desks = Desks(shared.settings)
        self._book = AlertBook(
            CITY,
            shared.settings.streets.name,
            shared.settings.alerts.rules,
            shared.settings.severity,
            shared.settings.timezone,
            shared.settings.domains,
        )
        self._issues: dict[str, Issue] = {}
        self._streets: dict[str, dict[str, int]] = {}
        self._joined: dict[str, str] = {}
        self._covered: dict[str, list[str]] = {}
        """issue of the city -> the streets' issues it is made of"""
        self._recent = Recent()
        self._next_sweep = 0.0

    def __len__(self) -> int:
        """Return how many issues are alive, those of one street among them."""
        return len(self._issues)

    @property
    def cells(self) -> int:
        """How many series of counts are kept."""
        return len(self._watch)

    def take(self, heartbeat: Heartbeat) -> list[Alert]:
        """Take one source's answer to a tick; return what can be said now that it is here."""
        if heartbeat.seq <= self._answered[heartbeat.source]:
            return []
        self._answered[heartbeat.source] = heartbeat.seq
        self._held += heartbeat.digests
        lowest = min(self._answered.values())
        if lowest <= self._applied:
            return []
        self._applied = lowest
        alerts: list[Alert] = []
        if self._held:
            self._held.sort(key=_IN_ORDER)
            ready = bisect_right(self._held, lowest, key=_NUMBER)
            for digest in self._held[:ready]:
                alerts += self._advance(digest.clock, digest.seq)
                if isinstance(digest, HandlerDigest):
                    self._desks.take(digest)
                    alerts += self._desk_alerts(digest.handler, digest.seq, digest.ticket_id)
                else:
                    alerts += self._ticket(digest)
            del self._held[:ready]
        return alerts + self._advance(heartbeat.clock, heartbeat.seq)

    def feedback(self, record: Feedback) -> None:
        """Learn what people found out about an alert."""
        if record.real and record.scope == "area":
            self._areas.calibrator.discard(record.subject.rpartition("@")[0])
        elif record.real:
            self._watch.confirm(record.scope, record.subject)

    def configure(self, shared: Shared) -> None:
        """Let another configuration hold from now on; what was learned stays. Raises `OtherEncoderError`."""
        shared.require(self._encoder)
        self._shared = shared
        settings = shared.settings
        self._clusterer.settings = shared.city_clusterer_settings
        self._watch.configure(settings, WATCH_SHARE * city_budget(settings))
        self._areas.retune(_areas(settings))
        self._desks.configure(settings)
        self._book.configure(
            settings.streets.name, settings.alerts.rules, settings.severity, settings.timezone, settings.domains
        )

    # -- issues and topics -------------------------------------------------------------------------------

    def _ticket(self, digest: IssueDigest) -> list[Alert]:
        alerts: list[Alert] = []
        reading = digest.reading
        key = f"{digest.street}/{digest.issue_id}"
        city_id, joined = self._joined.get(key), None
        if city_id is None:
            assignment = self._clusterer.assign(reading, issue_id_of("city", reading.ticket_id))
            city_id = self._joined[key] = assignment.issue_id
            self._covered.setdefault(city_id, []).append(digest.issue_id)
            joined = None if assignment.opened else assignment
            for old in assignment.merged:
                alerts += self._merge(old, city_id, digest.seq)
        issue = self._issues.get(city_id)
        ticket = RoutedTicket(
            digest.seq, digest.clock, digest.street, "created", reading.ticket_id, reading.fields.at,
            digest.title, digest.text, digest.topic, digest.nature, digest.handler, digest.company,
            tags=digest.tags, caller=digest.caller,
        )  # fmt: skip
        if issue is None:
            issue = self._issues[city_id] = Issue(city_id, CITY, digest.seq, ticket.at, ticket.at)
        issue.add(ticket, digest.topic, False, digest.withheld)
        if joined is not None:
            issue.join(joined.named, joined.odds)
        streets = self._streets.setdefault(city_id, {})
        streets[digest.street] = streets.get(digest.street, 0) + 1
        self._recent.add(self.clock, digest.topic, ticket.at, ticket.ticket_id, digest.street, digest.withheld)
        if digest.nature == PRAISE or ticket.at <= self.clock - self._shared.settings.arrival.late_limit:
            return alerts
        countable = digest.nature != QUESTION
        decisions = self._watch.issue(
            city_id, ticket, digest.topic, closed=False, countable=countable, named=issue.named, doubt=issue.doubt
        )
        if len(streets) >= MIN_STREETS and max(streets.values()) <= MOST_IN_ONE * issue.count:
            fired = [decision for decision in decisions if decision.fired]
            for decision in fired:
                count = issue.tickets_within(decision.evidence.window)
                facts, cause = self._facts_of(issue), ticket.ticket_id
                alerts += self._detect(decision, "issue", city_id, ticket.seq, cause, issue.topic, facts, count)
            if not fired and self._book.is_open("issue", city_id):
                standing = self._watch.standing(city_id, digest.clock)
                evidence = evidence_of(standing, issue.tickets_within(standing.window))
                facts = self._facts_of(issue)
                alerts += self._book.progress("issue", city_id, self.clock, digest.seq, evidence, facts)
        alerts += self._topic_alerts(ticket, digest.topic)
        if digest.level is not None:
            alerts += self._area_alerts(ticket, digest.topic, Level(*digest.level))
        return alerts + self._drift_alerts(ticket, digest.topic)

    def _merge(self, issue_id: str, into: str, seq: int) -> list[Alert]:
        """Let an issue take over another that has turned out to be the same."""
        self._issues[into].absorb(self._issues.pop(issue_id))
        streets = self._streets[into]
        for street, count in self._streets.pop(issue_id).items():
            streets[street] = streets.get(street, 0) + count
        self._covered.setdefault(into, []).extend(self._covered.pop(issue_id, ()))
        self._joined = {key: into if city_id == issue_id else city_id for key, city_id in self._joined.items()}
        self._watch.merge(issue_id, into)
        return self._book.rename(issue_id, into, self.clock, seq)

    def _detect(
        self,
        decision: Decision,
        scope: Scope,
        subject: str,
        seq: int,
        cause: str,
        topic: str,
        facts: Facts,
        count: int,
    ) -> list[Alert]:
        return self._book.detect(
            Detection(
                kind=decision.kind,
                basis=decision.basis,
                scope=scope,
                subject=subject,
                at=self.clock,
                seq=seq,
                evidence=evidence_of(decision.evidence, count, decision.basis),
                facts=facts,
                cause=cause,
                topic=topic,
            )
        )

    def _facts_of(self, issue: Issue) -> Facts:
        texts = [(title, text) for _, title, text in issue.texts]
        said = gist(texts, issue.topic, self._shared.lexicon.cut, self._shared.lexicon.rarity)
        shown = self._shown(self._streets[issue.id])
        return issue_facts(issue, said, shown, covers=tuple(self._covered[issue.id][-MOST_COVERED:]))

    def _shown(self, tickets: Mapping[str, int]) -> tuple[StreetCount, ...]:
        """Return how many tickets each street has, by name, the most first."""
        name = self._shared.streets.name
        return tuple(StreetCount(name(s), n) for s, n in sorted(tickets.items(), key=lambda item: (-item[1], item[0])))

    def _topic_alerts(self, ticket: RoutedTicket, topic: str) -> list[Alert]:
        alerts: list[Alert] = []
        for series, decision in self._watch.cells(ticket, topic):
            found = self._recent.within(decision.evidence.window, self.clock, series)
            by_street = Counter(ticket.street for ticket in found)
            if len(by_street) < MIN_STREETS or max(by_street.values()) > MOST_IN_ONE * len(found):
                continue
            scope: Scope = "topic" if series else "city"
            facts = tickets_facts(found, decision.evidence.distinct_callers)
            cause, count = ticket.ticket_id, len(found)
            alerts += self._detect(decision, scope, series or CITY, ticket.seq, cause, series, facts, count)
        return alerts

    def _area_alerts(self, ticket: RoutedTicket, topic: str, level: Level) -> list[Alert]:
        area = self._watch.area(self._areas, ticket, topic, level)
        if area is None or not area.decision.fired:
            return []
        evidence = area.decision.evidence
        found = [t for t in self._recent.within(evidence.window, self.clock, topic) if t.street in area.streets]
        streets = self._shown(Counter(t.street for t in found))
        called = "、".join(street.street_name for street in streets[:MOST_NAMED])
        facts = replace(
            tickets_facts(found, evidence.distinct_callers),
            place=f"{called}一带",
            headline=f"{topic.rpartition('/')[2]}类诉求",
            streets=streets,
        )
        cause, count = ticket.ticket_id, len(found)
        return self._detect(area.decision, "area", area.subject, ticket.seq, cause, topic, facts, count)

    def _drift_alerts(self, ticket: RoutedTicket, topic: str) -> list[Alert]:
        shifted = self._watch.mix(ticket, topic)
        if shifted is None:
            return []
        decision, shifts = shifted
        part = shifts[0].part
        found = self._recent.within(decision.evidence.window, self.clock, part)
        facts, cause, count = drift_facts(found, shifts), ticket.ticket_id, len(found)
        return self._detect(decision, "city", CITY, ticket.seq, cause, part, facts, count)

    # -- handlers ----------------------------------------------------------------------------------------

    def _desk_alerts(self, handler: str, seq: int, cause: str) -> list[Alert]:
        alerts: list[Alert] = []
        for decision, facts in self._desks.judge(handler, self.clock):
            alerts += self._detect(decision, "handler", handler, seq, cause, "", facts, facts.ticket_count)
        return alerts

    # -- time --------------------------------------------------------------------------------------------

    def _advance(self, clock: float, seq: int) -> list[Alert]:
        if clock <= self.clock:
            return []
        self.clock = clock
        due = self._book.next_due()
        alerts = self._book.due(clock, seq) if due is not None and due <= clock else []
        for handler in self._desks.hourly(clock):
            alerts += self._desk_alerts(handler, seq, "")
        if clock >= self._next_sweep:
            self._next_sweep = (clock // DAY + 1) * DAY
            self._forget(clock)
        return alerts

    def _forget(self, clock: float) -> None:
        for city_id in self._clusterer.forget(clock):
            self._issues.pop(city_id, None)
            self._streets.pop(city_id, None)
            self._covered.pop(city_id, None)
            self._watch.forget(city_id)
        self._joined = {key: city_id for key, city_id in self._joined.items() if city_id in self._issues}
        self._recent.forget(clock)

    def __getstate__(self) -> dict[str, object]:
        """State without what belongs to the package and the configuration."""
        state = self.__dict__.copy()
        del state["_shared"]
        return state

    def attach(self, shared: Shared) -> None:
        """Give a restored city what its state leaves out. Raises `OtherEncoderError`."""
        shared.require(self._encoder)
        self._shared = shared
        self._clusterer.attach(shared.scorer, shared.lexicon.prior)


def _areas(settings: Settings) -> AreaDetector:
    """Watch streets that touch, with their part of the city's false alarms."""
    return AreaDetector(
        AREA_SHARE * city_budget(settings),
        settings.streets.touching,
        min_calls=settings.detectors.rising.min_callers,
    )
