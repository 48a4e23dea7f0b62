"""Where the service finds its servers and secrets: what differs from one deployment to the next."""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple, cast, get_args
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit, urlunsplit

from pydantic import SecretStr

from sentinel.errors import SentinelError
from sentinel.stream.access import Account, Kafka, Mechanism, RedisServer, Tls

APPLICATION: Final = "SENTINEL_APPLICATION"
CONFIG: Final = "SENTINEL_CONFIG"
KAFKA: Final = "SENTINEL_KAFKA"
KAFKA_USER: Final = "SENTINEL_KAFKA_USER"
KAFKA_PASSWORD: Final = "SENTINEL_KAFKA_PASSWORD_FILE"
KAFKA_MECHANISM: Final = "SENTINEL_KAFKA_MECHANISM"
KAFKA_TLS: Final = "SENTINEL_KAFKA_TLS"
METRICS: Final = "SENTINEL_METRICS_PORT"
REDIS: Final = "SENTINEL_REDIS"
REDIS_PASSWORD: Final = "SENTINEL_REDIS_PASSWORD_FILE"
AUTHORITIES: Final = "_CA_FILE"
CERTIFICATE: Final = "_CERTIFICATE_FILE"
KEY: Final = "_KEY_FILE"
"""Ends of the names of variables that are about TLS: SENTINEL_KAFKA_CA_FILE, SENTINEL_REDIS_CA_FILE and so on."""

_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,39}")
_LOOPBACK: Final = "127.0.0.1"


class EnvironmentValueError(SentinelError):
    """An environment variable cannot be used; the message says which, why, and what to write."""


class Environment(NamedTuple):
    """One deployment. Secrets come from files, so that no process list shows them."""

    application: str = "sentinel"
    """the first part of every name on Kafka and Redis, so that a second application runs beside the first"""
    kafka: Kafka = Kafka()
    redis: RedisServer | None = None
    metrics: tuple[str, int] | None = None
    """address of /metrics, /healthz and /readyz"""
    config: Path | None = None
    """directory of settings; None for the shipped ones"""

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> Environment:
        """Read the variables; raises `EnvironmentValueError`."""
        config = environment.get(CONFIG)
        return cls(
            _application(environment.get(APPLICATION) or cls().application),
            _kafka(environment),
            _redis(environment),
            _address(environment.get(METRICS, "")),
            Path(config) if config else None,
        )

    def named(self, application: str) -> Environment:
        """The same deployment for another application. Raises `EnvironmentValueError` for what is no name."""
        return self._replace(application=_application(application))


def _application(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise EnvironmentValueError(
            f"{APPLICATION}: {name!r} is no name for an application; write lower-case letters, digits "
            "and hyphens, at most 40, e.g. sentinel-next"
        )
    return name


def _kafka(environment: Mapping[str, str]) -> Kafka:
    servers = _servers(environment.get(KAFKA) or Kafka().servers[0])
    tls = _tls(environment, KAFKA)
    wanted = environment.get(KAFKA_TLS, "")
    if wanted not in ("", "on", "off"):
        raise EnvironmentValueError(f"{KAFKA_TLS}: {wanted!r} is neither on nor off")
    if wanted == "off" and tls is not None:
        raise EnvironmentValueError(f"{KAFKA_TLS}: is off, but {KAFKA}{AUTHORITIES} or a certificate is given")
    if wanted == "on" and tls is None:
        tls = Tls()
    account = _account(environment)
    kafka = Kafka(servers, account, None if tls is None else _context(tls, KAFKA))
    if kafka.protocol == "SASL_PLAINTEXT" and account and account.mechanism == "PLAIN" and not kafka.local:
        raise EnvironmentValueError(
            f"{KAFKA_MECHANISM}: PLAIN sends the password as it is, so it needs TLS; set {KAFKA_TLS}=on or "
            f"{KAFKA}{AUTHORITIES}, or use SCRAM-SHA-512"
        )
    return kafka


def _account(environment: Mapping[str, str]) -> Account | None:
    user, file = environment.get(KAFKA_USER, ""), environment.get(KAFKA_PASSWORD, "")
    mechanism = environment.get(KAFKA_MECHANISM) or Account._field_defaults["mechanism"]
    if mechanism not in get_args(Mechanism):
        known = ", ".join(get_args(Mechanism))
        raise EnvironmentValueError(f"{KAFKA_MECHANISM}: {mechanism!r} is not known; use one of {known}")
    if not user and not file:
        return None
    if not user or not file:
        lacking = KAFKA_PASSWORD if user else KAFKA_USER
        raise EnvironmentValueError(f"{lacking}: is not set; an account needs both a name and a password")
    return Account(user, _secret(file, KAFKA_PASSWORD), cast(Mechanism, mechanism))


def _servers(value: str) -> tuple[str, ...]:
    servers = tuple(part.strip() for part in value.split(",") if part.strip())
    for server in servers:
        host, _, port = server.rpartition(":")
        if not host or not port.isdecimal():
            raise EnvironmentValueError(f"{KAFKA}: {server!r} is no broker; write host:port, several with a comma")
    if not servers:
        raise EnvironmentValueError(f"{KAFKA}: names no broker; write host:port, several with a comma")
    return servers


def _redis(environment: Mapping[str, str]) -> RedisServer | None:
    url = environment.get(REDIS, "")
    if not url:
        return None
    parts = urlsplit(url)
    if parts.scheme not in ("redis", "rediss", "unix"):
        raise EnvironmentValueError(f"{REDIS}: is no Redis URL; write redis://host:port/0, rediss:// for TLS")
    if "password" in parse_qs(parts.query):
        raise EnvironmentValueError(f"{REDIS}: holds a password after the question mark; name a {REDIS_PASSWORD}")
    tls = _tls(environment, REDIS)
    if tls is not None and parts.scheme != "rediss":
        raise EnvironmentValueError(f"{REDIS}: says {parts.scheme}://, but files for TLS are given; write rediss://")
    if parts.scheme == "rediss":
        tls = tls or Tls()
        _context(tls, REDIS)
    password = None if parts.password is None else SecretStr(unquote(parts.password))
    file = environment.get(REDIS_PASSWORD)
    if file and password is not None:
        raise EnvironmentValueError(f"{REDIS_PASSWORD}: {REDIS} holds a password already; keep the one in the file")
    return RedisServer(_without_password(parts), _secret(file, REDIS_PASSWORD) if file else password, tls)


def _without_password(parts: SplitResult) -> str:
    user, place = parts.username or "", parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{user}@{place}" if user else place))


def _tls(environment: Mapping[str, str], server: str) -> Tls | None:
    """The files that are named for a server; None if none is."""
    found = {end: environment.get(f"{server}{end}", "") for end in (AUTHORITIES, CERTIFICATE, KEY)}
    if not any(found.values()):
        return None
    if found[KEY] and not found[CERTIFICATE]:
        raise EnvironmentValueError(f"{server}{CERTIFICATE}: is not set, but {server}{KEY} is; name both")
    for end, file in found.items():
        if file:
            _read(file, f"{server}{end}")
    authorities, certificate, key = (Path(file) if file else None for file in found.values())
    return Tls(authorities, certificate, key)


def _context(tls: Tls, server: str) -> ssl.SSLContext:
    try:
        return tls.context()
    except OSError as error:
        what = getattr(error, "reason", None) or error.strerror or "no certificate in it"
        names = ", ".join(f"{server}{end}" for end in (AUTHORITIES, CERTIFICATE, KEY))
        raise EnvironmentValueError(f"{names}: cannot be used ({what}); they must be PEM files that fit") from None


def _secret(file: str, variable: str) -> SecretStr:
    secret = _read(file, variable).strip()
    if not secret:
        raise EnvironmentValueError(f"{variable}: {file} is empty; write the password into it")
    return SecretStr(secret)


def _read(file: str, variable: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise EnvironmentValueError(f"{variable}: cannot read {file} ({error.strerror})") from None
    except UnicodeDecodeError:
        raise EnvironmentValueError(f"{variable}: {file} is no text in UTF-8") from None


def _address(value: str) -> tuple[str, int] | None:
    if not value:
        return None
    host, _, port = value.rpartition(":")
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise EnvironmentValueError(
            f"{METRICS}: {value!r} is no port; write 9464, or 0.0.0.0:9464 to be reached from other machines"
        )
    return host or _LOOPBACK, int(port)
