"""`sentinel reprocess`: the retained log in a second application, its alerts beside the first's, then over to it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table
from rich.text import Text

from alerts import Alert
from sentinel.door.streets import PARTITIONS
from sentinel.progress import progress_bar
from sentinel.settings import ConfigDocument, load_document, load_settings
from sentinel.shared import Shared
from sentinel.stream import reprocess
from sentinel.stream.comparison import Comparison, compare, journal_of
from sentinel.stream.configurations import Configurations
from sentinel.stream.environment import Environment
from sentinel.stream.log_reader import LogReader
from sentinel.stream.reprocess import ReprocessError
from sentinel.stream.topics import ROUTED, Topics, declare

SHOWN: Final = 20
"""Alerts that only one of the two has opened, shown of each."""
_LOOK_SECONDS: Final = 2.0


def run_reprocess(
    name: str, config: Path | None, patience: float, take_over: bool, environment: Environment, console: Console
) -> None:
    """Copy the log to the application `name`, wait until its workers have caught up, and compare; or take over.

    Waits at most `patience` seconds for the workers, and compares as far as they have come. Raises `ReprocessError`.
    """
    other = environment.named(name)
    if other.application == environment.application:
        raise ReprocessError(f"{name} is the application itself; give the second one another name")
    settings = load_settings(config or environment.config)
    old, new = Topics(environment.application, settings.stream), Topics(name, settings.stream)
    document = load_document(config) if config is not None else None
    work = _take_over(environment, other, old, new, console) if take_over else None
    asyncio.run(work or _beside(environment, other, old, new, document, patience, console, settings.timezone))


async def _beside(
    environment: Environment,
    other: Environment,
    old: Topics,
    new: Topics,
    document: ConfigDocument | None,
    patience: float,
    console: Console,
    zone: ZoneInfo,
) -> None:
    log = await _copy(environment, other, old, new, document, console)
    began, told = time.monotonic(), False
    with progress_bar(console) as bar:
        task = bar.add_task(f"waiting for the workers of {new.application}", total=log.end + 1)
        while True:
            journals = [await journal_of(environment, topics) for topics in (old, new)]
            target = min(journals[0].end, log.end)
            bar.update(task, total=target + 1, completed=max(0, journals[1].end + 1))
            if journals[1].end >= target or time.monotonic() - began > patience:
                break
            if not told and not await reprocess.members(environment, new.application):
                console.print(f"start them: SENTINEL_APPLICATION={new.application} sentinel worker", highlight=False)
                told = True
            await asyncio.sleep(_LOOK_SECONDS)
    _show(compare(*journals), old.application, new.application, journals[0].end, console, zone)


async def _copy(
    environment: Environment,
    other: Environment,
    old: Topics,
    new: Topics,
    document: ConfigDocument | None,
    console: Console,
) -> reprocess.Log:
    await declare(other, new)
    async with LogReader(environment.kafka, old.name(ROUTED), range(PARTITIONS)) as reader:
        begins, ends = await reader.begins(), await reader.ends()
    with progress_bar(console) as bar:
        task = bar.add_task(f"copying {old.name(ROUTED)}", total=sum(ends.values()) - sum(begins.values()))
        log = await reprocess.copy(environment, old, new, document, lambda count: bar.advance(task, count))
    console.print(f"{new.name(ROUTED)} goes up to record {log.end:,}", highlight=False)
    return log


async def _take_over(environment: Environment, other: Environment, old: Topics, new: Topics, console: Console) -> None:
    settings = load_settings(environment.config)
    for application in (old.application, new.application):
        if count := await _left_over(environment, application, 1.5 * settings.stream.session, console):
            raise ReprocessError(
                f"{count} workers of {application} are at work; stop them with SIGTERM (and the hotline's system, or "
                "let it send to the new application already), then try again"
            )
    await _copy(environment, other, old, new, None, console)
    with console.status("reading the log into the new application's intake"):
        done = await reprocess.take_over(environment, old, new, Configurations(lambda: Shared.load(settings)))
    if done.number >= 0:
        console.print(f"{new.application} goes on after record {done.number:,}, {done.actions:,} actions went with it")
    console.print(f"{done.tickets:,} messages of {old.name('tickets')} went to {new.name('tickets')}")
    console.print(f"start its workers, and let the hotline's system send to {new.name('tickets')}", highlight=False)


async def _left_over(environment: Environment, application: str, patience: float, console: Console) -> int:
    """How many workers are still there when one that was killed would have been given up."""
    deadline = time.monotonic() + patience
    with console.status(f"waiting until the workers of {application} have left"):
        while count := await reprocess.members(environment, application):
            if time.monotonic() > deadline:
                break
            await asyncio.sleep(0.5)
    return count


def _show(found: Comparison, old: str, new: str, end: int, console: Console, zone: ZoneInfo) -> None:
    differ = found.only_old + found.only_new
    table = Table(title=f"alerts opened up to record {found.end:,}", title_justify="left")
    for heading in ("kind", "both", f"only {old}", f"only {new}"):
        table.add_column(heading, justify="left" if heading == "kind" else "right")
    for kind, counts in found.kinds.items():
        table.add_row(kind, *map(str, counts))
    table.add_section()
    table.add_row("all", *(str(sum(counts[n] for counts in found.kinds.values())) for n in range(3)))
    console.print(table)
    _list(f"only {old}", found.lost, console, zone)
    _list(f"only {new}", found.gained, console, zone)
    style = "yellow" if differ else "green"
    apart = f"{found.only_old:,} only {old}'s, {found.only_new:,} only {new}'s"
    console.print(f"{found.same:,} transitions are the same by every byte, {apart}", style=style, highlight=False)
    if found.end < end:
        console.print(f"{new} has not caught up: {old} is at record {end:,}", style="yellow", highlight=False)


def _list(title: str, alerts: Sequence[Alert], console: Console, zone: ZoneInfo) -> None:
    if not alerts:
        return
    console.print(f"[bold]{title}[/bold]" + (f", the first {SHOWN}" if len(alerts) > SHOWN else ""))
    for alert in alerts[:SHOWN]:
        console.print(Text(f"  {alert.opened_at.astimezone(zone):%m-%d %H:%M}  {alert.title}"))
