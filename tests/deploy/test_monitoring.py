"""Rules and dashboards, as files; tests/integration/test_monitoring.py runs them on a real worker's figures."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from deploy.dashboards import OUT, dashboards
from sentinel.stream.metrics import Metrics

MONITORING = Path(__file__).parents[2] / "config" / "monitoring"
RULES = MONITORING / "rules" / "sentinel.yml"
RUNBOOK = Path(__file__).parents[2] / "docs" / "runbook.md"


def promtool(*arguments: object) -> subprocess.CompletedProcess[str]:
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("promtool is missing; the Debian package `prometheus` has it")
    return subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "arguments",
    [
        ("test", "rules", *(MONITORING / "rules").glob("*_test.yml")),
        ("check", "rules", RULES),
        ("check", "config", MONITORING / "prometheus.yml"),
    ],
    ids=["rules fire", "rules", "configuration"],
)
def test_promtool_accepts(arguments: tuple[object, ...]) -> None:
    done = promtool(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr


def rules() -> list[dict[str, object]]:
    return [rule for group in yaml.safe_load(RULES.read_text("utf-8"))["groups"] for rule in group["rules"]]


def test_every_alert_has_its_test_and_its_entry_in_the_runbook() -> None:
    tested = "".join(file.read_text("utf-8") for file in (MONITORING / "rules").glob("*_test.yml"))
    runbook = RUNBOOK.read_text("utf-8")
    names = [str(rule["alert"]) for rule in rules() if "alert" in rule]
    assert len(names) >= 9
    for name in names:
        assert f"alertname: {name}\n        exp_alerts" in tested, f"{name}: no test in which it fires"
        assert f"## {name}\n" in runbook


def test_the_dashboards_are_those_that_the_script_writes() -> None:
    for name, content in dashboards():
        assert (OUT / name).read_text("utf-8") == content, "run `python deploy/dashboards.py`"


def test_what_rules_and_dashboards_ask_for_is_there_and_documented() -> None:
    asked = {name for rule in rules() for name in re.findall(r"\bsentinel_[a-z_]+", str(rule["expr"]))}
    for _, content in dashboards():
        asked |= set(re.findall(r"\bsentinel_[a-z_]+", content))
    metrics = Metrics()
    metrics.follow(list, lambda *_: None)
    metrics.follow_sinks(list)
    there = {family.name for family in metrics.registry.collect()}
    documented = (RUNBOOK.parent / "metrics.md").read_text("utf-8")
    for name in asked:
        assert re.sub(r"_(total|bucket|sum|count)$", "", name) in there
    for name in there:
        assert name.startswith(("process_", "python_")) or f"`{name}" in documented, f"{name} is not in docs/metrics.md"
