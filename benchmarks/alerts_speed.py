"""CPU time of a decision of delivery, at 10,000 open alerts and 1,000 silences.

A decision is one input (a transition, an action, or a timer that falls due) with all the pushes it leads to. What
one alert sets going falls due for its readers at one moment: all timers of a moment together are counted beside that.
Run it as ``python -m benchmarks.alerts_speed``. It prints a table and writes ``benchmarks/results/alerts_speed.json``.
"""

from __future__ import annotations

import json
import pickle
import platform
import random
import statistics
import time
from datetime import datetime, timedelta
from pathlib import Path

from alerts import Alert, AlertEvidence, Delivery
from alerts.actions import Action
from alerts.matching import Match
from alerts.model import Standing
from sentinel.garbage import seldom_collected
from sentinel.settings import Settings, load_settings

OPEN = 10_000
SILENCES = 1_000
MEASURED = 4_000
KINDS = ("new", "rising", "mass", "recurred", "urgent", "repeat_call", "bounced", "overdue")
RESULT = Path(__file__).parent / "results" / "alerts_speed.json"


class World:
    """Alerts of a whole city, as they open, grow and end."""

    def __init__(self, settings: Settings, seed: int) -> None:
        self.rng = random.Random(seed)
        self.streets = [(street.code, street.name) for street in settings.streets.streets]
        self.topics = [topic.path for topic in settings.topics.topics]
        self.handlers = [f"承办单位{n}" for n in range(400)]
        self.at = datetime(2026, 3, 2, 8, 0, tzinfo=settings.timezone)
        self.seq = 0
        self.alerts: dict[str, Alert] = {}

    def opened(self) -> Alert:
        """A new alert; one in fifty spans streets and stands for some that are open."""
        rng, number = self.rng, len(self.alerts)
        city = rng.random() < 0.02
        street, name = ("", "浦东新区") if city else rng.choice(self.streets)
        kind = rng.choice(KINDS[:4] if city else KINDS)
        ids = tuple(f"T{number}-{n}" for n in range(rng.choice((1, 3, 5, 20, 200))))
        handlers = rng.sample(self.handlers, min(len(ids), 3))
        parts = [ids[n :: len(handlers)] for n in range(len(handlers))]
        standing = [
            Standing(handler=handler, open=len(part), closed=0, ticket_ids=part)
            for handler, part in zip(handlers, parts, strict=True)
        ]
        covers = rng.sample([a.issue_id for a in self.alerts.values()], 30) if city and number > 30 else []
        alert = Alert(
            alert_id=f"a{number}",
            dedup_key=f"{kind}:issue:i{number}",
            kind=kind,
            severity=rng.choice(("critical", "high", "medium", "medium", "low")),
            state="open",
            reason="opened",
            basis="statistical",
            scope="issue",
            street=street,
            street_name=name,
            topic=rng.choice(self.topics),
            issue_id=f"i{number}",
            title="",
            summary="",
            evidence=AlertEvidence(count=len(ids), distinct_callers=len(ids), expected=0.5, recurrence_days=80.0),
            seq=self._next(),
            ticket_ids=ids,
            ticket_count=len(ids),
            representative_ticket_id=ids[0],
            first_ticket_at=self.at,
            opened_at=self.at,
            updated_at=self.at,
            keywords=("停水", "漏水"),
            handlers=tuple(handlers),
            tags=rng.choice(((), (), ("媒体件",))),
            place=f"花园{number}号",
            matter="停水",
            standing=tuple(standing),
            covers=tuple(covers),
            domains=rng.choice(((), (), ("ecology",), ("minors",))),
        )
        self.alerts[alert.alert_id] = alert
        return alert

    def changed(self) -> Alert:
        """One of the open alerts as it grows."""
        alert = self.rng.choice(list(self.alerts.values()))
        grown = alert.model_copy(
            update={
                "reason": "grew",
                "seq": self._next(),
                "updated_at": self.at,
                "ticket_count": alert.ticket_count + 3,
            }
        )
        self.alerts[alert.alert_id] = grown
        return grown

    def acknowledged(self) -> Action:
        """Somebody acknowledges one of them."""
        alert = self.rng.choice(list(self.alerts))
        return Action(action_id=f"k{self._next()}", at=self.at, by="command-center", verb="acknowledge", alert_id=alert)

    def silence(self) -> Action:
        """Somebody silences a topic in a street, or an issue."""
        rng = self.rng
        street = rng.choice(self.streets)[0]
        match = rng.choice(
            (
                Match(street=(street,), topic=(rng.choice(self.topics),)),
                Match(topic=(rng.choice(self.topics),), severity="medium"),
                Match(issue_id=(f"i{rng.randrange(OPEN)}",)),
            )
        )
        by = rng.choice(("command-center", f"street-{street}", "discipline", "procuratorate"))
        until = self.at + timedelta(days=30)
        return Action(
            action_id=f"s{self._next()}", at=self.at, by=by, verb="silence", match=match, until=until, why="检修"
        )

    def _next(self) -> int:
        self.seq += 1
        self.at += timedelta(seconds=self.rng.expovariate(1 / 20.0))
        return self.seq


class Timed(Delivery):
    """Delivery that notes the milliseconds of CPU that each timer took."""

    spent: list[float]

    def _happen(self) -> None:
        began = time.process_time()
        super()._happen()
        self.spent.append(1000 * (time.process_time() - began))


def measured(delivery: Timed, world: World) -> tuple[dict[str, list[float]], int]:
    """Milliseconds of CPU each decision took, by what it answered, and how many pushes came of all."""
    spent: dict[str, list[float]] = {"opened": [], "grew": [], "acknowledge": [], "timer": [], "moment": []}
    pushes = 0
    for number in range(MEASURED):
        what = ("opened", "grew", "grew", "acknowledge")[number % 4]
        given = world.opened() if what == "opened" else world.changed() if what == "grew" else world.acknowledged()
        while (due := delivery.next_due()) is not None and due <= world.at.timestamp():
            began, delivery.spent = time.process_time(), []
            pushes += len(delivery.tick(due))
            spent["moment"].append(1000 * (time.process_time() - began))
            spent["timer"] += delivery.spent
        began = time.process_time()
        pushes += len(delivery.act(given).pushes if isinstance(given, Action) else delivery.take(given))
        spent[what].append(1000 * (time.process_time() - began))
    return spent, pushes


def main() -> None:
    settings = load_settings()
    names = {street.code: street.name for street in settings.streets.streets}
    world, delivery = World(settings, 7), Timed(settings.subscribers, names, settings.timezone)
    delivery.spent = []
    while len(world.alerts) < OPEN:
        delivery.take(world.opened())
    while len(delivery.memory.silences) < SILENCES:
        delivery.act(world.silence())
    with seldom_collected():  # as a replay and a worker run it
        spent, pushes = measured(delivery, world)
        pickling: list[float] = []
        state = 0
        for part in delivery.parts().values():
            began = time.process_time()
            state += len(pickle.dumps(part))
            pickling.append(time.process_time() - began)
    memory = delivery.memory
    print(f"{len(memory.tracked):,} alerts, {len(memory.silences):,} silences; milliseconds of CPU a decision")
    print(f"{'decision':<14}{'times':>8}{'mean':>9}{'median':>9}{'p95':>9}{'p99':>9}{'worst':>9}")
    rows = {**spent, "all decisions": [ms for name, times in spent.items() if name != "moment" for ms in times]}
    result = {}
    for name, times in rows.items():
        cuts = statistics.quantiles(times, n=100)
        row = {
            "mean": statistics.mean(times),
            "median": cuts[49],
            "p95": cuts[94],
            "p99": cuts[98],
            "worst": max(times),
        }
        result[name] = {"times": len(times), **{key: round(value, 4) for key, value in row.items()}}
        print(f"{name:<14}{len(times):>8,}{''.join(f'{value:>9.3f}' for value in row.values())}")
    cut = f"{len(pickling)} parts, the longest {1000 * max(pickling):.0f} ms"
    print(f"{pushes:,} pushes; state {state / 1e6:.1f} MB, pickled in {sum(pickling):.2f} s, in {cut}")
    RESULT.parent.mkdir(exist_ok=True)
    machine = {"python": platform.python_version(), "machine": platform.machine()}
    RESULT.write_text(
        json.dumps({"milliseconds": result, "pushes": pushes, "state_bytes": state, **machine}, indent=2) + "\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
