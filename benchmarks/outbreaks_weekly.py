"""Weekly counts with outbreaks: the 42 scenarios of Noufaily et al. 2013, as Bédubourg and Le Strat 2017 used them.

    python -m benchmarks.outbreaks_weekly

Every series of 624 weeks goes once, week by week, through `detectors.periods.PeriodTest`, the test by which `rising`
judges finished weeks; the last 49 weeks are scored, with an outbreak and without. Beside it: EARS, an oracle that knows
mean and dispersion, and, on a sample, methods of R's `surveillance` where `Rscript` has it (Debian package
r-cran-surveillance). Parameters are read from `../shared/data/outbreak_series` (or SENTINEL_SHARED). Outbreaks without
a case in the scored weeks are drawn anew.
Writes benchmarks/results/outbreaks_weekly.json.
"""

from __future__ import annotations

import argparse
import pickle
import time

import numpy as np
from rich.console import Console
from rich.progress import track
from scipy import stats

from benchmarks._outbreaks import F64, SERIES, counts, ears, found, parameters, run_r, show, threshold, write
from detectors.excess import Excess
from detectors.periods import PeriodTest
from detectors.seasonal import Forecast

WEEKS, FIRST, YEAR = 624, 575, 52
PAST = range(312, FIRST)
RATES = (0.001, 0.0025, 0.005, 0.01)
OURS = "PeriodTest"
FARRINGTON = """
library(surveillance)
x <- as.matrix(read.csv("in.csv", header = FALSE))
out <- file("out.csv", "w")
say <- function(method, scores) cat(paste(c(method, scores), collapse = ","), "\\n", file = out, sep = "")
for (i in seq_len(nrow(x))) {
  y <- sts(as.numeric(x[i, ]), start = c(2000, 1), frequency = 52)
  control <- list(range = 576:624, b = 5, w = 3, noPeriods = 10, weightsThreshold = 2.58, pastWeeksNotIncluded = 26,
    pThresholdTrend = 1, thresholdMethod = "nbPlugin", alpha = 0.01, limit54 = c(0, 4))
  began <- proc.time()
  f <- farringtonFlexible(y, control)
  spent <- sum((proc.time() - began)[c("user.self", "sys.self")])
  say("Farrington flexible", 1 - as.numeric(f@control$pvalue))
  say("Farrington alarm", as.numeric(alarms(f)))
  say("seconds", spent)
  d <- sts2disProg(y)
  g <- try(algo.glrnb(d, list(range = 576:624, c.ARL = 5, mu0 = list(S = 2, trend = TRUE), ret = "value",
    theta = NULL, Mtilde = 1, M = 26, change = "intercept")), silent = TRUE)
  if (!inherits(g, "try-error")) say("GLR-NB", as.numeric(g$upperbound))
  s <- try(algo.cusum(d, list(range = 576:624, k = 1.04, h = 2.26, m = "glm", trans = "standard")), silent = TRUE)
  if (!inherits(s, "try-error")) say("CUSUM", as.numeric(s$cusum))
}
close(out)
"""


class Pair:
    """One baseline with its past outbreaks, and the outbreak of the scored weeks."""

    def __init__(self, rng: np.random.Generator, scenario: dict[str, float], past: int, current: int) -> None:
        t = np.arange(1, WEEKS + 1)
        season = sum(
            scenario["gamma1"] * np.cos(2 * np.pi * j * t / YEAR)
            + scenario["gamma2"] * np.sin(2 * np.pi * j * t / YEAR)
            for j in range(1, int(scenario["m"]) + 1)
        )
        self.dispersion = scenario["phi"]
        self.mean: F64 = np.exp(scenario["theta"] + scenario["beta"] * t + season)
        self.quiet = counts(rng, self.mean, self.dispersion)
        sd = np.sqrt(self.dispersion * self.mean)
        for _ in range(4 if past else 0):
            self.quiet += _outbreak(rng, sd, PAST, past)
        self.outbreak = _outbreak(rng, sd, range(FIRST, WEEKS), current)


def _outbreak(rng: np.random.Generator, sd: F64, weeks: range, size: int) -> F64:
    while True:
        begins = int(rng.integers(weeks.start, weeks.stop))
        cases = int(rng.poisson(size * sd[begins]))
        at = begins + np.floor(rng.lognormal(0.0, 0.5, cases)).astype(int)
        made = np.bincount(at[at < WEEKS], minlength=WEEKS).astype(float)
        if made.any():
            return made


def ours(pair: Pair) -> tuple[F64, F64]:
    """Scores of the last weeks without and with the outbreak; what came before is the same, and taken once."""
    test = PeriodTest.weekly()
    for week in range(FIRST):
        test.update(week, pair.quiet[week])
    kept = pickle.dumps(test)
    scores = []
    for series in (pair.quiet, pair.quiet + pair.outbreak):
        test = pickle.loads(kept)
        scores.append(np.array([test.update(week, series[week]).score for week in range(FIRST, WEEKS)]))
    return scores[0], scores[1]


def oracle(pair: Pair) -> tuple[F64, F64, F64, F64]:
    """The same, by mid-p of one week and by the Bayes factor, of one who knows mean and dispersion."""
    out = []
    mean, phi = pair.mean[FIRST:], pair.dispersion
    law = stats.poisson(mean) if phi <= 1.0 else stats.nbinom(mean / (phi - 1.0), 1.0 / phi)
    for series in (pair.quiet, pair.quiet + pair.outbreak):
        now = series[FIRST:]
        excess, factors = Excess(), np.zeros(len(now))
        for week in range(FIRST - 2, WEEKS):
            before = excess.value
            excess.update(series[week], Forecast(float(pair.mean[week]), phi))
            if week >= FIRST and excess.value > before:
                factors[week - FIRST] = excess.value
        out += [-np.log10(law.sf(now) + 0.5 * law.pmf(now)), factors]
    return out[0], out[2], out[1], out[3]


def rows_of(scores: dict[str, tuple[F64, F64]], outbreaks: list[F64]) -> list[dict[str, object]]:
    """POD and POD in the first week at matched false-positive rates."""
    rows = []
    for method, (quiet, loud) in scores.items():
        row: dict[str, object] = {"method": method}
        for rate in RATES:
            above = threshold(quiet.ravel(), rate)
            told = [found(s, o, above) for s, o in zip(loud, outbreaks, strict=True)]
            row[f"{rate:.2%}"] = f"{np.mean([t[0] for t in told]):.3f} / {np.mean([t[1] for t in told]):.3f}"
        rows.append(row)
    return rows


def nominal(quiet: F64, scenario: np.ndarray, rate: float) -> dict[str, object]:
    """How often the quiet weeks exceed the nominal score, over the nominal rate, by scenario."""
    ratios = [float((quiet[scenario == s] > -np.log10(rate)).mean() / rate) for s in range(42)]
    return {
        "rate": rate,
        "observed over nominal": float(np.mean(ratios)),
        "scenarios within 1.5": sum(1 / 1.5 <= r <= 1.5 for r in ratios),
        "by scenario": [round(r, 2) for r in ratios],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=200, help="a scenario")
    parser.add_argument("--seed", type=int, default=2017)
    parser.add_argument("--r-pairs", type=int, default=3, help="of each scenario for R")
    options = parser.parse_args()
    console = Console()
    if not SERIES.is_dir():
        console.print(f"skipped: the parameters are not at {SERIES}")
        return
    rng = np.random.default_rng(options.seed)
    sizes = [(past, current) for past in (0, 2, 3, 5, 10) for current in range(1, 11)]
    pairs: list[tuple[int, Pair]] = []
    for number, scenario in enumerate(parameters("scenarios42.csv")):
        pairs += [(number, Pair(rng, scenario, *sizes[(n + 13 * number) % 50])) for n in range(options.pairs)]
    outbreaks = [pair.outbreak[FIRST:] for _, pair in pairs]
    numbers = np.array([number for number, _ in pairs])
    ours(pairs[0][1])  # compiled before it is timed
    began = time.process_time()
    told = [ours(pair) for _, pair in track(pairs, "PeriodTest", console=console)]
    micros = (time.process_time() - began) / len(pairs) / (FIRST + 2 * (WEEKS - FIRST)) * 1e6
    known = [oracle(pair) for _, pair in track(pairs, "oracle", console=console)]
    scores = {OURS: (np.array([t[0] for t in told]), np.array([t[1] for t in told]))}
    quiet = [ears(pair.quiet) for _, pair in pairs]
    loud = [ears(pair.quiet + pair.outbreak) for _, pair in pairs]
    for name in quiet[0]:
        scores[name] = (np.array([q[name][FIRST:] for q in quiet]), np.array([q[name][FIRST:] for q in loud]))
    scores["oracle, one week"] = (np.array([k[0] for k in known]), np.array([k[1] for k in known]))
    scores["oracle, Bayes factor"] = (np.array([k[2] for k in known]), np.array([k[3] for k in known]))
    rows = rows_of(scores, outbreaks)
    show(console, f"POD / POD in the first week at a matched false-positive rate, {len(pairs):,} pairs", rows)
    kept = [nominal(scores[OURS][0], numbers, rate) for rate in (0.001, 0.01)]
    show(console, "nominal rate kept", [{k: v for k, v in row.items() if k != "by scenario"} for row in kept])
    console.print(f"{micros:.1f} µs of CPU a week")
    figures: dict[str, object] = {
        "pairs": len(pairs), "seed": options.seed, "matched": rows, "nominal": kept, "microseconds_a_week": micros,
    }  # fmt: skip
    chosen = [n for n in range(len(pairs)) if n % options.pairs < options.r_pairs]
    series = [s for n in chosen for s in (pairs[n][1].quiet, pairs[n][1].quiet + pairs[n][1].outbreak)]
    said = run_r(FARRINGTON, series) if options.r_pairs else None
    if said is None:
        console.print("R's surveillance: not run, since Rscript or the package is not there")
    else:
        spent = float(said.pop("seconds").mean()) / (WEEKS - FIRST)
        alarm = said.pop("Farrington alarm")
        theirs = {m: (s[0::2], s[1::2]) for m, s in said.items() if len(s) == len(series)}
        theirs[OURS] = (scores[OURS][0][chosen], scores[OURS][1][chosen])
        sample = rows_of(theirs, [outbreaks[n] for n in chosen])
        show(console, f"the same on the {len(chosen)} pairs R was given", sample)
        console.print(
            f"Farrington flexible: {spent * 1e3:.1f} ms of CPU a week, {spent / micros * 1e6:,.0f} times ours;"
            f" at its nominal 1 % it alarms in {alarm[0::2].mean():.2%} of the quiet weeks"
        )
        figures["R"] = {
            "pairs": len(chosen),
            "matched": sample,
            "farrington_seconds_a_week": spent,
            "times_ours": spent / micros * 1e6,
            "farrington_quiet_alarms": float(alarm[0::2].mean()),
        }
    write("outbreaks_weekly.json", figures)


if __name__ == "__main__":
    main()
