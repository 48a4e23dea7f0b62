"""What the three benchmarks on outbreak series share: simulated counts, peers, matched thresholds, tables."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

F64 = NDArray[np.float64]

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
SHARED = Path(os.environ.get("SENTINEL_SHARED", ROOT.parent / "shared"))
SERIES = SHARED / "data" / "outbreak_series"


def parameters(name: str) -> list[dict[str, float]]:
    """Rows of a file of parameters, all numbers."""
    with (SERIES / name).open(encoding="utf-8") as lines:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(lines)]


def counts(rng: np.random.Generator, mean: F64, dispersion: float) -> F64:
    """Counts with this mean and variance ``dispersion * mean``."""
    if dispersion <= 1.0:
        return rng.poisson(mean).astype(float)
    return rng.negative_binomial(mean / (dispersion - 1.0), 1.0 / dispersion).astype(float)


def ears(series: F64) -> dict[str, F64]:
    """EARS C1, C2 and C3 of each period: how many standard deviations above the week before it, or a gap earlier.

    Fricker, Hegler, Dunfee 2008, Statistics in Medicine 27:3407, section 2.
    """

    def deviations(gap: int) -> F64:
        out = np.zeros(len(series))
        windows = np.lib.stride_tricks.sliding_window_view(series, 7)
        first = 7 + gap
        past = windows[: len(series) - first]
        out[first:] = (series[first:] - past.mean(1)) / np.maximum(past.std(1, ddof=1), 0.5)
        return out

    c2 = deviations(2)
    over = np.maximum(0.0, c2 - 1.0)
    # a day that alarmed already does not count again
    over = np.where(np.roll(c2, 0) > 3.0, 0.0, over)
    c3 = np.maximum(0.0, c2 - 1.0) + np.concatenate(([0.0], over[:-1])) + np.concatenate(([0.0, 0.0], over[:-2]))
    return {"EARS C1": deviations(0), "EARS C2": c2, "EARS C3": c3}


def threshold(quiet: F64, rate: float) -> float:
    """The score that so large a share of the quiet periods exceeds, at most."""
    return float(np.quantile(quiet, 1.0 - rate, method="higher"))


def found(scores: F64, outbreak: F64, above: float) -> tuple[bool, bool, int | None]:
    """Whether an outbreak is found while it lasts, whether in its first period, and after how many periods."""
    begun = np.flatnonzero(outbreak)
    alarms = np.flatnonzero(scores[begun[0] : begun[-1] + 1] > above)
    return len(alarms) > 0, bool(scores[begun[0]] > above), int(alarms[0]) if len(alarms) else None


def run_r(script: str, series: Sequence[F64]) -> dict[str, F64] | None:
    """Run an R script over series of one length; its rows are method, series, scores of the periods asked for.

    None where there is no R, or no `surveillance` in it.
    """
    rscript = shutil.which("Rscript")
    if rscript is None:
        return None
    asked = subprocess.run([rscript, "-e", "library(surveillance)"], capture_output=True, check=False)
    if asked.returncode:
        return None
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        np.savetxt(root / "in.csv", np.array(series), delimiter=",", fmt="%g")
        (root / "run.R").write_text(script, encoding="utf-8")
        subprocess.run([rscript, "run.R"], cwd=root, check=True, capture_output=True)
        out: dict[str, list[list[float]]] = {}
        for line in (root / "out.csv").read_text("utf-8").splitlines():
            method, *values = line.split(",")
            out.setdefault(method.strip('"'), []).append([float(v) if v not in ("NA", "NaN") else 0.0 for v in values])
        return {method: np.array(rows) for method, rows in out.items()}


def show(console: Console, title: str, rows: Sequence[dict[str, object]]) -> None:
    """Print rows that have the same keys."""
    table = Table(title=title, title_justify="left")
    for n, name in enumerate(rows[0]):
        table.add_column(name, justify="right" if n else "left")
    for row in rows:
        table.add_row(*(f"{v:.3f}" if isinstance(v, float) else "–" if v is None else str(v) for v in row.values()))
    console.print(table)


def write(name: str, figures: dict[str, object]) -> None:
    """Write the figures as JSON."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / name).write_text(json.dumps(figures, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
