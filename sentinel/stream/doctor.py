"""What can be wrong with a deployment, looked at one by one: each look says what it saw and what to do."""

from __future__ import annotations

import asyncio
import stat
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Literal, NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import NewTopic
from aiokafka.errors import KafkaError
from redis.exceptions import AuthenticationError, RedisError

from sentinel.door.callers import KEY_FILE_VARIABLE, CallerKeyError, key_origin, load_key
from sentinel.errors import SentinelError
from sentinel.settings import Settings, inspect_config
from sentinel.shared import Shared
from sentinel.stream import environment as names
from sentinel.stream.admin import administering
from sentinel.stream.environment import Environment
from sentinel.stream.outbox import open_producer
from sentinel.stream.reach import trouble_with
from sentinel.stream.topics import DIGESTS, ROUTED, TICKETS, TopicError, Topics, look_at

CLOCK_SECONDS: Final = 5.0
"""By how much this machine's clock may differ from a server's."""
SLOW_SECONDS: Final = 0.25
_PATIENCE: Final = 10.0
_EXAMPLE: Final = "小区楼下烧烤店油烟扰民，深夜噪音大"

Verdict = Literal["good", "doubtful", "bad"]


class Finding(NamedTuple):
    """What one look saw."""

    about: str
    verdict: Verdict
    seen: str
    advice: str = ""


def look_at_config(directory: Path | None) -> tuple[Settings | None, list[Finding]]:
    """Read the settings; None where they cannot be used."""
    inspection = inspect_config(directory)
    where = str(directory or "the shipped directory")
    if inspection.settings is None:
        first = inspection.problems[0]
        seen = f"{where}: {len(inspection.problems)} to correct, first {Path(first.file).name} {first.field}"
        return None, [Finding("config", "bad", f"{seen} {first.wrong}", "run sentinel check-config for all of them")]
    return inspection.settings, [Finding("config", "good", f"{where}, {inspection.settings.streets.city}")]


def look_at_secrets(environ: Mapping[str, str], settings: Settings | None) -> list[Finding]:
    """The key for callers, and who may read the files that hold secrets."""
    found = []
    try:
        load_key(environ)
        if key_origin(environ) == "public":
            seen = "callers are hashed with the public key, which protects nobody"
            advice = f"write 32 random bytes to a file, and its name into {KEY_FILE_VARIABLE}"
            found.append(Finding("caller key", "doubtful", seen, advice))
        else:
            found.append(Finding("caller key", "good", f"{KEY_FILE_VARIABLE} is used"))
    except CallerKeyError as error:
        found.append(Finding("caller key", "bad", str(error), "make the file readable, or a new one"))
    files = {environ.get(name, "") for name in (KEY_FILE_VARIABLE, names.KAFKA_PASSWORD, names.REDIS_PASSWORD)}
    files |= {environ.get(f"{server}{names.KEY}", "") for server in (names.KAFKA, names.REDIS)}
    for sink in settings.sinks.sinks if settings is not None else ():
        files |= {str(file) for file in (sink.url_file, sink.secret_file) if file is not None}
    for file in sorted(files - {""}):
        try:
            mode = stat.S_IMODE(Path(file).stat().st_mode)
        except OSError as error:
            found.append(Finding("secret", "bad", f"{file}: {error.strerror}", "put it there, or name another"))
            continue
        if mode & 0o004:
            found.append(Finding("secret", "doubtful", f"everybody here may read {file}", f"chmod o= {file}"))
    return found


def look_at_encoder(settings: Settings) -> Finding:
    """Load what makes vectors, and make one."""
    try:
        shared = Shared.load(settings)
    except SentinelError as error:
        return Finding("encoder", "bad", str(error), "install the model, or use `encoder: static`")
    began = time.perf_counter()
    _, word_ids = shared.lexicon.read("", _EXAMPLE)
    length = len(shared.encoder.encode(_EXAMPLE, word_ids))
    milliseconds = 1000 * (time.perf_counter() - began)
    return Finding("encoder", "good", f"{settings.encoder}: {length} numbers a text, {milliseconds:.1f} ms the first")


async def look_at_kafka(environment: Environment, settings: Settings) -> AsyncIterator[Finding]:
    """Brokers, their clock, topics, and the workers at them."""
    kafka = environment.kafka
    if why := await trouble_with(kafka):
        yield Finding("brokers", "bad", why, "see docs/security.md for accounts and TLS, docs/service.md for the rest")
        return
    yield Finding("brokers", "good", f"{kafka.shown} by {kafka.protocol}")
    if kafka.protocol == "PLAINTEXT" and not kafka.local:
        advice = f"set {names.KAFKA_USER} and {names.KAFKA}{names.AUTHORITIES}"
        yield Finding("brokers", "doubtful", "anybody on the network may read and write tickets there", advice)
    topics = Topics(environment.application, settings.stream)
    try:
        look = await look_at(environment, topics)
    except (TopicError, KafkaError) as error:
        yield Finding("topics", "bad", str(error))
        return
    for difference in look.differences:
        yield Finding("topics", "doubtful", difference, "change it on the brokers (kafka-configs.sh) or in stream.yaml")
    if look.missing:
        seen = f"{len(look.missing)} of {len(topics.all)} are not there: {', '.join(look.missing[:3])} …"
        yield Finding("topics", "doubtful", seen, "the first worker makes them; or this account may not see them")
    else:
        yield Finding("topics", "good", f"{len(topics.all)} below {environment.application}.")
    yield await _write(environment, settings)
    if not look.missing:
        async for finding in _look_at_workers(environment, topics):
            yield finding


async def _write(environment: Environment, settings: Settings) -> Finding:
    """Whether a message is taken as the service's are, how soon, and what time the brokers have."""
    topic = f"{environment.application}.doctor"
    try:
        async with asyncio.timeout(_PATIENCE), _producer(environment, topic, settings.stream.replication) as producer:
            await producer.send_and_wait(topic, b"how are you", b"doctor", partition=0)  # the first one opens things
            began, now = time.perf_counter(), time.time()
            sent = await producer.send_and_wait(topic, b"how are you", b"doctor", partition=0)
    except (KafkaError, TimeoutError) as error:
        advice = "let this account write there, and see that enough brokers are up for stream.yaml's replication"
        return Finding("writing", "bad", f"{topic} takes nothing ({type(error).__name__})", advice)
    seconds, behind = time.perf_counter() - began, sent.timestamp / 1000 - now
    seen = f"confirmed in {1000 * seconds:.0f} ms, the brokers' clock {behind:+.1f} s from ours"
    if abs(behind) > CLOCK_SECONDS + seconds:
        return Finding("writing", "bad", seen, "set the clocks (NTP): late and early are judged by the brokers' clock")
    if seconds > SLOW_SECONDS:
        return Finding("writing", "doubtful", seen, "alerts cannot be sooner than this; look at the brokers' disks")
    return Finding("writing", "good", seen)


@asynccontextmanager
async def _producer(environment: Environment, topic: str, replication: int) -> AsyncIterator[AIOKafkaProducer]:
    """A producer, and a topic for it like those of the service, of which an hour is kept."""
    async with administering(environment.kafka) as admin:
        if topic not in await admin.list_topics():
            config = {"retention.ms": "3600000", "message.timestamp.type": "LogAppendTime"}
            await admin.create_topics([NewTopic(topic, 1, replication, topic_configs=config)])
    producer = await open_producer(environment.kafka)
    try:
        yield producer
    finally:
        await producer.stop()


async def _look_at_workers(environment: Environment, topics: Topics) -> AsyncIterator[Finding]:
    try:
        async with administering(environment.kafka) as admin:
            offsets = await admin.list_consumer_group_offsets(environment.application)
            (answer,) = await admin.describe_consumer_groups([environment.application])
    except KafkaError as error:
        yield Finding("workers", "doubtful", f"the brokers do not tell ({type(error).__name__})")
        return
    members = sum(len(group[5]) for group in answer.groups)
    if members:
        yield Finding("workers", "good", f"{members} at work")
    else:
        yield Finding("workers", "doubtful", "none is at work", "sentinel worker")
    if not offsets:
        yield Finding("backlog", "doubtful", "no worker has written a checkpoint yet", "put tickets on Kafka")
        return
    consumer = AIOKafkaConsumer(**environment.kafka.options)
    try:
        await consumer.start()
        for short in (TICKETS, ROUTED, DIGESTS):
            places = [TopicPartition(*tp) for tp in offsets if tp.topic == topics.name(short)]
            ends = await consumer.end_offsets(places)
            waiting = sum(ends[tp] - max(0, offsets[tp].offset) for tp in places)
            yield Finding("backlog", "good", f"{topics.name(short)}: {waiting:,} after the last checkpoint")
    finally:
        await consumer.stop()


async def look_at_redis(environment: Environment) -> AsyncIterator[Finding]:
    """Whether Redis answers, keeps what it is given, and has the time."""
    server = environment.redis
    if server is None:
        yield Finding("Redis", "good", f"none: {names.REDIS} is not set")
        return
    client = server.client(5.0)
    try:
        began, now = time.perf_counter(), time.time()
        seconds, microseconds = await client.time()
        took, behind = time.perf_counter() - began, seconds + microseconds / 1e6 - now
        about = await client.info()
        seen = (
            f"{server.shown}, version {about['redis_version']}, {1000 * took:.0f} ms, clock {behind:+.1f} s from ours"
        )
        if abs(behind) > CLOCK_SECONDS + took:
            yield Finding("Redis", "bad", seen, "set the clocks (NTP)")
        else:
            yield Finding("Redis", "good", seen)
        if about.get("maxmemory") and about.get("maxmemory_policy") != "noeviction":
            seen = f"it throws keys away when it is full ({about['maxmemory_policy']})"
            yield Finding("Redis", "doubtful", seen, "set maxmemory-policy noeviction, then sentinel rebuild")
        offset = await client.get(f"{environment.application}:offset")
        yield Finding("Redis", "good", f"stands at offset {int(offset or 0):,} of the alerts")
    except AuthenticationError:
        yield Finding("Redis", "bad", f"{server.shown} does not let us in", f"see {names.REDIS_PASSWORD}")
    except (RedisError, OSError, TimeoutError) as error:
        yield Finding("Redis", "bad", f"{server.shown}: {error}", "is it up, is the port right, does it speak TLS?")
    finally:
        await client.aclose()
