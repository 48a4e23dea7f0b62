"""Vectors of a slow encoder on disk, so that they are computed once and not at every replay."""

import hashlib
import sqlite3
from contextlib import suppress
from pathlib import Path

import numpy as np

from embeddings.tickets import F32

MOST = 4_000_000
"""Vectors kept of one encoder; the oldest go first. About 2.4 GB at 256 dimensions."""
BATCH = 500
"""Vectors written together: at most so many are lost when a process is killed."""
WAIT_SECONDS = 30.0

_TABLE = (
    "CREATE TABLE IF NOT EXISTS vectors (number INTEGER PRIMARY KEY, text BLOB NOT NULL UNIQUE, vector BLOB NOT NULL)"
)


class VectorStoreError(OSError):
    """The store cannot be used; the message says which file and what to do."""


class VectorStore:
    """One SQLite file an encoder, in a directory; several processes may use it at once.

    Texts are kept as hashes. Vectors are kept in half precision: what is put must be exact in it. A file is whole after
    a crash, since SQLite writes each batch as a transaction.

    Parameters
    ----------
    directory
        Where the files are; made where it is missing.
    most
        Vectors kept of one encoder.

    Raises
    ------
    VectorStoreError
        From `open`, `get` and `put`, where the file cannot be read or written.
    """

    def __init__(self, directory: Path, most: int = MOST) -> None:
        self.directory = directory
        self.most = most
        self._base: sqlite3.Connection | None = None
        self._waiting: dict[bytes, bytes] = {}

    def open(self, encoder: str, dimension: int) -> None:
        """Open the file of an encoder; what is put for another one is never found here."""
        self._file = self.directory / f"{encoder}.sqlite"
        self._bytes = 2 * dimension
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            self._base = sqlite3.connect(self._file, timeout=WAIT_SECONDS)
            self._base.execute("PRAGMA journal_mode=WAL")
            self._base.execute("PRAGMA synchronous=NORMAL")
            self._base.execute(_TABLE)
            self._base.commit()
        except (OSError, sqlite3.Error) as error:
            raise self._unusable(error) from error

    def get(self, text: str) -> F32 | None:
        """Return the vector of a text, None if it is not kept."""
        key = _key(text)
        kept = self._waiting.get(key)
        if kept is None:
            assert self._base is not None, "an encoder opens its store"
            try:
                found = self._base.execute("SELECT vector FROM vectors WHERE text = ?", (key,)).fetchone()
            except sqlite3.Error as error:
                raise self._unusable(error) from error
            if found is None or len(found[0]) != self._bytes:
                return None
            kept = found[0]
        return np.frombuffer(kept, "<f2").astype(np.float32)

    def put(self, text: str, vector: F32) -> None:
        """Keep a vector; it is on disk at the latest when `close` returns."""
        self._waiting[_key(text)] = vector.astype("<f2").tobytes()
        if len(self._waiting) >= BATCH:
            self.flush()

    def flush(self) -> None:
        """Write what waits, and drop the oldest where there are too many."""
        if not self._waiting or self._base is None:
            return
        try:
            with self._base:
                self._base.executemany(
                    "INSERT OR IGNORE INTO vectors (text, vector) VALUES (?, ?)", self._waiting.items()
                )
                self._base.execute(
                    "DELETE FROM vectors WHERE number <= (SELECT MAX(number) FROM vectors) - ?", (self.most,)
                )
        except sqlite3.OperationalError as error:
            # busy for so long: another process writes, perhaps the very same vectors, and nothing hangs on ours
            if error.sqlite_errorcode not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise self._unusable(error) from error
        except sqlite3.Error as error:
            raise self._unusable(error) from error
        self._waiting = {}

    def close(self) -> None:
        """Write what waits and let the file go; a store that was never opened has nothing to do."""
        if self._base is None:
            return
        self.flush()
        with suppress(sqlite3.Error):
            self._base.close()
        self._base = None

    def _unusable(self, error: Exception) -> VectorStoreError:
        return VectorStoreError(
            f"the vectors kept in {self._file} cannot be used ({error}); delete that file, name another directory "
            "(--vectors DIR), or keep none (--vectors none)"
        )


def _key(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
