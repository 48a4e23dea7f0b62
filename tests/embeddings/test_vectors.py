"""Vectors on disk: found again with the same bits, never another encoder's, bounded, and whole after a crash."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embeddings.tickets import F32
from embeddings.vectors import BATCH, VectorStore, VectorStoreError

SIZE = 8


def vector(number: int, size: int = SIZE) -> F32:
    made: F32 = np.random.default_rng(number).normal(size=size).astype(np.float16).astype(np.float32)
    return made


def opened(directory: Path, encoder: str = "small-8-abc", size: int = SIZE, most: int = 100_000) -> VectorStore:
    store = VectorStore(directory, most)
    store.open(encoder, size)
    return store


def test_what_was_kept_is_found_with_the_same_bits_by_another_process(tmp_path: Path) -> None:
    store = opened(tmp_path)
    assert store.get("停水") is None
    store.put("停水", vector(1))
    found = store.get("停水")
    assert found is not None
    assert found.tobytes() == vector(1).tobytes()
    store.close()
    again = opened(tmp_path).get("停水")
    assert again is not None
    assert again.dtype == np.float32
    assert again.tobytes() == vector(1).tobytes()


@given(st.dictionaries(st.text(max_size=8), st.integers(0, 99), max_size=20))
def test_every_text_has_its_own_vector(tmp_path_factory: pytest.TempPathFactory, kept: dict[str, int]) -> None:
    directory = tmp_path_factory.mktemp("vectors")
    store = opened(directory)
    for text, number in kept.items():
        store.put(text, vector(number))
    store.close()
    again = opened(directory)
    for text, number in kept.items():
        found = again.get(text)
        assert found is not None
        assert found.tobytes() == vector(number).tobytes()
    again.close()


def test_another_encoders_vectors_are_not_found(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.put("停水", vector(1))
    store.close()
    assert opened(tmp_path, "small-8-def").get("停水") is None


def test_the_oldest_go_when_there_are_too_many(tmp_path: Path) -> None:
    store = opened(tmp_path, most=BATCH)
    for number in range(3 * BATCH):
        store.put(str(number), vector(number))
    store.close()
    store = opened(tmp_path)
    assert store.get(str(2 * BATCH - 1)) is None
    assert store.get(str(2 * BATCH)) is not None
    assert store.get(str(3 * BATCH - 1)) is not None


def test_two_processes_may_keep_the_same_at_once(tmp_path: Path) -> None:
    one, two = opened(tmp_path), opened(tmp_path)
    for number in range(BATCH + 1):
        one.put(str(number), vector(number))
        two.put(str(number), vector(number))
    one.close()
    two.close()
    third = opened(tmp_path)
    assert all(third.get(str(number)) is not None for number in range(BATCH + 1))


def test_a_killed_process_leaves_whole_batches(tmp_path: Path) -> None:
    program = (
        "import sys, numpy as np\n"
        "from pathlib import Path\n"
        "from embeddings.vectors import VectorStore\n"
        f"store = VectorStore(Path(sys.argv[1])); store.open('small-8-abc', {SIZE})\n"
        "for number in range(10**9):\n"
        f"    store.put(str(number), np.full({SIZE}, number % 2048, np.float32))\n"
        f"    if number == {2 * BATCH}: print('going', flush=True)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"going\n"
        process.send_signal(signal.SIGKILL)
    store = opened(tmp_path)
    for number in range(2 * BATCH):
        found = store.get(str(number))
        assert found is not None
        assert (found == number % 2048).all()
    store.put("and on", vector(1))
    store.close()


@pytest.mark.parametrize("content", [b"no database at all, but of some length" * 30, b""])
def test_a_file_that_is_none_of_ours_is_named_or_made_anew(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "small-8-abc.sqlite"
    file.write_bytes(content)
    if content:
        with pytest.raises(VectorStoreError, match=r"small-8-abc\.sqlite .*delete that file"):
            opened(tmp_path)
    else:
        assert opened(tmp_path).get("停水") is None


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(VectorStoreError, match="--vectors"):
        opened(tmp_path / "file" / "vectors")
