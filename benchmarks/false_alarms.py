"""Is the budget of false alarms kept? Years of a hotline in which nothing happens.

    python -m benchmarks.false_alarms

A generator of its own, without texts, makes calls for every street of the shipped city and for those without a
street: issues whose further callers come by a lognormal propensity, with lognormal delays; days that vary by more
than chance; a curve of the day, weekdays, holidays, an annual season and a trend; repeats, unknown callers, closings.
It shares no parameter and no code with what the detectors were calibrated on. Every call is shown to the
`StreetWatch` of the street stage, with its share of the budget, in as many weeks as it takes to expect about a
hundred alarms; the first eight weeks are not counted. An alarm is what the alert book would open: a subject that has
not been told in the time after which its alert ends and can no longer reopen. The city stage's share is left out on
both sides.

The other half of the measure, real messages with each caller's time shifted at random, is `benchmarks/citizens.py`.
Writes benchmarks/results/false_alarms.json.
"""

from __future__ import annotations

import argparse
import heapq
import random
import time
from collections import Counter
from collections.abc import Iterator
from math import ceil, exp, pi, sin
from typing import NamedTuple

from rich.console import Console
from rich.progress import track

from benchmarks._outbreaks import show, write
from detectors.base import DAY, HOUR
from detectors.daytypes import HOLIDAY, day_class, is_day_off, local_day
from sentinel.backtest import poisson_interval
from sentinel.records import UNKNOWN_STREET, RoutedTicket
from sentinel.settings import Settings, load_settings
from sentinel.watch import KIND_SHARES, StreetWatch, street_budget

BUDGETS = (0.5, 2.0, 10.0)
START = 1_704_038_400.0
"""2024-01-01 00:00 in Shanghai."""
WARM_UP_WEEKS = 8
CALLS_A_DAY = 1200
UNKNOWN_SHARE = 0.04
WORKDAY = (8, 5, 4, 3, 3, 6, 18, 38, 70, 92, 95, 70, 44, 55, 80, 85, 78, 62, 44, 38, 36, 30, 22, 14)
FREE_DAY = (12, 8, 6, 5, 4, 6, 12, 24, 42, 60, 66, 58, 50, 50, 56, 60, 58, 54, 50, 46, 44, 36, 26, 18)
WEEKDAYS = (1.12, 1.06, 1.02, 1.04, 1.0, 0.92, 0.84, 0.68)
"""Monday to Sunday, and public holidays."""


class Call(NamedTuple):
    """When, about what, by whom (0: unknown), and whether all earlier tickets of the issue had been closed."""

    at: float
    issue: int
    topic: str
    caller: int
    closed: bool


def calls(rng: random.Random, topics: list[tuple[str, float]], a_day: float, days: int) -> Iterator[Call]:
    """The calls of one street, in order."""
    paths = [path for path, _ in topics]
    shares = [weight * rng.lognormvariate(0.0, 0.6) for _, weight in topics]
    growth = [rng.lognormvariate(-2.75, 0.5) for _ in topics]
    phase, trend = rng.random() * 2 * pi, rng.uniform(-0.1, 0.2)
    waiting: list[tuple[float, int, int, int]] = []
    last: dict[int, float] = {}
    born = callers = 0
    for day in range(days):
        begins = START + day * DAY
        kind = day_class(local_day(begins, 8.0))
        season = exp(0.15 * sin(2 * pi * day / 365.25 + phase) + trend * day / 365.25)
        # further callers add about an eighth to the first ones
        level = a_day * 0.87 * season * WEEKDAYS[kind] * rng.gammavariate(30.0, 1 / 30.0)
        curve = FREE_DAY if is_day_off(kind) or kind == HOLIDAY else WORKDAY
        for _ in range(_poisson(rng, level)):
            at = begins + (rng.choices(range(24), curve)[0] + rng.random()) * HOUR
            topic = rng.choices(range(len(paths)), shares)[0]
            born += 1
            callers += 1
            heapq.heappush(waiting, (at, born, topic, callers if rng.random() > 0.05 else 0))
            propensity = growth[topic] * rng.lognormvariate(-0.72, 1.2)
            for _ in range(_poisson(rng, min(propensity, 3.0))):
                callers += 1
                later = at + rng.lognormvariate(0.6, 1.3) * DAY
                heapq.heappush(waiting, (later, born, topic, callers if rng.random() > 0.05 else 0))
            if rng.random() < 0.07:
                heapq.heappush(waiting, (at + rng.lognormvariate(1.2, 1.0) * DAY, born, topic, callers))
        while waiting and waiting[0][0] < begins + DAY:
            at, issue, topic, caller = heapq.heappop(waiting)
            closed = issue in last and at - last[issue] > rng.lognormvariate(1.6, 0.5) * DAY
            last[issue] = at
            yield Call(at, issue, paths[topic], caller, closed)


def _poisson(rng: random.Random, mean: float) -> int:
    if mean > 60.0:
        return max(0, round(rng.gauss(mean, mean**0.5)))
    left, count = exp(-mean), 0
    product = rng.random()
    while product > left:
        product *= rng.random()
        count += 1
    return count


def alarms(settings: Settings, street: str, stream: Iterator[Call]) -> tuple[Counter[str], int, int]:
    """Alarms by kind after the warm-up, series, and calls of one street."""
    watch = StreetWatch(settings, street_budget(settings, street))
    ends = settings.alerts.resolve_after
    until: dict[tuple[str, str], float] = {}
    told: Counter[str] = Counter()
    series: set[str] = set()
    heard: dict[int, float] = {}
    swept = START
    seen = 0
    for call in stream:
        seen += 1
        ticket = RoutedTicket(
            seen, call.at, street, "created", str(seen), call.at, caller=f"{call.caller:x}" * bool(call.caller)
        )
        issue = str(call.issue)
        heard[call.issue] = call.at
        said = [
            ("issue", issue, decision)
            for decision in watch.issue(issue, ticket, call.topic, closed=call.closed, countable=True, named=True)
            if decision.fired and decision.basis == "statistical"
        ]
        said += [("cell", cell, decision) for cell, decision in watch.cells(ticket, call.topic)]
        if (shifted := watch.mix(ticket, call.topic)) is not None:
            said.append(("mix", "", shifted[0]))
        series.add(call.topic)
        for scope, subject, decision in said:
            if call.at > until.get((scope, subject), 0.0) and call.at >= START + WARM_UP_WEEKS * 7 * DAY:
                told[f"{decision.kind}, {scope}"] += 1
            until[scope, subject] = call.at + ends[decision.kind] + settings.alerts.recur_within
        if call.at - swept > 7 * DAY:
            swept = call.at
            for old in [i for i, at in heard.items() if at < call.at - settings.memory.issues]:
                del heard[old]
                watch.forget(str(old))
            until = {key: at for key, at in until.items() if at > call.at}
    return told, len(series) + len({path.partition("/")[0] for path in series}) + 1, seen


def _shares(kind: str) -> float:
    """Part of the budget of what is told as a kind about a scope."""
    return KIND_SHARES["regrowth" if kind == "rising, issue" else kind.partition(",")[0]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=90210)
    parser.add_argument("--expected", type=float, default=100.0, help="alarms to expect at each budget")
    options = parser.parse_args()
    console = Console()
    shipped = load_settings(None)
    topics = [(topic.path, topic.weight) for topic in shipped.topics.topics]
    codes = [street.code for street in shipped.streets.streets]
    figures: list[dict[str, object]] = []
    for number, budget in enumerate(BUDGETS):
        limit = shipped.budget.model_copy(update={"false_alarms_per_week": budget})
        settings = shipped.model_copy(update={"budget": limit})
        configured = sum(street_budget(settings, code) for code in (*codes, UNKNOWN_STREET))
        weeks = ceil(options.expected / configured)
        rng = random.Random(options.seed + number)
        sizes = [rng.lognormvariate(0.0, 0.5) for _ in codes]
        shares = [(1.0 - UNKNOWN_SHARE) * size / sum(sizes) for size in sizes]
        told: Counter[str] = Counter()
        series = seen = 0
        began = time.process_time()
        streets = [*zip(codes, shares, strict=True), (UNKNOWN_STREET, UNKNOWN_SHARE)]
        for code, share in track(streets, f"budget {budget:g}, {weeks} weeks", console=console):
            stream = calls(
                random.Random(f"{options.seed} {budget} {code}"),
                topics,
                CALLS_A_DAY * share,
                7 * (weeks + WARM_UP_WEEKS),
            )
            kinds, cells, some = alarms(settings, code, stream)
            told += kinds
            series += cells
            seen += some
        count = told.total()
        low, high = poisson_interval(count)
        expected = configured * weeks
        figures.append({
            "budget": budget,
            "weeks": weeks,
            "series": series,
            "calls": seen,
            "expected": round(expected, 1),
            "observed": count,
            "observed/configured": count / expected,
            "low": low / expected,
            "high": high / expected,
            "by kind": {
                kind: f"{n} of {expected * _shares(kind):.0f}" for kind, n in sorted(told.items())
            },
            "CPU µs a call": round((time.process_time() - began) / seen * 1e6, 1),
        })  # fmt: skip
        console.print(figures[-1]["by kind"])
    show(
        console,
        "false alarms of the streets, first 8 weeks uncounted",
        [{k: v for k, v in f.items() if k != "by kind"} for f in figures],
    )
    write("false_alarms.json", {"seed": options.seed, "rows": figures})


if __name__ == "__main__":
    main()
