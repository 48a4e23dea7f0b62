"""`backtest`: variants, labels from a CSV, rates with their interval, the report."""

import csv
import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sentinel.backtest import Rate, Variant, judged, poisson_interval, variants
from sentinel.cli import main
from sentinel.labels import Labels
from sentinel.readers import ReadError, open_tickets
from sentinel.readers.rows import Entry
from sentinel.scoring import Planted, Transition
from sentinel.settings import load_settings

T = datetime.fromisoformat("2025-03-10T08:00:00+08:00")


def invoke(*arguments: object) -> Result:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    return result


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("history")
    assert (
        invoke("simulate", "--days", 5, "--tickets-per-day", 150, "--incidents-per-day", 2, "--out", out).exit_code == 0
    )
    return out


@pytest.fixture(scope="module")
def swept(history: Path) -> tuple[Path, Result]:
    out = history / "swept"
    labels = history / "incidents.jsonl"
    arguments = ("--out", out, "--labels", labels, "--sweep", "1,50")
    return out, invoke("backtest", history / "tickets.jsonl", *arguments)


def test_a_sweep_writes_a_result_a_budget_a_curve_and_a_page(swept: tuple[Path, Result]) -> None:
    out, told = swept
    assert told.exit_code == 0, told.output
    figures = json.loads((out / "backtest.json").read_text("utf-8"))
    one, fifty = figures["results"]
    assert (one["budget"], fifty["budget"]) == (1.0, 50.0)
    assert fifty["statistical_a_week"]["count"] >= one["statistical_a_week"]["count"]
    assert fifty["recall"] >= one["recall"]
    assert one["false_a_week"]["low"] <= one["false_a_week"]["a_week"] <= one["false_a_week"]["high"]
    assert (out / "backtest.png").read_bytes().startswith(b"\x89PNG")
    page = (out / "backtest.html").read_text("utf-8")
    assert "http" not in page
    assert "data:image/png;base64," in page
    assert "回测报告" in page
    for name in ("shipped-budget-1", "shipped-budget-50"):
        assert (out / name / "alerts.jsonl").is_file()


def test_alerts_of_all_properties_add_up(swept: tuple[Path, Result]) -> None:
    figures = json.loads((swept[0] / "backtest.json").read_text("utf-8"))
    for result in figures["results"]:
        sums = {name: round(sum(rates.values()), 1) for name, rates in result["alerts_a_week"].items()}
        assert len(set(sums.values())) == 1, sums


def test_the_same_history_gives_the_same_figures(history: Path, swept: tuple[Path, Result]) -> None:
    again = history / "again"
    arguments = ("--labels", history / "incidents.jsonl", "--sweep", "1,50")
    assert invoke("backtest", history / "tickets.jsonl", "--out", again, *arguments).exit_code == 0
    for name in ("backtest.json", "backtest.png", "backtest.html"):
        assert (again / name).read_bytes() == (swept[0] / name).read_bytes()


def test_a_csv_of_tickets_says_the_same_as_the_truth(history: Path, swept: tuple[Path, Result]) -> None:
    incidents = [json.loads(line) for line in (history / "incidents.jsonl").read_text("utf-8").splitlines()]
    labels = history / "labels.csv"
    with labels.open("w", encoding="gb18030", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("名称", "事件编号", "工单编号", "类型"))
        for i in incidents:
            rows.writerows((i["name"], i["incident_id"], ticket, i["kind"]) for ticket in i["ticket_ids"])
    told = invoke("backtest", history / "tickets.jsonl", "--out", history / "csv", "--labels", labels, "--sweep", "1")
    assert told.exit_code == 0, told.output
    ours = json.loads((history / "csv" / "backtest.json").read_text("utf-8"))["results"][0]
    theirs = json.loads((swept[0] / "backtest.json").read_text("utf-8"))["results"][0]
    assert ours["score"] == theirs["score"]


def test_without_labels_it_counts_only(history: Path) -> None:
    out = history / "plain"
    told = invoke("backtest", history / "tickets.jsonl", "--out", out, "--warm-up", 2)
    assert told.exit_code == 0, told.output
    (result,) = json.loads((out / "backtest.json").read_text("utf-8"))["results"]
    assert result["recall"] is None
    assert result["weeks"] < 0.5
    assert not (out / "backtest.png").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("工单编号\nA1\n", "no column 'incident_id'"),
        ("incident_id,ticket_id\nx,\n", "line 2: ticket_id is empty"),
        ("incident_id,ticket_id\n", "holds no incident"),
        ("incident_id,ticket_id\nx,NOT-THERE\n", "line 2: ticket 'NOT-THERE' is in none of the ticket files"),
    ],
)
def test_wrong_labels_are_refused(history: Path, tmp_path: Path, text: str, said: str) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text(text, encoding="utf-8")
    told = invoke("backtest", history / "tickets.jsonl", "--out", tmp_path, "--labels", labels)
    assert told.exit_code == 2
    assert said in told.output.replace("\n", " ")
    assert "Traceback" not in told.output


@pytest.mark.parametrize("sweep", ["a", "1,-2", "0"])
def test_wrong_budgets_are_refused(history: Path, tmp_path: Path, sweep: str) -> None:
    told = invoke("backtest", history / "tickets.jsonl", "--out", tmp_path, "--sweep", sweep)
    assert told.exit_code == 2


def test_two_directories_of_one_name_are_refused(history: Path, tmp_path: Path) -> None:
    for place in ("a", "b"):
        (tmp_path / place / "mine").mkdir(parents=True)
    configs = [part for place in ("a", "b") for part in ("--config", tmp_path / place / "mine")]
    told = invoke("backtest", history / "tickets.jsonl", "--out", tmp_path / "out", *configs)
    assert told.exit_code == 2
    assert "two directories of settings are called mine" in " ".join(told.output.split())


def test_callers_of_csv_labels_are_numbers(history: Path, tmp_path: Path) -> None:
    entries = [e for e in open_tickets((history / "tickets.jsonl",)) if isinstance(e, Entry)]
    created = [e.event for e in entries if e.event.event == "created"][:3]
    labels = tmp_path / "l.csv"
    labels.write_text("incident_id,ticket_id\n" + "".join(f"x,{e.ticket_id}\n" for e in created), encoding="utf-8")
    known = Labels(labels)
    assert list(known.watch(entries)) == entries
    (planted,) = known.incidents()
    assert planted.ticket_times == tuple(sorted(e.created_at for e in created))
    assert set(planted.ticket_callers) <= {0, 1, 2}
    assert planted.callers == len({e.caller or e.ticket_id for e in created})


def _alert(name: str, hours: float, tickets: tuple[str, ...]) -> Transition:
    return Transition(name, "new", "statistical", "issue", "opened", "", tickets, T + timedelta(hours=hours))


def test_what_came_in_the_warm_up_does_not_count() -> None:
    def planted(name: str, hours: float) -> Planted:
        at = T + timedelta(hours=hours)
        return Planted(name, "new", name, (f"{name}1", f"{name}2"), at, at, 2, (at, at), (0, 1))

    incidents = [planted("early", 1.0), planted("late", 100.0)]
    alerts = [
        _alert("quiet", 2.0, ("z",)),
        _alert("of early", 60.0, ("early1", "early2")),
        _alert("of late", 101.0, ("late1", "late2")),
        _alert("false", 110.0, ("x", "y")),
    ]
    variant = Variant("plain", load_settings(None))
    result = judged(variant, 2.0, 10, alerts, incidents, T + timedelta(hours=48))
    assert result.score is not None
    assert [outcome.incident.name for outcome in result.score.outcomes if outcome.found] == ["late"]
    assert len(result.score.outcomes) == 1
    assert [alert.alert_id for alert in result.opened] == ["of early", "of late", "false"]
    false = result.false()
    assert false is not None
    assert false.alerts == 1


def test_variants_cross_settings_and_budgets() -> None:
    settings = load_settings(None)
    made = variants([("a", settings), ("b", settings)], (0.5, 4.0))
    assert [v.name for v in made] == ["a-budget-0.5", "a-budget-4", "b-budget-0.5", "b-budget-4"]
    assert [v.budget for v in made] == [0.5, 4.0, 0.5, 4.0]
    assert [v.budget for v in variants([("a", settings)], ())] == [settings.budget.false_alarms_per_week]


@pytest.mark.parametrize(
    ("count", "low", "high"), [(0, 0.0, 3.689), (1, 0.0253, 5.572), (5, 1.623, 11.668), (100, 81.36, 121.63)]
)
def test_interval_of_a_rate_is_exact(count: int, low: float, high: float) -> None:
    """Garwood's table."""
    assert poisson_interval(count) == pytest.approx((low, high), rel=1e-3, abs=1e-6)
    assert Rate(count, 4.0).interval == pytest.approx((low / 4.0, high / 4.0), rel=1e-3, abs=1e-6)


def test_no_file_of_labels_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="no such file"):
        Labels(tmp_path / "none.csv")
