"""Accounts, TLS and access lists, on a broker and a Redis that insist on them; and secrets that nothing shows."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from pydantic import SecretStr
from redis import Redis as Client
from redis.exceptions import NoPermissionError

from sentinel.stream.access import Account, Kafka, Tls
from tests.integration.conftest import Application
from tests.integration.servers import HERE, ROOT, ApacheKafka, Redis, free_ports, wait_until

pytestmark = pytest.mark.integration

NAMES = ("worker", "source", "command-center", "discipline", "bob", "redis")
PASSWORDS = {name: f"PLANTED-{name}-9f3c" for name in NAMES}
KEY = "PLANTED-caller-key-0123456789abcdef"


class Fortress:
    """A broker and a Redis with TLS, accounts and access lists; an open port each for whoever looks on."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        authority = trustme.CA()
        self.authority = directory / "ca.pem"
        authority.cert_pem.write_to_path(str(self.authority))
        server = authority.issue_cert(HERE, "localhost")
        key = load_pem_private_key(server.private_key_pem.bytes(), None)
        # Kafka reads keys of PKCS #8 only
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (directory / "server.key").write_bytes(pem)
        (directory / "server.crt").write_bytes(server.cert_chain_pems[0].bytes())
        (directory / "server.pem").write_bytes(pem + server.cert_chain_pems[0].bytes())
        for name, password in PASSWORDS.items():
            (directory / f"{name}.password").write_text(f"{password}\n", "utf-8")
        (directory / "caller.key").write_text(KEY, "utf-8")
        (self.port,) = free_ports(1)
        login = "org.apache.kafka.common.security"
        home = Path(os.environ["KAFKA_HOME"]).resolve()
        scram = [name for name in PASSWORDS if name not in ("bob", "redis")]
        self.broker = ApacheKafka(
            home,
            directory,
            {
                "listeners": f"SASL_SSL://{HERE}:{self.port}",
                "advertised.listeners": f"SASL_SSL://{HERE}:{self.port}",
                "listener.security.protocol.map": "SASL_SSL:SASL_SSL",
                "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
                **{
                    f"listener.name.sasl_ssl.{name}.sasl.jaas.config": f"{login}.scram.ScramLoginModule required;"
                    for name in ("scram-sha-256", "scram-sha-512")
                },
                "listener.name.sasl_ssl.plain.sasl.jaas.config": f"{login}.plain.PlainLoginModule required "
                f'user_bob="{PASSWORDS["bob"]}";',
                "ssl.keystore.type": "PEM",
                "ssl.keystore.location": str(directory / "server.pem"),
                "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                "super.users": "User:ANONYMOUS",
            },
            [
                part
                for name in scram
                for part in ("--add-scram", f"SCRAM-SHA-512=[name={name},password={PASSWORDS[name]}]")
            ],
        )
        (self.redis_port,) = free_ports(1)
        (directory / "users.acl").touch()
        self.redis = Redis(
            directory, "--tls-port", self.redis_port, "--tls-cert-file", directory / "server.crt", "--tls-key-file",
            directory / "server.key", "--tls-ca-cert-file", self.authority, "--tls-auth-clients", "no",
            "--aclfile", directory / "users.acl",
        )  # fmt: skip

    def environment(self, account: str) -> dict[str, str]:
        """What somebody with an account needs."""
        return {
            "SENTINEL_KAFKA": f"localhost:{self.port}",
            "SENTINEL_KAFKA_USER": account,
            "SENTINEL_KAFKA_PASSWORD_FILE": str(self.directory / f"{account}.password"),
            "SENTINEL_KAFKA_CA_FILE": str(self.authority),
            "SENTINEL_REDIS": f"rediss://worker@localhost:{self.redis_port}/0",
            "SENTINEL_REDIS_PASSWORD_FILE": str(self.directory / "redis.password"),
            "SENTINEL_REDIS_CA_FILE": str(self.authority),
            "SENTINEL_CALLER_KEY_FILE": str(self.directory / "caller.key"),
        }

    def kafka(self, name: str, password: str = "", mechanism: str = "SCRAM-SHA-512") -> Kafka:
        """How an account gets in."""
        secret = SecretStr(password or PASSWORDS[name])
        context = Tls(self.authority).context()
        return Kafka((f"localhost:{self.port}",), Account(name, secret, mechanism), context)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def fortress(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fortress]:
    if not os.environ.get("KAFKA_HOME") or not shutil.which("java"):
        pytest.skip("accounts and TLS are tried on Apache Kafka: set KAFKA_HOME, and install Java 17")
    if not shutil.which("redis-server"):
        pytest.skip("TLS is tried on the system's Redis: install Debian's redis-server")
    fortress = Fortress(tmp_path_factory.mktemp("fortress"))
    fortress.broker.begin()
    fortress.redis.begin()
    yield fortress
    fortress.broker.kill()
    fortress.redis.kill()


def read(kafka: Kafka, topic: str, count: int) -> list[bytes]:
    """The first messages of a topic, in a consumer group of its name. Raises what the broker refuses with."""

    async def read() -> list[bytes]:
        consumer = AIOKafkaConsumer(
            topic, **kafka.options, group_id=topic, auto_offset_reset="earliest", enable_auto_commit=False
        )
        try:
            await consumer.start()
            found: list[bytes] = []
            while len(found) < count:
                records = await asyncio.wait_for(consumer.getone(), 20)
                found.append(records.value)
            await consumer.commit({TopicPartition(topic, 0): count})
            return found
        finally:
            await consumer.stop()

    return asyncio.run(read())


def granted(fortress: Fortress, app: Application) -> str:
    """Grant what `sentinel acls` says, as its documentation says."""
    done = app.command("acls", "kafka", "--worker", "worker", "--source", "source")
    assert done.returncode == 0, done.stderr
    acls = f"{fortress.broker.home}/bin/kafka-acls.sh --bootstrap-server {fortress.broker.address}"
    heap = {"KAFKA_HEAP_OPTS": "-Xmx128m -XX:+UseSerialGC -XX:TieredStopAtLevel=1"}
    shell = subprocess.run(
        ["sh", "-e"], input=done.stdout, env={**os.environ, **heap, "KAFKA_ACLS": acls}, capture_output=True, text=True,
        timeout=300, check=False,
    )  # fmt: skip
    assert shell.returncode == 0, shell.stdout + shell.stderr
    users = app.command("acls", "redis", "--worker", "worker")
    assert users.returncode == 0, users.stderr
    digest = hashlib.sha256(PASSWORDS["redis"].encode()).hexdigest()
    (fortress.directory / "users.acl").write_text(
        "".join(f"{line}\n" for line in users.stdout.replace("nopass off", f"#{digest} on").splitlines()
                if line.startswith("user ")), "utf-8",
    )  # fmt: skip
    with Client.from_url(fortress.redis.url) as client:
        client.execute_command("ACL", "LOAD")
    return done.stdout


def test_everybody_gets_what_is_theirs_and_nothing_else(
    fortress: Fortress, week: tuple[Path, list[bytes]], tmp_path: Path
) -> None:
    tickets, expected = week
    app = Application(fortress.broker, tmp_path, records=100, every="5s", session="6s")
    (app.config / "sinks.yaml").write_text(
        "sinks:\n"
        "  - {name: kafka, kind: kafka, subscribers: [command-center, discipline]}\n"
        "  - {name: redis, kind: redis, subscribers: [command-center, discipline]}\n",
        "utf-8",
    )
    said = granted(fortress, app)
    worker = app.worker(**fortress.environment("worker"))
    try:
        worker.begin()
        # the hotline's account may put tickets there
        done = app.command("produce", tickets, "--finish", **fortress.environment("source"))
        assert done.returncode == 0, done.stderr
        wait_until(lambda: len(app.read("alerts")) >= len(expected), 120, "all alerts are there")
        assert {message.value for message in app.read("alerts")} == set(expected)
        own = f"{app.name}.alerts.command-center"
        wait_until(lambda: app.read("alerts.command-center"), 60, "the command centre has pushes")

        # a subscriber reads its own topic, and no other
        assert b'"subscriber":"command-center"' in read(fortress.kafka("command-center"), own, 1)[0]
        for topic in (f"{app.name}.alerts", f"{app.name}.alerts.discipline", f"{app.name}.tickets"):
            with pytest.raises(KafkaError, match=r"(?i)authoriz"):
                read(fortress.kafka("command-center"), topic, 1)
        # nor does the hotline's account read what it sent
        refused = app.command("export", tmp_path / "log", **fortress.environment("source"))
        assert refused.returncode == 1
        assert "may not read it" in refused.stderr

        # Redis holds the alerts, written over TLS by a user who may do no more than that
        with Client.from_url(fortress.redis.url) as client:
            wait_until(lambda: int(client.get(f"{app.name}:offset") or 0) >= len(expected), 60, "Redis has all")
            wait_until(lambda: client.xlen(f"{app.name}:pushes:command-center"), 60, "Redis has pushes")
        with Client(
            "localhost", fortress.redis_port, username="command-center", password=PASSWORDS["redis"], ssl=True,
            ssl_ca_certs=str(fortress.authority),
        ) as client:  # fmt: skip
            assert client.xrange(f"{app.name}:pushes:command-center", count=1)
            for key in (f"{app.name}:pushes:discipline", f"{app.name}:push"):
                with pytest.raises(NoPermissionError):
                    client.xrange(key)
            with pytest.raises(NoPermissionError):
                client.xadd(f"{app.name}:pushes:command-center", {"push": "forged"})

        shown = app.command("settings", **fortress.environment("worker"))
        assert shown.returncode == 0, shown.stderr
        assert "*** from" in shown.stdout
        places = (said, shown.stdout, done.stdout, worker.get("/metrics")[1], worker.get("/readyz")[1], worker.said())
        for place in places:
            assert "PLANTED" not in place
    finally:
        worker.kill()
        app.end()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"SENTINEL_KAFKA_PASSWORD_FILE": "bob.password"}, "does not let worker in"),
        ({"SENTINEL_KAFKA_MECHANISM": "PLAIN"}, "does not let worker in"),
        ({"SENTINEL_KAFKA_CA_FILE": ""}, "TLS|account"),
        ({"SENTINEL_KAFKA_CA_FILE": "stranger.pem"}, "certificate that is not believed"),
        ({"SENTINEL_KAFKA": "localhost:9"}, "cannot be connected to"),
        ({"SENTINEL_KAFKA": "no-such-broker.invalid:9092"}, "is a name that nothing here knows"),
    ],
)
def test_who_cannot_get_in_is_told_why_and_shown_no_secret(
    fortress: Fortress, change: dict[str, str], why: str
) -> None:
    trustme.CA().cert_pem.write_to_path(str(fortress.directory / "stranger.pem"))
    there = {name: str(fortress.directory / value) if value.partition(".")[2] in ("password", "pem") else value
             for name, value in change.items()}  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "sentinel.cli", "tail", "alerts"],
        env={**os.environ, "PYTHONPATH": str(ROOT), **fortress.environment("worker"), **there},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert re.search(why, done.stderr), done.stderr
    assert "Traceback" not in done.stderr
    assert "PLANTED" not in done.stderr + done.stdout


def test_a_traceback_shows_no_secret(fortress: Fortress) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sentinel.cli", "tail", "alerts"],
        env={**os.environ, "PYTHONPATH": str(ROOT), **fortress.environment("worker"), "SENTINEL_DEBUG": "1",
             "SENTINEL_KAFKA_MECHANISM": "PLAIN"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert "Traceback" in done.stderr
    assert "PLANTED" not in done.stderr + done.stdout


def test_a_password_in_the_clear_needs_tls(fortress: Fortress) -> None:
    """PLAIN works within TLS; what is in an error or a core dump of ours is no password."""
    kafka = fortress.kafka("bob", mechanism="PLAIN")
    assert PASSWORDS["bob"] not in repr(kafka)
    assert PASSWORDS["bob"] not in json.dumps(str(kafka._asdict()))
    with pytest.raises(KafkaError, match=r"(?i)authoriz"):  # in, but without a grant
        read(kafka, "bob.topic", 1)
