"""Why a broker cannot be reached, step by step: its name, its port, TLS, the account."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from sentinel.stream.access import Kafka

_STEP_SECONDS: Final = 5.0


async def trouble_with(kafka: Kafka) -> str:
    """Return why none of the brokers lets this client in, broker by broker; nothing if one does."""
    found = []
    for server in kafka.servers:
        why = await _carrier(server, kafka.tls) or await _session(kafka._replace(servers=(server,)))
        if not why:
            return ""
        found.append(f"{server} {why}")
    return "; ".join(found)


async def _carrier(server: str, tls: ssl.SSLContext | None) -> str:
    """Connect as far as bytes go."""
    host, _, port = server.rpartition(":")
    try:
        async with asyncio.timeout(_STEP_SECONDS):
            _, writer = await asyncio.open_connection(host.strip("[]"), int(port), ssl=tls)
    except TimeoutError:
        return f"does not answer within {_STEP_SECONDS:.0f} s"
    except socket.gaierror:
        return "is a name that nothing here knows"
    except ssl.SSLCertVerificationError as error:
        return f"shows a certificate that is not believed ({error.verify_message})"
    except ssl.SSLError as error:
        return f"does not speak TLS as expected ({error.reason})"
    except OSError as error:
        why = os.strerror(error.errno).lower() if error.errno else type(error).__name__
        return f"cannot be connected to ({why})"
    writer.transport.abort()
    return ""


async def _session(kafka: Kafka) -> str:
    """Connect as a client."""
    admin = AIOKafkaAdminClient(**kafka.options, request_timeout_ms=round(1000 * _STEP_SECONDS))
    try:
        async with asyncio.timeout(2 * _STEP_SECONDS):
            await admin.start()
    except (KafkaError, OSError, TimeoutError):
        if kafka.account is not None:
            return (
                f"is there, but does not let {kafka.account.user} in: name, password or mechanism "
                f"({kafka.account.mechanism}) is wrong, or the port is one without accounts"
            )
        return "is there, but does not talk to a client without an account" + ("" if kafka.tls else " or TLS")
    finally:
        await admin.close()
    return ""
