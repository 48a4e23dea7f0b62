"""How this deployment gets into its servers: addresses, accounts and TLS, in one place for every client.

Passwords are `pydantic.SecretStr`, which shows itself as stars in logs, errors and representations.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from pydantic import SecretStr

if TYPE_CHECKING:
    from redis.asyncio import Redis

_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1", "[::1]")

Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]


class Account(NamedTuple):
    """Who a client says it is, by SASL."""

    user: str
    password: SecretStr
    mechanism: Mechanism = "SCRAM-SHA-512"


class Tls(NamedTuple):
    """Whom a client believes, and its own certificate where the server asks for one: PEM files."""

    authorities: Path | None = None
    """certificates of authorities; None for those of the system"""
    certificate: Path | None = None
    key: Path | None = None

    def context(self) -> ssl.SSLContext:
        """What Python makes of it: names are checked, TLS 1.2 is the least. Raises `OSError` (`ssl.SSLError`)."""
        context = ssl.create_default_context(cafile=self.authorities)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.certificate is not None:
            context.load_cert_chain(self.certificate, self.key)
        return context


class Kafka(NamedTuple):
    """The brokers to ask first, and what they want to know of a client."""

    servers: tuple[str, ...] = ("127.0.0.1:9092",)
    """host:port"""
    account: Account | None = None
    tls: ssl.SSLContext | None = None

    @property
    def shown(self) -> str:
        """The brokers, for people."""
        return ",".join(self.servers)

    @property
    def local(self) -> bool:
        """Whether all of them are on this machine, where nobody listens in."""
        return all(server.rpartition(":")[0] in _LOOPBACK for server in self.servers)

    @property
    def protocol(self) -> str:
        """Kafka's name for it: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL."""
        carrier = "SSL" if self.tls is not None else "PLAINTEXT"
        if self.account is None:
            return carrier
        return f"SASL_{carrier}"

    @property
    def options(self) -> dict[str, Any]:
        """Arguments for every client of aiokafka."""
        options: dict[str, Any] = {
            "bootstrap_servers": list(self.servers),
            "security_protocol": self.protocol,
            "ssl_context": self.tls,
        }
        if self.account is not None:
            options |= {
                "sasl_mechanism": self.account.mechanism,
                "sasl_plain_username": self.account.user,
                "sasl_plain_password": self.account.password.get_secret_value(),
            }
        return options


class RedisServer(NamedTuple):
    """One Redis."""

    url: str
    """without a password"""
    password: SecretStr | None = None
    tls: Tls | None = None
    """None without TLS"""

    @property
    def shown(self) -> str:
        """The URL, for people: a password is there or not, and no more is said of it."""
        if self.password is None:
            return self.url
        scheme, _, rest = self.url.partition("://")
        user, at, place = rest.rpartition("@")
        return f"{scheme}://{user}:***@{place if at else rest}"

    def client(self, timeout: float) -> Redis:
        """A client that gives up a step after so many seconds. Connects when it is first used."""
        from redis.asyncio import Redis  # which most commands do without

        options: dict[str, Any] = {}
        if self.password is not None:
            options["password"] = self.password.get_secret_value()
        if self.tls is not None:
            options |= {
                "ssl_ca_certs": _text(self.tls.authorities),
                "ssl_certfile": _text(self.tls.certificate),
                "ssl_keyfile": _text(self.tls.key),
                "ssl_check_hostname": True,
                "ssl_min_version": ssl.TLSVersion.TLSv1_2,
            }
        return Redis.from_url(self.url, socket_timeout=timeout, socket_connect_timeout=timeout, **options)


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
