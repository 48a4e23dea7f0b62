"""`sentinel simulate`, `demo` and `score`: a made-up hotline, what was found of what was planted in it."""

from datetime import date
from pathlib import Path

from rich.console import Console

from sentinel.progress import progress_bar
from sentinel.readers.rejections import ReadError
from sentinel.replay_command import run_replay
from sentinel.scoring import Score
from sentinel.scoring import score as score_files
from sentinel.settings import default_config_dir, load_settings
from sentinel.simulate import Simulated
from sentinel.simulate import simulate as write_simulation

DEMO_START = date(2025, 3, 3)
DEMO_INCIDENTS_A_DAY = 1.75


def run_simulate(
    days: int,
    seed: int,
    out: Path,
    tickets_per_day: int,
    start: date,
    incidents: bool,
    config: Path | None,
    console: Console | None = None,
    incidents_per_day: float | None = None,
) -> Simulated:
    """Write a simulation, with a progress bar.

    Raises `ConfigError` where the settings are wrong, `ReadError` where the city has no streets to simulate.
    """
    console = console or Console()
    settings = load_settings(config)
    streets = f"{settings.city}.json"
    folder = config if config and (config / "streets" / streets).is_file() else default_config_dir()
    topics = config if config and (config / "topics.yaml").is_file() else default_config_dir()
    if settings.streets.open:
        raise ReadError(f"city {settings.city}: it lists no streets, so none can be simulated; use pudong")
    out.mkdir(parents=True, exist_ok=True)
    with progress_bar(console) as progress:
        task = progress.add_task("simulating days", total=days)
        done = write_simulation(
            days,
            seed,
            out,
            tickets_per_day=tickets_per_day,
            start=start,
            incidents=incidents,
            incidents_per_day=incidents_per_day,
            streets=folder / "streets" / streets,
            topics=topics / "topics.yaml",
            progress=lambda day, _: progress.update(task, completed=day),
        )
    console.print(f"{done.tickets:,} tickets ({done.events:,} events), {done.incidents} incidents planted, in {out}")
    return done


def run_demo(out: Path, days: int, seed: int, tickets_per_day: int, workers: int, config: Path | None) -> None:
    """Simulate, replay, and only then open the truth."""
    console = Console()
    console.rule("1  a hotline is simulated, incidents are planted in it")
    run_simulate(days, seed, out, tickets_per_day, DEMO_START, True, config, console, DEMO_INCIDENTS_A_DAY)
    console.rule("2  the tickets are replayed in order of arrival")
    run_replay((out / "tickets.jsonl",), out, config, "", 0.0, workers, False, console)
    console.rule("3  what was planted, and what was found")
    console.print(_scored(out / "alerts.jsonl", out / "incidents.jsonl", days / 7).render())


def run_score(alerts: Path, incidents: Path) -> None:
    """Compare alerts with the truth."""
    Console().print(_scored(alerts, incidents, None).render())


def _scored(alerts: Path, incidents: Path, weeks: float | None) -> Score:
    for path in (alerts, incidents):
        if not path.is_file():
            raise ReadError(f"{path}: no such file")
    return score_files(alerts, incidents, weeks=weeks)
