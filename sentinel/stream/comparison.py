"""Two applications' alerts side by side, by their journals, as far as both have come."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, NamedTuple

from alerts import Alert
from sentinel.stream.envelope import identity_of
from sentinel.stream.environment import Environment
from sentinel.stream.log_reader import LogReader
from sentinel.stream.topics import JOURNAL, Topics


class Journal:
    """What a journal tells: rounds that are over, and their transitions."""

    def __init__(self) -> None:
        self.end = -1
        """number of the last round that is over"""
        self.lines: dict[tuple[int, str], str] = {}
        """(round, id of the line) -> the line, of transitions that open alerts, else nothing: there are many"""

    def take(self, value: bytes) -> None:
        """Take one entry."""
        entry: dict[str, Any] = json.loads(value)
        if "round" not in entry:
            return
        for line in entry["alerts"]:
            self.lines[entry["round"], identity_of(line.encode())] = line if '"reason":"opened"' in line else ""
        if "clock" in entry:
            self.end = max(self.end, entry["round"])


class Comparison(NamedTuple):
    """How two applications' transitions differ, up to the last round that is over in both."""

    end: int
    same: int
    """transitions that are the same by every byte"""
    only_old: int
    only_new: int
    kinds: dict[str, tuple[int, int, int]]
    """kind -> alerts opened by both, by the old one only, by the new one only"""
    lost: list[Alert]
    gained: list[Alert]


async def journal_of(environment: Environment, topics: Topics) -> Journal:
    """Read a journal to its end."""
    journal = Journal()
    async with LogReader(environment.kafka, topics.name(JOURNAL)) as reader:
        async for batch in reader.to_end():
            for message in batch:
                journal.take(message.value or b"{}")
    return journal


def compare(old: Journal, new: Journal) -> Comparison:
    """Compare what two journals have in common."""
    end = min(old.end, new.end)
    first, second = ({key: line for key, line in j.lines.items() if key[0] <= end} for j in (old, new))
    was, now = ({identity for _, identity in lines} for lines in (first, second))
    opened = [
        {alert.alert_id: alert for alert in (Alert.model_validate_json(line) for line in lines.values() if line)}
        for lines in (first, second)
    ]
    both = opened[0].keys() & opened[1].keys()
    lost = [alert for identity, alert in opened[0].items() if identity not in both]
    gained = [alert for identity, alert in opened[1].items() if identity not in both]
    counts = [Counter(alert.kind for alert in alerts) for alerts in ([opened[0][i] for i in both], lost, gained)]
    kinds = sorted(set().union(*counts))
    return Comparison(
        end,
        len(was & now),
        len(was - now),
        len(now - was),
        {kind: (counts[0][kind], counts[1][kind], counts[2][kind]) for kind in kinds},
        lost,
        gained,
    )
