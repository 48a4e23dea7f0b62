"""Sending over HTTP: what all such sinks share."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import Any, Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from sentinel.delivery.sink import SinkError

TIMEOUT: Final = 10.0
"""Seconds for one attempt."""
LONGEST_ANSWER: Final = 64 << 10
_LONGEST_WAIT: Final = 3600.0
_AGAIN: Final = frozenset({408, 425, 429})
"""Of 4xx, those for which trying again makes sense."""

Clock = Callable[[], float]


class _PublicResolver(AbstractResolver):
    """Refuses names that lead to addresses of one's own network, when they are connected to and not before."""

    def __init__(self) -> None:
        self._inner = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        public = [address for address in found if ip_address(address["host"].partition("%")[0]).is_global]
        if not public:
            raise OSError(None, "leads to a private address, and `private` is not set for this sink")
        return public

    async def close(self) -> None:
        await self._inner.close()


class Poster:
    """Posts JSON to one URL, whose query may hold a secret and is never shown.

    Parameters
    ----------
    private
        Whether the URL may lead to an address of one's own network.
    clock
        Of the wall, for signatures and for answers that name a time.
    """

    def __init__(self, url: str, *, private: bool, clock: Clock, timeout: float = TIMEOUT) -> None:
        self.url = url
        self.clock = clock
        self._private = private
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._session: aiohttp.ClientSession | None = None

    async def post(self, body: bytes, headers: Mapping[str, str], parameters: Mapping[str, str] | None = None) -> bytes:
        """Return the answer's body. Raises `SinkError`, of which the reason holds neither URL nor answer."""
        try:
            self._refuse_private_address()
            async with self._open().post(
                self.url, data=body, headers=dict(headers), params=parameters or {}, allow_redirects=False
            ) as answer:
                self._judge(answer)
                body = b""
                async for chunk in answer.content.iter_chunked(8192):
                    body += chunk
                    if len(body) > LONGEST_ANSWER:
                        raise SinkError("answers without end")
                return body
        except TimeoutError:
            raise SinkError(f"no answer within {self._timeout.total:g} s") from None
        except aiohttp.InvalidURL:
            raise SinkError("its URL is none", final=True) from None
        except aiohttp.ClientConnectorError as error:
            raise SinkError(f"cannot be reached ({error.strerror or type(error).__name__})") from None
        except (aiohttp.ClientError, OSError, asyncio.IncompleteReadError) as error:
            raise SinkError(f"broke off ({type(error).__name__})") from None

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            resolver = None if self._private else _PublicResolver()
            connector = aiohttp.TCPConnector(limit=2, resolver=resolver)
            # a proxy or a password file named in the environment is no business of a sink
            self._session = aiohttp.ClientSession(connector=connector, timeout=self._timeout, trust_env=False)
        return self._session

    def _refuse_private_address(self) -> None:
        """Numbers are not resolved, so they are looked at here."""
        host = URL(self.url).host or ""
        try:
            address = ip_address(host)
        except ValueError:
            return
        if not self._private and not address.is_global:
            raise SinkError("is a private address, and `private` is not set for this sink")

    def _judge(self, answer: aiohttp.ClientResponse) -> None:
        status = answer.status
        if 200 <= status < 300:
            return
        if 300 <= status < 400:
            raise SinkError(f"answered {status}, and redirects are not followed")
        after = self._after(answer.headers.get("Retry-After", ""))
        raise SinkError(f"answered {status}", after=after, final=400 <= status < 500 and status not in _AGAIN)

    def _after(self, value: str) -> float | None:
        """Seconds that an answer asks to wait: a number, or a time."""
        if value.strip().isdecimal():
            return min(float(value), _LONGEST_WAIT)
        try:
            at = parsedate_to_datetime(value)
        except ValueError:
            return None
        if at.tzinfo is None:
            at = at.replace(tzinfo=UTC)
        wait = (at - datetime.fromtimestamp(self.clock(), UTC)).total_seconds()
        return min(max(0.0, wait), _LONGEST_WAIT)


def answered(body: bytes) -> dict[str, Any]:
    """The JSON object in an answer. Raises `SinkError`."""
    try:
        data = json.loads(body)
    except ValueError:
        data = None
    if not isinstance(data, dict):
        raise SinkError("answered something that is no JSON object")
    return data
