"""The HTTP API over a real server: what each token may see and do, and what it must not learn."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web
from hypothesis import given
from hypothesis import strategies as st

from alerts import Delivery
from alerts.actions import Action, Outcome
from alerts.subscribers import handler_id
from sentinel.delivery.api import VERBS, Api
from sentinel.delivery.tokens import SCOPES, Tokens, TokensError, hashed, made
from sentinel.pipeline import delivery_of
from sentinel.settings import Settings
from tests.alerts.conftest import MARCH_2, SHANGHAI, transition

STREET, OTHER = "street-310115103", "street-310115104"
PHONE = "13917654321"


class Local:
    """A backend without Kafka: the state machine itself."""

    def __init__(self, delivery: Delivery) -> None:
        self.delivery: Delivery | None = delivery
        self.actions: list[Action] = []

    async def act(self, action: Action) -> Outcome | None:
        assert self.delivery is not None
        self.actions.append(action)
        return self.delivery.act(action)


class Client:
    """Somebody with a token."""

    def __init__(self, session: ClientSession, base: str, token: str) -> None:
        self.session, self.base, self.token = session, base, token

    async def __call__(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        async with self.session.request(method, f"{self.base}{path}", json=body, headers=sent) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if text else None


class World:
    def __init__(self, backend: Local, session: ClientSession, base: str, tokens: dict[tuple[str, str], str]) -> None:
        self.backend, self._session, self._base, self._tokens = backend, session, base, tokens

    def as_(self, subscriber: str, scopes: str = "all") -> Client:
        return Client(self._session, self._base, self._tokens[subscriber, scopes])

    def with_token(self, token: str) -> Client:
        return Client(self._session, self._base, token)


@pytest.fixture
def run(settings: Settings) -> Callable[[Callable[[World], Awaitable[None]]], None]:
    """Runs something against the API of a delivery with alerts of two streets, and one that is restricted."""

    def go(work: Callable[[World], Awaitable[None]]) -> None:
        delivery = delivery_of(settings)
        other = {"street": "310115104", "street_name": "高桥镇"}
        delivery.take(transition())
        delivery.take(transition(alert_id="a2", issue_id="i2", seq=8, at=1, severity="high", **other))
        delivery.take(
            transition(
                alert_id="a3", issue_id="i3", seq=9, at=2, restricted=True, domains=("conduct",),
                withheld=("T1",), withheld_count=4,
            )
        )  # fmt: skip
        delivery.tick(MARCH_2 + 600)
        backend = Local(delivery)
        water = f"handler-{handler_id(settings.subscribers, '区水务局')}"
        tokens: dict[tuple[str, str], str] = {}
        grants = {}
        for subscriber in ("command-center", STREET, OTHER, "discipline", water, "street-999999999"):
            for name, scopes in (("all", SCOPES), ("read", ("read",))):
                token, line = made(subscriber, scopes)  # type: ignore[arg-type]
                tokens[subscriber, name] = token
                grants[hashed(token)] = line
        tokens["handler", "all"] = tokens[water, "all"]

        async def serve() -> None:
            from sentinel.delivery.tokens import Grant

            known = Tokens({key: Grant.model_validate_json(line) for key, line in grants.items()})
            runner = web.AppRunner(Api(backend, known, clock=lambda: MARCH_2 + 700).app, access_log=None)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            try:
                async with ClientSession() as session:
                    await work(World(backend, session, f"http://127.0.0.1:{runner.addresses[0][1]}/api/v1", tokens))
            finally:
                await runner.cleanup()

        asyncio.run(serve())

    return go


Run = Callable[[Callable[[World], Awaitable[None]]], None]


def test_everybody_lists_their_own(run: Run) -> None:
    async def work(world: World) -> None:
        for subscriber, ids in (
            ("command-center", ["a3", "a2", "a1"]),
            (STREET, ["a1"]),
            (OTHER, ["a2"]),
            ("handler", ["a2", "a1"]),
            ("discipline", ["a3"]),
        ):
            status, page = await world.as_(subscriber)("GET", "/alerts")
            assert status == 200
            assert [alert["alert_id"] for alert in page["alerts"]] == ids, subscriber
        _, page = await world.as_("command-center")("GET", "/alerts?severity=high")
        assert [alert["alert_id"] for alert in page["alerts"]] == ["a2"]

    run(work)


def test_a_list_comes_in_pages(run: Run) -> None:
    async def work(world: World) -> None:
        center = world.as_("command-center")
        seen, after = [], ""
        for _ in range(3):
            _, page = await center("GET", f"/alerts?limit=1&after={after}")
            seen += [alert["alert_id"] for alert in page["alerts"]]
            after = page["next"]
        assert (seen, after) == (["a3", "a2", "a1"], "")
        for wrong in ("limit=0", "limit=x", "limit=9999", "sort=up"):
            assert (await center("GET", f"/alerts?{wrong}"))[0] == 400

    run(work)


def test_an_alert_is_read_with_its_history_and_only_the_fields_of_the_view(run: Run) -> None:
    async def work(world: World) -> None:
        await world.as_("command-center")("POST", "/alerts/a1/note", {"why": f"已电话核实{PHONE}", "person": "李"})
        _, whole = await world.as_("command-center")("GET", "/alerts/a1")
        assert [event["what"] for event in whole["history"]] == ["opened", "note"]
        assert PHONE not in json.dumps(whole)
        assert whole["history"][1]["why"].startswith("已电话核实")
        assert whole["ticket_ids"] == ["T1", "T2", "T3", "T4", "T5"]
        _, own = await world.as_("handler")("GET", "/alerts/a1")
        assert own["ticket_ids"] == ["T1", "T2", "T3"]
        assert "keywords" not in own
        assert own["history"][1] == {**own["history"][1], "by": "区城运中心"}
        assert "why" not in own["history"][1]

    run(work)


def test_wrong_token_wrong_scope_and_another_streets_alert(run: Run) -> None:
    async def work(world: World) -> None:
        for token in ("", "nonsense", "x" * 500):
            assert (await world.with_token(token)("GET", "/alerts"))[0] == 401
            assert (await world.with_token(token)("POST", "/alerts/a1/resolve"))[0] == 401
        for alert in ("a1", "a2", "nothing"):
            status, error = await world.as_(STREET, "read")("POST", f"/alerts/{alert}/acknowledge")
            assert (status, error["error"]["code"]) == (403, "forbidden")
        answers = []
        for alert in ("a2", "a3", "nothing"):
            answers += [await world.as_(STREET)("GET", f"/alerts/{alert}")]
            answers += [await world.as_(STREET)("POST", f"/alerts/{alert}/{verb}", BODY) for verb in VERBS]
        assert {status for status, _ in answers} == {404}
        assert len({json.dumps(body) for _, body in answers}) == 1, "nothing tells what is there from what is not"
        assert (await world.as_("street-999999999")("GET", "/alerts"))[0] == 403

    run(work)


BODY = {"why": "原因", "target": STREET}


@pytest.mark.parametrize("verb", ["acknowledge", "start", "note", "assign", "resolve", "confirm", "false_alarm"])
def test_what_is_done_shows(run: Run, verb: str) -> None:
    async def work(world: World) -> None:
        status, alert = await world.as_(STREET)("POST", f"/alerts/a1/{verb}", BODY)
        assert status == 200, alert
        assert alert["history"][-1]["what"] == verb
        assert alert["history"][-1]["by"] == STREET

    run(work)


def test_a_transfer_reaches_its_target_and_comes_back(run: Run) -> None:
    async def work(world: World) -> None:
        center, other = world.as_("command-center"), world.as_(OTHER)
        assert (await other("GET", "/alerts/a1"))[0] == 404
        assert (await center("POST", "/alerts/a1/transfer", {"target": OTHER, "why": "属地"}))[0] == 200
        status, alert = await other("GET", "/alerts/a1")
        assert (status, alert["history"][-1]["why"]) == (200, "属地")
        assert (await other("POST", "/alerts/a1/accept", {"why": "已接收"}))[0] == 200
        assert (await center("GET", "/alerts/a1"))[1]["status"] == "in_progress"
        status, error = await center("POST", "/alerts/a3/transfer", {"target": STREET, "why": "属地"})
        assert (status, error["error"]["code"]) == (409, "refused"), "conduct never reaches a street"

    run(work)


def test_the_same_key_does_a_thing_once(run: Run) -> None:
    async def work(world: World) -> None:
        street = world.as_(STREET)
        for _ in range(3):
            assert (await street("POST", "/alerts/a1/note", {"why": "已联系"}, Idempotency_Key="k1"))[0] == 200
        assert (await street("POST", "/alerts/a1/note", {"why": "再联系"}, Idempotency_Key="k2"))[0] == 200
        assert (await street("POST", "/alerts/a1/note", {"why": "未接通"}, Idempotency_Key="k2"))[0] == 200
        _, alert = await street("GET", "/alerts/a1")
        assert [event.get("why") for event in alert["history"]] == [None, "已联系", "再联系", "未接通"]

    run(work)


def test_silences_are_made_listed_and_ended(run: Run) -> None:
    async def work(world: World) -> None:
        street = world.as_(STREET)
        until = (datetime.fromtimestamp(MARCH_2, SHANGHAI) + timedelta(days=1)).isoformat()
        body = {"match": {"topic": ["公用事业"], "age": "2h"}, "until": until, "why": "管网检修"}
        status, silence = await street("POST", "/silences", body)
        assert status == 201
        assert silence["match"] == {"topic": ["公用事业"], "age": "7200s"}
        assert [s["silence_id"] for s in (await street("GET", "/silences"))[1]["silences"]] == [silence["silence_id"]]
        assert (await world.as_(OTHER)("GET", "/silences"))[1] == {"silences": []}
        assert (await world.as_(OTHER)("DELETE", f"/silences/{silence['silence_id']}"))[0] == 404
        assert (await street("DELETE", f"/silences/{silence['silence_id']}"))[0] == 204
        past = {**body, "until": "2020-01-01T00:00:00+08:00"}
        assert (await street("POST", "/silences", past))[0] == 409

    run(work)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/alerts/a1/note", [1]),
        ("/alerts/a1/note", {"why": ""}),
        ("/alerts/a1/note", {"why": "x" * 501}),
        ("/alerts/a1/note", {"whyy": "x"}),
        ("/silences", {"match": {"kind": "newish"}, "until": "2099-01-01T00:00:00Z", "why": "x"}),
        ("/silences", {"why": "x"}),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong_with_it(run: Run, path: str, body: object) -> None:
    async def work(world: World) -> None:
        status, error = await world.as_(STREET)("POST", path, body)
        assert status == 400
        assert error["error"]["message"]
        assert "Traceback" not in json.dumps(error)

    run(work)


def test_a_body_that_is_too_large_and_paths_that_are_not_there(run: Run) -> None:
    async def work(world: World) -> None:
        street = world.as_(STREET)
        assert (await street("POST", "/alerts/a1/note", {"why": "x" * 20_000}))[0] == 413
        assert (await street("POST", "/alerts/a1/destroy", {}))[0] == 404
        assert (await street("GET", "/nothing"))[0] == 404
        assert (await street("DELETE", "/alerts"))[0] == 405

    run(work)


def test_until_the_state_is_known_nothing_is_answered(run: Run) -> None:
    async def work(world: World) -> None:
        world.backend.delivery = None
        assert (await world.as_(STREET)("GET", "/alerts"))[0] == 503

    run(work)


def test_the_audit_tells_who_did_what_and_no_token(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    async def work(world: World) -> None:
        with caplog.at_level(logging.INFO, "sentinel.audit"):
            await world.as_(STREET)("POST", "/alerts/a1/acknowledge")
            await world.with_token("secret-guess")("GET", "/alerts/a1")
        lines = [json.loads(record.message) for record in caplog.records if record.name == "sentinel.audit"]
        assert lines == [
            {"subscriber": STREET, "method": "POST", "path": "/api/v1/alerts/a1/acknowledge", "status": 200},
            {"subscriber": "", "method": "GET", "path": "", "status": 401},
        ]
        assert "secret-guess" not in caplog.text

    run(work)


def test_the_description_tells_every_path(run: Run) -> None:
    async def work(world: World) -> None:
        status, document = await world.with_token("")("GET", "/openapi.json")
        assert status == 200
        assert document["openapi"].startswith("3.1")
        assert {f"/api/v1/alerts/{{alert_id}}/{verb}" for verb in VERBS} <= set(document["paths"])
        text = json.dumps(document)
        for name in ("AlertView", "ActionBody", "SilenceBody", "Match"):
            assert name in document["components"]["schemas"]
        assert all(
            part.split('"')[0] in document["components"]["schemas"] for part in text.split("#/components/schemas/")[1:]
        )

    run(work)


def test_a_file_of_tokens_with_a_wrong_line_is_refused_with_its_place(tmp_path: Path) -> None:
    token, line = made(STREET, ("read",))
    file = tmp_path / "tokens"
    file.write_text(f"# tokens\n{line}\n", "utf-8")
    grant = Tokens.read(file).grant(token)
    assert grant is not None
    assert grant.subscriber == STREET
    assert token not in line
    for wrong in ("{", '{"subscriber": "x", "scopes": ["all"], "sha256": "ab"}'):
        file.write_text(f"{line}\n{wrong}\n", "utf-8")
        with pytest.raises(TokensError, match=r"tokens:2"):
            Tokens.read(file)
    with pytest.raises(TokensError, match="sentinel token"):
        Tokens.read(tmp_path / "nothing")


@given(st.text(max_size=40))
def test_no_guess_is_a_token(guess: str) -> None:
    token, line = made(STREET, ("read",))
    from sentinel.delivery.tokens import Grant

    tokens = Tokens({hashed(token): Grant.model_validate_json(line)})
    assert tokens.grant(guess) is None
    assert tokens.grant(token) is not None
