"""Tickets to issues, online: one pass, one decision a ticket, at once."""

import math
from collections.abc import Hashable
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, NamedTuple

from river import base

from embeddings.memory import TicketMemory
from embeddings.pairs import shared_names
from embeddings.scorer import Needed, PairScorer, letters_share
from embeddings.terms import Terms
from embeddings.tickets import F32, Fields, Seek

DAY = 86400.0


class Reading(NamedTuple):
    """One ticket as the clusterer sees it."""

    ticket_id: str
    terms: Terms
    vector: F32
    fields: Fields


class Assignment(NamedTuple):
    """Where a ticket went and why."""

    issue_id: str
    opened: bool
    """whether the ticket is the first of its issue"""
    merged: tuple[str, ...] = ()
    """issues that this ticket has shown to be the same one: they end, and theirs is this one from now on"""
    copied: bool = False
    """whether the text is nearly that of another caller's ticket of the issue"""
    named: float = 0.0
    """what the names are worth that the ticket shares with one of the issue's (`pairs.shared_names`), over what is
    usual of tickets that join here: near 0 where they tell of the same kind of thing, and of none of them all"""
    odds: float = 0.0
    """log odds that it is about the same thing as the issue's, by which it joined; even where it was told to"""


@dataclass(frozen=True)
class ClustererSettings:
    """What an engineer may tune. Days are event time."""

    join_at: float = -2.25
    """a ticket joins an issue from this mean logit on"""
    merge_at: float = 0.0
    """issues a ticket would each join with this mean logit or more are one"""
    whole: float = 0.0
    """so many times the likeness to an issue as a whole, 0 to 1, is added to the mean logit; at 0 it is not worked out,
    and it is not to be set later, since issues would lack what it needs"""
    candidates: int = 16
    """tickets compared in full"""
    common: float = 4.0
    """terms of a lower inverse frequency find no candidates"""
    least_words: float = 0.2
    """candidates with a lower cosine of words ..."""
    least_names: float = 0.2
    """... and a smaller share of names are not compared in full; notes only"""
    elsewhere: float = 0.4
    """from this cosine of n-grams on, tickets that name other things tell of other places, and are two issues"""
    single_days: float = 45.0
    """an issue of one ticket is forgotten after so long"""
    issue_days: float = 60.0
    """any other issue, after its last ticket"""
    confirmed_days: float = 180.0
    """an issue of at least three callers, after its last ticket"""
    members: int = 40
    """tickets of an issue that are kept for comparison: the first few and the last ones"""


USUAL_LENGTH = 4.8  # ln(1 + n-grams) of a text, before any has come: a hotline's notes
LENGTH_RATE = 0.05
USUAL_NAMES = 3.1  # ln(1 + worth of shared names) of tickets that join, before any have: a hotline's notes
NAMES_RATE = 0.005
NAMES_WEIGHT = 20  # tickets that join, that this is worth until more have
MISSING_LOGIT = -7.0  # what a pair counts that was not compared, or compared badly
LEADING = 4  # issues looked at for one ticket
COUNTED_MEMBERS = 8  # tickets of an issue whose terms count in the frequencies
BEST_OF = 6  # pairs of an issue that decide at most
FIRST_MEMBERS = 6  # of those kept for comparison, so many are the issue's first


@dataclass
class _Issue:
    id: str
    number: int
    slots: list[int] = field(default_factory=list)
    size: int = 0
    callers: list[int] = field(default_factory=list)  # distinct, three are enough to know
    last_at: float = 0.0
    length: float = 0.0
    """length of the sum of its tickets' vectors of terms, each of length 1; kept with `whole` only"""


class _Link(NamedTuple):
    number: int
    score: float
    cosines: float
    """sum of the ticket's cosines with those of the issue"""


class IssueClusterer(base.Clusterer):
    """Online clustering of one street's tickets into issues.

    Each ticket is compared with the live tickets that share its rarer words, title n-grams and names (an
    exact search); a learned scorer turns the evidence on each pair into a logit; an issue's score is the mean
    of the best half of its logits, at most six, and `whole` times the likeness to the mean of its tickets. The
    ticket joins the best issue if that is at least `join_at`, and opens its own otherwise. A ticket that belongs
    to several issues without doubt makes them one. Issues are forgotten in event time.

    Parameters
    ----------
    memory
        The street's tickets, empty at first.
    scorer
        The pair scorer; shipped, the same for all streets.
    settings
        Thresholds and horizons.
    """

    def __init__(self, memory: TicketMemory, scorer: PairScorer, settings: ClustererSettings) -> None:
        self.memory = memory
        self.scorer = scorer
        self.settings = settings
        self._issues: dict[int, _Issue] = {}
        self._next_number = 1
        self._length = USUAL_LENGTH
        self._names = USUAL_NAMES
        self._joined = 0

    def __len__(self) -> int:
        """Return how many issues are alive."""
        return len(self._issues)

    @property
    def _multiclass(self) -> bool:
        return True

    def learn_one(self, x: dict[Hashable, Any]) -> None:
        """Assign a ticket: River's interface to `assign`, with the fields of a `Reading` by name."""
        reading = Reading(**{str(name): value for name, value in x.items()})
        self.assign(reading, reading.ticket_id)

    def predict_one(self, x: dict[Hashable, Any]) -> int:
        """Return the number of the issue a ticket would join, 0 if none; nothing is remembered."""
        reading = Reading(**{str(name): value for name, value in x.items()})
        slot, linked, _ = self._compare(reading)
        self.memory.forget([slot])
        return linked[0].number if linked and linked[0].score >= self.settings.join_at else 0

    def assign(self, x: Reading, new_id: str, told: str = "") -> Assignment:
        """Give a ticket its issue; `new_id` names the issue if the ticket opens one.

        `told` is the issue that the ticket itself says it is about, as by the number of another ticket: it joins that,
        whatever the likeness, if it is alive.
        """
        slot, linked, copied = self._compare(x)
        own = self._number_of(told, linked)
        opened = not own and (not linked or linked[0].score < self.settings.join_at)
        merged: tuple[str, ...] = ()
        same: set[int] = set()
        odds = 0.0
        if opened:
            issue = _Issue(new_id, self._next_number)
            self._next_number += 1
            self._issues[issue.number] = issue
        else:
            best = own or linked[0].number
            same = {link.number for link in linked if link.score >= self.settings.merge_at} | {best}
            odds = max((link.score for link in linked if link.number in same), default=0.0)
            if own:
                odds = max(0.0, odds)
            copied = copied and linked[0].number in same
            issue, *others = (self._issues[number] for number in sorted(same))
            merged = tuple(self._merge(other, issue) for other in others)
        named = 0.0 if opened else self._named(slot, issue)
        if issue.size < COUNTED_MEMBERS:
            self.memory.count_terms(slot)
        self.memory.tickets.issue[slot] = issue.number
        if self.settings.whole:
            cosines = sum(link.cosines for link in linked if link.number in same)
            issue.length = math.sqrt(issue.length**2 + 2.0 * cosines + 1.0)
        issue.slots.append(slot)
        issue.size += 1
        issue.last_at = max(issue.last_at, x.fields.at)
        caller = x.fields.caller
        if caller and len(issue.callers) < 3 and caller not in issue.callers:
            issue.callers.append(caller)
        if len(issue.slots) > self.settings.members:
            # those that stay are as much alike as all were
            issue.length *= self.settings.members / len(issue.slots)
            self.memory.forget([issue.slots.pop(FIRST_MEMBERS)])
        return Assignment(issue.id, opened, merged, copied and not opened, named, odds)

    def _number_of(self, issue_id: str, linked: list[_Link]) -> int:
        """The number of a live issue, mostly one of those a ticket is linked to; 0 if there is none."""
        if not issue_id:
            return 0
        likely = (self._issues[link.number] for link in linked)
        return next((issue.number for issue in chain(likely, self._issues.values()) if issue.id == issue_id), 0)

    def _named(self, slot: int, issue: _Issue) -> float:
        worth = shared_names(self.memory, slot, issue.slots)
        named = worth / math.expm1(self._names)
        self._joined += 1
        rate = max(NAMES_RATE, 1.0 / (NAMES_WEIGHT + self._joined))
        self._names += rate * (math.log1p(worth) - self._names)
        return named

    def _merge(self, old: _Issue, into: _Issue) -> str:
        """Let the older of two issues take over the other's tickets; return the id that ends."""
        del self._issues[old.number]
        self.memory.tickets.issue[old.slots] = into.number
        slots = sorted(into.slots + old.slots)
        # two that are one point the same way
        into.length += old.length
        most = self.settings.members
        if len(slots) > most:
            dropped = slots[FIRST_MEMBERS : len(slots) - most + FIRST_MEMBERS]
            self.memory.forget(dropped)
            into.length *= most / len(slots)
            slots = slots[:FIRST_MEMBERS] + slots[len(slots) - most + FIRST_MEMBERS :]
        into.slots = slots
        into.size += old.size
        into.callers = list(dict.fromkeys(into.callers + old.callers))[:3]
        into.last_at = max(into.last_at, old.last_at)
        return old.id

    def _compare(self, x: Reading) -> tuple[int, list[_Link], bool]:
        self._length += LENGTH_RATE * (math.log1p(len(x.terms.grams)) - self._length)
        settings = self.settings
        slot, judged = self.scorer.meet(
            self.memory,
            x.terms,
            x.vector,
            x.fields,
            Seek(settings.candidates, settings.common, settings.whole > 0.0),
            Needed(settings.least_words, settings.least_names, settings.join_at - settings.whole, settings.elsewhere),
            letters_share(self._length),
        )
        numbers = judged.issues.tolist()
        wholes: dict[int, float] = {}
        if settings.whole:
            wholes = dict(zip(judged.wholes.issues.tolist(), judged.wholes.cosines.tolist(), strict=True))
        if not (numbers or wholes):
            return slot, [], False
        by_issue: dict[int, list[float]] = {}
        for number, logit in zip(numbers, judged.logits.tolist(), strict=True):
            by_issue.setdefault(number, []).append(logit)
        linked = self._link(by_issue, wholes)
        best = linked[0].number if linked else 0
        copied = any(copy and number == best for number, copy in zip(numbers, judged.copies.tolist(), strict=True))
        return slot, linked, copied

    def _link(self, by_issue: dict[int, list[float]], wholes: dict[int, float]) -> list[_Link]:
        """Return the leading issues, best first, the older one first on a tie, from the logits of pairs and the sums of
        cosines of wholes; none that cannot count.
        """
        issues, whole = self._issues, self.settings.whole
        least = min(self.settings.join_at, self.settings.merge_at)
        hopes = {number: max(logits) for number, logits in by_issue.items()}
        for number, cosines in wholes.items():
            hopes[number] = hopes.get(number, MISSING_LOGIT) + whole * cosines / issues[number].length
        links = []
        for _, number in sorted([(-hope, number) for number, hope in hopes.items() if hope >= least])[:LEADING]:
            issue = issues[number]
            most = min((len(issue.slots) + 1) // 2, BEST_OF)
            found = sorted(by_issue.get(number, ()), reverse=True)[:most]
            score = (sum(found) + MISSING_LOGIT * (most - len(found))) / most
            cosines = wholes.get(number, 0.0)
            if cosines:
                score += whole * cosines / issue.length
            links.append(_Link(number, score, cosines))
        return sorted(links, key=lambda link: (-link.score, link.number))

    def __getstate__(self) -> dict[str, object]:
        """State without what ships; `attach` gives it back."""
        state = self.__dict__.copy()
        del state["scorer"]
        return state

    def attach(self, scorer: PairScorer, prior: F32) -> None:
        """Give a restored clusterer what its state leaves out."""
        self.scorer = scorer
        self.memory.attach(prior)

    def _horizon(self, issue: _Issue) -> float:
        settings = self.settings
        if len(issue.callers) >= 3:
            return settings.confirmed_days * DAY
        return (settings.issue_days if issue.size > 1 else settings.single_days) * DAY

    def forget(self, now: float) -> list[str]:
        """Drop every issue whose time is over at `now` (POSIX seconds) and return their ids, oldest first."""
        settings = self.settings
        latest = now - min(settings.single_days, settings.issue_days, settings.confirmed_days) * DAY
        gone = [i for i in self._issues.values() if i.last_at <= latest and i.last_at + self._horizon(i) <= now]
        for issue in gone:
            self.memory.forget(issue.slots)
            del self._issues[issue.number]
        if self.memory.sparse:
            moved = self.memory.compact().tolist()
            for issue in self._issues.values():
                issue.slots = [moved[slot] for slot in issue.slots]
        return [issue.id for issue in gone]
