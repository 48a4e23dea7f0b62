"""CPU time of all detectors together, per ticket, at 5,000 live cells and 20,000 live issues.

Run it as ``python -m benchmarks.detectors_speed``. It prints a table and writes
``benchmarks/results/detectors_speed.json``.
"""

from __future__ import annotations

import json
import pickle
import platform
import random
import time
from pathlib import Path

from detectors.bounced import BouncedDetector
from detectors.callers import CallerLedger
from detectors.drift import DriftDetector
from detectors.floor import FloorDetector
from detectors.mass import MassDetector
from detectors.new import NewDetector
from detectors.recurred import RecurredDetector
from detectors.repeat_call import RepeatCallDetector
from detectors.rising import RisingDetector
from detectors.urgent import DangerCue, UrgentDetector
from sentinel.garbage import seldom_collected

STREETS = 37
LEAVES = 135
GROUPS = 14
ISSUES = 20_000
WARM_UP = 60_000
MEASURED = 20_000
CALLS_A_DAY = 4_000
MONDAY = 1_736_092_800.0
RESULT = Path(__file__).parent / "results" / "detectors_speed.json"

Ticket = tuple[float, int, str, str, str, str]


class Street:
    """All detectors of one street, and the time each has taken."""

    def __init__(self) -> None:
        self.ledger = CallerLedger()
        self.rising = RisingDetector()
        self.drift = DriftDetector()
        self.new = NewDetector()
        self.mass = MassDetector()
        self.floor = FloorDetector()
        self.recurred = RecurredDetector()
        self.repeat_call = RepeatCallDetector()
        self.bounced = BouncedDetector()
        self.urgent = UrgentDetector()


def tickets(count: int, seed: int) -> list[Ticket]:
    """Tickets of a city: time, street, group, leaf, issue, caller; one in ten on a recent issue."""
    rng = random.Random(seed)
    shares = [rng.gammavariate(0.7, 1.0) for _ in range(LEAVES)]
    leaves = rng.choices(range(LEAVES), shares, k=count)
    made: list[Ticket] = []
    for n, leaf in enumerate(leaves):
        t = MONDAY + n * 86_400.0 / CALLS_A_DAY
        if n and rng.random() < 0.1:
            _, street, group, topic, issue, _ = made[rng.randrange(max(0, n - ISSUES), n)]
        else:
            street, group, topic, issue = rng.randrange(STREETS), f"g{leaf % GROUPS}", f"t{leaf}", f"i{n}"
        made.append((t, street, group, topic, issue, f"{rng.randrange(10**6):016x}"))
    return made


def feed(streets: list[Street], calls: list[Ticket], spent: dict[str, float]) -> None:
    """Show every ticket to every detector of its street, and add up the time by detector."""
    clock = time.process_time_ns
    for t, number, group, topic, issue, caller in calls:
        street = streets[number]
        marks = [clock()]
        callers = street.ledger.add(issue, t, caller)
        marks.append(clock())
        street.rising.update("", t, caller)
        street.rising.update(group, t, caller, parent="")
        street.rising.update(f"{group}/{topic}", t, caller, parent=group)
        marks.append(clock())
        street.drift.update("", t, group, street.rising.share)
        marks.append(clock())
        street.new.update(issue, callers)
        marks.append(clock())
        street.mass.update(issue, callers)
        marks.append(clock())
        street.floor.update(callers, topic)
        marks.append(clock())
        street.recurred.update(issue, callers, caller)
        marks.append(clock())
        street.repeat_call.update(issue, t, caller)
        street.bounced.update(issue, t, "handler")
        street.urgent.update((DangerCue(0.1),))
        marks.append(clock())
        names = ("callers", "rising", "drift", "new", "mass", "floor", "recurred", "rules")
        for name, begin, end in zip(names, marks, marks[1:], strict=False):
            spent[name] = spent.get(name, 0.0) + (end - begin) / 1_000.0


def main() -> None:
    streets = [Street() for _ in range(STREETS)]
    calls = tickets(WARM_UP + MEASURED, seed=7)
    feed(streets, calls[:WARM_UP], {})
    # The clock itself costs as much as a cheap detector: take it off.
    begin = time.process_time_ns()
    for _ in range(MEASURED):
        time.process_time_ns()
    tick = (time.process_time_ns() - begin) / 1_000.0 / MEASURED
    live = {issue for *_, issue, _ in calls[WARM_UP - ISSUES : WARM_UP]}
    for _, number, _, _, issue, _ in calls[:WARM_UP]:
        if issue not in live:
            for detector in (streets[number].new, streets[number].mass, streets[number].recurred):
                detector.forget(issue)
            streets[number].ledger.forget(issue)
            streets[number].bounced.forget(issue)
    spent: dict[str, float] = {}
    with seldom_collected():  # as a replay does
        feed(streets, calls[WARM_UP:], spent)
    table = {name: round(max(0.0, total / MEASURED - tick), 2) for name, total in spent.items()}
    table["all"] = round(sum(table.values()), 2)
    cells = sum(len(street.rising) for street in streets)
    issues = sum(len(street.ledger) for street in streets)
    sizes = {
        "cells": cells,
        "issues": issues,
        "state_mb": round(sum(len(pickle.dumps(street.__dict__)) for street in streets) / 1e6, 1),
    }
    print(f"{cells:,} cells, {issues:,} issues, {MEASURED:,} tickets; {sizes['state_mb']} MB pickled")
    print(f"{'detector':<12}{'µs a ticket':>12}")
    for name, cost in table.items():
        print(f"{name:<12}{cost:>12.2f}")
    RESULT.parent.mkdir(exist_ok=True)
    report = {"microseconds_a_ticket": table, **sizes, "python": platform.python_version()}
    RESULT.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
