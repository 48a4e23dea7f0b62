"""The HTTP API: what people and platforms do with what they are told.

Every request carries a token, which stands for one subscriber and some scopes. Whether an alert does not exist or may
not be seen is the same answer; whether a scope is missing is answered before any alert is looked at.
"""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from alerts import Delivery
from alerts.actions import Action, Outcome
from alerts.matching import Match
from alerts.subscribers import Recipient
from sentinel.delivery.desk import MOST, Desk, Wanted
from sentinel.delivery.openapi import document
from sentinel.delivery.tokens import Grant, Scope, Tokens
from sentinel.door.masking import mask

log = logging.getLogger("sentinel.audit")

LARGEST: Final = 16 << 10
"""Bytes of a request's body."""
VERBS: Final[Mapping[str, Scope]] = {
    "acknowledge": "act",
    "start": "act",
    "note": "act",
    "assign": "act",
    "accept": "act",
    "refuse": "act",
    "transfer": "decide",
    "resolve": "decide",
    "confirm": "decide",
    "false_alarm": "decide",
    "leader_callback": "decide",
}
"""What can be done about an alert, and the scope that it takes."""
_GRANT: Final = web.RequestKey("grant", Grant)
_RECIPIENT: Final = web.RequestKey("recipient", Recipient)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Backend(Protocol):
    """Delivery's state, and the way for actions to it."""

    @property
    def delivery(self) -> Delivery | None:
        """The state as of now; None while it is not known yet."""

    async def act(self, action: Action) -> Outcome | None:
        """Hand an action over and return what came of it; None if that is not known yet."""


class ActionBody(BaseModel):
    """The body of an action about an alert."""

    model_config = ConfigDict(extra="forbid")

    person: str = Field(default="", max_length=40)
    why: str = Field(default="", max_length=500)
    target: str = Field(default="", max_length=80)


class SilenceBody(BaseModel):
    """The body of a new silence."""

    model_config = ConfigDict(extra="forbid")

    match: Match
    until: datetime
    why: str = Field(min_length=1, max_length=500)
    person: str = Field(default="", max_length=40)


class Api:
    """The application; `app` is what a server serves."""

    def __init__(self, backend: Backend, tokens: Tokens, clock: Callable[[], float] = time.time) -> None:
        self._backend = backend
        self._tokens = tokens
        self._clock = clock
        self.app = web.Application(client_max_size=LARGEST, middlewares=[self._guard])
        routes = self.app.router
        routes.add_get("/api/v1/openapi.json", self._openapi)
        routes.add_get("/api/v1/me", self._me)
        routes.add_get("/api/v1/alerts", self._alerts)
        routes.add_get("/api/v1/alerts/{alert_id}", self._alert)
        routes.add_post("/api/v1/alerts/{alert_id}/{verb}", self._act)
        routes.add_get("/api/v1/silences", self._silences)
        routes.add_post("/api/v1/silences", self._silence)
        routes.add_delete("/api/v1/silences/{silence_id}", self._unsilence)

    # -- what every request passes -----------------------------------------------------------------------

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        subscriber = ""
        try:
            if request.path != "/api/v1/openapi.json":
                subscriber = self._admit(request)
            answer = await handler(request)
        except _RefusalError as refusal:
            answer = refusal.answer()
        except ValidationError as error:
            answer = _RefusalError(400, "invalid", problem_of(error)).answer()
        except web.HTTPException as error:
            answer = _RefusalError(
                error.status, "not_found" if error.status == 404 else "invalid", error.reason
            ).answer()
        log.info(
            json.dumps(
                {
                    "subscriber": subscriber,
                    "method": request.method,
                    "path": request.path if subscriber else "",
                    "status": answer.status,
                },
                ensure_ascii=False,
            )
        )
        answer.headers["Cache-Control"] = "no-store"
        return answer

    def _admit(self, request: web.Request) -> str:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        grant = self._tokens.grant(token.strip()) if kind.lower() == "bearer" else None
        if grant is None:
            raise _RefusalError(401, "unauthorized", "no valid token; send Authorization: Bearer TOKEN")
        delivery = self._delivery()
        recipient = delivery.router.recipient(grant.subscriber, delivery.memory.streets, delivery.memory.handlers)
        if recipient is None:
            raise _RefusalError(403, "forbidden", "this token's subscriber is not, or not yet, among those configured")
        request[_GRANT], request[_RECIPIENT] = grant, recipient
        return grant.subscriber

    def _delivery(self) -> Delivery:
        delivery = self._backend.delivery
        if delivery is None:
            raise _RefusalError(503, "starting", "the state is still being read; try again in a moment")
        return delivery

    def _desk(self, request: web.Request, scope: Scope) -> Desk:
        if scope not in request[_GRANT].scopes:
            raise _RefusalError(403, "forbidden", f"this token lacks the scope {scope}")
        delivery = self._delivery()
        return Desk(delivery, request[_RECIPIENT], delivery.zone)

    # -- reading -----------------------------------------------------------------------------------------

    async def _openapi(self, _: web.Request) -> web.Response:
        return web.json_response(document(VERBS, ActionBody, SilenceBody))

    async def _me(self, request: web.Request) -> web.Response:
        grant, recipient = request[_GRANT], request[_RECIPIENT]
        return _json({"subscriber": grant.subscriber, "name": recipient.name, "scopes": grant.scopes})

    async def _alerts(self, request: web.Request) -> web.Response:
        desk = self._desk(request, "read")
        unknown = set(request.query) - set(Wanted._fields)
        if unknown:
            raise _RefusalError(400, "invalid", f"{min(unknown)} is no parameter; use {', '.join(Wanted._fields)}")
        given: dict[str, Any] = dict(request.query)
        limit = given.pop("limit", "50")
        if not limit.isdecimal() or not 1 <= int(limit) <= MOST:
            raise _RefusalError(400, "invalid", f"limit must be a number from 1 to {MOST}")
        alerts, after = desk.page(Wanted(**given, limit=int(limit)))
        return _json({"alerts": alerts, "next": after})

    async def _alert(self, request: web.Request) -> web.Response:
        alert = self._desk(request, "read").one(request.match_info["alert_id"])
        if alert is None:
            raise _NOT_FOUND
        return _json(alert)

    async def _silences(self, request: web.Request) -> web.Response:
        return _json({"silences": self._desk(request, "read").silences()})

    # -- acting ------------------------------------------------------------------------------------------

    async def _act(self, request: web.Request) -> web.Response:
        verb = request.match_info["verb"]
        scope = VERBS.get(verb)
        if scope is None:
            raise _NOT_FOUND
        desk = self._desk(request, scope)
        body = ActionBody.model_validate(await _body(request))
        alert_id = request.match_info["alert_id"]
        await self._submit(
            request,
            verb=verb,
            alert_id=alert_id,
            person=mask(body.person),
            why=mask(body.why),
            target=mask(body.target),
        )
        return _json(desk.one(alert_id) or {})

    async def _silence(self, request: web.Request) -> web.Response:
        desk = self._desk(request, "silence")
        body = SilenceBody.model_validate(await _body(request))
        until = body.until if body.until.tzinfo else body.until.replace(tzinfo=self._delivery().zone)
        action = await self._submit(
            request, verb="silence", match=body.match, until=until, why=mask(body.why), person=mask(body.person)
        )
        made = [silence for silence in desk.silences() if silence["silence_id"] == action.action_id]
        return _json(made[0] if made else {}, status=201)

    async def _unsilence(self, request: web.Request) -> web.Response:
        self._desk(request, "silence")
        await self._submit(request, verb="unsilence", target=request.match_info["silence_id"])
        return web.Response(status=204)

    async def _submit(self, request: web.Request, **fields: object) -> Action:
        subscriber = request[_RECIPIENT].id
        key = request.headers.get("Idempotency-Key", "")
        # another body under the same key is another request, not a repeat that gets the first one's answer
        content = json.dumps({"of": subscriber, "key": key, "path": request.path, "body": fields}, default=str).encode()
        identity = hashlib.blake2b(content, digest_size=16).hexdigest() if key else secrets.token_hex(16)
        action = Action.model_validate(
            {"action_id": identity, "at": datetime.fromtimestamp(self._clock(), UTC), "by": subscriber, **fields}
        )
        outcome = await self._backend.act(action)
        if outcome is None:
            raise _RefusalError(202, "accepted", "taken; what came of it is not known yet")
        if outcome.code == "not_found":
            raise _NOT_FOUND
        if outcome.code == "refused":
            raise _RefusalError(409, "refused", outcome.reason)
        return action


class _RefusalError(Exception):
    """What is answered instead."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self._status, self._code, self._message = status, code, message

    def answer(self) -> web.Response:
        """The answer."""
        answer = _json({"error": {"code": self._code, "message": self._message}}, status=self._status)
        if self._status == 401:
            answer.headers["WWW-Authenticate"] = "Bearer"
        return answer


_NOT_FOUND: Final = _RefusalError(404, "not_found", "there is no such thing, or it is not for this subscriber")


async def _body(request: web.Request) -> object:
    """The JSON object of a request's body; an empty body is an empty object."""
    try:
        raw = await request.read()
        data = json.loads(raw) if raw else {}
    except ValueError:
        data = None
    if not isinstance(data, dict):
        raise _RefusalError(400, "invalid", "the body must be a JSON object")
    return data


def _json(data: object, status: int = 200) -> web.Response:
    return web.json_response(data, status=status, dumps=lambda value: json.dumps(value, ensure_ascii=False))


def problem_of(error: ValidationError) -> str:
    """What is wrong with a request, without what was in it."""
    problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(map(str, problem["loc"]))
    return f"{where}: {problem['msg']}" if where else problem["msg"]
