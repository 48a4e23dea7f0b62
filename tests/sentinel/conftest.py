"""A small simulated hotline and the pieces a replay of it is made of, each made once."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from sentinel.door.callers import PUBLIC_KEY, CallerHasher
from sentinel.door.masking import mask
from sentinel.intake import Door
from sentinel.readers import in_order, open_tickets
from sentinel.records import RoutedTicket
from sentinel.settings import Settings, load_settings
from sentinel.shared import Shared
from sentinel.simulate import simulate
from sentinel.tickets import TicketEvent
from sentinel.times import SHANGHAI

ROOT = Path(__file__).parents[2]
NOON = datetime(2025, 3, 3, 12, 0, tzinfo=SHANGHAI)


@pytest.fixture(scope="session")
def settings() -> Settings:
    return load_settings()


@pytest.fixture(scope="session")
def shared(settings: Settings) -> Shared:
    return Shared.load(settings)


@pytest.fixture(scope="session")
def door(shared: Shared) -> Door:
    return Door(shared.streets.resolve, mask, CallerHasher(PUBLIC_KEY).hash)


@pytest.fixture(scope="session")
def hotline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with tickets.jsonl: six days with incidents of every kind the time allows."""
    out = tmp_path_factory.mktemp("hotline")
    simulate(6, 1006, out, tickets_per_day=60, incidents_per_day=2.0, quiet_days=1)
    return out


@pytest.fixture(scope="session")
def events(hotline: Path) -> list[TicketEvent]:
    """The hotline's events in order of arrival."""
    refused: list[object] = []
    ordered = [entry.event for entry in in_order(open_tickets([hotline / "tickets.jsonl"]), refused.append)]
    assert not refused
    return ordered


@pytest.fixture(scope="session")
def event() -> Callable[..., TicketEvent]:
    """Builds an event of ticket T1, by default its creation, some minutes after noon."""

    def build(minutes: float = 0.0, **fields: object) -> TicketEvent:
        at = NOON + timedelta(minutes=minutes)
        kind = fields.get("event", "created")
        time = {"created_at": at, "text": "小区停水三天没人管"} if kind == "created" else {"event_at": at}
        return TicketEvent.model_validate({"ticket_id": "T1", "street": "川沙新镇", **time, **fields})

    return build


@pytest.fixture(scope="session")
def ticket() -> Callable[..., RoutedTicket]:
    """Builds a routed ticket; its clock is its time and its number counts the minutes, if not given."""

    def build(minutes: float = 0.0, **fields: object) -> RoutedTicket:
        at = NOON.timestamp() + 60.0 * minutes
        values = {"seq": int(minutes) + 1, "clock": at, "street": "310115103", "event": "created",
                  "ticket_id": "T1", "at": at}  # fmt: skip
        return RoutedTicket(**{**values, **fields})  # type: ignore[arg-type]

    return build


@pytest.fixture(scope="session")
def sentinel() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the command line in a process of its own."""

    def run(arguments: Sequence[object], **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "sentinel.cli", *map(str, arguments)],
            env={**os.environ, **environment},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run
