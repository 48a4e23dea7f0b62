"""`sentinel acls`: who may do what on Kafka and Redis, as commands for their administrators.

Every account gets what it needs and no more: a subscriber reads its own topic or stream, and nothing else.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from alerts.subscribers import Subscriber
from sentinel.delivery.settings import SinkKind
from sentinel.settings import Settings, load_settings
from sentinel.stream.environment import Environment
from sentinel.stream.topics import ALERTS, FEEDBACK, JOURNAL, STATE, TICKETS

_KAFKA: Final = """\
# What accounts on Kafka may do. Run it as an administrator of the brokers:
#   sentinel acls kafka | KAFKA_ACLS="kafka-acls.sh --bootstrap-server HOST:PORT --command-config FILE" sh -e
# The accounts themselves and their passwords are made with kafka-configs.sh (docs/security.md).
allow() { account=$1; shift; $KAFKA_ACLS --add --allow-principal "User:$account" "$@"; }
"""
_REDIS: Final = """\
# Users of Redis, for its aclfile. Replace each `nopass off` by the SHA-256 of a password, as `#…`, and `on`
# (docs/security.md)."""
_ENTER: Final = "+auth +hello +ping +select +client|setname"
_ALL: Final = ("Read", "Write", "Create", "Describe", "DescribeConfigs")


class Accounts(NamedTuple):
    """The names under which the parts of the service come to the brokers."""

    worker: str
    """workers, and people who run commands such as `dead-letters`"""
    api: str
    source: str
    """whoever puts tickets on Kafka"""

    @classmethod
    def of(cls, application: str) -> Accounts:
        """What they are called where nobody says otherwise."""
        return cls(application, f"{application}-api", f"{application}-source")


def told_by(kind: SinkKind, settings: Settings) -> list[str]:
    """The ids of subscribers whose pushes go to sinks of a kind.

    A handler that the configuration gives no id has none to be known by beforehand.
    """
    sinks = [sink for sink in settings.sinks.sinks if sink.kind == kind]
    known = [name for subscriber in settings.subscribers.subscribers for name in _ids(subscriber, settings)]
    return [name for name in known if any(sink.takes(name) for sink in sinks)]


def kafka_commands(application: str, accounts: Accounts, subscribers: Sequence[str]) -> Iterator[str]:
    """Lines for a shell, in which `KAFKA_ACLS` is the program that grants."""
    topics = f"{application}."

    def allow(account: str, operations: Sequence[str], *to: str) -> str:
        return shlex.join(["allow", account, *(f"--operation={name}" for name in operations), *to])

    yield _KAFKA
    yield "# workers: everything whose name begins with the application's"
    yield allow(accounts.worker, _ALL, "--topic", topics, "--resource-pattern-type", "prefixed")
    yield allow(accounts.worker, ("Read",), "--group", topics, "--resource-pattern-type", "prefixed")
    yield allow(accounts.worker, ("Read",), "--group", application)
    yield "\n# the HTTP API: reads the journal, writes what people do"
    for read in (JOURNAL, f"{STATE}.{JOURNAL}"):
        yield allow(accounts.api, ("Read", "Describe"), "--topic", f"{topics}{read}")
    yield allow(accounts.api, ("Write", "Describe"), "--topic", f"{topics}{FEEDBACK}")
    yield "\n# the hotline's own system: puts tickets on Kafka, and reads nothing"
    yield allow(accounts.source, ("Write", "Describe"), "--topic", f"{topics}{TICKETS}")
    yield "\n# subscribers: each reads its own topic, in a consumer group of the same name"
    for subscriber in subscribers:
        topic = f"{topics}{ALERTS}.{subscriber}"
        yield allow(subscriber, (), "--consumer", "--topic", topic, "--group", topic)
    if not subscribers:
        yield "# (none: config/sinks.yaml has no sink of kind kafka)"


def redis_users(application: str, accounts: Accounts, subscribers: Sequence[str]) -> Iterator[str]:
    """Lines of an aclfile. Whoever reads pages gets no user: pages are for the command centre's own programs."""
    yield _REDIS
    worker = f"user {accounts.worker} nopass off ~{application}:* -@all +@read +@write +@scripting +@connection"
    yield f"{worker} -@dangerous +info +time"
    for subscriber in subscribers:
        stream = f"%R~{application}:pushes:{subscriber}"
        yield f"user {subscriber} nopass off {stream} -@all +xread +xrange +xlen {_ENTER}"
    if not subscribers:
        yield "# (no subscribers: config/sinks.yaml has no sink of kind redis)"


def run_acls(server: str, environment: Environment, accounts: Accounts, others: Sequence[str]) -> None:
    """Print the commands for one server. `others` are subscribers that are not known beforehand."""
    settings = load_settings(environment.config)
    make = kafka_commands if server == "kafka" else redis_users
    kind: SinkKind = "kafka" if server == "kafka" else "redis"
    for line in make(environment.application, accounts, [*told_by(kind, settings), *others]):
        print(line)


def _ids(subscriber: Subscriber, settings: Settings) -> list[str]:
    if subscriber.each == "street":
        return [f"{subscriber.id}-{street.code}" for street in settings.streets.streets]
    if subscriber.each == "handler":
        return [f"{subscriber.id}-{name}" for name in settings.subscribers.handlers.values()]
    return [subscriber.id]
