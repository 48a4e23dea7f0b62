"""Labelled weekly counts of real and simulated infections, against the alarms that R's `surveillance` gives on them.

    python -m benchmarks.outbreaks_real

Each series goes once through `detectors.periods.PeriodTest` at fixed nominal rates. A method's recorded alarms cover a
part of the series; ours are counted in the same weeks, once at our nominal rate of 1 % and once at the most cautious
rate of a grid at which it finds as many outbreaks (an oracle's choice, to compare at equal finds). Outbreaks are runs
of labelled weeks; an alarm finds one while it lasts; an alarm in an unlabelled week is false.
Reads `../shared/data/outbreak_series` (or SENTINEL_SHARED). Writes benchmarks/results/outbreaks_real.json.
"""

from __future__ import annotations

import csv
from itertools import pairwise

import numpy as np
from rich.console import Console

from benchmarks._outbreaks import F64, SERIES, show, write
from detectors.periods import PeriodTest

METHODS = ("bayes1", "cusum", "farrington_b1", "rki1")
NOMINAL = 0.01
GRID = 10.0 ** -np.arange(0.5, 6.01, 0.1)


def series(name: str) -> tuple[F64, F64]:
    """Counts and labels of all weeks of a series."""
    with (SERIES / f"{name}.csv").open(encoding="utf-8") as lines:
        rows = [(float(row["observed"]), float(row["state"])) for row in csv.DictReader(lines)]
    table = np.array(rows)
    return table[:, 0], table[:, 1]


def alarms(name: str, method: str) -> tuple[range, F64]:
    """Weeks that a method's record covers, from 0, and its alarms in them."""
    with (SERIES / "reference_alarms" / f"{name}_{method}.csv").open(encoding="utf-8") as lines:
        rows = [(int(row["t"]), float(row["alarm"] not in ("0", "NA", "FALSE"))) for row in csv.DictReader(lines)]
    first, last = rows[0][0] - 1, rows[-1][0]
    return range(first, last), np.array([alarm for _, alarm in rows])


def outbreaks(labels: F64) -> list[range]:
    """Runs of labelled weeks."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0.0], labels, [0.0]))))
    return [range(a, b) for n, (a, b) in enumerate(pairwise(edges.tolist())) if n % 2 == 0]


def judge(alarm: F64, labels: F64) -> tuple[int, int, int]:
    """Outbreaks found, outbreaks, false alarms."""
    runs = outbreaks(labels)
    return sum(bool(alarm[list(run)].any()) for run in runs), len(runs), int(alarm[labels == 0].sum())


def main() -> None:
    console = Console()
    if not SERIES.is_dir():
        console.print(f"skipped: the series are not at {SERIES}")
        return
    names = sorted(
        {file.stem.removesuffix(f"_{METHODS[0]}") for file in (SERIES / "reference_alarms").glob("*_bayes1.csv")}
    )
    scores: dict[str, F64] = {}
    for name in names:
        test = PeriodTest.weekly()
        counts, _ = series(name)
        scores[name] = np.array([test.update(week, count).score for week, count in enumerate(counts)])
    rows: list[dict[str, object]] = []
    for method in METHODS:
        theirs, ours, weeks = np.zeros(3), np.zeros(3), 0
        grid = np.zeros((len(GRID), 3))
        for name in names:
            covered, alarm = alarms(name, method)
            labels = series(name)[1][covered.start : covered.stop]
            score = scores[name][covered.start : covered.stop]
            weeks += len(labels)
            theirs += judge(alarm, labels)
            ours += judge((score > -np.log10(NOMINAL)).astype(float), labels)
            grid += [judge((score > -np.log10(rate)).astype(float), labels) for rate in GRID]
        equal = max((row for row in range(len(GRID)) if grid[row, 0] >= theirs[0]), default=None)
        within = max((row for row in range(len(GRID)) if grid[row, 2] <= theirs[2]), key=lambda row: grid[row, 0])
        rows.append({
            "method": method,
            "weeks": weeks,
            "outbreaks": int(theirs[1]),
            "found": int(theirs[0]),
            "false": int(theirs[2]),
            "ours at 1 %: found": int(ours[0]),
            "false ": int(ours[2]),
            "ours with as many found: false": None if equal is None else int(grid[equal, 2]),
            "ours with as many false: found": int(grid[within, 0]),
        })  # fmt: skip
    show(console, f"{len(names)} labelled weekly series", rows)
    write("outbreaks_real.json", {"series": names, "rows": rows})


if __name__ == "__main__":
    main()
