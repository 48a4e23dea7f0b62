"""How many planted incidents a replay found, how late, and how many alerts nothing was behind.

An alert counts for an incident when it opened or grew while the incident ran (from its first ticket to a
day after its last) and enough of the tickets it then listed are the incident's: at least half of them and
at least two; one is enough for `urgent` and for handling kinds, and a third of them for alerts about a cell,
a topic or a street, whose background is part of what they count. The kind of the alert does not matter: a
command centre is served when the incident is on the screen, under whatever name; the table shows the kind it
was found as. An opened alert is *false* when no incident supplies a third of its tickets.
"""

import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Final, TypeVar

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from sentinel.readers.rejections import ReadError

Row = TypeVar("Row")

ONE_IS_ENOUGH: Final = frozenset({"urgent", "repeat_call", "bounced", "unsatisfied", "overdue"})
"""Kinds of which a single ticket, or one of a handler's, makes an alert right."""
WIDE_SCOPES: Final = frozenset({"cell", "area", "topic", "street", "handler", "city"})
"""Scopes that count background along with the incident."""
AFTERMATH: Final = timedelta(hours=24)
BASES: Final = ("statistical", "floor", "rule")
_COUNTED: Final = frozenset({"opened", "grew", "escalated", "recurred"})


@dataclass(frozen=True, slots=True)
class Planted:
    """One line of `incidents.jsonl`."""

    incident_id: str
    kind: str
    name: str
    ticket_ids: tuple[str, ...]
    first_at: datetime
    last_at: datetime
    callers: int
    ticket_times: tuple[datetime, ...]
    """When each ticket was called in."""
    ticket_callers: tuple[int, ...]
    """For each ticket, the number of its caller within the incident."""

    def callers_until(self, at: datetime) -> int:
        """Distinct callers up to `at`."""
        pairs = zip(self.ticket_times, self.ticket_callers, strict=True)
        return len({caller for time, caller in pairs if time <= at})


@dataclass(frozen=True, slots=True)
class Transition:
    """One line of `alerts.jsonl`: what scoring needs of it."""

    alert_id: str
    kind: str
    basis: str
    scope: str
    reason: str
    title: str
    ticket_ids: tuple[str, ...]
    at: datetime
    street: str = ""
    """name of the street, empty for the city's"""
    topic: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one incident."""

    incident: Planted
    alert: Transition | None
    """The first alert that found it; None if it was missed."""

    @property
    def found(self) -> bool:
        """Whether any alert found it."""
        return self.alert is not None

    @property
    def delay_hours(self) -> float | None:
        """From its first ticket to the alert."""
        if self.alert is None:
            return None
        return max(0.0, (self.alert.at - self.incident.first_at).total_seconds() / 3600.0)

    @property
    def delay_callers(self) -> int | None:
        """Distinct callers of the incident up to the alert."""
        return None if self.alert is None else self.incident.callers_until(self.alert.at)


@dataclass(frozen=True, slots=True)
class Score:
    """A replay against the truth."""

    outcomes: tuple[Outcome, ...]
    false_alerts: tuple[Transition, ...]
    opened: int
    """Alerts that opened, true and false."""
    weeks: float
    """Length of the stream, for false alerts a week."""

    @property
    def found_share(self) -> float:
        """Found incidents as a share of all, 1 if none was planted."""
        return sum(outcome.found for outcome in self.outcomes) / len(self.outcomes) if self.outcomes else 1.0

    def as_dict(self) -> dict[str, object]:
        """For JSON: totals, one row per kind, every incident, false alerts a week by basis and kind."""
        return {
            "planted": len(self.outcomes),
            "found": sum(outcome.found for outcome in self.outcomes),
            "found_share": round(self.found_share, 4),
            "alerts_opened": self.opened,
            "weeks": round(self.weeks, 2),
            "kinds": {kind: _kind_row(rows) for kind, rows in _by_kind(self.outcomes)},
            "incidents": [_incident_row(outcome) for outcome in self.outcomes],
            "false_alerts_per_week": {
                basis: {kind: round(count / self.weeks, 3) for kind, count in sorted(kinds.items())}
                for basis, kinds in self._false_kinds().items()
            },
        }

    def render(self) -> RenderableType:
        """Tables for a terminal: kinds, misses, false alerts."""
        return Group(*(part for part in (self._kinds_table(), self._misses_table(), self._false_table()) if part))

    def _false_kinds(self) -> dict[str, Counter[str]]:
        counts: dict[str, Counter[str]] = {basis: Counter() for basis in BASES}
        for alert in self.false_alerts:
            counts.setdefault(alert.basis, Counter())[alert.kind] += 1
        return counts

    def _kinds_table(self) -> Table:
        found = sum(outcome.found for outcome in self.outcomes)
        table = Table(title=f"Planted incidents: {found} of {len(self.outcomes)} found ({self.found_share:.0%})")
        table.add_column("kind")
        for name in ("planted", "found", "share", "median delay", "median callers"):
            table.add_column(name, justify="right")
        table.add_column("found as")
        for kind, rows in _by_kind(self.outcomes):
            row = _kind_row(rows)
            share = sum(outcome.found for outcome in rows) / len(rows)
            alerts = Counter(outcome.alert.kind for outcome in rows if outcome.alert)
            table.add_row(
                kind,
                str(row["planted"]),
                str(row["found"]),
                Text(f"{share:.0%}", style="green" if share >= 0.8 else "yellow" if share >= 0.5 else "red"),
                _hours(row["median_delay_hours"]),
                "–" if row["median_delay_callers"] is None else f"{row['median_delay_callers']:g}",
                ", ".join(f"{name} {count}" for name, count in alerts.most_common()),
            )
        return table

    def _misses_table(self) -> Table | None:
        misses = [outcome.incident for outcome in self.outcomes if not outcome.found]
        if not misses:
            return None
        table = Table(title=f"Missed: {len(misses)}")
        table.add_column("kind")
        table.add_column("incident", overflow="fold")
        for name in ("callers", "tickets", "lasted", "began"):
            table.add_column(name, justify="right")
        for miss in misses:
            lasted = (miss.last_at - miss.first_at).total_seconds() / 3600.0
            began = miss.first_at.strftime("%m-%d %H:%M")
            table.add_row(miss.kind, miss.name, str(miss.callers), str(len(miss.ticket_ids)), _hours(lasted), began)
        return table

    def _false_table(self) -> Table:
        table = Table(
            title=f"Alerts with nothing planted behind them: {len(self.false_alerts)} of {self.opened} opened"
        )
        table.add_column("basis")
        table.add_column("alerts", justify="right")
        table.add_column("a week", justify="right")
        table.add_column("by kind")
        for basis, kinds in self._false_kinds().items():
            total = sum(kinds.values())
            named = ", ".join(f"{kind} {count}" for kind, count in kinds.most_common())
            table.add_row(basis, str(total), f"{total / self.weeks:.1f}", named)
        return table


def score(alerts_path: Path, incidents_path: Path, weeks: float | None = None) -> Score:
    """Matches the alerts of a replay to the incidents of the simulation it read.

    Parameters
    ----------
    alerts_path, incidents_path
        `alerts.jsonl` as replay writes it and `incidents.jsonl` as `simulate` does.
    weeks
        How long the stream was. Default: from the first incident or alert to the last, which is too short
        for a stream with few of either.

    Raises
    ------
    OSError
        If a file cannot be read.
    ReadError
        If a line is not what it should be; the message names file, line and field.
    """
    planted, transitions = read_planted(incidents_path), read_transitions(alerts_path)
    return judge(planted, transitions, weeks or _weeks(planted, transitions))


def judge(planted: Sequence[Planted], transitions: Sequence[Transition], weeks: float) -> Score:
    """Matches transitions to incidents; `weeks` is how long the stream was."""
    owners: dict[str, list[int]] = {}
    for i, incident in enumerate(planted):
        for ticket_id in incident.ticket_ids:
            owners.setdefault(ticket_id, []).append(i)
    first: dict[int, Transition] = {}
    true_alerts: set[str] = set()
    for alert in transitions:
        if alert.reason not in _COUNTED:
            continue
        supplied = Counter(i for ticket_id in dict.fromkeys(alert.ticket_ids) for i in owners.get(ticket_id, ()))
        total = len(set(alert.ticket_ids))
        for i, count in supplied.items():
            if 3 * count >= total:
                true_alerts.add(alert.alert_id)
            known = first.get(i)
            if _matches(alert, planted[i], count, total) and (known is None or alert.at < known.at):
                first[i] = alert
    opened = [alert for alert in transitions if alert.reason == "opened"]
    false = tuple(alert for alert in opened if alert.alert_id not in true_alerts)
    outcomes = tuple(Outcome(incident, first.get(i)) for i, incident in enumerate(planted))
    return Score(outcomes, false, len(opened), weeks)


def read_planted(path: Path) -> list[Planted]:
    """Reads `incidents.jsonl`; raises as `score` does."""
    return [*_rows(path, _PLANTED_FIELDS, _planted)]


def read_transitions(path: Path) -> list[Transition]:
    """Reads `alerts.jsonl`; raises as `score` does."""
    return [*_rows(path, _ALERT_FIELDS, _transition)]


def _matches(alert: Transition, incident: Planted, count: int, total: int) -> bool:
    if not incident.first_at <= alert.at <= incident.last_at + AFTERMATH:
        return False
    needed = 1.0 if incident.kind in ONE_IS_ENOUGH else 2.0
    share = 1 / 3 if alert.scope in WIDE_SCOPES else 1 / 2
    return count >= needed and count >= share * total - 1e-9


def _weeks(planted: Sequence[Planted], transitions: Sequence[Transition]) -> float:
    times = [incident.last_at for incident in planted] + [alert.at for alert in transitions]
    times += [incident.first_at for incident in planted]
    return max(1 / 7, (max(times) - min(times)) / timedelta(days=7)) if times else 1.0


# ---- reading

_PLANTED_FIELDS: Final = (
    "incident_id", "kind", "name", "ticket_ids", "first_at", "last_at", "callers", "ticket_times",
    "ticket_callers",
)  # fmt: skip
_ALERT_FIELDS: Final = (
    "alert_id",
    "kind",
    "basis",
    "scope",
    "reason",
    "title",
    "ticket_ids",
    "opened_at",
    "updated_at",
)


def _rows(path: Path, fields: Sequence[str], read: Callable[[Mapping[str, object]], Row]) -> Iterator[Row]:
    with path.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            where = f"{path}, line {number}"
            try:
                row = json.loads(line)
            except ValueError as error:
                raise ReadError(f"{where}: not JSON ({error})") from None
            missing = [field for field in fields if not isinstance(row, dict) or field not in row]
            if missing:
                raise ReadError(f"{where}: no field {missing[0]!r}; was it written by this version?")
            try:
                found = read(row)
            except ValueError as error:
                raise ReadError(f"{where}: {error}; was it written by this version?") from None
            yield found


def _planted(row: Mapping[str, object]) -> Planted:
    return Planted(
        str(row["incident_id"]),
        str(row["kind"]),
        str(row["name"]),
        _texts(row["ticket_ids"]),
        _time(row["first_at"]),
        _time(row["last_at"]),
        int(str(row["callers"])),
        tuple(map(_time, _texts(row["ticket_times"]))),
        tuple(map(int, _texts(row["ticket_callers"]))),
    )


def _transition(row: Mapping[str, object]) -> Transition:
    reason = str(row["reason"])
    return Transition(
        str(row["alert_id"]),
        str(row["kind"]),
        str(row["basis"]),
        str(row["scope"]),
        reason,
        str(row["title"]),
        _texts(row["ticket_ids"]),
        _time(row["opened_at" if reason == "opened" else "updated_at"]),
        str(row.get("street_name", "")),
        str(row.get("topic", "")),
    )


def _texts(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else ()


def _time(value: object) -> datetime:
    return datetime.fromisoformat(str(value))


# ---- rows


def _by_kind(outcomes: Sequence[Outcome]) -> list[tuple[str, list[Outcome]]]:
    kinds: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        kinds.setdefault(outcome.incident.kind, []).append(outcome)
    return sorted(kinds.items(), key=lambda item: (-len(item[1]), item[0]))


def _kind_row(rows: Sequence[Outcome]) -> dict[str, float | int | None]:
    hours = [outcome.delay_hours for outcome in rows if outcome.delay_hours is not None]
    callers = [outcome.delay_callers for outcome in rows if outcome.delay_callers is not None]
    return {
        "planted": len(rows),
        "found": sum(outcome.found for outcome in rows),
        "median_delay_hours": round(median(hours), 2) if hours else None,
        "median_delay_callers": median(callers) if callers else None,
    }


def _incident_row(outcome: Outcome) -> dict[str, object]:
    incident, alert = outcome.incident, outcome.alert
    return {
        "incident_id": incident.incident_id,
        "kind": incident.kind,
        "name": incident.name,
        "callers": incident.callers,
        "tickets": len(incident.ticket_ids),
        "hours": round((incident.last_at - incident.first_at).total_seconds() / 3600.0, 1),
        "found": outcome.found,
        "alert_id": alert.alert_id if alert else None,
        "alert_kind": alert.kind if alert else None,
        "delay_hours": None if outcome.delay_hours is None else round(outcome.delay_hours, 2),
        "delay_callers": outcome.delay_callers,
    }


def _hours(value: float | int | None) -> str:
    if value is None or math.isnan(value):
        return "–"
    return f"{value:.0f} h" if value >= 10 else f"{value:.1f} h"
