"""The environment's part of the settings: read, refused with a reason, and shown without secrets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import trustme
from pydantic import SecretStr

from sentinel.settings import load_settings
from sentinel.stream.access import Kafka, RedisServer, Tls
from sentinel.stream.environment import Environment, EnvironmentValueError
from sentinel.stream.topics import Topics

SECRET = "correct horse/battery"


def test_nothing_set_is_a_broker_and_nothing_else_on_this_machine() -> None:
    assert Environment.read({}) == Environment("sentinel", Kafka(("127.0.0.1:9092",)), None, None, None)


def test_everything_set_is_read(tmp_path: Path) -> None:
    (tmp_path / "password").write_text(SECRET + "\n", encoding="utf-8")
    environment = Environment.read({
        "SENTINEL_APPLICATION": "sentinel-next",
        "SENTINEL_KAFKA": "a:9092, b:9093",
        "SENTINEL_REDIS": "redis://redis:6379/2",
        "SENTINEL_REDIS_PASSWORD_FILE": str(tmp_path / "password"),
        "SENTINEL_METRICS_PORT": "0.0.0.0:9464",
        "SENTINEL_CONFIG": "/etc/sentinel",
    })  # fmt: skip
    assert environment.application == "sentinel-next"
    assert environment.kafka == Kafka(("a:9092", "b:9093"))
    assert environment.redis == RedisServer("redis://redis:6379/2", SecretStr(SECRET))
    assert environment.metrics == ("0.0.0.0", 9464)
    assert environment.config == Path("/etc/sentinel")


def test_a_port_alone_listens_on_this_machine_only() -> None:
    assert Environment.read({"SENTINEL_METRICS_PORT": "9464"}).metrics == ("127.0.0.1", 9464)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SENTINEL_APPLICATION", "Sentinel Next"),
        ("SENTINEL_KAFKA", "broker"),
        ("SENTINEL_KAFKA", ","),
        ("SENTINEL_REDIS", "localhost:6379"),
        ("SENTINEL_METRICS_PORT", "http"),
        ("SENTINEL_METRICS_PORT", "0"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(EnvironmentValueError, match=name):
        Environment.read({name: value})


def test_a_password_in_two_places_or_in_a_missing_file_is_refused(tmp_path: Path) -> None:
    for url, file in (("redis://:x@redis:6379", __file__), ("redis://redis:6379", str(tmp_path / "none"))):
        with pytest.raises(EnvironmentValueError, match="SENTINEL_REDIS_PASSWORD_FILE"):
            Environment.read({"SENTINEL_REDIS": url, "SENTINEL_REDIS_PASSWORD_FILE": file})


@pytest.fixture
def pem(tmp_path: Path) -> dict[str, str]:
    """Files of a certificate authority, of a client's certificate and of its key."""
    authority = trustme.CA()
    client = authority.issue_cert("worker@sentinel")
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    client.cert_chain_pems[0].write_to_path(str(tmp_path / "client.pem"))
    client.private_key_pem.write_to_path(str(tmp_path / "client.key"))
    (tmp_path / "password").write_text(SECRET + "\n", encoding="utf-8")
    (tmp_path / "empty").touch()
    return {name: str(tmp_path / name) for name in ("ca.pem", "client.pem", "client.key", "password", "empty", "none")}


def test_accounts_and_tls_are_read_and_show_no_secret(pem: dict[str, str]) -> None:
    environment = Environment.read({
        "SENTINEL_KAFKA_USER": "worker",
        "SENTINEL_KAFKA_PASSWORD_FILE": pem["password"],
        "SENTINEL_KAFKA_CA_FILE": pem["ca.pem"],
        "SENTINEL_KAFKA_CERTIFICATE_FILE": pem["client.pem"],
        "SENTINEL_KAFKA_KEY_FILE": pem["client.key"],
        "SENTINEL_REDIS": "rediss://worker:correct%20horse@redis:6379/2",
        "SENTINEL_REDIS_CA_FILE": pem["ca.pem"],
    })  # fmt: skip
    kafka, redis = environment.kafka, environment.redis
    assert kafka.protocol == "SASL_SSL"
    assert kafka.options["sasl_mechanism"] == "SCRAM-SHA-512"
    assert kafka.options["sasl_plain_password"] == SECRET
    assert len(kafka.options["ssl_context"].get_ca_certs()) == 1
    assert redis is not None
    assert redis.url == "rediss://worker@redis:6379/2"
    assert redis.password == SecretStr("correct horse")
    assert redis.shown == "rediss://worker:***@redis:6379/2"
    assert redis.tls == Tls(Path(pem["ca.pem"]))
    assert "correct" not in repr(environment)


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"SENTINEL_KAFKA_USER": "worker"}, "SENTINEL_KAFKA_PASSWORD_FILE: is not set"),
        ({"SENTINEL_KAFKA_PASSWORD_FILE": "password"}, "SENTINEL_KAFKA_USER: is not set"),
        ({"SENTINEL_KAFKA_USER": "a", "SENTINEL_KAFKA_PASSWORD_FILE": "empty"}, "is empty"),
        ({"SENTINEL_KAFKA_USER": "a", "SENTINEL_KAFKA_PASSWORD_FILE": "none"}, "cannot read"),
        ({"SENTINEL_KAFKA_MECHANISM": "GSSAPI"}, "use one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512"),
        ({"SENTINEL_KAFKA_TLS": "yes"}, "neither on nor off"),
        ({"SENTINEL_KAFKA_TLS": "off", "SENTINEL_KAFKA_CA_FILE": "ca.pem"}, "is off, but"),
        ({"SENTINEL_KAFKA_CA_FILE": "client.key"}, "must be PEM files that fit"),
        ({"SENTINEL_KAFKA_CERTIFICATE_FILE": "client.pem", "SENTINEL_KAFKA_KEY_FILE": "password"}, "must be PEM files"),
        ({"SENTINEL_KAFKA_KEY_FILE": "client.key"}, "SENTINEL_KAFKA_CERTIFICATE_FILE: is not set"),
        ({"SENTINEL_REDIS": "redis://r:1", "SENTINEL_REDIS_CA_FILE": "ca.pem"}, "write rediss://"),
        ({"SENTINEL_REDIS": "redis://r:1/0?password=x"}, "password after the question mark"),
        (
            {"SENTINEL_KAFKA": "far:1", "SENTINEL_KAFKA_USER": "a", "SENTINEL_KAFKA_PASSWORD_FILE": "password",
             "SENTINEL_KAFKA_MECHANISM": "PLAIN"},
            "PLAIN sends the password as it is",
        ),
    ],
)  # fmt: skip
def test_half_an_account_and_files_that_do_not_fit_are_refused(
    given: dict[str, str], wrong: str, pem: dict[str, str]
) -> None:
    with pytest.raises(EnvironmentValueError, match=wrong) as refused:
        Environment.read({name: pem.get(value, value) for name, value in given.items()})
    assert "correct" not in str(refused.value)


def test_the_names_of_two_applications_have_nothing_in_common() -> None:
    stream = load_settings().stream
    one, other = ({topic.name for topic in Topics(name, stream).all} for name in ("sentinel", "sentinel-next"))
    assert len(one) == 12
    assert not one & other
    assert all(name.startswith("sentinel.") for name in one)


def test_settings_are_shown_with_secrets_hidden(tmp_path: Path, sentinel: Callable[..., CompletedProcess[str]]) -> None:
    (tmp_path / "password").write_text(SECRET, encoding="utf-8")
    (tmp_path / "key").write_bytes(b"0123456789abcdef-key")
    done = sentinel(
        ["settings"],
        SENTINEL_REDIS="redis://redis:6379/2",
        SENTINEL_REDIS_PASSWORD_FILE=str(tmp_path / "password"),
        SENTINEL_CALLER_KEY_FILE=str(tmp_path / "key"),
        COLUMNS="250",
    )
    assert done.returncode == 0, done.stderr
    for shown in ("redis://:***@redis:6379/2", "127.0.0.1:9092", str(tmp_path / "key"), "records: 500", "tick: 5m"):
        assert shown in done.stdout
    for secret in ("correct", "battery", "0123456789abcdef"):
        assert secret not in done.stdout


@pytest.mark.parametrize("arguments", [["settings"], ["produce", __file__], ["tail", "alerts"], ["worker"]])
def test_a_wrong_environment_ends_a_command_with_a_reason(
    arguments: list[str], sentinel: Callable[..., CompletedProcess[str]]
) -> None:
    done = sentinel(arguments, SENTINEL_KAFKA="nowhere")
    assert done.returncode == 2
    assert "SENTINEL_KAFKA" in done.stderr
    assert "Traceback" not in done.stderr
