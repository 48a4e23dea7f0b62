"""Options that several commands have."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

FILES = click.Path(path_type=Path)


def config_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--config DIR`."""
    return click.option(
        "--config", type=FILES, metavar="DIR", help="Your settings; files left out are the shipped ones."
    )(command)


def map_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--map FIELD=COLUMN,…`."""
    return click.option("--map", "mapping", metavar="FIELD=COLUMN,…", default="", help="Foreign column names.")(command)
