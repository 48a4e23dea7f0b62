import subprocess
import sys
from io import StringIO
from pathlib import Path

from rich.console import Console

from sentinel.check_config import check_config


def run(directory: Path | None, width: int = 200) -> tuple[int, str]:
    out = StringIO()
    code = check_config(directory, Console(file=out, width=width))
    return code, out.getvalue()


def test_the_shipped_config_is_all_right() -> None:
    code, text = run(None)
    assert code == 0
    assert "36 streets" in text
    assert text.count("OK") >= 4


def test_errors_are_a_table_and_exit_code_two(tmp_path: Path) -> None:
    (tmp_path / "sentinel.yaml").write_text("tick: 5\nbudget: {city_share: 3}\n", "utf-8")
    code, text = run(tmp_path)
    assert code == 2
    assert "sentinel.yaml:1" in text
    assert "budget.city_share" in text
    assert "write a number below 1.0" in text
    assert "severity.yaml" in text
    assert "shipped" in text


def test_on_a_narrow_screen_no_field_is_broken(tmp_path: Path) -> None:
    (tmp_path / "sentinel.yaml").write_text(
        "budget: {false_alarms_per_week: -1}\nalerts: {resolve_after: {newish: 3h}}\nhandlings: 1\n", "utf-8"
    )
    (tmp_path / "urgent.yaml").write_text("strength: {certain: 2}\n", "utf-8")
    (tmp_path / "topic.yaml").write_text("x: 1\n", "utf-8")
    code, text = run(tmp_path, 70)
    assert code == 2
    for told in (
        "sentinel.yaml:1  budget.false_alarms_per_week = -1",
        "sentinel.yaml:2  alerts.resolve_after.newish",
        "sentinel.yaml:3  handlings",
        "did you mean handling?",
        "urgent.yaml:1  strength.certain = 2",
        "did you mean topics.yaml?",
    ):
        assert told in text
    assert max(map(len, text.splitlines())) <= 70


def test_what_a_user_wrote_is_not_taken_for_markup(tmp_path: Path) -> None:
    (tmp_path / "sentinel.yaml").write_text('tick: "[/red]5m"\n', "utf-8")
    code, text = run(tmp_path)
    assert code == 2
    assert "[/red]5m" in text


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    code, text = run(tmp_path / "nowhere")
    assert code == 2
    assert "does not exist" in text


def test_it_imports_nothing_heavy() -> None:
    """What answers a typing error must answer at once; torch alone takes seconds."""
    heavy = "{'torch', 'river', 'numba', 'numpy', 'pandas', 'sentence_transformers', 'faust', 'openpyxl'}"
    script = f"import sys, sentinel.check_config; print(sorted({heavy} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
