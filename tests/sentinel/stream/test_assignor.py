"""The assignor: even, complete, deterministic, and moving little."""

import pytest

from sentinel.stream.assignor import spread

TOPICS = {"a.tickets": [0], "a.digests": [0], "a.routed": list(range(64))}


def owners(members: list[str]) -> dict[tuple[str, int], str]:
    return {
        (topic, partition): member
        for member, share in spread(TOPICS, members).items()
        for topic, partitions in share.items()
        for partition in partitions
    }


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 64, 80])
def test_every_partition_has_one_owner_and_no_member_many_more_than_another(count: int) -> None:
    shares = spread(TOPICS, [f"m{n}" for n in range(count)])
    given = [(topic, p) for share in shares.values() for topic, partitions in share.items() for p in partitions]
    assert sorted(given) == sorted((topic, p) for topic, partitions in TOPICS.items() for p in partitions)
    loads = [sum(map(len, share.values())) for share in shares.values()]
    assert max(loads) <= -(-66 // count)


def test_intake_and_the_city_are_not_one_members_where_there_are_more() -> None:
    for number in range(20):
        found = owners([f"{number}-a", f"{number}-b"])
        assert found["a.tickets", 0] != found["a.digests", 0]


def test_the_order_of_members_does_not_matter() -> None:
    assert spread(TOPICS, ["b", "a", "c"]) == spread(TOPICS, ["c", "b", "a"])


def test_one_more_member_moves_few_partitions_beside_those_it_gets() -> None:
    moved = []
    for number in range(20):
        before = owners([f"{number}-{n}" for n in range(4)])
        after = owners([f"{number}-{n}" for n in range(5)])
        new = f"{number}-4"
        moved.append(sum(before[key] != after[key] and after[key] != new for key in before))
    assert sum(moved) / len(moved) < 12, "of 66; all but a fifth would move by turns"
