"""Snapshots: whole when read again, small when little has changed, refused when damaged."""

import numpy as np
import pytest

from sentinel.stream.snapshot import SCHEMA, SEGMENT, Manifest, Place, Snapshot, StateError, restore, take

NOTHING: frozenset[str] = frozenset()


def written(*snapshots: Snapshot) -> dict[tuple[Place, int], bytes]:
    """Everything that was ever written, by place and version."""
    return {(place, snap.manifest.version): part for snap in snapshots for place, part in snap.changed.items()}


def read(*snapshots: Snapshot) -> dict[str, object]:
    """What the last of them stands for."""
    everything, manifest = written(*snapshots), Manifest.from_bytes(snapshots[-1].manifest.to_bytes())
    segments = {place: everything[place, segment.version] for place, segment in manifest.segments.items()}
    return restore(manifest, segments)


def state(rows: int = 300_000) -> dict[str, object]:
    return {"a": {"table": np.arange(rows, dtype=np.float32), "names": ["x", "y"]}, "b": ("small", 7)}


def test_what_is_read_is_what_was_taken() -> None:
    objects = state()
    first = take(objects, None, "me", 100, 90, NOTHING)
    found = read(first)
    assert found["b"] == objects["b"]
    table = found["a"]["table"]  # type: ignore[index]
    assert (table == np.arange(300_000)).all()
    assert table.flags.writeable
    assert (first.manifest.offset, first.manifest.applied, first.manifest.version) == (100, 90, 1)


def test_only_segments_that_changed_are_written_again() -> None:
    objects = state()
    first = take(objects, None, "me", 100, 90, NOTHING)
    objects["a"]["table"][70_000] = -1.0  # type: ignore[index]
    second = take(objects, first.manifest, "me", 200, 190, frozenset({"a"}))
    assert {place for place in second.changed if place.buffer == 1} == {Place("a", 1, 4 * 70_000 // SEGMENT)}
    assert read(first, second)["a"]["table"][70_000] == -1.0  # type: ignore[index]


def test_a_snapshot_is_of_its_moment_whatever_happens_afterwards() -> None:
    objects = state()
    first = take(objects, None, "me", 100, 90, NOTHING)
    objects["a"]["table"][:] = -1.0  # type: ignore[index]
    assert read(first)["a"]["table"][5] == 5.0  # type: ignore[index]


def test_objects_not_touched_are_not_looked_at() -> None:
    objects = state()
    first = take(objects, None, "me", 100, 90, NOTHING)
    second = take({**objects, "a": "would be another"}, first.manifest, "me", 200, 190, frozenset({"b"}))
    assert {place.name for place in second.changed} <= {"b"}
    assert isinstance(read(first, second)["a"], dict)


def test_an_object_that_is_new_is_written_and_one_that_is_gone_is_not_there() -> None:
    first = take(state(), None, "me", 100, 90, NOTHING)
    second = take({"b": ("small", 7), "c": 1}, first.manifest, "me", 200, 190, NOTHING)
    assert read(first, second) == {"b": ("small", 7), "c": 1}


def test_an_array_that_grows_and_one_that_shrinks() -> None:
    snapshots = [take(state(), None, "me", 1, 1, NOTHING)]
    for rows in (500_000, 100_000):
        snapshots.append(take(state(rows), snapshots[-1].manifest, "me", 2, 2, frozenset({"a"})))
        table = read(*snapshots)["a"]["table"]  # type: ignore[index]
        assert (table == np.arange(rows)).all()


def test_a_damaged_segment_is_refused() -> None:
    first = take(state(), None, "me", 100, 90, NOTHING)
    place, part = next(iter(first.changed.items()))
    with pytest.raises(StateError, match="damaged"):
        restore(first.manifest, {**first.changed, place: part[:-1] + bytes([part[-1] ^ 1])})


def test_a_damaged_manifest_is_refused() -> None:
    value = take(state(), None, "me", 100, 90, NOTHING).manifest.to_bytes()
    with pytest.raises(StateError, match="damaged"):
        Manifest.from_bytes(value.replace(b'"offset":100', b'"offset":101'))


def test_state_of_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    value = take(state(), None, "me", 100, 90, NOTHING).manifest.to_bytes()
    monkeypatch.setattr("sentinel.stream.snapshot.SCHEMA", 99)
    with pytest.raises(StateError, match=f"version {SCHEMA} and this program reads 99"):
        Manifest.from_bytes(value)
