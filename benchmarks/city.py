"""A city's hotline with planted incidents: which are found, how early, for how many false alarms.

    python -m benchmarks.city
    python -m benchmarks.city --budget 6     # what twice or thrice the budget would find
    python -m benchmarks.city --callers 2    # what comes of telling of two callers

Simulates with seeds never used for tuning, replays with the shipped settings (a budget of 2 false alarms a week), and
judges as `sentinel score` does. Beside it two peers look at the same issues (as our clusterer assigned them) and the
same cells (street and given topic), at every ticket: a z-score of the last 24 hours against the 28 days before, and
EARS C2. Their thresholds are the lowest of a grid that keep them at no more than two false alarms a week, or at no
more than ours; a series that has alarmed stays open for three days. The first two weeks are not counted, nor what had
not run its course by the end: of a pile whose limits pass after the last ticket nothing shows.

What nobody can do stands beside it: an oracle that knows which tickets belong together speaks with the second caller of
every incident (one ticket makes no incident, but for danger and handling), or with the third, the fewest that our `new`
takes for more than a family; and one that must wait for the third caller in one issue of our clusterer.
Writes benchmarks/results/city.json.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from statistics import mean, median, pstdev

from rich.console import Console

from benchmarks._outbreaks import show, write
from sentinel.demo import run_simulate
from sentinel.replay_command import run_replay
from sentinel.scoring import Outcome, Planted, Score, Transition, judge, read_planted, read_transitions

SEEDS = (101, 102, 103)
DAY = 86400.0
WARM_UP = timedelta(days=14)
SILENT = 3 * DAY
BUDGET = 2.0
GRID = [1.5 * 1.12**n for n in range(40)]
OURS = "Sentinel"
HANDLING = frozenset({"bounced", "repeat_call", "unsatisfied", "overdue"})


class Series:
    """Tickets of an issue or a cell, in order."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.tickets: list[str] = []

    def trailing(self, at: float, days: float) -> int:
        """How many came in the 24 hours that ended so many days before."""
        until = at - days * DAY
        return bisect_right(self.times, until) - bisect_right(self.times, until - DAY)


def z_score(series: Series, at: float) -> float:
    """The last 24 hours against the 28 days before."""
    past = [series.trailing(at, day) for day in range(1, 29)]
    return (series.trailing(at, 0) - mean(past)) / max(0.5, pstdev(past))


def ears_c2(series: Series, at: float) -> float:
    """The last 24 hours against seven days that end two days before."""
    past = [series.trailing(at, day) for day in range(3, 10)]
    return (series.trailing(at, 0) - mean(past)) / max(0.5, pstdev(past))


PEERS: dict[str, Callable[[Series, float], float]] = {"z-score": z_score, "EARS C2": ears_c2}


def watched(folder: Path) -> list[tuple[str, Series]]:
    """Issues and cells of a replay, by scope."""
    issues = assigned(folder)
    found: dict[tuple[str, str], Series] = defaultdict(Series)
    with (folder / "tickets.jsonl").open(encoding="utf-8") as lines:
        rows = [row for row in map(json.loads, lines) if row.get("event", "created") == "created"]
    rows.sort(key=lambda row: str(row["created_at"]))
    for row in rows:
        at = datetime.fromisoformat(row["created_at"]).timestamp()
        keys = [("issue", issues.get(row["ticket_id"], ""))]
        if row.get("topic"):
            keys.append(("cell", f"{row.get('street')} {row['topic']}"))
        for key in keys:
            found[key].times.append(at)
            found[key].tickets.append(row["ticket_id"])
    return [(scope, series) for (scope, name), series in found.items() if name and len(series.times) > 1]


def alarms(scored: Sequence[tuple[str, Series, list[float]]], above: float) -> list[Transition]:
    """What a peer opens at a threshold."""
    opened = []
    for number, (scope, series, scores) in enumerate(scored):
        silent = 0.0
        for n, (at, value) in enumerate(zip(series.times, scores, strict=True)):
            if value <= above:
                continue
            # while it alarms it stays open, and what it lists grows
            first = bisect_left(series.times, at - DAY)
            tickets = tuple(series.tickets[first : n + 1])
            when = datetime.fromtimestamp(at).astimezone()
            reason = "grew" if at < silent else "opened"
            opened.append(
                Transition(
                    f"{number}-{silent if reason == 'grew' else at}",
                    "rising",
                    "statistical",
                    scope,
                    reason,
                    "",
                    tickets,
                    when,
                )
            )
            silent = at + SILENT
    return opened


def assigned(folder: Path) -> dict[str, str]:
    """The issue of each ticket of a replay, as they were in the end: some turn out to be one."""
    with (folder / "issues.jsonl").open(encoding="utf-8") as lines:
        return {ticket: issue["issue_id"] for issue in map(json.loads, lines) for ticket in issue["ticket_ids"]}


def oracle(planted: Sequence[Planted], needed: int, issues: dict[str, str] | None = None) -> list[Outcome]:
    """What one who knows the planted groups finds with so many distinct callers of each; danger with the first.

    With ``issues`` the callers must be in one of these.
    """
    outcomes = []
    for incident in planted:
        if incident.kind in HANDLING:
            continue
        fewest, at = 1 if incident.kind == "urgent" else needed, None
        callers: dict[str, set[int]] = defaultdict(set)
        tickets = zip(incident.ticket_times, incident.ticket_callers, incident.ticket_ids, strict=True)
        for time, caller, ticket_id in sorted(tickets):
            together = callers[issues.get(ticket_id, "") if issues is not None else ""]
            together.add(caller)
            if len(together) >= fewest:
                at = time
                break
        told = None if at is None else Transition("", "", "", "issue", "opened", "", incident.ticket_ids, at)
        outcomes.append(Outcome(incident, told))
    return outcomes


def whole(incident: Planted, since: datetime, until: datetime) -> bool:
    """Whether an incident ran its course between warm-up and end; what breaks off nobody could find.

    A repeat call whose second call comes after the end is none.
    """
    shown = incident.kind != "repeat_call" or len(incident.ticket_ids) > 1
    return shown and since <= incident.first_at and incident.last_at < until


def counted(
    planted: list[Planted], transitions: list[Transition], since: datetime, until: datetime, weeks: float
) -> Score:
    """The score of what ran its course after the warm-up; alerts about other incidents are not counted at all."""
    kept = [incident for incident in planted if whole(incident, since, until)]
    others = {t for incident in planted if not whole(incident, since, until) for t in incident.ticket_ids}
    alerts = [
        alert
        for alert in transitions
        if alert.at >= since and not 3 * sum(t in others for t in alert.ticket_ids) >= max(1, len(alert.ticket_ids))
    ]
    return judge(kept, alerts, weeks)


def false_statistical(score: Score) -> int:
    """False alarms within the budget."""
    return sum(alert.basis == "statistical" for alert in score.false_alerts)


def by_kind(name: str, outcomes: Sequence[Outcome]) -> list[dict[str, object]]:
    """A row a kind, and one of all kinds of complaints."""
    kinds: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        kinds[outcome.incident.kind].append(outcome)
        if outcome.incident.kind not in HANDLING:
            kinds["all but handling"].append(outcome)
    rows = []
    for kind, some in sorted(kinds.items()):
        hours = [o.delay_hours for o in some if o.delay_hours is not None]
        callers = [o.delay_callers for o in some if o.delay_callers is not None]
        rows.append({
            "method": name,
            "kind": kind,
            "planted": len(some),
            "found": f"{sum(o.found for o in some) / len(some):.0%}",
            "median hours": round(median(hours), 1) if hours else None,
            "median callers": median(callers) if callers else None,
        })  # fmt: skip
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--days", type=int, default=42)
    parser.add_argument("--tickets-per-day", type=int, default=1200)
    parser.add_argument("--incidents-per-day", type=float, default=1.75)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--budget", type=float, help="false alarms a week; default: as shipped")
    parser.add_argument("--callers", type=int, help="fewest callers of a new issue; default: as shipped")
    options = parser.parse_args()
    console = Console()
    scores: dict[str, list[Score]] = defaultdict(list)
    cities, clustered, late = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        config = None
        changed = ""
        if options.budget is not None:
            changed += f"budget:\n  false_alarms_per_week: {options.budget}\n"
        if options.callers is not None:
            changed += f"detectors:\n  new:\n    min_callers: {options.callers}\n"
        if changed:
            config = Path(folder)
            (config / "sentinel.yaml").write_text(changed, encoding="utf-8")
        for seed in options.seeds:
            root = Path(folder) / str(seed)
            run_simulate(
                options.days, seed, root, options.tickets_per_day, date(2025, 3, 3), True, None, console,
                options.incidents_per_day,
            )  # fmt: skip
            run_replay((root / "tickets.jsonl",), root, config, "", 0.0, 0, True, console)
            planted = read_planted(root / "incidents.jsonl")
            start = datetime.fromisoformat("2025-03-03T00:00:00+08:00")
            weeks = (timedelta(days=options.days) - WARM_UP) / timedelta(days=7)
            transitions = read_transitions(root / "alerts.jsonl")
            since, until = start + WARM_UP, start + timedelta(days=options.days)
            scores[OURS].append(counted(planted, transitions, since, until, weeks))
            cities.append((planted, since, until, weeks, watched(root), transitions))
            run = [incident for incident in planted if whole(incident, since, until)]
            late += run
            clustered += oracle(run, 3, assigned(root))
    weeks = sum(city[3] for city in cities)
    ours = sum(map(false_statistical, scores[OURS])) / weeks
    rates = {OURS: ours}
    for name, statistic in PEERS.items():
        scored = [
            [(scope, some, [statistic(some, at) for at in some.times]) for scope, some in series]
            for *_, series, _ in cities
        ]
        for limit, label in ((BUDGET, name), (ours, f"{name}, as many false as ours")):
            for above in GRID:
                judged = [
                    counted(planted, alarms(some, above), since, until, length)
                    for (planted, since, until, length, *_), some in zip(cities, scored, strict=True)
                ]
                rate = sum(map(false_statistical, judged)) / weeks
                if rate <= limit:
                    break
            scores[label], rates[label] = judged, rate
    rows = [row for name, some in scores.items() for row in by_kind(name, [o for s in some for o in s.outcomes])]
    rows += by_kind("oracle, second caller", oracle(late, 2)) + by_kind("oracle, third caller", oracle(late, 3))
    rows += by_kind("oracle, third caller in one of our issues", clustered)
    show(console, f"{len(cities)} seeds, {weeks:.0f} weeks counted", rows)
    console.print({name: round(rate, 2) for name, rate in rates.items()}, "false statistical alarms a week")
    urgent = urgency(cities)
    console.print(urgent)
    figures = {
        "budget": options.budget,
        "callers": options.callers,
        "seeds": options.seeds,
        "days": options.days,
        "tickets a day": options.tickets_per_day,
    }
    write("city.json", {**figures, "rows": rows, "false a week": rates, "urgent": urgent})


def urgency(
    cities: Sequence[tuple[list[Planted], datetime, datetime, float, object, list[Transition]]],
) -> dict[str, object]:
    """Recall of planted danger by alerts of the kind, and how many of these were about planted danger."""
    told = right = planted_all = found = 0
    for planted, since, *_, transitions in cities:
        danger = {i.incident_id: set(i.ticket_ids) for i in planted if i.kind == "urgent" and i.first_at >= since}
        tickets = set().union(*danger.values()) if danger else set()
        alerts = [a for a in transitions if a.kind == "urgent" and a.reason == "opened" and a.at >= since]
        told += len(alerts)
        right += sum(bool(tickets & set(a.ticket_ids)) for a in alerts)
        said = {ticket for a in alerts for ticket in a.ticket_ids}
        planted_all += len(danger)
        found += sum(bool(ids & said) for ids in danger.values())
    return {
        "urgent planted": planted_all,
        "recall": found / planted_all if planted_all else None,
        "alerts": told,
        "precision": right / told if told else None,
    }


if __name__ == "__main__":
    main()
