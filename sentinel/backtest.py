"""Back-test: history under one or more settings and budgets, and what each would have alerted."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

from detectors.tails import upper_tail
from sentinel.labels import Labels
from sentinel.output import OutputFiles
from sentinel.readers import in_order, open_tickets
from sentinel.replay import Replay, ReplayOptions
from sentinel.replay_command import summary_of
from sentinel.scoring import Planted, Score, Transition, judge, read_transitions
from sentinel.settings import Settings
from sentinel.shared import Shared

WEEK: Final = timedelta(days=7)


class Variant(NamedTuple):
    """One set of settings to replay history under; its name is that of its folder."""

    name: str
    settings: Settings

    @property
    def budget(self) -> float:
        """False alarms a week that it tolerates."""
        return self.settings.budget.false_alarms_per_week


class Rate(NamedTuple):
    """A count over so many weeks, with the exact 95 % interval of a Poisson rate."""

    alerts: int
    weeks: float

    @property
    def a_week(self) -> float:
        """The rate."""
        return self.alerts / self.weeks

    @property
    def interval(self) -> tuple[float, float]:
        """From the least rate to the greatest that the count is compatible with."""
        low, high = poisson_interval(self.alerts)
        return low / self.weeks, high / self.weeks


@dataclass(frozen=True)
class Result:
    """What one variant would have alerted."""

    name: str
    budget: float
    weeks: float
    """counted; what came in the warm-up is not"""
    tickets: int
    seconds: float
    opened: tuple[Transition, ...]
    score: Score | None
    """None without labels"""

    def by(self, what: Callable[[Transition], str]) -> list[tuple[str, int]]:
        """Opened alerts by a property, the most frequent first."""
        return sorted(Counter(map(what, self.opened)).items(), key=lambda item: (-item[1], item[0]))

    def statistical(self) -> Rate:
        """All statistical alerts, true and false: what a budget's false ones are among."""
        return Rate(sum(alert.basis == "statistical" for alert in self.opened), self.weeks)

    def false(self) -> Rate | None:
        """Statistical alerts with no labelled incident behind them; None without labels."""
        if self.score is None:
            return None
        return Rate(sum(alert.basis == "statistical" for alert in self.score.false_alerts), self.weeks)

    def delays(self) -> tuple[float | None, float | None]:
        """Median delay of what was found, in hours and in distinct callers."""
        outcomes = self.score.outcomes if self.score is not None else ()
        hours = [outcome.delay_hours for outcome in outcomes if outcome.delay_hours is not None]
        callers = [outcome.delay_callers for outcome in outcomes if outcome.delay_callers is not None]
        return (median(hours), median(callers)) if hours else (None, None)

    def as_dict(self) -> dict[str, object]:
        """For JSON; rates a week."""
        false = self.false()
        hours, callers = self.delays()
        return {
            "name": self.name,
            "budget": self.budget,
            "weeks": round(self.weeks, 3),
            "tickets": self.tickets,
            "alerts_a_week": {
                name: {key or "–": round(count / self.weeks, 4) for key, count in self.by(what)}
                for name, what in PROPERTIES.items()
            },
            "statistical_a_week": _rounded(self.statistical()),
            "false_a_week": None if false is None else _rounded(false),
            "recall": None if self.score is None else round(self.score.found_share, 4),
            "median_delay_hours": hours,
            "median_delay_callers": callers,
            "score": None if self.score is None else self.score.as_dict(),
        }


PROPERTIES: Final[dict[str, Callable[[Transition], str]]] = {
    "kind": lambda alert: alert.kind,
    "basis": lambda alert: alert.basis,
    "street": lambda alert: alert.street,
    "topic": lambda alert: alert.topic,
}


def variants(configs: Sequence[tuple[str, Settings]], budgets: Sequence[float]) -> list[Variant]:
    """Return every configuration, with each of the budgets where any are given."""
    made = []
    for name, settings in configs:
        if not budgets:
            made.append(Variant(name, settings))
        for budget in budgets:
            changed = settings.budget.model_copy(update={"false_alarms_per_week": budget})
            made.append(Variant(f"{name}-budget-{budget:g}", settings.model_copy(update={"budget": changed})))
    return made


def run_variant(
    variant: Variant,
    files: tuple[Path, ...],
    columns: dict[str, str],
    out: Path,
    labels: Labels | None,
    warm_up: timedelta,
    workers: int,
    on_progress: Callable[[int], None],
) -> Result:
    """Replay the files under one variant, into a folder of its own, and judge what it alerted.

    Raises `ReadError` where nothing can be read, or a label names a ticket that is not there.
    """
    settings = variant.settings
    folder = out / variant.name
    with OutputFiles(folder, settings.timezone) as output:
        entries = in_order(open_tickets(files, columns), lambda rejection: output.rejections([rejection]))
        shared = Shared.load(settings)
        replay = Replay(settings, shared, output, ReplayOptions(workers, on_progress=on_progress))
        replay.run(labels.watch(entries) if labels else entries)
        output.finish(summary_of(files, settings.city, shared.encoder.identity, replay.counts, output, 0.0))
    counts = replay.counts
    first = datetime.fromtimestamp(counts.first_at, UTC)
    last = datetime.fromtimestamp(counts.last_at, UTC)
    since = first + warm_up
    weeks = max(1 / 7, (last - since) / WEEK)
    incidents = labels.incidents() if labels else None
    return judged(variant, weeks, counts.tickets, read_transitions(folder / "alerts.jsonl"), incidents, since)


def judged(
    variant: Variant,
    weeks: float,
    tickets: int,
    transitions: Sequence[Transition],
    incidents: Sequence[Planted] | None,
    since: datetime,
) -> Result:
    """Judge transitions against incidents, leaving out alerts opened, and incidents begun, before a time."""
    early = {alert.alert_id for alert in transitions if alert.reason == "opened" and alert.at < since}
    kept = [alert for alert in transitions if alert.alert_id not in early]
    score = None
    if incidents is not None:
        begun = [incident for incident in incidents if incident.first_at >= since]
        # an alert of an incident that began in the warm-up is no false one
        of_early = {ticket for incident in incidents if incident.first_at < since for ticket in incident.ticket_ids}
        score = judge(begun, [alert for alert in kept if not _mostly(alert.ticket_ids, of_early)], weeks)
    opened = tuple(alert for alert in kept if alert.reason == "opened")
    return Result(variant.name, variant.budget, weeks, tickets, 0.0, opened, score)


def _mostly(tickets: Sequence[str], of: set[str]) -> bool:
    return bool(tickets) and 3 * sum(ticket in of for ticket in tickets) >= len(tickets)


def poisson_interval(count: int, level: float = 0.95) -> tuple[float, float]:
    """Return the exact interval of a Poisson mean, by Garwood 1936, Biometrika 28:437.

    >>> low, high = poisson_interval(10)
    >>> round(low, 2), round(high, 2)
    (4.8, 18.39)
    """
    tail = (1.0 - level) / 2.0
    low = 0.0 if count == 0 else _mean_where(lambda mean: upper_tail(count, mean, 1.0) >= tail, count)
    return low, _mean_where(lambda mean: upper_tail(count + 1, mean, 1.0) >= 1.0 - tail, count)


def _mean_where(reached: Callable[[float], bool], count: int) -> float:
    """Return the least mean that reaches something which every greater one does."""
    low, high = 0.0, 4.0 * count + 20.0
    for _ in range(60):
        middle = (low + high) / 2.0
        low, high = (low, middle) if reached(middle) else (middle, high)
    return high


def _rounded(rate: Rate) -> dict[str, float | int]:
    low, high = rate.interval
    return {"count": rate.alerts, "a_week": round(rate.a_week, 4), "low": round(low, 4), "high": round(high, 4)}
