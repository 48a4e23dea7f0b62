"""The signed webhook: a push as a structured CloudEvent, with a signature over time and body."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import tzinfo

from alerts.pushes import Push
from sentinel.delivery.http import Poster
from sentinel.stream.envelope import PUSH

TIMESTAMP, SIGNATURE, ID = "X-Sentinel-Timestamp", "X-Sentinel-Signature", "X-Sentinel-Id"


class WebhookSink:
    """Posts a push to a URL.

    The receiver should check that the timestamp is at most five minutes old and that the signature is `v1=` and the
    hexadecimal HMAC-SHA256, by the shared secret, of the timestamp, a full stop and the body; and take each id once.
    """

    def __init__(self, poster: Poster, secret: bytes, application: str, zone: tzinfo) -> None:
        self._poster = poster
        self._secret = secret
        self._application = application
        self._zone = zone

    async def send(self, push: Push) -> None:
        """Post. Raises `SinkError`."""
        body = event_of(push, self._application, self._zone)
        timestamp = f"{self._poster.clock():.0f}"
        await self._poster.post(
            body,
            {
                "Content-Type": "application/cloudevents+json; charset=utf-8",
                TIMESTAMP: timestamp,
                SIGNATURE: f"v1={signature(self._secret, timestamp, body)}",
                ID: push.push_id,
            },
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._poster.close()


def signature(secret: bytes, timestamp: str, body: bytes) -> str:
    """Return the signature of a body at a time."""
    return hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def event_of(push: Push, application: str, zone: tzinfo) -> bytes:
    """Return a push as a CloudEvent 1.0 in structured mode."""
    event = {
        "specversion": "1.0",
        "id": push.push_id,
        "source": f"/{application}/delivery",
        "type": PUSH,
        "subject": push.subscriber,
        "time": push.at.astimezone(zone).isoformat(timespec="seconds"),
        "datacontenttype": "application/json",
        "data": json.loads(push.to_json_line(zone)),
    }
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
