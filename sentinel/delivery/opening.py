"""From a sink's settings to the sink: files with URLs and secrets are read here."""

from __future__ import annotations

import time
from datetime import tzinfo
from pathlib import Path

from rich.console import Console

from sentinel.delivery.bots import DingTalkSink, FeishuSink, WeComSink
from sentinel.delivery.http import Poster
from sentinel.delivery.local import FileSink, TerminalSink
from sentinel.delivery.settings import SinkSettings
from sentinel.delivery.sink import Sink
from sentinel.delivery.webhook import WebhookSink
from sentinel.errors import SentinelError


class SinkFileError(SentinelError):
    """A file that a sink names cannot be used; the message says which and why."""


def open_local(settings: SinkSettings, application: str, zone: tzinfo) -> Sink:
    """Open a sink of any kind but Kafka and Redis. Raises `SinkFileError`."""
    match settings.kind:
        case "file":
            assert settings.path is not None
            return FileSink(settings.path, zone)
        case "terminal":
            return TerminalSink(Console())
        case "webhook":
            return WebhookSink(_poster(settings), _read(settings.secret_file).encode(), application, zone)
        case "wecom":
            return WeComSink(_poster(settings))
        case "dingtalk":
            return DingTalkSink(_poster(settings), _read(settings.secret_file))
        case "feishu":
            return FeishuSink(_poster(settings), _read(settings.secret_file))
        case kind:
            raise AssertionError(f"{kind} is no local sink")


def _poster(settings: SinkSettings) -> Poster:
    url = _read(settings.url_file)
    if not url.startswith(("https://", "http://")) or (url.startswith("http://") and not settings.private):
        raise SinkFileError(f"{settings.url_file}: holds no https:// URL; http:// is for private addresses only")
    return Poster(url, private=settings.private, clock=time.time)


def _read(path: Path | None) -> str:
    assert path is not None, "the settings were validated"
    try:
        text = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SinkFileError(f"{path}: {error.strerror}") from None
    if not text:
        raise SinkFileError(f"{path}: is empty")
    return text
