"""``sentinel check-config``: says of every config file whether it can be used, and if not, what to change."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sentinel.config_files import Problem
from sentinel.settings import Inspection, inspect_config

OK, CONFIG_ERRORS = 0, 2


def check_config(directory: Path | None, console: Console) -> int:
    """Print a table of the files and one of the problems; return 0 if there are none, else 2.

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
    """Print problems as a table: where, what is there, what is wrong, what to do."""
    table = Table(title=f"{len(problems)} to correct", title_style="bold red", title_justify="left")
    for heading in ("file", "field", "value", "problem", "fix"):
        table.add_column(heading, overflow="fold")
    for problem in problems:
        name = Path(problem.file).name
        place = name if problem.line is None else f"{name}:{problem.line}"
        # as Text, since what a user wrote may hold what rich would take for markup
        cells = map(Text, (place, problem.field, problem.value, problem.wrong))
        table.add_row(*cells, Text(problem.fix, "bold"))
    console.print(table)


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
