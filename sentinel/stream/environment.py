"""Where the service finds its servers and secrets: what differs from one deployment to the next."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import quote, urlsplit, urlunsplit

from sentinel.errors import SentinelError

APPLICATION: Final = "SENTINEL_APPLICATION"
CONFIG: Final = "SENTINEL_CONFIG"
KAFKA: Final = "SENTINEL_KAFKA"
METRICS: Final = "SENTINEL_METRICS_PORT"
REDIS: Final = "SENTINEL_REDIS"
REDIS_PASSWORD: Final = "SENTINEL_REDIS_PASSWORD_FILE"

_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,39}")
_LOOPBACK: Final = "127.0.0.1"


class EnvironmentValueError(SentinelError):
    """An environment variable cannot be used; the message says which, why, and what to write."""


class Environment(NamedTuple):
    """One deployment. Secrets come from files, so that no process list shows them."""

    application: str = "sentinel"
    """the first part of every name on Kafka and Redis, so that a second application runs beside the first"""
    kafka: tuple[str, ...] = (f"{_LOOPBACK}:9092",)
    """brokers to ask first, host:port"""
    redis: str = ""
    """URL with its password; empty for none"""
    metrics: tuple[str, int] | None = None
    """address of /metrics, /healthz and /readyz"""
    config: Path | None = None
    """directory of settings; None for the shipped ones"""

    @property
    def redis_shown(self) -> str:
        """The Redis URL without its password."""
        parts = urlsplit(self.redis)
        if parts.password is None:
            return self.redis
        user = parts.username or ""
        place = parts.netloc.rpartition("@")[2]
        return urlunsplit(parts._replace(netloc=f"{user}:***@{place}"))

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> Environment:
        """Read the variables; raises `EnvironmentValueError`."""
        default = cls()
        application = environment.get(APPLICATION) or default.application
        if not _NAME.fullmatch(application):
            raise EnvironmentValueError(
                f"{APPLICATION}: {application!r} is no name for an application; write lower-case letters, digits "
                "and hyphens, at most 40, e.g. sentinel-next"
            )
        config = environment.get(CONFIG)
        return cls(
            application,
            _servers(environment.get(KAFKA) or default.kafka[0]),
            _redis(environment),
            _address(environment.get(METRICS, "")),
            Path(config) if config else None,
        )


def _servers(value: str) -> tuple[str, ...]:
    servers = tuple(part.strip() for part in value.split(",") if part.strip())
    for server in servers:
        host, _, port = server.rpartition(":")
        if not host or not port.isdecimal():
            raise EnvironmentValueError(f"{KAFKA}: {server!r} is no broker; write host:port, several with a comma")
    if not servers:
        raise EnvironmentValueError(f"{KAFKA}: names no broker; write host:port, several with a comma")
    return servers


def _redis(environment: Mapping[str, str]) -> str:
    url = environment.get(REDIS, "")
    if not url:
        return ""
    parts = urlsplit(url)
    if parts.scheme not in ("redis", "rediss", "unix"):
        raise EnvironmentValueError(f"{REDIS}: is no Redis URL; write redis://host:port/0")
    file = environment.get(REDIS_PASSWORD)
    if not file:
        return url
    if parts.password is not None:
        raise EnvironmentValueError(f"{REDIS_PASSWORD}: {REDIS} holds a password already; keep the one in the file")
    try:
        password = Path(file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise EnvironmentValueError(f"{REDIS_PASSWORD}: cannot read {file} ({error.strerror})") from None
    user = parts.username or ""
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{user}:{quote(password, safe='')}@{place}"))


def _address(value: str) -> tuple[str, int] | None:
    if not value:
        return None
    host, _, port = value.rpartition(":")
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise EnvironmentValueError(
            f"{METRICS}: {value!r} is no port; write 9464, or 0.0.0.0:9464 to be reached from other machines"
        )
    return host or _LOOPBACK, int(port)
