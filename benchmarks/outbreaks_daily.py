"""Daily counts with outbreaks: the 16 signals of Noufaily et al. 2019, Bioinformatics 35(17):3110.

    python -m benchmarks.outbreaks_daily

Seven years of each series go once, day by day, through `detectors.periods.PeriodTest`; the last 49 weeks are scored,
with one outbreak and without. Beside it: EARS C1 to C3 and an EWMA with weekday factors, all on the same series. All
thresholds are one for all signals, matched to the false-positive rate in the series without outbreak; what our nominal
rate gives stands beside them. Three signals have an outbreak of every year's own, which is not the target. As in the
authors' code, the outbreak of a signal whose counts are divided is not divided; their bank holidays are left out.
Reads `../shared/data/outbreak_series` (or SENTINEL_SHARED). Writes benchmarks/results/outbreaks_daily.json.
"""

from __future__ import annotations

import argparse
import pickle
import time
from math import exp, log, sqrt

import numpy as np
from rich.console import Console
from rich.progress import track

from benchmarks._outbreaks import F64, SERIES, counts, ears, found, parameters, run_r, show, threshold, write
from detectors.periods import PeriodTest
from detectors.tails import score_of, upper_tail

YEARS, WEEKS = 7, 52
SCORED = 49
RATES = (0.01, 0.001)
OURS = "PeriodTest"
WEIGHTS = {5: np.array([1.1, 1.5, 1.1, 1.0, 1.0]), 7: np.array([2.0, 1.0, 1.0, 1.0, 1.0, 1.0, 2.0])}
YEARLY = {6: (80, 1, 20), 7: (50, 1, 20), 16: (150, 210, 230)}
"""Outbreaks of every year, by code of the signal: size in days' standard deviations a weekday, and when they begin."""
OTHER = {"alpha": 1.0, "beta": 0.0, "k_annual": 1, "k2_dow": 1, "gama1": 0.1, "gama2": 2.0, "gama3": 0.05,
         "gama4": 0.05, "shift": -50.0, "days": 5, "phi": 1.0}  # fmt: skip
"""What the size of the yearly outbreaks of signal 16 follows."""
FARRINGTON = """
library(surveillance)
x <- as.matrix(read.csv("in.csv", header = FALSE))
out <- file("out.csv", "w")
for (i in seq_len(nrow(x))) {
  y <- sts(as.numeric(x[i, ]), start = c(2000, 1), frequency = 364)
  n <- ncol(x)
  control <- list(range = (n - 49 * 7 + 1):n, b = 5, w = 21, noPeriods = 10, weightsThreshold = 2.58,
    pastWeeksNotIncluded = 182, pThresholdTrend = 1, thresholdMethod = "nbPlugin", alpha = 0.01, limit54 = c(0, 4))
  f <- try(farringtonFlexible(y, control), silent = TRUE)
  s <- if (inherits(f, "try-error")) rep(0, 49 * 7) else 1 - as.numeric(f@control$pvalue)
  cat(paste(c("Farrington flexible on 7-day sums", s), collapse = ","), "\\n", file = out, sep = "")
}
close(out)
"""


class Pair:
    """One signal without the outbreak looked for, and with it."""

    def __init__(self, rng: np.random.Generator, signal: dict[str, float], size: float) -> None:
        self.days = days = int(signal["days"])
        n = YEARS * WEEKS * days
        mean = _mean(signal, n)
        quiet = counts(rng, mean, signal["phi"]) / signal["divide_by"]
        if int(signal["code_id"]) in YEARLY:
            times, first, last = YEARLY[int(signal["code_id"])]
            usual = OTHER if int(signal["code_id"]) == 16 else signal
            spread = np.sqrt(_mean(usual, n) * usual["phi"])
            for year in range(YEARS):
                begins = year * WEEKS * days + int(rng.integers(first, last + 1)) - 1
                cases = int(rng.poisson(3 * days * times * spread[begins]))
                quiet += _spread(np.bincount((rng.lognormal(0.0, 0.5, cases) / 0.02).astype(int)), begins, n, days)
        sd = np.sqrt(signal["phi"] * mean)
        while True:
            begins = int(rng.integers(n - SCORED * days, n))
            cases = int(rng.poisson(size * days * sd[begins]))
            bins = np.bincount((rng.lognormal(0.0, 0.5, max(cases, 1)) / 0.25).astype(int))
            self.outbreak = np.round(_spread(bins, begins, n, days))
            if cases >= 2 and self.outbreak.any():
                break
        self.quiet: F64 = np.round(quiet)

    @property
    def scored(self) -> int:
        """Days that are scored, the last ones."""
        return SCORED * self.days


def _mean(signal: dict[str, float], n: int) -> F64:
    t = np.arange(1, n + 1) + signal["shift"]
    days = signal["days"]
    out = signal["alpha"] + signal["beta"] * t
    for j in range(1, int(signal["k_annual"]) + 1):
        angle = 2 * np.pi * j * t / (WEEKS * days)
        out = out + signal["gama1"] * np.cos(angle) + signal["gama2"] * np.sin(angle)
    for j in range(1, int(signal["k2_dow"]) + 1):
        angle = 2 * np.pi * j * t / days
        out = out + signal["gama3"] * np.cos(angle) + signal["gama4"] * np.sin(angle)
    made: F64 = np.exp(out)
    return made


def _spread(bins: F64, begins: int, n: int, days: int) -> F64:
    at = begins + np.arange(len(bins))
    out = np.zeros(n)
    kept = at < n
    out[at[kept]] = (bins * WEIGHTS[days][(at + 1) % days])[kept]
    return out


def ours(pair: Pair) -> tuple[F64, F64]:
    """Scores of the last days without and with the outbreak; what came before is the same, and taken once."""
    test = PeriodTest.daily(pair.days)
    n = len(pair.quiet)
    for day in range(n - pair.scored):
        test.update(day, pair.quiet[day])
    kept = pickle.dumps(test)
    scores = []
    for series in (pair.quiet, pair.quiet + pair.outbreak):
        test = pickle.loads(kept)
        scores.append(np.array([test.update(day, series[day]).score for day in range(n - pair.scored, n)]))
    return scores[0], scores[1]


def ewma(series: F64, days: int) -> F64:
    """Negative binomial EWMA: a level that forgets in ten days, factors of the weekdays and dispersion in a year's."""
    level, factors, noise = max(0.5, float(series[: 4 * days].mean())), [1.0] * days, 1.3
    slow = 1.0 - exp(-1.0 / (WEEKS * days))
    out = np.zeros(len(series))
    for day, count in enumerate(series):
        weekday = day % days
        mean = max(0.05, level * factors[weekday])
        out[day] = score_of(upper_tail(int(count), mean, noise))
        kept = min(count, mean + 3.0 * sqrt(noise * mean))
        level += 0.1 * (kept / factors[weekday] - level)
        factors[weekday] += 0.02 * (kept / max(0.5, level) - factors[weekday])
        noise = max(1.0, noise + slow * ((kept - mean) ** 2 / mean - noise))
    return out


def weekly_sums(series: F64, days: int) -> F64:
    """Sums of the last seven days of a calendar in which nothing is reported on days off."""
    full = series
    if days == 5:
        full = np.concatenate([series.reshape(-1, 5), np.zeros((len(series) // 5, 2))], axis=1).ravel()
    return np.convolve(full, np.ones(7))[: len(full)]


def row_of(method: str, told: list[tuple[int, F64, F64, F64]], above: dict[float, float]) -> dict[str, object]:
    """POD at each rate, and the mean delay at the first, over (signal, quiet, loud, outbreak)."""
    row: dict[str, object] = {"method": method}
    for rate in RATES:
        seen = [found(loud, outbreak, above[rate]) for _, _, loud, outbreak in told]
        late = [s[2] for s in seen if s[2] is not None]
        row[f"POD {rate:.1%}"] = float(np.mean([s[0] for s in seen]))
        row[f"days {rate:.1%}"] = float(np.mean(late)) if late else None
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--series", type=int, default=25, help="of each signal and size")
    parser.add_argument("--seed", type=int, default=2019)
    parser.add_argument("--r-series", type=int, default=2, help="of each signal for R, size 5")
    options = parser.parse_args()
    console = Console()
    if not SERIES.is_dir():
        console.print(f"skipped: the parameters are not at {SERIES}")
        return
    figures: dict[str, object] = {"series": options.series * 16, "seed": options.seed}
    signals = parameters("daily_signals16.csv")
    rng = np.random.default_rng(options.seed)
    for size in (2, 3, 5, 10):
        pairs = [(s, Pair(rng, signal, size)) for s, signal in enumerate(signals) for _ in range(options.series)]
        told: dict[str, list[tuple[int, F64, F64, F64]]] = {}
        spent = 0.0
        days = 0
        for signal, pair in track(pairs, f"size {size}", console=console):
            outbreak = pair.outbreak[-pair.scored :]
            began = time.process_time()
            scores = {OURS: ours(pair)}
            spent += time.process_time() - began
            days += len(pair.quiet) + pair.scored
            both = [
                {**ears(series), "EWMA, weekdays": ewma(series, pair.days)}
                for series in (pair.quiet, pair.quiet + pair.outbreak)
            ]
            scores |= {name: (both[0][name][-pair.scored :], both[1][name][-pair.scored :]) for name in both[0]}
            for name, (quiet, loud) in scores.items():
                told.setdefault(name, []).append((signal, quiet, loud, outbreak))
        rows = []
        for name, cases in told.items():
            flat = np.concatenate([quiet for _, quiet, _, _ in cases])
            rows.append(row_of(name, cases, {rate: threshold(flat, rate) for rate in RATES}))
        rows.append(row_of(f"{OURS}, nominal", told[OURS], {rate: -log(rate) / log(10.0) for rate in RATES}))
        show(console, f"size {size}: {len(pairs)} series, false-positive rates 1 % and 0.1 %", rows)
        quiet = np.concatenate([q for _, q, _, _ in told[OURS]])
        by_signal = [np.concatenate([q for s, q, _, _ in told[OURS] if s == n]) for n in range(16)]
        kept = {
            f"{rate:.1%}": {
                "observed over nominal": float((quiet > -np.log10(rate)).mean() / rate),
                "by signal": [round(float((q > -np.log10(rate)).mean() / rate), 2) for q in by_signal],
            }
            for rate in RATES
        }
        console.print({rate: round(row["observed over nominal"], 2) for rate, row in kept.items()}, "observed/nominal")
        micros = spent / days * 1e6
        console.print(f"{micros:.1f} µs of CPU a day")
        figure: dict[str, object] = {"matched": rows, "nominal": kept, "microseconds_a_day": micros}
        if size == 5 and options.r_series:
            figure["R"] = beside_r(console, pairs, told[OURS], options.series, options.r_series)
        figures[f"size {size}"] = figure
    write("outbreaks_daily.json", figures)


def beside_r(
    console: Console, pairs: list[tuple[int, Pair]], told: list[tuple[int, F64, F64, F64]], series: int, wanted: int
) -> list[dict[str, object]] | None:
    """Farrington flexible on sums of seven days, and ours, on the same few series at 1 %."""
    chosen = [n for n in range(len(pairs)) if n % series < wanted]
    sums = [
        weekly_sums(s, pairs[n][1].days)
        for n in chosen
        for s in (pairs[n][1].quiet, pairs[n][1].quiet + pairs[n][1].outbreak)
    ]
    said = run_r(FARRINGTON, sums)
    if said is None:
        console.print("R's surveillance: not run, since Rscript or the package is not there")
        return None
    rows = []
    for name, scores in said.items():
        cases = []
        for n, quiet, loud in zip(chosen, scores[0::2], scores[1::2], strict=True):
            pair = pairs[n][1]
            outbreak = pair.outbreak[-pair.scored :]
            if pair.days == 5:
                outbreak = np.concatenate([outbreak.reshape(-1, 5), np.zeros((SCORED, 2))], axis=1).ravel()
            cases.append((pairs[n][0], quiet, loud, outbreak))
        rows.append((name, cases))
    rows.append((OURS, [told[n] for n in chosen]))
    table = [
        row_of(name, cases, {rate: threshold(np.concatenate([c[1] for c in cases]), rate) for rate in RATES})
        for name, cases in rows
    ]
    show(console, f"size 5, the {len(chosen)} series R was given", table)
    return table


if __name__ == "__main__":
    main()
