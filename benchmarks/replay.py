"""How fast a year is replayed, and whether memory stays flat: files in, alerts out, on one core.

    python benchmarks/replay.py [--tickets 200000] [--days 180] [--encoder static]
    python benchmarks/replay.py --tickets 4000 --days 70 --encoder static small

Simulates a hotline, replays it in a process of its own that is held to one core, and prints tickets a second
end to end (reading, ordering, all three stages, writing) and peak memory at the end of the second simulated month
and at the end. With the encoder `small` twice: its vectors computed, and its vectors kept on disk from the first time.
Writes benchmarks/results/replay.json.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results"
TWO_MONTHS = 61 * 86400.0


def measure(tickets: Path, out: Path, encoder: str) -> dict[str, float]:
    """Replay in this process and return the figures."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    from embeddings.vectors import VectorStore
    from sentinel.output import OutputFiles
    from sentinel.readers import in_order, open_tickets
    from sentinel.replay import Replay, ReplayOptions
    from sentinel.settings import load_settings
    from sentinel.shared import Shared

    settings = load_settings(None, encoder)
    shared = Shared.load(settings, VectorStore(out.parent / "vectors"))
    early = 0.0
    with OutputFiles(out, settings.timezone) as output:

        def watch(_: int) -> None:
            nonlocal early
            counts = replay.counts
            if not early and counts.last_at - counts.first_at > TWO_MONTHS:
                early = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

        replay = Replay(settings, shared, output, ReplayOptions(on_progress=watch))
        wall, cpu = time.perf_counter(), time.process_time()
        replay.run(in_order(open_tickets([tickets]), lambda _: None))
        output.finish({})
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    created = replay.counts.tickets
    return {
        "tickets": created,
        "events": replay.counts.events,
        "days": (replay.counts.last_at - replay.counts.first_at) / 86400.0,
        "tickets_per_second": created / wall,
        "tickets_per_cpu_second": created / cpu,
        "events_per_second": replay.counts.events / wall,
        "peak_mib_after_two_months": early,
        "peak_mib": peak,
        "growth": peak / early if early else float("nan"),
        "alerts": sum(output.opened.values()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--tickets", type=int, default=200_000)
    parser.add_argument("--days", type=int, default=180)
    parser.add_argument("--seed", type=int, default=31)
    parser.add_argument("--encoder", nargs="+", default=["static"], choices=["static", "small"])
    parser.add_argument("--run", nargs=2, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        print(json.dumps(measure(*options.run, *options.encoder)))
        return
    console = Console()
    with tempfile.TemporaryDirectory() as folder:
        from sentinel.simulate import simulate

        with console.status(f"simulating about {options.tickets:,} tickets over {options.days} days"):
            simulate(
                options.days,
                options.seed,
                Path(folder),
                tickets_per_day=max(10, round(1.08 * options.tickets / options.days)),
            )
        runs: dict[str, dict[str, float]] = {}
        for name in options.encoder:
            for run in ("small, vectors computed", "small, vectors kept") if name == "small" else (name,):
                command = [
                    sys.executable,
                    __file__,
                    "--encoder",
                    name,
                    "--run",
                    f"{folder}/tickets.jsonl",
                    f"{folder}/out",
                ]
                with console.status(f"replaying on one core: {run}"):
                    done = subprocess.run(command, check=True, capture_output=True, text=True)
                runs[run] = json.loads(done.stdout.splitlines()[-1])
    table = Table(title="replay on one core", title_justify="left")
    table.add_column("figure")
    for run in runs:
        table.add_column(run, justify="right")
    for name in next(iter(runs.values())):
        values = (figures[name] for figures in runs.values())
        table.add_row(name.replace("_", " "), *(f"{v:,.2f}" if name == "growth" else f"{v:,.0f}" for v in values))
    console.print(table)
    figures = runs if len(runs) > 1 else next(iter(runs.values()))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "replay.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
