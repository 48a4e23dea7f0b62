"""The simulated hotline: takes calls in order, writes tickets as they arrive and the truth beside them."""

import heapq
import json
from collections import Counter, deque
from collections.abc import Callable
from contextlib import ExitStack
from datetime import date, timedelta
from pathlib import Path
from typing import Final, NamedTuple, TextIO

import yaml

from sentinel.settings import default_config_dir
from sentinel.simulate.background import Background, Call, Callers, Known
from sentinel.simulate.chance import Chance
from sentinel.simulate.desk import Desk, iso, late_by
from sentinel.simulate.grammar import Frame, frame_of_words, frames
from sentinel.simulate.handling import DAY, SHANGHAI, Later, Life
from sentinel.simulate.incidents import Failing, Incident, Planter
from sentinel.simulate.names import half_of
from sentinel.simulate.places import people, read_streets
from sentinel.simulate.rhythm import Rhythm
from sentinel.simulate.texts import Writer

INCIDENTS_PER_DAY: Final = 1.75
"""Planted a day at 4,000 tickets a day."""
QUIET_DAYS: Final = 14

_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False).encode

Progress = Callable[[int, int], None]
"""Called after each day with the number of days done and of tickets written."""


class Simulated(NamedTuple):
    """What a simulation wrote."""

    tickets: int
    events: int
    incidents: int


class Hotline:
    """One simulation; `simulate` explains the parameters."""

    def __init__(
        self,
        days: int,
        seed: int,
        tickets_per_day: int,
        start: date,
        incidents_per_day: float,
        quiet_days: float,
        streets: Path,
        topics: Path,
    ) -> None:
        """Read streets and topics and plan everything."""
        half = half_of(seed)
        self._days, self._start = days, start
        self._chance = Chance(f"{seed}/desk")
        self._midnight = (start - date(1970, 1, 1)).days * DAY - SHANGHAI
        self._end = self._midnight + days * DAY
        shares, by_topic = _repertoire(topics, half)
        self._rhythm = Rhythm(tuple(shares), seed)
        known = self._known = Known()
        callers = Callers(Chance(f"{seed}/callers"))
        places = people(read_streets(streets), seed, half)
        self._writer = Writer(half, Chance(f"{seed}/texts"))
        self._desk = Desk(self._writer, self._chance)
        self._background = Background(
            places, by_topic, shares, float(tickets_per_day), self._rhythm, known, callers, seed
        )
        by_role: dict[str, list[Frame]] = {}
        for frame in frames(half):
            if frame.topic in shares:
                by_role.setdefault(frame.role, []).append(frame)
        self._planter = Planter(
            places, by_role, self._background, tuple(shares), known, callers, self._writer,
            self._midnight, self._midnight + quiet_days * DAY, self._end, incidents_per_day, seed,
        )  # fmt: skip
        self._queue: list[tuple[float, int, Call | _Open | str]] = []
        self._serial = 0
        self._load: deque[Counter[str]] = deque([Counter()], maxlen=7)
        self.tickets = self.events = 0

    def run(self, tickets: TextIO, issues: TextIO, progress: Progress | None) -> None:
        """Writes ticket events in order of arrival, and the true issue of every ticket that shares one."""
        for number in range(self._days):
            midnight = self._midnight + number * DAY
            for call in self._planter.day(midnight, self._busiest):
                self._put(call.at, call)
            levels = self._rhythm.levels(self._start + timedelta(days=number), number)
            for call in self._background.day(midnight, levels):
                self._put(call.at, call)
            self._serve(midnight + DAY, tickets, issues)
            self._known.next_day()
            self._load.append(Counter())
            if progress is not None:
                progress(number + 1, self.tickets)

    def incidents(self) -> list[dict[str, object]]:
        """The truth about every incident of which a ticket was written, in order of their beginning."""
        shown = [incident for incident in self._planter.incidents if incident.ticket_ids]
        return [_truth(incident) for incident in sorted(shown, key=lambda it: (it.first_at, it.incident_id))]

    def _put(self, at: float, item: "Call | _Open | str") -> None:
        if at < self._end:
            self._serial += 1
            heapq.heappush(self._queue, (at, self._serial, item))

    def _serve(self, until: float, tickets: TextIO, issues: TextIO) -> None:
        queue = self._queue
        while queue and queue[0][0] < until:
            at, _, item = heapq.heappop(queue)
            if isinstance(item, Call):
                self._answer(item, tickets, issues)
            elif isinstance(item, str):
                tickets.write(item)
                self.events += 1
            else:
                self._next(at, item, tickets)

    def _answer(self, call: Call, tickets: TextIO, issues: TextIO) -> None:
        desk, chance = self._desk, self._chance
        ticket_id, handler = desk.ticket_id(call.at), desk.handler(call)
        failing = None
        if call.incident is None and not call.case.key:
            failing = self._failing(handler)
            if failing is not None:
                call.course = failing.course(chance)
        event, life = desk.take(call, ticket_id, handler)
        self._load[-1][handler] += 1
        self.tickets += 1
        self._issue(call, ticket_id, issues)
        incident = call.incident if failing is None else failing.incident
        if incident is not None:
            incident.add(ticket_id, call.at, call.caller, call.case.street.code, _shows(incident.kind, life))
        late = late_by(chance)
        if call.at + late >= self._end:
            late = 0.0  # nothing of the truth is to be missing from the stream
        if late:
            event["arrived_at"] = iso(call.at + late)
        line = _encode(event) + "\n"
        if late:
            self._put(call.at + late, line)
        else:
            tickets.write(line)
            self.events += 1
        if chance.hit(0.005):
            at = call.at + late + chance.exponential(3600.0)
            event["arrived_at"] = iso(at)
            self._put(at, _encode(event) + "\n")
        opened = _Open(ticket_id, late, life.later[::-1])
        self._put(opened.later[-1].at + late, opened)

    def _next(self, at: float, opened: "_Open", tickets: TextIO) -> None:
        """Writes the next event of an open ticket and puts the ticket back for the one after."""
        later = opened.later.pop()
        event: dict[str, object] = {"ticket_id": opened.ticket_id, "event": later.event, "event_at": iso(at)}
        for name, value in later.fields.items():
            event[name] = iso(value) if isinstance(value, float) else value
        tickets.write(_encode(event) + "\n")
        self.events += 1
        if opened.later:
            self._put(opened.later[-1].at + opened.late, opened)

    def _failing(self, handler: str) -> Failing | None:
        for failing in self._planter.failing:
            if failing.handler == handler and failing.wanted and self._chance.hit(0.6):
                failing.wanted -= 1
                return failing
        return None

    def _issue(self, call: Call, ticket_id: str, issues: TextIO) -> None:
        case = call.case
        case.tickets.append(ticket_id)
        if not case.key:
            return
        # an issue is written once it has a second ticket: the first one is then written too
        for name in case.tickets if len(case.tickets) == 2 else case.tickets[-1:] if len(case.tickets) > 2 else ():
            issues.write(json.dumps({"ticket_id": name, "issue_id": case.key}) + "\n")

    def _busiest(self, count: int) -> list[str]:
        total: Counter[str] = Counter()
        for day in self._load:
            total.update(day)
        return sorted(total, key=lambda name: (-total[name], name))[:count]


class _Open(NamedTuple):
    ticket_id: str
    late: float
    later: list[Later]
    """What is still to happen, last first."""


def _repertoire(topics: Path, half: int) -> tuple[dict[str, float], dict[str, list[Frame]]]:
    """Each topic's share of all tickets and its frames; a topic without any gets one made of its words."""
    entries = yaml.safe_load(topics.read_text(encoding="utf-8"))["topics"]
    total = sum(entry["weight"] for entry in entries)
    shares = {entry["path"]: entry["weight"] / total for entry in entries}
    by_topic: dict[str, list[Frame]] = {path: [] for path in shares}
    for frame in frames(half):
        if frame.topic in by_topic and frame.role in ("usual", "background", "lookalike"):
            by_topic[frame.topic].append(frame)
    for entry in entries:
        if not by_topic[entry["path"]]:
            by_topic[entry["path"]].append(frame_of_words(entry["path"], entry.get("words", ())))
    return shares, by_topic


def _shows(kind: str, life: Life) -> tuple[float, float] | None:
    """From when to when a ticket's events show that its handling fails; None for other incidents."""
    if kind == "bounced":
        returns = [event.at for event in life.later if event.event == "returned"]
        return returns[0], returns[-1]
    if kind == "unsatisfied":
        said = next(event.at for event in life.later if event.event == "callback")
        return said, said
    return (life.due_at, life.due_at) if kind == "overdue" else None


def _truth(incident: Incident) -> dict[str, object]:
    return {
        "incident_id": incident.incident_id,
        "kind": incident.kind,
        "name": incident.name,
        "streets": list(incident.streets),
        "topic": incident.topic,
        "ticket_ids": incident.ticket_ids,
        "callers": incident.callers,
        "first_at": iso(incident.first_at),
        "last_at": iso(incident.last_at),
        "ticket_times": [iso(at) for at in incident.times],
        "ticket_callers": incident.people,
    }


def simulate(
    days: int,
    seed: int,
    out_dir: Path,
    *,
    tickets_per_day: int = 4000,
    start: date = date(2025, 3, 3),
    incidents: bool = True,
    incidents_per_day: float | None = None,
    quiet_days: int = QUIET_DAYS,
    streets: Path | None = None,
    topics: Path | None = None,
    progress: Progress | None = None,
) -> Simulated:
    """Writes `tickets.jsonl`, `incidents.jsonl` and `issues_truth.jsonl` to `out_dir`.

    Parameters
    ----------
    days
        Length; calls come on each of them, what is still to happen to tickets afterwards is left out.
    seed
        Below 1000 for tuning, from 1000 for tests: the two share no name and no phrase.
    tickets_per_day
        Mean over the year, repeated calls included.
    incidents
        False plants none (a stream to count false alerts on).
    incidents_per_day
        Default: `INCIDENTS_PER_DAY` in proportion to `tickets_per_day`.
    quiet_days
        How long, from the start, nothing but `urgent` is planted; a third of `days` if that is less.
    streets, topics
        Files like `config/streets/pudong.json` and `config/topics.yaml`, which are the default.

    Raises
    ------
    ValueError
        If `days` or `tickets_per_day` is below 1, or the street file lists no streets.
    OSError
        If a file cannot be read or written.
    """
    if days < 1 or tickets_per_day < 1:
        raise ValueError("days and tickets_per_day must be at least 1")
    config = default_config_dir()
    if incidents_per_day is None:
        incidents_per_day = INCIDENTS_PER_DAY * tickets_per_day / 4000
    hotline = Hotline(
        days,
        seed,
        tickets_per_day,
        start,
        incidents_per_day if incidents else 0.0,
        min(float(quiet_days), days / 3),
        streets or config / "streets" / "pudong.json",
        topics or config / "topics.yaml",
    )
    out_dir.mkdir(parents=True, exist_ok=True)
    with ExitStack() as files:
        tickets = files.enter_context((out_dir / "tickets.jsonl").open("w", encoding="utf-8", newline="\n"))
        issues = files.enter_context((out_dir / "issues_truth.jsonl").open("w", encoding="utf-8", newline="\n"))
        hotline.run(tickets, issues, progress)
    with (out_dir / "incidents.jsonl").open("w", encoding="utf-8", newline="\n") as file:
        for incident in hotline.incidents():
            file.write(json.dumps(incident, ensure_ascii=False) + "\n")
    return Simulated(hotline.tickets, hotline.events, len(hotline.incidents()))
