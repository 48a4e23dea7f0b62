"""`/healthz`, `/readyz` and `/metrics` over HTTP."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest


class HealthServer:
    """Serves what one worker says of itself.

    Parameters
    ----------
    broken, unready
        What is wrong, in words, now: so that the worker cannot go on, or is not at work yet. Empty: nothing.
    """

    def __init__(
        self,
        address: tuple[str, int],
        registry: CollectorRegistry,
        broken: Callable[[], list[str]],
        unready: Callable[[], list[str]],
    ) -> None:
        self._address = address
        self._registry = registry
        self._broken = broken
        self._unready = unready
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen. Raises `OSError` where the address is taken."""
        app = web.Application()
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, *self._address).start()

    async def stop(self) -> None:
        """Listen no more."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _healthz(self, _: web.Request) -> web.Response:
        return _said(self._broken())

    async def _readyz(self, _: web.Request) -> web.Response:
        return _said(self._broken() + self._unready())

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _said(wrong: list[str]) -> web.Response:
    return web.json_response({"ok": not wrong, "wrong": wrong}, status=503 if wrong else 200)
