"""`sentinel replay`: files in, a progress bar and alerts as they open, a closing table."""

import time
from datetime import tzinfo
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from alerts import Alert
from alerts.model import KIND_NAMES, SEVERITY_NAMES
from embeddings.encoder import EncoderIdentity
from embeddings.vectors import VectorStore
from sentinel.door.callers import key_origin
from sentinel.output import OutputFiles
from sentinel.progress import progress_bar
from sentinel.readers import in_order, open_tickets, parse_map
from sentinel.replay import Replay, ReplayCounts, ReplayOptions, peak_memory_mb
from sentinel.replay_metrics import ReplayMetrics
from sentinel.settings import load_settings
from sentinel.shared import Shared

SEVERITY_STYLE = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "dim"}


def run_replay(
    files: tuple[Path, ...],
    out: Path,
    config: Path | None,
    mapping: str,
    speed: float,
    workers: int,
    quiet: bool,
    console: Console | None = None,
    encoder: str = "",
    vectors: Path | None = None,
    metrics: ReplayMetrics | None = None,
) -> dict[str, object]:
    """Replay files into a directory and return the summary.

    An `encoder` given takes the place of the configured one; `vectors` is the directory in which those of a slow one
    are kept, None to keep none.

    Raises `ReadError` where nothing can be read, `ConfigError` where the settings are wrong.
    """
    console = console or Console()
    settings = load_settings(config, encoder)
    columns = parse_map(mapping)
    shared = Shared.load(settings, VectorStore(vectors) if vectors is not None else None)
    if metrics is not None:
        shared = metrics.begin(shared)
    if shared.untaught:
        console.print(shared.untaught, style="yellow", highlight=False)
    with (
        OutputFiles(out, settings.timezone) as output,
        progress_bar(console, quiet) as progress,
    ):
        reading = progress.add_task("reading", total=None)

        ordered = in_order(open_tickets(files, columns), lambda rejection: output.rejections([rejection]))
        began = time.perf_counter()

        def tell(alert: Alert) -> None:
            if metrics is not None:
                metrics.count(alert)
            if not quiet:
                print_alert(progress.console, alert, settings.timezone)

        options = ReplayOptions(
            workers,
            speed,
            on_alert=tell,
            on_progress=lambda done: progress.update(reading, completed=done, description="replaying"),
        )
        replay = Replay(settings, shared, output, options)
        if metrics is not None:
            metrics.follow(replay.counts)
        replay.run(ordered)
        seconds = time.perf_counter() - began
        summary = summary_of(files, settings.city, shared.encoder.identity, replay.counts, output, seconds)
        output.finish(summary)
    _closing(console, summary, out)
    return summary


def summary_of(
    files: tuple[Path, ...],
    city: str,
    encoder: EncoderIdentity,
    counts: ReplayCounts,
    output: OutputFiles,
    seconds: float,
) -> dict[str, object]:
    """Return what `summary.json` holds."""
    return {
        "files": [file.name for file in files],
        "city": city,
        "encoder": encoder._asdict(),
        "caller_key": key_origin(),
        "events": counts.events,
        "tickets": counts.tickets,
        "refused": dict(sorted(counts.refused.items())),
        "rejected": output.rejected,
        "issues": output.issues,
        "alerts": sum(output.opened.values()),
        "alerts_by_kind": dict(sorted(output.opened.items())),
        "alerts_by_basis": dict(sorted(output.by_basis.items())),
        "transitions": output.transitions,
        "pushes": output.pushed,
        "days": round((counts.last_at - counts.first_at) / 86400.0, 2),
        "seconds": round(seconds, 2),
        "tickets_per_second": round(counts.tickets / seconds) if seconds > 0 else 0,
        "peak_memory_mb": peak_memory_mb(),
    }


def print_alert(console: Console, alert: Alert, zone: tzinfo) -> None:
    """Print a transition that people want to hear of at once."""
    if alert.reason not in ("opened", "escalated", "recurred"):
        return
    line = Text(f"{alert.updated_at.astimezone(zone):%m-%d %H:%M} ", style="dim")
    line.append(f"{SEVERITY_NAMES[alert.severity]} ", style=SEVERITY_STYLE[alert.severity])
    line.append(alert.title)
    console.print(line, soft_wrap=True)


def _closing(console: Console, summary: dict[str, object], out: Path) -> None:
    table = Table(title=f"replayed into {out}", title_justify="left", show_header=False)
    table.add_column(style="bold")
    table.add_column(justify="right")
    table.add_row("tickets (events)", f"{summary['tickets']:,} ({summary['events']:,})")
    table.add_row("days of event time", f"{summary['days']:,}")
    table.add_row("rejected rows, refused events", f"{summary['rejected']:,}, {summary['refused'] or 'none'}")
    table.add_row("issues", f"{summary['issues']:,}")
    kinds = summary["alerts_by_kind"]
    assert isinstance(kinds, dict)
    for kind, count in kinds.items():
        table.add_row(f"alerts: {kind} {KIND_NAMES[kind]}", f"{count:,}")
    table.add_row("caller key", str(summary["caller_key"]))
    table.add_row("tickets a second", f"{summary['tickets_per_second']:,}")
    table.add_row("peak memory", f"{summary['peak_memory_mb']:,} MiB")
    console.print(table)
