"""Every sink against a real other side: what it is sent, and whatever it answers."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import io
import json
import time
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from sentinel.delivery.bots import DINGTALK_BYTES, FEISHU_BYTES, WECOM_BYTES, DingTalkSink, FeishuSink, WeComSink
from sentinel.delivery.http import Poster
from sentinel.delivery.local import FileSink, TerminalSink
from sentinel.delivery.sink import Sink, SinkError, cut
from sentinel.delivery.webhook import WebhookSink
from sentinel.times import SHANGHAI
from tests.sentinel.delivery.conftest import (
    NOW,
    Other,
    Received,
    a_push,
    closes,
    hangs,
    says,
    serving,
    status,
    stops_halfway,
)

SECRET = "钥匙-secret"


def webhook(poster: Poster) -> Sink:
    return WebhookSink(poster, SECRET.encode(), "sentinel", SHANGHAI)


def check_webhook(received: Received) -> str:
    timestamp = received.headers["X-Sentinel-Timestamp"]
    signed = hmac.new(SECRET.encode(), timestamp.encode() + b"." + received.body, hashlib.sha256).hexdigest()
    assert received.headers["X-Sentinel-Signature"] == f"v1={signed}"
    assert received.headers["X-Sentinel-Id"] == received.json["id"]
    assert received.headers["Content-Type"].startswith("application/cloudevents+json")
    assert received.json["specversion"] == "1.0"
    return str(received.json["data"]["text"])


def check_wecom(received: Received) -> str:
    body = received.json
    assert set(body) == {"msgtype", "markdown"}
    assert len(body["markdown"]["content"].encode()) <= WECOM_BYTES
    return str(body["markdown"]["content"])


def check_dingtalk(received: Received) -> str:
    timestamp = received.query["timestamp"]
    digest = hmac.new(SECRET.encode(), f"{timestamp}\n{SECRET}".encode(), hashlib.sha256).digest()
    assert base64.b64decode(received.query["sign"]) == digest
    assert timestamp == f"{NOW * 1000:.0f}"
    assert len(received.body) <= DINGTALK_BYTES
    return str(received.json["markdown"]["text"])


def check_feishu(received: Received) -> str:
    body = received.json
    key = f"{body['timestamp']}\n{SECRET}".encode()
    assert base64.b64decode(body["sign"]) == hmac.new(key, b"", hashlib.sha256).digest()
    assert len(received.body) <= FEISHU_BYTES
    return str(body["content"]["text"])


Check = Callable[[Received], str]
SINKS: dict[str, tuple[Callable[[Poster], Sink], Check, object]] = {
    "webhook": (webhook, check_webhook, {}),
    "wecom": (WeComSink, check_wecom, {"errcode": 0, "errmsg": "ok"}),
    "dingtalk": (lambda poster: DingTalkSink(poster, SECRET), check_dingtalk, {"errcode": 0, "errmsg": "ok"}),
    "feishu": (lambda poster: FeishuSink(poster, SECRET), check_feishu, {"code": 0, "msg": "success"}),
}
every_sink = pytest.mark.parametrize("name", SINKS)
every_bot = pytest.mark.parametrize("name", ["wecom", "dingtalk", "feishu"])
Work = Callable[[Sink, Other], Awaitable[Any]]


def with_sink(name: str, work: Work, *, private: bool = True, timeout: float = 5.0) -> tuple[Any, Other]:
    """Do something with a sink whose other side is a real server."""

    async def go() -> tuple[Any, Other]:
        make, _, good = SINKS[name]
        async with serving(good) as other:
            sink = make(Poster(f"{other.url}?key=topsecret", private=private, clock=lambda: NOW, timeout=timeout))
            try:
                return await work(sink, other), other
            finally:
                await sink.close()

    return asyncio.run(go())


def refusal(name: str, answer: Any, *, private: bool = True, timeout: float = 5.0) -> SinkError:
    """What a sink makes of an answer."""

    async def work(sink: Sink, other: Other) -> SinkError:
        other.answers.append(answer)
        with pytest.raises(SinkError) as caught:
            await sink.send(a_push())
        assert "topsecret" not in str(caught.value)
        assert SECRET not in str(caught.value)
        return caught.value

    error: SinkError = with_sink(name, work, private=private, timeout=timeout)[0]
    return error


@every_sink
def test_the_other_side_can_check_and_read_what_it_is_sent(name: str) -> None:
    _, other = with_sink(name, lambda sink, _: sink.send(a_push()))
    (received,) = other.received
    text = SINKS[name][1](received)
    assert "承办：区水务局" in text
    assert "线索" in text


@every_sink
@pytest.mark.parametrize("filling", ["停", "a", "👨‍👩‍👧", "é", "\n水"])
def test_a_long_text_is_cut_at_a_character_and_says_so(name: str, filling: str) -> None:
    if name == "webhook":
        return  # it has no limit of its own: a push is bounded
    _, other = with_sink(name, lambda sink, _: sink.send(a_push(text=filling * 30_000)))
    text = SINKS[name][1](other.received[0])
    assert "�" not in text
    assert text.endswith("…")
    assert not text.removesuffix("…").endswith("\u200d")


@every_sink
@pytest.mark.parametrize("code", [500, 502, 503, 408])
def test_a_server_in_trouble_is_tried_again(name: str, code: int) -> None:
    error = refusal(name, status(code))
    assert (error.final, error.after) == (False, None)


@every_sink
@pytest.mark.parametrize(("value", "after"), [("7", 7.0), (formatdate(NOW + 90, usegmt=True), 90.0), ("soon", None)])
def test_too_many_waits_for_as_long_as_it_is_told(name: str, value: str, after: float | None) -> None:
    error = refusal(name, status(429, Retry_After=value))
    assert (error.final, error.after) == (False, after)


@every_sink
@pytest.mark.parametrize("code", [400, 401, 403, 404, 413])
def test_what_is_refused_for_good_is_final(name: str, code: int) -> None:
    assert refusal(name, status(code)).final


@every_sink
def test_a_redirect_is_not_followed(name: str) -> None:
    error = refusal(name, status(302, Location="http://127.0.0.1:1/elsewhere"))
    assert "302" in str(error)


@every_sink
def test_a_server_that_hangs_is_left(name: str) -> None:
    began = time.monotonic()
    error = refusal(name, hangs, timeout=0.3)
    assert time.monotonic() - began < 5
    assert (str(error), error.final) == ("no answer within 0.3 s", False)


@every_sink
@pytest.mark.parametrize("answer", [closes, stops_halfway])
def test_a_server_that_closes_is_tried_again(name: str, answer: Any) -> None:
    assert not refusal(name, answer).final


@every_sink
def test_a_server_that_is_not_there_is_tried_again(name: str) -> None:
    async def go() -> None:
        sink = SINKS[name][0](Poster("http://127.0.0.1:1/hook", private=True, clock=lambda: NOW))
        with pytest.raises(SinkError, match="cannot be reached") as caught:
            await sink.send(a_push())
        assert not caught.value.final
        await sink.close()

    asyncio.run(go())


@every_sink
def test_a_private_address_is_refused_unless_it_is_allowed(name: str) -> None:
    async def go() -> None:
        for url in ("http://127.0.0.1:9/hook", "http://[::1]:9/hook", "http://10.1.2.3/x", "http://localhost:9/hook"):
            sink = SINKS[name][0](Poster(url, private=False, clock=lambda: NOW))
            with pytest.raises(SinkError, match=r"private|reached") as caught:
                await sink.send(a_push())
            assert "private" in str(caught.value) or "localhost" in url
            await sink.close()

    asyncio.run(go())


@every_bot
@pytest.mark.parametrize("body", [{"errcode": 93000, "code": 19021}, b"oops", [1], {}, {"errcode": "0", "code": "0"}])
def test_a_bot_that_answers_200_with_an_error_has_not_taken_it(name: str, body: object) -> None:
    error = refusal(name, says(body))
    assert not error.final


@every_bot
def test_a_bot_that_is_flooded_is_given_a_minute(name: str) -> None:
    code = {"wecom": 45009, "dingtalk": 130101, "feishu": 11232}[name]
    assert refusal(name, says({"errcode": code, "code": code})).after == 60.0


# -- local sinks -----------------------------------------------------------------------------------------


def test_a_file_holds_each_push_once_even_across_a_crash(tmp_path: Path) -> None:
    path = tmp_path / "out" / "pushes.jsonl"

    async def write(*numbers: int) -> None:
        sink = FileSink(path, SHANGHAI)
        for number in numbers:
            await sink.send(a_push(number))
        await sink.close()

    asyncio.run(write(1, 2, 2))
    with path.open("ab") as file:
        file.write(b'{"push_id":"p3","sub')  # the crash
    asyncio.run(write(2, 3, 4))
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert [line["push_id"] for line in lines] == ["p1", "p2", "p3", "p4"]


def test_a_file_that_cannot_be_written_is_tried_again(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="directory") as caught:
        asyncio.run(FileSink(tmp_path, SHANGHAI).send(a_push()))
    assert not caught.value.final


def test_the_terminal_shows_what_is_sent() -> None:
    out = io.StringIO()
    asyncio.run(TerminalSink(Console(file=out, width=40)).send(a_push(text="[/red] 停水")))
    assert "[command-center] 群诉｜川沙新镇｜锦绣花园停水" in out.getvalue()
    assert "[/red] 停水" in out.getvalue()


@given(st.text(max_size=60), st.integers(3, 80))
def test_a_cut_text_fits_and_is_a_beginning(text: str, most: int) -> None:
    shorter = cut(text, most)
    assert len(shorter.encode()) <= most
    assert shorter == text or text.startswith(shorter.removesuffix("…"))
