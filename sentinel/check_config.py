"""``sentinel check-config``: says of every config file whether it can be used, and if not, what to change."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from sentinel.config_files import Problem
from sentinel.settings import Inspection, inspect_config

OK, CONFIG_ERRORS = 0, 2


def check_config(directory: Path | None, console: Console) -> int:
    """Print a table of the files, then the problems; return 0 if there are none, else 2.

    ``directory`` is the one to check; None means the shipped one.
    """
    inspection = inspect_config(directory)
    if inspection.files:
        console.print(_files(inspection))
    if inspection.problems:
        print_problems(list(inspection.problems), console)
        return CONFIG_ERRORS
    console.print(_summary(inspection), style="green")
    return OK


def print_problems(problems: list[Problem], console: Console) -> None:
    """Print each problem as a short paragraph: where and what is there, then what is wrong and what to do."""
    console.print(f"\n{len(problems)} to correct", style="bold red")
    for problem in problems:
        name = Path(problem.file).name
        place = name if problem.line is None else f"{name}:{problem.line}"
        # as Text, since what a user wrote may hold what rich would take for markup
        where = Text.assemble((place, "cyan"), "  " if problem.field else "", (problem.field, "bold"))
        if problem.value:
            where.append(f" = {problem.value}")
        console.print(where)
        advice = Text.assemble(problem.wrong, "; ", (problem.fix, "bold"))
        console.print(Padding(advice, (0, 0, 0, 4)))


def _files(inspection: Inspection) -> Table:
    table = Table()
    for heading in ("file", "from", "state"):
        table.add_column(heading, overflow="fold")
    for file in inspection.files:
        wrong = sum(problem.file == str(file.path) for problem in inspection.problems)
        state = Text(f"{wrong} to correct", "red") if wrong else Text("OK", "green")
        table.add_row(Text(file.path.name), "shipped" if file.shipped else Text(str(file.path.parent)), state)
    return table


def _summary(inspection: Inspection) -> str:
    settings = inspection.settings
    if settings is None:
        return ""
    streets, topics = len(settings.streets.streets), len(settings.topics.topics)
    budget = settings.budget.false_alarms_per_week
    return f"{settings.streets.name}: {streets} streets, {topics} topics, {budget:g} false alarms a week"
