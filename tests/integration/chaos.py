"""What the chaos tests do to a running application, and how they judge what it said."""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from sentinel.stream.envelope import header
from tests.integration.conftest import Application
from tests.integration.servers import Process, total, wait_until


class Verdict:
    """What an application said, against what a replay says of the same input."""

    def __init__(self, application: Application, expected: Sequence[bytes]) -> None:
        messages = application.read("alerts")
        ids = [header(message.headers, "ce_id") for message in messages]
        self.raw = Counter(message.value for message in messages)
        self.by_id: dict[str, set[bytes]] = {}
        for identity, message in zip(ids, messages, strict=True):
            assert message.value is not None
            self.by_id.setdefault(identity, set()).add(message.value)
        said = {line for lines in self.by_id.values() for line in lines}
        self.lost = sorted(set(expected) - said)
        self.different = sorted(said - set(expected))
        self.repeats = len(messages) - len(self.by_id)
        self.dead = len(application.read("dead"))

    @property
    def equal(self) -> bool:
        """None lost, none different, one content an id, nothing dead."""
        one = all(len(lines) == 1 for lines in self.by_id.values())
        return not self.lost and not self.different and one and not self.dead

    def __str__(self) -> str:
        return (
            f"{len(self.by_id)} transitions, {self.repeats} repeats, {len(self.lost)} lost, "
            f"{len(self.different)} different, {self.dead} dead letters"
        )


def producing(application: Application, tickets: Path, rate: float = 0.0) -> Process:
    """A `sentinel produce --finish` that runs beside the test."""
    log = application.directory / "produce.log"
    process = application.process("produce", tickets, "--finish", "--rate", rate, log=log)
    process.start()
    return process


def taken_by_intake(figures: Mapping[str, float]) -> float:
    """How many messages of `tickets` have been applied; 0 if intake is another worker's."""
    return sum(
        value for name, value in figures.items() if name.startswith("sentinel_applied_offset") and '.tickets"' in name
    )


def uncommitted(figures: Mapping[str, float]) -> float:
    """How many messages a worker has applied that would be applied again if it died now."""
    return total(figures, "sentinel_applied_offset") - total(figures, "sentinel_committed_offset")


def settle(application: Application, producer: Process, expected: Sequence[bytes], seconds: float) -> Verdict:
    """Wait until all has been sent and taken, by workers that are at work, and judge."""
    assert producer.process is not None
    try:
        status = producer.process.wait(seconds)
    except subprocess.TimeoutExpired:
        raise AssertionError(f"produce does not end: {producer.said()[-1000:]}") from None
    assert status == 0, producer.said()[-2000:]
    wanted = len(set(expected))

    def done() -> bool:
        workers = [worker for worker in application.workers if worker.alive]
        figures = [worker.figures() for worker in workers if worker.ready]
        owned = sum(total(each, "sentinel_partitions") for each in figures)
        lag = sum(total(each, "sentinel_lag_messages") for each in figures)
        return owned == 66 and lag == 0 and len(Verdict(application, expected).by_id) >= wanted

    try:
        wait_until(done, seconds, "all is taken")
    except AssertionError as error:
        logs = "\n".join(worker.said()[-1500:] for worker in application.workers)
        raise AssertionError(f"{error}: {Verdict(application, expected)}\n{logs}") from None
    time.sleep(1.0)  # whatever is said too much is said by now
    return Verdict(application, expected)
