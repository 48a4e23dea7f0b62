"""Every query of every panel and rule, asked of a real Prometheus that scrapes a real worker."""

from __future__ import annotations

import json
import shutil
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from deploy.dashboards import dashboards
from tests.integration.conftest import Application
from tests.integration.servers import HERE, Process, Redis, free_ports, listens, wait_until

pytestmark = pytest.mark.integration
RULES = Path(__file__).parents[2] / "config" / "monitoring" / "rules" / "sentinel.yml"


class Prometheus(Process):
    """A Prometheus that scrapes one worker every second and records the rules."""

    def __init__(self, directory: Path, worker: int) -> None:
        (self.port,) = free_ports(1)
        shutil.copy(RULES, directory / "sentinel.yml")
        config = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": ["sentinel.yml"],
            "scrape_configs": [{"job_name": "sentinel", "static_configs": [{"targets": [f"{HERE}:{worker}"]}]}],
        }
        (directory / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
        super().__init__(
            ["prometheus", f"--config.file={directory / 'prometheus.yml'}", f"--storage.tsdb.path={directory / 'data'}",
             f"--web.listen-address={HERE}:{self.port}"],
            directory / "prometheus.log",
        )  # fmt: skip

    def ask(self, query: str) -> list[object]:
        """Return the samples that a query gives now."""
        at = f"http://{HERE}:{self.port}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
        try:
            with urllib.request.urlopen(at, timeout=10) as answer:
                found: list[object] = json.load(answer)["data"]["result"]
                return found
        except urllib.error.HTTPError as error:
            if error.code == 503:  # still starting
                return []
            raise


@pytest.fixture(scope="module")
def prometheus(
    application: Callable[..., Application],
    week: tuple[Path, list[bytes]],
    redis_server: Redis,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Prometheus]:
    """Prometheus, which has watched a worker take a week."""
    if shutil.which("prometheus") is None:
        pytest.skip("prometheus is missing; install the Debian package `prometheus`")
    app = application(records=50, every="2s")
    worker = app.worker(SENTINEL_REDIS=redis_server.url)
    worker.begin()
    prometheus = Prometheus(tmp_path_factory.mktemp("prometheus"), worker.port)
    try:
        prometheus.start()
        wait_until(lambda: listens(prometheus.port), 30, "Prometheus listens")
        wait_until(lambda: prometheus.ask("sentinel_partitions"), 30, "Prometheus has scraped the worker")
        done = app.command("produce", week[0], "--finish")
        assert done.returncode == 0, done.stderr
        wait_until(lambda: len(app.read("alerts")) >= len(week[1]), 200, "all alerts are there")
        time.sleep(5)  # some more samples
        yield prometheus
    finally:
        prometheus.kill()
        worker.kill()


def queries() -> Iterator[tuple[str, str]]:
    """All queries of all panels, with what names the panel."""
    for name, content in dashboards():
        board = json.loads(content)
        for panel in board["panels"]:
            for target in panel["targets"]:
                yield f"{name}: {panel['title']}", target["expr"]
        for annotation in board["annotations"].get("list", []):
            if annotation.get("expr"):
                yield f"{name}: {annotation['name']}", annotation["expr"]


def test_every_query_of_every_panel_gives_something(prometheus: Prometheus) -> None:
    empty = []
    for panel, query in queries():
        asked = query.replace("$street", ".*").replace("$kind", ".*")
        if not prometheus.ask(asked):
            empty.append(f"{panel}: {asked}")
    assert not empty


def test_every_rule_records_or_could_fire(prometheus: Prometheus) -> None:
    rules = [rule for group in yaml.safe_load(RULES.read_text("utf-8"))["groups"] for rule in group["rules"]]
    missing = [r["record"] for r in rules if "record" in r and not prometheus.ask(r["record"])]
    assert not missing
    # what one of the rules asks between nine and nine only, and this test must not depend on the time of day
    assert prometheus.ask('sum(increase(sentinel_ticket_events_total{outcome="routed"}[1h])) > 0')
    firing = {r["alert"] for r in rules if "alert" in r and prometheus.ask(f'ALERTS{{alertname="{r["alert"]}"}}')}
    assert firing <= {"SentinelSlowAlerts", "SentinelPartitionLags"}, "a history at full speed comes late, no more"
