"""The commands of the service. Where its servers are stands in the environment."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sentinel.options import FILES, config_option, map_option

if TYPE_CHECKING:
    from rich.console import Console

    from sentinel.stream.environment import Environment


def _here() -> tuple[Environment, Console]:
    """The environment, and where to write to."""
    from rich.console import Console

    from sentinel.stream.environment import Environment

    # a command says in words of its own what is wrong; where logs are wanted, they are set up and come all the same
    logging.getLogger("aiokafka").addHandler(logging.NullHandler())
    return Environment.read(), Console()


@click.command()
@config_option
@click.option("--loglevel", type=click.Choice(["debug", "info", "warning", "error"]), default="info", show_default=True)
def worker(config: Path | None, loglevel: str) -> None:
    """Run a worker of the service on Kafka; where its servers are stands in the environment.

    \b
    SENTINEL_KAFKA=broker:9092 SENTINEL_CALLER_KEY_FILE=caller.key sentinel worker --config my-config
    """
    from sentinel.stream.worker_command import run_worker

    run_worker(config, loglevel)


@click.command()
@click.argument("files", nargs=-1, required=True, type=FILES)
@map_option
@click.option("--rate", type=click.FloatRange(min=0), default=0.0, help="Events a second; 0: at once.")
@click.option("--finish", is_flag=True, help="End the stream as a replay ends a file.")
def produce(files: tuple[Path, ...], mapping: str, rate: float, finish: bool) -> None:
    """Put the tickets of FILES on Kafka, in the order in which a replay takes them."""
    from sentinel.readers.columns import parse_map
    from sentinel.stream.produce import run_produce

    run_produce(files, parse_map(mapping), rate, finish, *_here())


@click.command()
@click.argument("what", type=click.Choice(["alerts"]))
@click.option("--all", "everything", is_flag=True, help="Begin with the oldest that are kept.")
@click.option("--lines", is_flag=True, help="Print the lines of JSON as they are.")
def tail(what: str, everything: bool, lines: bool) -> None:  # noqa: ARG001  # alerts are all there is
    """Show alerts as they come."""
    from sentinel.stream.tail import run_tail

    run_tail(*_here(), everything=everything, lines=lines)


@click.command()
@click.argument("file", type=FILES)
def export(file: Path) -> None:
    """Write the routed log to FILE; `sentinel replay FILE --order log` reproduces its alerts."""
    from sentinel.stream.export import run_export

    run_export(file, *_here())


@click.command()
def rebuild() -> None:
    """Fill Redis again from what Kafka keeps."""
    from sentinel.stream.rebuild import run_rebuild

    run_rebuild(*_here())


@click.command()
@config_option
def settings(config: Path | None) -> None:
    """Show what the service goes by: environment and files, secrets hidden."""
    from sentinel.stream.settings_command import run_settings

    run_settings(config, _here()[1])


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(1, 65535), default=8080, show_default=True)
def api(host: str, port: int) -> None:
    """Serve the HTTP API: list, read, acknowledge, assign, transfer, resolve and silence alerts."""
    from sentinel.stream.api_command import run_api

    run_api(*_here(), host, port)


@click.command()
@click.argument("subscriber")
@click.option("--scopes", default="read,act", show_default=True, metavar="SCOPE,…", help="read, act, decide, silence")
def token(subscriber: str, scopes: str) -> None:
    """Make a token of the HTTP API for SUBSCRIBER, and the line for SENTINEL_TOKENS_FILE."""
    from sentinel.delivery.tokens import SCOPES, made

    chosen = tuple(scope for scope in SCOPES if scope in scopes.split(","))
    if len(chosen) != len(scopes.split(",")):
        raise click.UsageError(f"--scopes {scopes}: use some of {', '.join(SCOPES)}")
    secret, line = made(subscriber, chosen)
    click.echo(f"token, shown this once: {secret}", err=True)
    click.echo(line)


@click.group()
def config() -> None:
    """Settings of a running service."""


@config.command("apply")
@click.argument("directory", type=FILES)
def config_apply(directory: Path) -> None:
    """Validate DIRECTORY and put its settings in force, from this point of the log on."""
    from sentinel.stream.config_command import run_config_apply

    run_config_apply(directory, *_here())


@click.group("dead-letters")
def dead_letters() -> None:
    """What could not be processed."""


@dead_letters.command("list")
def dead_letters_list() -> None:
    """Show every dead letter: where it came from, why, and what it was, masked."""
    from sentinel.stream.dead_letters import run_list

    run_list(*_here())


@dead_letters.command("requeue")
@click.option("--all", "everything", is_flag=True, help="Those sent again before, too.")
def dead_letters_requeue(everything: bool) -> None:
    """Send what is behind the dead letters again, after a fix."""
    from sentinel.stream.dead_letters import run_requeue

    run_requeue(*_here(), everything=everything)


@click.command()
@click.argument("server", type=click.Choice(["kafka", "redis"]))
@click.option("--worker", default="", metavar="NAME", help="Account of workers.  [default: the application's name]")
@click.option("--api", default="", metavar="NAME", help="Account of the HTTP API.  [default: APPLICATION-api]")
@click.option("--source", default="", metavar="NAME", help="Account that sends tickets.  [default: APPLICATION-source]")
@click.option("--subscriber", "others", multiple=True, metavar="ID", help="One more, such as handler-3f9c…")
def acls(server: str, worker: str, api: str, source: str, others: tuple[str, ...]) -> None:
    """Print what accounts must be allowed on SERVER, as commands for its administrator.

    \b
    sentinel acls kafka | KAFKA_ACLS="kafka-acls.sh --bootstrap-server HOST:PORT" sh -e
    """
    from sentinel.stream.acls_command import Accounts, run_acls
    from sentinel.stream.environment import Environment

    environment = Environment.read()
    usual = Accounts.of(environment.application)
    accounts = Accounts(worker or usual.worker, api or usual.api, source or usual.source)
    run_acls(server, environment, accounts, others)


@click.command()
@config_option
def doctor(config: Path | None) -> None:
    """Look at brokers, topics, Redis, encoder, clocks, secrets and config, and say what to do.

    Writes two messages to APPLICATION.doctor, of which the brokers keep an hour.
    """
    from sentinel.stream.doctor_command import run_doctor

    sys.exit(run_doctor(*_here(), config))


@click.command()
@click.argument("name")
@config_option
@click.option("--patience", type=click.FloatRange(min=0), default=86_400.0, help="Seconds to wait for its workers.")
@click.option("--take-over", is_flag=True, help="Let it go on in the first's place; all workers must have stopped.")
def reprocess(name: str, config: Path | None, patience: float, take_over: bool) -> None:
    """Give the application NAME the retained log, wait for its workers, and compare its alerts with the first's.

    For a program whose state is of another version, or for other settings (--config) on the real past. The second
    application has topics of its own. Give its workers a config without sinks until it takes over, since it will push
    what is long past.

    \b
    sentinel reprocess sentinel-next --config new-config       # SENTINEL_APPLICATION=sentinel-next sentinel worker
    sentinel reprocess sentinel-next --take-over
    """
    if take_over and config:
        raise click.UsageError("--take-over goes on with the settings in the log; leave --config out")
    from sentinel.stream.reprocess_command import run_reprocess

    run_reprocess(name, config, patience, take_over, *_here())


COMMANDS = (worker, produce, tail, export, rebuild, settings, api, token, config, dead_letters, acls, doctor, reprocess)
