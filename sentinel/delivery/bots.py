"""Group bots: 企业微信 (WeCom), 钉钉 (DingTalk), 飞书 (Feishu).

All three answer 200 whatever happens and say in the body whether they took the message. Codes and limits are those of
their published interfaces for custom group bots.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any, Final

from alerts.pushes import Push
from sentinel.delivery.http import Poster, answered
from sentinel.delivery.sink import SinkError, cut

WECOM_BYTES: Final = 4096
"""Of the content of a markdown message."""
DINGTALK_BYTES: Final = 20_000
FEISHU_BYTES: Final = 20_000
"""Of the whole body; a third is left for what JSON adds."""
WECOM_FAST: Final = frozenset({45009, -1})
"""Too many messages, and a busy system: try again later."""
DINGTALK_FAST: Final = frozenset({130101, 130102, -1})
FEISHU_FAST: Final = frozenset({11232, 9499})
_WAIT: Final = 60.0
"""Seconds after which the limit of messages a minute lets the next one through."""
_JSON: Final = {"Content-Type": "application/json; charset=utf-8"}


class WeComSink:
    """A WeCom group bot. Its URL holds its key."""

    def __init__(self, poster: Poster) -> None:
        self._poster = poster

    async def send(self, push: Push) -> None:
        """Post. Raises `SinkError`."""
        content = cut(f"**{push.title}**\n{push.text}", WECOM_BYTES)
        answer = answered(
            await self._poster.post(_dumps({"msgtype": "markdown", "markdown": {"content": content}}), _JSON)
        )
        _judge(answer, "errcode", WECOM_FAST)

    async def close(self) -> None:
        """Close the connections."""
        await self._poster.close()


class DingTalkSink:
    """A DingTalk group bot with a signature (加签). Its URL holds its token."""

    def __init__(self, poster: Poster, secret: str) -> None:
        self._poster = poster
        self._secret = secret

    async def send(self, push: Push) -> None:
        """Post. Raises `SinkError`."""
        timestamp = f"{self._poster.clock() * 1000:.0f}"
        text = cut(f"**{push.title}**\n\n{push.text}".replace("\n", "  \n"), DINGTALK_BYTES * 2 // 3)
        body = {"msgtype": "markdown", "markdown": {"title": cut(push.title, 200), "text": text}}
        signed = {"timestamp": timestamp, "sign": dingtalk_sign(self._secret, timestamp)}
        _judge(answered(await self._poster.post(_dumps(body), _JSON, signed)), "errcode", DINGTALK_FAST)

    async def close(self) -> None:
        """Close the connections."""
        await self._poster.close()


class FeishuSink:
    """A Feishu group bot with a signature (签名校验)."""

    def __init__(self, poster: Poster, secret: str) -> None:
        self._poster = poster
        self._secret = secret

    async def send(self, push: Push) -> None:
        """Post. Raises `SinkError`."""
        timestamp = f"{self._poster.clock():.0f}"
        text = cut(f"{push.title}\n{push.text}", FEISHU_BYTES * 2 // 3)
        body = {
            "timestamp": timestamp,
            "sign": feishu_sign(self._secret, timestamp),
            "msg_type": "text",
            "content": {"text": text},
        }
        _judge(answered(await self._poster.post(_dumps(body), _JSON)), "code", FEISHU_FAST)

    async def close(self) -> None:
        """Close the connections."""
        await self._poster.close()


def dingtalk_sign(secret: str, timestamp: str) -> str:
    """Return the signature of a time in milliseconds: the time and the secret, signed by the secret."""
    digest = hmac.new(secret.encode(), f"{timestamp}\n{secret}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def feishu_sign(secret: str, timestamp: str) -> str:
    """Return the signature of a time in seconds: nothing, signed by the time and the secret."""
    digest = hmac.new(f"{timestamp}\n{secret}".encode(), b"", hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def _judge(answer: dict[str, Any], key: str, fast: frozenset[int]) -> None:
    code = answer.get(key, answer.get("StatusCode"))
    if code == 0:
        return
    if not isinstance(code, int):
        raise SinkError(f"answered without {key}")
    if code in fast:
        raise SinkError(f"answered {key} {code}: too many messages", after=_WAIT)
    # a wrong key or signature, a removed bot: not the push is at fault, and whoever looks after it must act
    raise SinkError(f"answered {key} {code}")


def _dumps(body: object) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
