"""Delivery comes in time: what is new at once, what is due later when it is due; a replay of the log says the same."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from alerts.pushes import Push
from sentinel.stream import envelope
from sentinel.stream.envelope import header
from sentinel.stream.outbox import open_producer
from sentinel.times import SHANGHAI
from tests.integration.conftest import Application
from tests.integration.servers import ROOT, Broker, wait_until
from tests.integration.test_service import send

pytestmark = pytest.mark.integration
Make = Callable[..., Application]


def call(app: Application, number: int, street: str, text: str, topic: str = "公用事业/供水") -> None:
    """Somebody calls, now."""
    at = datetime.now(UTC).isoformat()
    fields = {
        "ticket_id": f"L{number}", "created_at": at, "text": text, "street": street,
        "nature": "投诉举报", "caller": f"1391111{number:04}", "topic": topic,
    }  # fmt: skip
    send(app, "tickets", [(b"L", json.dumps(fields).encode(), [])])


def assert_a_replay_of_the_log_delivers_the_same(app: Application, directory: Path) -> None:
    said = [message.value for message in app.read("pushes")]
    assert app.command("export", directory / "log.jsonl").returncode == 0
    done = app.command("replay", directory / "log.jsonl", "--order", "log", "--out", directory / "out", "--quiet")
    assert done.returncode == 0, done.stderr
    assert (directory / "out" / "pushes.jsonl").read_bytes().splitlines()[: len(said)] == said


def test_what_is_new_is_pushed_at_once_and_a_replay_of_the_log_delivers_the_same(
    application: Make, tmp_path: Path
) -> None:
    app = application(records=50, every="2s")
    worker = app.worker()
    worker.begin()

    def seconds_to(street: str) -> float:
        """From the detection, by the log's time in whole seconds, until the command centre's push is on `pushes`."""

        def pushed() -> list[float]:
            return [
                message.appended - datetime.fromisoformat(alert["updated_at"]).timestamp()
                for message in app.read("pushes")
                if b'"subscriber":"command-center"' in (message.value or b"")
                for alert in json.loads(message.value or b"").get("alerts", ())
                if alert["street_name"] == street
            ]

        wait_until(lambda: bool(pushed()), 20, f"{street} is told of")
        return pushed()[0]

    danger = "燃气泄漏，味道很重，请马上来人"
    call(app, 1, "北蔡镇", f"莲园三号楼{danger}", "住建房产/物业管理")
    seconds_to("北蔡镇")  # delivery has begun by then
    call(app, 2, "三林镇", f"金谊河畔五号楼{danger}")
    urgent = seconds_to("三林镇")
    for number in range(3, 12):
        call(app, number, "川沙新镇", f"锦绣花园{number}号楼从今天早上开始停水，家里没有自来水，请尽快恢复供水")
    slow = seconds_to("川沙新镇")
    print(f"on pushes {urgent:.2f} s (urgent) and {slow:.2f} s (new) after the detection")
    assert urgent < 3
    assert slow < 4, "a second of which it waits for company"
    wait_until(lambda: len(app.read("pushes")) > 3, 20, "the handlers are told")
    assert_a_replay_of_the_log_delivers_the_same(app, tmp_path)


def test_reminders_escalation_and_what_an_interval_holds_back_come_when_they_are_due(
    application: Make, tmp_path: Path
) -> None:
    app = application(records=50, every="2s")
    rules = yaml.safe_load((ROOT / "config" / "subscribers.yaml").read_text("utf-8"))
    rules["routes"] = [{"name": "all", "to": ["command-center"]}]
    rules["elevated"] = {}
    rules["timing"] |= {
        "group_wait": "1s", "group_interval": "7s", "repeat_interval": "12s",
        "acknowledge": {"critical": "4s", "high": "4s", "medium": "4s"}, "unacknowledged": ["duty-leader"],
    }  # fmt: skip
    (app.config / "subscribers.yaml").write_text(yaml.safe_dump(rules, allow_unicode=True), "utf-8")
    worker = app.worker()
    worker.begin()
    began = time.time()
    danger = "燃气泄漏，味道很重，请马上来人"
    call(app, 1, "北蔡镇", f"莲园三号楼{danger}", "住建房产/物业管理")

    def said() -> dict[tuple[str, str], float]:
        """Seconds from when a push was due until it was on `pushes`, by subscriber and reason; the latest counts."""
        pushes = [(json.loads(message.value or b""), message.appended) for message in app.read("pushes")]
        return {
            (push["subscriber"], push["reason"]): appended - datetime.fromisoformat(push["at"]).timestamp()
            for push, appended in pushes
        }

    wait_until(lambda: ("command-center", "opened") in said(), 60, "it is told")
    call(app, 2, "北蔡镇", f"莲园三号楼{danger}，我家也闻到了", "住建房产/物业管理")
    wanted = [("duty-leader", "unacknowledged"), ("command-center", "reminder")]
    wait_until(lambda: all(one in said() for one in wanted), 60, "it is told of again")
    late = said()
    print({"/".join(one): round(seconds, 2) for one, seconds in late.items()})
    assert max(late[one] for one in wanted) < 4, "times of pushes are told in whole seconds"
    ticks = [m for m in app.read("tickets") if header(m.headers, "ce_type") == envelope.TICK]
    assert len(ticks) <= time.time() - began
    assert_a_replay_of_the_log_delivers_the_same(app, tmp_path)


def test_a_new_sink_for_people_begins_with_the_news(broker: Broker, application: Make, tmp_path: Path) -> None:
    if not broker.persistent:
        pytest.skip(f"{broker.name} does not look up messages by their time")
    app = application(records=50, every="2s")
    clock = tmp_path / "clock"
    clock.write_text("0", encoding="ascii")
    worker = app.worker(SENTINEL_TEST_CLOCK=str(clock), PYTHONPATH=f"{Path(__file__).parent / 'clock'}:{ROOT}")
    worker.begin()

    async def put(*titles: str) -> None:
        producer = await open_producer(app.kafka)
        for title in titles:
            push = Push.model_validate({
                "push_id": title, "subscriber": "command-center", "at": datetime.now(UTC), "seq": 1,
                "reason": "opened", "severity": None, "title": title, "text": title,
            })  # fmt: skip
            line = push.to_json_line(SHANGHAI).encode()
            await producer.send_and_wait(f"{app.name}.pushes", line, b"command-center", partition=0)
        await producer.stop()

    def lines(name: str) -> list[str]:
        path = app.directory / f"{name}.jsonl"
        return [json.loads(line)["title"] for line in path.read_text("utf-8").splitlines()] if path.exists() else []

    def sinks(*names: str) -> None:
        text = "".join(f'  - {{name: {name}, kind: terminal, subscribers: ["*"]}}\n' for name in names)
        archive = f'  - {{name: archive, kind: file, subscribers: ["*"], path: {app.directory}/archive.jsonl}}\n'
        (app.config / "sinks.yaml").write_text(f"sinks:\n{text}{archive}", "utf-8")
        assert worker.terminate()[0] == 0
        worker.begin()

    asyncio.run(put("第一条", "第二条"))
    sinks("desk")
    wait_until(lambda: "第二条" in worker.said(), 30, "the new sink has what is of the last hour")
    assert "第一条" in worker.said()
    clock.write_text("7200", encoding="ascii")  # two hours later
    said = len(worker.said())
    sinks("desk", "other")
    wait_until(lambda: len(lines("archive")) == 2, 30, "the archive has all")
    wait_until(lambda: worker.said()[said:].count("begins with the pushes since") == 1, 30, "the other has its place")
    asyncio.run(put("第三条"))
    wait_until(lambda: worker.said()[said:].count("[command-center] 第三条") == 2, 30, "both have the last push")
    assert "第一条" not in worker.said()[said:]
    assert "第二条" not in worker.said()[said:]
    assert lines("archive") == ["第一条", "第二条", "第三条"]
