"""`sentinel doctor`: brokers, topics, Redis, encoder, clocks, secrets and config, and what to do about each."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sentinel.stream import doctor
from sentinel.stream.doctor import Finding, Verdict
from sentinel.stream.environment import Environment

_SIGNS: Final[Mapping[Verdict, tuple[str, str]]] = {
    "good": ("✓", "green"),
    "doubtful": ("!", "yellow"),
    "bad": ("✗", "bold red"),
}
WELL, UNWELL = 0, 1


def run_doctor(
    environment: Environment, console: Console, config: Path | None, environ: Mapping[str, str] = os.environ
) -> int:
    """Print every finding; return 1 if one is bad, else 0."""
    with console.status("looking …"):
        findings = asyncio.run(_all(environment, config or environment.config, environ))
    table = Table(show_header=False, box=None)
    table.add_column(width=1)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for finding in findings:
        sign, style = _SIGNS[finding.verdict]
        seen = Text(finding.seen)
        if finding.advice:
            seen.append(f"\n→ {finding.advice}", style)
        table.add_row(Text(sign, style), finding.about, seen)
    console.print(table)
    bad = sum(finding.verdict == "bad" for finding in findings)
    doubtful = sum(finding.verdict == "doubtful" for finding in findings)
    style = "bold red" if bad else "yellow" if doubtful else "green"
    console.print(f"{bad} bad, {doubtful} doubtful, {len(findings) - bad - doubtful} good", style=style)
    return UNWELL if bad else WELL


async def _all(environment: Environment, config: Path | None, environ: Mapping[str, str]) -> list[Finding]:
    return [finding async for finding in _findings(environment, config, environ)]


async def _findings(
    environment: Environment, config: Path | None, environ: Mapping[str, str]
) -> AsyncIterator[Finding]:
    settings, found = doctor.look_at_config(config)
    for finding in [*found, *doctor.look_at_secrets(environ, settings)]:
        yield finding
    if settings is not None:
        yield doctor.look_at_encoder(settings)
        async for finding in doctor.look_at_kafka(environment, settings):
            yield finding
    async for finding in doctor.look_at_redis(environment):
        yield finding
