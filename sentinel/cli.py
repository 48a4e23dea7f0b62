"""The command line. Commands import what they need when they run, so that help and errors come at once."""

import os
import sys
from datetime import date, datetime, timedelta
from pathlib import Path

import click

from sentinel import __version__
from sentinel.errors import SentinelError
from sentinel.options import FILES, config_option, map_option
from sentinel.stream import cli as service

DEBUG = "SENTINEL_DEBUG"


class _Group(click.Group):
    """A group whose errors are a message and an exit code: 2 for what the user can put right, else 1."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.Abort, click.exceptions.Exit, BrokenPipeError):
            raise  # click tells them itself
        except SentinelError as error:
            message, code = str(error), error.exit_code
        except OSError as error:
            message, code = f"{error.filename}: {error.strerror}" if error.filename else str(error), 2
        except Exception as error:
            if os.environ.get(DEBUG):
                raise
            message, code = _no_broker(error) or _unexpected(error), 1
        click.secho(f"error: {message}", fg="red", err=True)
        raise click.exceptions.Exit(code)


def _unexpected(error: Exception) -> str:
    what = " ".join(f"{type(error).__name__}: {error}".split())
    return f"unexpected {what}; run with {DEBUG}=1 for the traceback"


def _no_broker(error: Exception) -> str:
    """Why no broker could be reached, if that is what went wrong."""
    if type(error).__name__ != "KafkaConnectionError":  # without importing aiokafka for every error
        return ""
    import asyncio

    from sentinel.stream.environment import Environment
    from sentinel.stream.reach import trouble_with

    why = asyncio.run(trouble_with(Environment.read().kafka))
    return f"no broker can be reached: {why or 'one is there again by now'}; `sentinel doctor` looks at everything"


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="sentinel")
def main() -> None:
    """Early warning on a city's hotline tickets: what is new, rising, a mass complaint or urgent."""


@main.command()
@click.argument("files", nargs=-1, required=True, type=FILES)
@click.option("--out", required=True, type=FILES, metavar="DIR", help="Where the results are written.")
@config_option
@map_option
@click.option("--speed", type=click.FloatRange(min=0), default=0.0, help="Times real time; 0: at once.")
@click.option("--workers", type=click.IntRange(0, 64), default=0, help="Processes to spread the streets over.")
@click.option(
    "--order",
    type=click.Choice(["arrival", "log"]),
    default="arrival",
    show_default=True,
    help="log: FILES is one that `sentinel export` wrote.",
)
@click.option("--encoder", metavar="static|small|DIR", default="", help="Instead of the configured one.")
@click.option(
    "--vectors",
    metavar="DIR|none",
    default="",
    help="Where a slow encoder's vectors are kept for the next replay.  [default: ~/.cache/sentinel/vectors]",
)
@click.option("--metrics-port", type=click.IntRange(1, 65535), help="Serve Prometheus metrics there while it runs.")
@click.option("--quiet", is_flag=True, help="Print the closing table only.")
def replay(
    files: tuple[Path, ...],
    out: Path,
    config: Path | None,
    mapping: str,
    speed: float,
    workers: int,
    order: str,
    encoder: str,
    vectors: str,
    metrics_port: int | None,
    quiet: bool,
) -> None:
    """Replay ticket FILES (JSONL, CSV, XLSX; gzip too) and write alerts, issues and assignments.

    \b
    sentinel replay tickets.xlsx --out out/today
    sentinel replay old.csv --map created_at=time,ticket_id=id,caller=user --out out/old
    """
    if order == "log":
        if config or mapping or speed or workers or encoder or vectors or metrics_port:
            raise click.UsageError("--order log takes its settings from the log; leave the other options out")
        from sentinel.replay_log import run_replay_log

        run_replay_log(files, out, quiet)
        return
    _refuse_bad_arguments(files, config, mapping, encoder)
    from sentinel.replay_command import run_replay
    from sentinel.replay_metrics import ReplayMetrics

    metrics = ReplayMetrics(metrics_port) if metrics_port else None
    kept = None if vectors == "none" else Path(vectors) if vectors else _cache() / "vectors"
    run_replay(files, out, config, mapping, speed, workers, quiet, encoder=encoder, vectors=kept, metrics=metrics)


def _cache() -> Path:
    """Where what can be computed again is kept between runs (XDG base directories)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sentinel"


def _refuse_bad_arguments(files: tuple[Path, ...], config: Path | None, mapping: str, encoder: str = "") -> None:
    """Look at what was asked for before anything is imported that takes a second."""
    from sentinel.door.callers import load_key
    from sentinel.readers.columns import parse_map
    from sentinel.readers.sources import open_source
    from sentinel.settings import load_settings

    parse_map(mapping)
    load_settings(config, encoder)
    load_key()
    for file in files:
        open_source(file).stream.close()


@main.command()
@click.option("--days", required=True, type=click.IntRange(1, 3660), help="Days to simulate.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True)
@click.option("--out", required=True, type=FILES, metavar="DIR", help="Where tickets and truth are written.")
@click.option("--tickets-per-day", type=click.IntRange(10, 1_000_000), default=4000, show_default=True)
@click.option("--start", type=click.DateTime(["%Y-%m-%d"]), default="2025-03-03", show_default=True)
@click.option("--no-incidents", is_flag=True, help="Plant nothing: every alert is a false alarm.")
@click.option("--incidents-per-day", type=click.FloatRange(0.0, 1000.0), help="Default: by the tickets a day.")
@config_option
def simulate(
    days: int,
    seed: int,
    out: Path,
    tickets_per_day: int,
    start: datetime,
    no_incidents: bool,
    incidents_per_day: float | None,
    config: Path | None,
) -> None:
    """Simulate a city's hotline: tickets.jsonl, and the planted incidents in incidents.jsonl."""
    from sentinel.demo import run_simulate

    day: date = start.date()
    run_simulate(days, seed, out, tickets_per_day, day, not no_incidents, config, incidents_per_day=incidents_per_day)


@main.command()
@click.option("--out", type=FILES, default=Path("out/demo"), show_default=True, metavar="DIR")
@click.option("--days", type=click.IntRange(1, 366), default=28, show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=7, show_default=True)
@click.option("--tickets-per-day", type=click.IntRange(10, 1_000_000), default=1200, show_default=True)
@click.option("--workers", type=click.IntRange(0, 64), default=0)
@config_option
def demo(out: Path, days: int, seed: int, tickets_per_day: int, workers: int, config: Path | None) -> None:
    """Simulate a hotline, replay it, and say which planted incidents were found."""
    from sentinel.demo import run_demo

    run_demo(out, days, seed, tickets_per_day, workers, config)


@main.command()
@click.argument("alerts", type=FILES)
@click.argument("incidents", type=FILES)
def score(alerts: Path, incidents: Path) -> None:
    """Compare ALERTS (alerts.jsonl) with planted INCIDENTS (incidents.jsonl)."""
    from sentinel.demo import run_score

    run_score(alerts, incidents)


def _budgets(_: click.Context, __: click.Parameter, value: str) -> tuple[float, ...]:
    try:
        numbers = tuple(float(part) for part in value.split(",") if part.strip())
    except ValueError:
        raise click.BadParameter(f"{value!r} is not a list of numbers; write for example 0.5,1,2,4") from None
    if any(not 0.0 < number <= 1e6 for number in numbers):
        raise click.BadParameter(f"{value!r}: a budget is above 0 and at most a million")
    return numbers


@main.command()
@click.argument("files", nargs=-1, required=True, type=FILES)
@click.option("--out", required=True, type=FILES, metavar="DIR", help="Where results and report are written.")
@click.option("--config", "configs", multiple=True, type=FILES, metavar="DIR", help="Your settings; may be repeated.")
@click.option("--sweep", "budgets", default="", callback=_budgets, metavar="N,N,…", help="Budgets to try.")
@click.option("--labels", type=FILES, metavar="FILE", help="Known incidents: incidents.jsonl, or a CSV.")
@map_option
@click.option("--warm-up", type=click.FloatRange(0.0, 3660.0), default=0.0, help="First days that do not count.")
@click.option("--workers", type=click.IntRange(0, 64), default=0, help="Processes to spread the streets over.")
def backtest(
    files: tuple[Path, ...],
    out: Path,
    configs: tuple[Path, ...],
    budgets: tuple[float, ...],
    labels: Path | None,
    mapping: str,
    warm_up: float,
    workers: int,
) -> None:
    """Replay history under settings and budgets: what each would have alerted, found and cost.

    \b
    sentinel backtest 2024.xlsx --out out/test --config mine --config theirs
    sentinel backtest tickets.jsonl --out out/sweep --labels incidents.jsonl --sweep 0.5,1,2,4,8
    """
    for config in configs:
        _refuse_bad_arguments((), config, "")
    _refuse_bad_arguments(files, None, mapping)
    from sentinel.backtest_command import run_backtest

    run_backtest(files, out, configs, budgets, labels, mapping, timedelta(days=warm_up), workers)


@main.command("check-config")
@click.argument("directory", required=False, type=FILES)
def check_config(directory: Path | None) -> None:
    """Validate DIRECTORY (the shipped config by default); each error with file, field and fix."""
    from rich.console import Console

    from sentinel.check_config import check_config as check

    sys.exit(check(directory, Console()))


@main.command()
@click.argument("what", type=click.Choice(["push", "alert", "action"]))
def schema(what: str) -> None:
    """Print the JSON schema of a push, of an alert, or of an action for `feedback`."""
    import json

    from alerts import Alert
    from alerts.actions import Action
    from alerts.pushes import Push

    described = Push if what == "push" else Alert if what == "alert" else Action
    click.echo(json.dumps(described.model_json_schema(), ensure_ascii=False, indent=2))


@main.group()
def routes() -> None:
    """Who is told of what."""


@routes.command("test")
@click.argument("alert")
@config_option
def routes_test(alert: str, config: Path | None) -> None:
    """Show who would be told of ALERT, a JSON object of an alert's fields, by which route and why.

    \b
    sentinel routes test '{"kind": "mass", "street": "310115103"}'
    """
    from rich.console import Console

    from sentinel.routes_command import run_routes_test

    run_routes_test(alert, config, Console())


for command in service.COMMANDS:
    main.add_command(command)

if __name__ == "__main__":
    main()
