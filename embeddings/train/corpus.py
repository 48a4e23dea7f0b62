"""The Chinese texts that the shipped model and the prior term statistics are learned from."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

HOTLINE_FILES = ("topic_labelled.jsonl", "messages_unlabelled.jsonl", "messages_with_replies.jsonl")
EVALUATION_FILE = "messages_2019.jsonl"


def _fingerprint(text: str) -> str:
    return "".join(text.split())[:60]


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def hotline_rows(data: Path) -> Iterator[dict[str, str]]:
    """Citizens' messages, less every one that also stands in the file kept for evaluation."""
    folder = data / "citizen_messages"
    held_out = set()
    for row in _rows(folder / EVALUATION_FILE):
        held_out.add(_fingerprint(row["text"]))
        held_out.add(_fingerprint(row["title"] + row["text"]))
    for name in HOTLINE_FILES:
        for row in _rows(folder / name):
            if _fingerprint(row["text"]) not in held_out:
                yield row


def hotline_texts(data: Path) -> Iterator[str]:
    """Title and text of each of them."""
    for row in hotline_rows(data):
        yield f"{row.get('title', '')} {row['text']}"


def general_rows(data: Path) -> Iterator[dict[str, str]]:
    """Hot searches."""
    path = data / "weibo_hot_search" / "topics_2024-05_2026-08.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def general_texts(data: Path) -> Iterator[str]:
    """Titles of hot searches with their descriptions where there are any."""
    for row in general_rows(data):
        yield f"{row.get('title', '')} {row.get('description') or row.get('desc') or ''}"
