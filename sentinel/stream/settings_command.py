"""`sentinel settings`: everything the service goes by, and where it comes from, secrets hidden."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import yaml
from rich.console import Console
from rich.table import Table

from sentinel.config_files import ConfigError
from sentinel.door.callers import KEY_FILE_VARIABLE, key_origin, load_key
from sentinel.settings import SENTINEL, STREAM, inspect_config
from sentinel.stream import environment as names
from sentinel.stream.environment import Environment
from sentinel.stream.topics import Topics


def run_settings(config: Path | None, console: Console, environ: Mapping[str, str] = os.environ) -> None:
    """Print the environment's part, the files' part, and the topics."""
    environment = Environment.read(environ)
    directory = config or environment.config
    inspection = inspect_config(directory)
    if inspection.settings is None:
        raise ConfigError(list(inspection.problems))
    load_key(environ)
    console.print(_environment(environment, environ))
    console.print(_files(inspection.files))
    for name, text in _said(directory).items():
        console.print(f"[bold]{name}[/bold]")
        console.out(text, highlight=False)
    topics = Topics(environment.application, inspection.settings.stream)
    console.print("topics: " + ", ".join(topic.name for topic in topics.all), highlight=False)


def _environment(environment: Environment, environ: Mapping[str, str]) -> Table:
    metrics = f"{environment.metrics[0]}:{environment.metrics[1]}" if environment.metrics else ""
    key = environ.get(KEY_FILE_VARIABLE, "")
    kafka, redis = environment.kafka, environment.redis
    rows = [
        (names.APPLICATION, environment.application),
        (names.KAFKA, kafka.shown),
        *_security(names.KAFKA, environ),
        (names.REDIS, redis.shown if redis else "none: nothing is written to Redis"),
        *_security(names.REDIS, environ),
        (names.METRICS, metrics or "none: no /metrics, /healthz, /readyz"),
        (names.CONFIG, str(environment.config or "the shipped one")),
        (KEY_FILE_VARIABLE, f"*** from {key}" if key else f"the {key_origin(environ)} key, which protects nobody"),
    ]
    table = Table(title="environment", title_justify="left", show_header=False)
    for name, value in rows:
        table.add_row(name, value, "" if name in environ else "default")
    return table


def _security(server: str, environ: Mapping[str, str]) -> list[tuple[str, str]]:
    """What is set of a server's account and TLS: names and files, and of secrets that there is one."""
    ends = {"_USER": False, "_PASSWORD_FILE": True, "_MECHANISM": False, "_TLS": False,
            names.AUTHORITIES: False, names.CERTIFICATE: False, names.KEY: True}  # fmt: skip
    found = [(f"{server}{end}", environ.get(f"{server}{end}", ""), secret) for end, secret in ends.items()]
    return [(name, f"*** from {value}" if secret else value) for name, value, secret in found if value]


def _files(files: object) -> Table:
    table = Table(title="config files", title_justify="left", show_header=False)
    assert isinstance(files, tuple)
    for file in files:
        table.add_row(file.path.name, "shipped" if file.shipped else str(file.path.parent))
    return table


def _said(directory: Path | None) -> dict[str, str]:
    """The two files that are about numbers, as they are in force."""
    inspection = inspect_config(directory)
    stream = next(file.path for file in inspection.files if file.path.name == STREAM)
    lines = [line.partition("  #")[0].rstrip() for line in stream.read_text(encoding="utf-8").splitlines()]
    return {
        SENTINEL: yaml.safe_dump(inspection.document[SENTINEL], allow_unicode=True, sort_keys=False),
        STREAM: "\n".join(line for line in lines if line and not line.lstrip().startswith("#")),
    }
