"""The service on Kafka: tickets a second on one core, two workers against one, latency, and what Faust costs.

    python benchmarks/stream.py [--tickets 40000] [--latency-seconds 120]
    python benchmarks/stream.py --soak 60
    python benchmarks/stream.py --sustain 5

Broker, workers and load run on this machine: the broker and the load on one core, each worker on one. KAFKA_HOME names
an Apache Kafka; without it the small broker from PyPI serves. A ticket of the simulated hotline has about three events
(created, dispatched, closed …), each a message; the bare Faust worker gets the same messages and writes one table entry
for each. Prints a table and writes benchmarks/results/stream.json. On a machine that others use too, tickets a second
and latency say little; CPU time a ticket, and its ratios between rows, say what the service costs. The load is printed.

--soak MINUTES runs a city of 30,000 tickets a day at 50 times real time, with incidents, and compares the alerts with a
replay's, and memory and time a ticket at the end with those at the start. --sustain MINUTES does the same with a
thousand tickets a second, each one event: the call itself, nothing of what is done about it, and no time limit, since
nothing is ever closed and all of it would lie past its limit.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from sentinel.door.streets import PARTITIONS  # noqa: E402
from sentinel.records import RoutedTicket  # noqa: E402
from sentinel.stream.codec import decode_batch  # noqa: E402
from sentinel.stream.envelope import header  # noqa: E402
from tests.integration.chaos import Verdict, producing  # noqa: E402
from tests.integration.conftest import Application, replayed  # noqa: E402
from tests.integration.servers import Broker, Process, Worker, broker_in, total, wait_until  # noqa: E402

RESULTS = Path(__file__).parent / "results"
PEERS = Path(__file__).parent / "_stream_peers.py"
HERTZ = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
CITY_TICKETS_A_DAY, SOAK_SPEED = 30_000, 50
SUSTAINED_RATE, SUSTAINED_DAYS = 1000.0, 60
FIRST_SECONDS = 5.0
FIRST_CORE, LAST_CORE = min(os.sched_getaffinity(0)), max(os.sched_getaffinity(0))


def cpu_seconds(process: Process) -> float:
    """CPU time of a process so far, its threads included."""
    assert process.process is not None
    fields = Path(f"/proc/{process.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / HERTZ


def resident_mib(process: Process) -> float:
    """Memory that a process holds."""
    assert process.process is not None
    return int(Path(f"/proc/{process.process.pid}/statm").read_text().split()[1]) * PAGE / 2**20


def pinned(process: Process, core: int) -> None:
    """Hold a process to one core."""
    assert process.process is not None
    for thread in Path(f"/proc/{process.process.pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {core})


def simulated(tickets: int, directory: Path) -> tuple[Path, int, int]:
    """A hotline's file with many incidents, its tickets and its events."""
    from sentinel.simulate import simulate

    days = max(2, round(tickets / 4000))
    done = simulate(
        days, 31, directory, tickets_per_day=round(1.05 * tickets / days), incidents_per_day=10.0, quiet_days=0
    )
    return directory / "tickets.jsonl", done.tickets, done.events


def drained(workers: list[Worker], events: int) -> bool:
    """Whether workers together have taken everything."""
    figures = [worker.figures() for worker in workers]
    taken = sum(total(each, "sentinel_ticket_events_total") for each in figures)
    return taken >= events and sum(total(each, "sentinel_lag_messages") for each in figures) == 0


def throughput(app: Application, file: Path, events: int, tickets: int, cores: list[int]) -> dict[str, float]:
    """Let workers take what is sent faster than they can; figures of all of them together."""
    workers = [app.worker() for _ in cores]
    for worker, core in zip(workers, cores, strict=True):
        worker.start()
        time.sleep(0.2)
        pinned(worker, core)
    wait_until(lambda: all(worker.ready for worker in workers), 120, "the workers are ready")
    if len(workers) > 1:
        time.sleep(10)  # by then partitions have found their workers
    before = [*map(cpu_seconds, workers), cpu_seconds(app.broker)]
    producer = producing(app, file)
    wait_until(lambda: any(total(w.figures(), "sentinel_ticket_events_total") for w in workers), 120, "tickets come")
    began, memory = time.monotonic(), []
    while not drained(workers, events):
        time.sleep(1)
        memory.append(sum(map(resident_mib, workers)))
    wall = time.monotonic() - began
    assert producer.process is not None
    assert producer.process.wait(60) == 0, producer.said()
    *used, brokers_cpu = (
        now - then for now, then in zip([*map(cpu_seconds, workers), cpu_seconds(app.broker)], before, strict=True)
    )
    cpu = sum(used)
    figures = [worker.figures() for worker in workers]
    for worker in workers:
        worker.terminate()
    return {
        "tickets_per_second": tickets / wall,
        "events_per_second": events / wall,
        "cpu_ms_per_ticket": 1000 * cpu / tickets,
        "broker_cpu_ms_per_ticket": 1000 * brokers_cpu / tickets,
        "seconds": wall,
        "snapshot_share": sum(total(each, "sentinel_snapshot_seconds_sum") for each in figures) / wall,
        "checkpoint_mb_per_second": sum(total(each, "sentinel_checkpoint_bytes_total") for each in figures)
        / wall
        / 1e6,
        "mib_at_half": memory[len(memory) // 2],
        "mib_at_end": memory[-1],
    }


def counted(app: Application, name: str, events: int, tickets: int, core: int) -> dict[str, float]:
    """Let a program of `_stream_peers.py` take an application's backlog; it prints its count now and then."""
    process = Process([sys.executable, str(PEERS), name], app.directory / f"{name}.log", app.environment)
    process.start()
    time.sleep(0.2)
    pinned(process, core)

    def count() -> int:
        lines = [line for line in process.said().splitlines() if line.startswith("count ")]
        return int(lines[-1].split()[1]) if lines else 0

    wait_until(count, 120, f"{name} takes messages: {process.said()[-500:]}")
    began, cpu, first = time.monotonic(), cpu_seconds(process), count()
    wait_until(lambda: count() >= events, 3600, f"{name} has taken everything")
    wall, cpu = time.monotonic() - began, cpu_seconds(process) - cpu
    process.kill()
    done = events - first
    return {
        "tickets_per_second": tickets / events * done / wall,
        "events_per_second": done / wall,
        "cpu_ms_per_ticket": 1000 * cpu * events / tickets / done,
    }


def latency(app: Application, file: Path, rate: float, seconds: float) -> dict[str, float]:
    """From a ticket on Kafka to its street's alert on Kafka, at a steady rate of events.

    What a fresh worker takes in its first seconds, as it opens its connections to every partition, is told apart.
    """
    worker = app.worker()
    worker.start()
    time.sleep(0.2)
    pinned(worker, LAST_CORE)
    wait_until(lambda: worker.ready, 120, "the worker is ready")
    cpu, taken = cpu_seconds(worker), total(worker.figures(), "sentinel_ticket_events_total")
    producer = producing(app, file, rate)
    time.sleep(seconds)
    producer.kill()
    time.sleep(2)
    figures = worker.figures()
    events = total(figures, "sentinel_ticket_events_total") - taken
    lag = {
        "cpu_ms_per_event": 1000 * (cpu_seconds(worker) - cpu) / events,
        "events_per_second": events / seconds,
        "messages_waiting_at_end": total(figures, "sentinel_lag_messages"),
    }
    worker.terminate()
    sent = {header(message.headers, "ce_id"): message.appended for message in app.read("tickets")}
    caused = {
        record.seq: sent[f"{record.ticket_id}/{record.event}/{record.at!r}"]
        for message in app.read("routed", range(PARTITIONS))
        for record in decode_batch(message.value or b"").records
        if isinstance(record, RoutedTicket)
    }
    took: list[float] = []
    at_first = [0.0]
    steady_from = min(sent.values()) + FIRST_SECONDS
    for message in app.read("alerts"):
        alert = json.loads(message.value or b"{}")
        # a transition carries the number of the record that made the street speak; what a tick brings is left out
        if alert["street"] and alert["seq"] in caused:
            asked = caused[alert["seq"]]
            (took if asked >= steady_from else at_first).append(1000 * (message.appended - asked))
    cuts = quantiles(took, n=100, method="inclusive")
    return {
        "alerts": len(took),
        "p50_ms": median(took),
        "p99_ms": cuts[98],
        "max_ms": max(took),
        "max_ms_in_the_first_5_seconds": max(at_first),
        **lag,
    }


def steady(app: Application, part: Path, rate: float, folder: Path) -> dict[str, float]:
    """One worker on one core at a steady rate of events a second: is anything lost, does anything grow?"""
    expected = replayed(part, folder / "replay")
    worker = app.worker()
    worker.start()
    time.sleep(0.2)
    pinned(worker, LAST_CORE)
    wait_until(lambda: worker.ready, 120, "the worker is ready")
    producer = producing(app, part, rate)
    wait_until(lambda: total(worker.figures(), "sentinel_ticket_events_total"), 120, "tickets come")
    began = time.monotonic()
    samples: list[tuple[float, float, float]] = []
    waiting = [0.0]
    while producer.alive:
        time.sleep(1)
        if time.monotonic() < began + 10 * (len(samples) + 1):
            continue
        figures = worker.figures()
        taken = total(figures, "sentinel_ticket_events_total")
        samples.append((cpu_seconds(worker), resident_mib(worker), taken))
        waiting.append(total(figures, "sentinel_lag_messages"))
    wait_until(lambda: total(worker.figures(), "sentinel_lag_messages") == 0, 120, "everything is taken")
    seconds = time.monotonic() - began
    time.sleep(3)
    taken = total(worker.figures(), "sentinel_ticket_events_total")
    verdict = Verdict(app, expected)
    worker.terminate()
    quarter = max(2, len(samples) // 4)

    def cost(some: list[tuple[float, float, float]]) -> float:
        return 1000 * (some[-1][0] - some[0][0]) / max(1.0, some[-1][2] - some[0][2])

    return {
        "minutes": seconds / 60,
        "events": taken,
        "events_per_second": taken / seconds,
        "messages_waiting_at_most": max(waiting),
        "alerts_lost": len(verdict.lost),
        "alerts_different": len(verdict.different),
        "transitions": len(verdict.by_id),
        "cpu_ms_per_event_second_quarter": cost(samples[quarter : 2 * quarter]),
        "cpu_ms_per_event_last_quarter": cost(samples[-quarter:]),
        "mib_after_a_quarter": samples[quarter][1],
        "mib_after_three_quarters": samples[-quarter][1],
        "mib_at_end": samples[-1][1],
    }


def soak(app: Application, minutes: float, folder: Path) -> dict[str, float]:
    """A city for hours, fifty times as fast as life."""
    from sentinel.simulate import simulate

    days = max(1, round(minutes * SOAK_SPEED / 1440 + 0.5))
    simulate(days, 17, folder, tickets_per_day=CITY_TICKETS_A_DAY, incidents_per_day=10.0, quiet_days=0)
    lines = (folder / "tickets.jsonl").read_text(encoding="utf-8").splitlines()
    rate = len(lines) / days / 86400 * SOAK_SPEED
    part = folder / "part.jsonl"
    part.write_text("\n".join(lines[: round(rate * 60 * minutes)]) + "\n", encoding="utf-8")
    return steady(app, part, rate, folder)


def sustained(app: Application, minutes: float, folder: Path) -> dict[str, float]:
    """A thousand tickets a second, of two months, so that most of what comes is forgotten before the end."""
    from sentinel.simulate import simulate

    wanted = round(SUSTAINED_RATE * 60 * minutes)
    simulate(SUSTAINED_DAYS, 23, folder, tickets_per_day=round(1.05 * wanted / SUSTAINED_DAYS), quiet_days=0)
    part, found = folder / "part.jsonl", 0
    with (folder / "tickets.jsonl").open(encoding="utf-8") as lines, part.open("w", encoding="utf-8") as out:
        for line in lines:
            row = json.loads(line)
            if found < wanted and row.get("event", "created") == "created":
                row.pop("due_at", None)
                out.write(json.dumps(row, ensure_ascii=False) + "\n")
                found += 1
    return steady(app, part, SUSTAINED_RATE, folder)


@contextmanager
def brokers() -> Iterator[tuple[Broker, Callable[[], Application]]]:
    """A broker on the first core, and applications on it."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        broker = broker_in(place)
        broker.begin()
        pinned(broker, FIRST_CORE)
        made = 0

        def make() -> Application:
            nonlocal made
            made += 1
            directory = place / f"application-{made}"
            directory.mkdir()
            return Application(broker, directory, records=500, every="30m", session="10s")

        try:
            yield broker, make
        finally:
            broker.kill()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--tickets", type=int, default=40_000)
    parser.add_argument("--latency-seconds", type=float, default=120.0)
    parser.add_argument("--soak", type=float, metavar="MINUTES", default=0.0)
    parser.add_argument("--sustain", type=float, metavar="MINUTES", default=0.0)
    options = parser.parse_args()
    console, rows = Console(), {}
    busy = os.getloadavg()[0]
    with brokers() as (broker, application), tempfile.TemporaryDirectory() as folder:
        os.sched_setaffinity(0, {FIRST_CORE})
        if options.soak:
            rows["soak"] = soak(application(), options.soak, Path(folder))
        elif options.sustain:
            rows["1,000 tickets a second"] = sustained(application(), options.sustain, Path(folder))
        else:
            with console.status("simulating"):
                file, tickets, events = simulated(options.tickets, Path(folder))
            with console.status("one worker on one core"):
                app = application()
                rows["one worker, one core"] = throughput(app, file, events, tickets, [LAST_CORE])
            with console.status("a bare Faust worker, one table write an event"):
                whole = events // 500 * 500  # it counts by five hundreds
                rows["bare Faust, a table write an event"] = counted(app, "bare", whole, tickets, LAST_CORE)
            with console.status("plain aiokafka"):
                app = application()
                assert producing(app, file).process.wait(600) == 0  # type: ignore[union-attr]
                rows["the same stages on plain aiokafka"] = counted(app, "plain", events, tickets, LAST_CORE)
            with console.status("two workers on two cores"):
                rows["two workers, two cores"] = throughput(
                    application(), file, events, tickets, [FIRST_CORE, LAST_CORE]
                )
            with console.status("latency"):
                rate = 200 * events / tickets
                rows["200 tickets a second"] = latency(application(), file, rate, options.latency_seconds)
        name = broker.name
    rows["this machine"] = {"cores": os.cpu_count() or 0, "load_before": busy, "load_at_end": os.getloadavg()[0]}
    table = Table(title=f"the service on {name}", title_justify="left")
    for heading in ("run", "figure", "value"):
        table.add_column(heading, justify="right" if heading == "value" else "left")
    for run, figures in rows.items():
        for figure, value in figures.items():
            table.add_row(run, figure.replace("_", " "), f"{value:,.3g}" if abs(value) < 100 else f"{value:,.0f}")
    console.print(table)
    RESULTS.mkdir(exist_ok=True)
    kind = "_soak" if options.soak else "_sustained" if options.sustain else ""
    result = RESULTS / f"stream{kind}.json"
    result.write_text(json.dumps({"broker": name, **rows}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
