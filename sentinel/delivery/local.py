"""Sinks on this machine: a file, and the terminal."""

from __future__ import annotations

import asyncio
import json
import os
from datetime import tzinfo
from pathlib import Path
from typing import Final

from rich.console import Console

from alerts.pushes import Push
from sentinel.delivery.sink import SinkError

_TAIL: Final = 1 << 20
"""Bytes at a file's end that are looked through for pushes that were written before a crash."""


class FileSink:
    """Appends lines of JSON, each push once, even across a crash; each is on the disk before the next is taken."""

    def __init__(self, path: Path, zone: tzinfo) -> None:
        self._path = path
        self._zone = zone
        self._seen: dict[str, None] | None = None

    async def send(self, push: Push) -> None:
        """Append, unless it is there."""
        try:
            await asyncio.to_thread(self._append, push)
        except OSError as error:
            raise SinkError(f"{self._path}: {error.strerror}") from None

    async def close(self) -> None:
        """Nothing is held open."""

    def _append(self, push: Push) -> None:
        if self._seen is None:
            self._seen = self._written()
        if push.push_id in self._seen:
            return
        line = f"{push.to_json_line(self._zone)}\n".encode()
        with self._path.open("ab") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        self._seen[push.push_id] = None

    def _written(self) -> dict[str, None]:
        """Ids of the last pushes in the file. A line that was cut off by a crash is taken away."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if not self._path.exists():
            return {}
        with self._path.open("r+b") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL))
            tail = file.read()
            whole = tail[: tail.rfind(b"\n") + 1]
            file.truncate(size - len(tail) + len(whole))
        lines = whole.splitlines()
        return {_id_of(line): None for line in (lines if size <= _TAIL else lines[1:])}


class TerminalSink:
    """Prints pushes for people."""

    def __init__(self, console: Console) -> None:
        self._console = console

    async def send(self, push: Push) -> None:
        """Print."""
        self._console.print(f"[{push.subscriber}] {push.title}", style="bold", markup=False, soft_wrap=True)
        self._console.print(push.text, markup=False, highlight=False, soft_wrap=True)

    async def close(self) -> None:
        """Nothing is held open."""


def _id_of(line: bytes) -> str:
    try:
        return str(json.loads(line)["push_id"])
    except (ValueError, KeyError, TypeError):
        return ""
