"""Which worker gets which partitions: evenly, and the same as before as far as that goes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from math import ceil
from typing import Any

from aiokafka.coordinator.assignors.abstract import AbstractPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata


def spread(topics: Mapping[str, Sequence[int]], members: Iterable[str]) -> dict[str, dict[str, list[int]]]:
    """Return member -> topic -> partitions; every member takes every topic.

    Rendezvous hashing with bounded loads (Thaler, Ravishankar 1998; Mirrokni, Thorup, Zadimoghaddam 2018): each
    partition goes to the member that it likes best among those with room. So a member that comes or goes moves few
    partitions beside its own, whose state would have to be loaded elsewhere. Topics with fewer partitions come first,
    and their members have so much less room for the others: intake and the city are work too.
    """
    names = sorted(members)
    shares: dict[str, dict[str, list[int]]] = {name: {} for name in names}
    room = ceil(sum(map(len, topics.values())) / len(names))
    load = dict.fromkeys(names, 0)
    for topic in sorted(topics, key=lambda topic: (len(topics[topic]), topic)):
        for partition in sorted(topics[topic]):
            free = [name for name in names if load[name] < room]
            if len(topics[topic]) == 1:
                free = [name for name in free if load[name] == 0] or free
            best = max(free, key=lambda name: _liking(name, topic, partition))
            shares[best].setdefault(topic, []).append(partition)
            load[best] += 1
    return shares


def _liking(name: str, topic: str, partition: int) -> bytes:
    return hashlib.blake2b(f"{name}\n{topic}\n{partition}".encode(), digest_size=8).digest()


class PartitionAssignor(AbstractPartitionAssignor):  # type: ignore[misc]
    """`spread` as aiokafka calls it, with what Faust asks of an assignor beside: it has no tables to tell of."""

    name = "sentinel"
    version = 0

    def __init__(self, *_: Any, **__: Any) -> None:
        """Faust gives its application, which does not matter."""

    @classmethod
    def assign(
        cls, cluster: Any, members: Mapping[str, ConsumerProtocolMemberMetadata]
    ) -> dict[str, ConsumerProtocolMemberAssignment]:
        """Spread all partitions of all topics that members read."""
        topics = {topic for member in members.values() for topic in member.subscription}
        partitions = {topic: sorted(cluster.partitions_for_topic(topic) or ()) for topic in topics}
        return {
            name: ConsumerProtocolMemberAssignment(cls.version, sorted(share.items()), b"")
            for name, share in spread(partitions, members).items()
        }

    @classmethod
    def metadata(cls, topics: Iterable[str]) -> ConsumerProtocolMemberMetadata:
        """Tell the group what this member reads."""
        return ConsumerProtocolMemberMetadata(cls.version, list(topics), b"")

    @classmethod
    def on_assignment(cls, assignment: ConsumerProtocolMemberAssignment) -> None:
        """Nothing is remembered."""

    def assigned_standbys(self) -> set[Any]:
        """Of Faust's tables: none."""
        return set()

    def assigned_actives(self) -> set[Any]:
        """Of Faust's tables: none."""
        return set()
