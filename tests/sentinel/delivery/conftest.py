"""A real HTTP server that answers as it is told, and keeps what it was sent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

from aiohttp import web

from alerts.pushes import Push

NOW = 1_772_409_600.0


class Received(NamedTuple):
    headers: dict[str, str]
    query: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Other:
    """The other side. `answers` are given one after the other, the last one for ever."""

    def __init__(self, good: object) -> None:
        self.received: list[Received] = []
        self.answers: list[Callable[[web.Request], Awaitable[web.StreamResponse]]] = []
        self.good = good
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.received.append(Received(dict(request.headers), dict(request.query), await request.read()))
        if self.answers:
            return await self.answers.pop(0)(request)
        return web.json_response(self.good)


def status(code: int, **headers: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=code, headers={name.replace("_", "-"): value for name, value in headers.items()})

    return answer


def says(body: object) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.json_response(body) if not isinstance(body, bytes) else web.Response(body=body)

    return answer


async def hangs(_: web.Request) -> web.StreamResponse:
    await asyncio.sleep(30)
    return web.Response()


async def closes(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


async def stops_halfway(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Length": "100"})
    await answer.prepare(request)
    await answer.write(b'{"errcode"')
    assert request.transport is not None
    request.transport.close()
    return answer


@asynccontextmanager
async def serving(good: object) -> AsyncIterator[Other]:
    other = Other(good)
    app = web.Application(client_max_size=1 << 20)
    app.router.add_post("/hook", other.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    other.url = f"http://127.0.0.1:{port}/hook"
    try:
        yield other
    finally:
        await runner.cleanup()


def a_push(number: int = 1, text: str = "推送原因：新预警\n承办：区水务局\n以上为线索，供核查处置，不作结论。") -> Push:
    return Push(
        push_id=f"p{number}",
        subscriber="command-center",
        at=datetime.fromtimestamp(NOW + number, UTC),
        seq=number,
        reason="opened",
        severity="high",
        title=f"群诉｜川沙新镇｜锦绣花园停水：14人19件（{number}）",
        text=text,
    )
