"""`sentinel backtest`: history under one or more settings and budgets; tables, JSON, a curve and a page."""

import json
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from rich.console import Console

from sentinel.backtest import run_variant, variants
from sentinel.backtest_report import page, png, render
from sentinel.labels import Labels
from sentinel.progress import progress_bar
from sentinel.readers import ReadError, parse_map
from sentinel.settings import Settings, load_settings


def run_backtest(
    files: tuple[Path, ...],
    out: Path,
    configs: Sequence[Path],
    budgets: Sequence[float],
    labels: Path | None,
    mapping: str,
    warm_up: timedelta,
    workers: int,
    console: Console | None = None,
) -> dict[str, object]:
    """Replay the files under every variant and write `backtest.json`, `.html` and, with labels, `.png`.

    Raises `ReadError` where nothing can be read or labels are wrong, `ConfigError` where settings are.
    """
    console = console or Console()
    columns = parse_map(mapping)
    asked = variants(_named(configs), list(dict.fromkeys(budgets)))
    results = []
    known: Labels | None = None
    with progress_bar(console) as progress:
        total: int | None = None
        for variant in asked:
            known = Labels(labels) if labels else None
            task = progress.add_task(variant.name, total=total)
            done: Counter[str] = Counter()

            def moved(events: int, task: int = task, done: Counter[str] = done) -> None:
                done["events"] = events
                progress.update(task, completed=events)  # type: ignore[arg-type]  # a task's id is an int

            results.append(run_variant(variant, files, columns, out, known, warm_up, workers, moved))
            total = done["events"]
            progress.update(task, total=total, completed=total)
    console.print(render(results))
    image = png(results) if labels else None
    figures: dict[str, object] = {
        "files": [file.name for file in files],
        "labels": labels.name if labels else None,
        "warm_up_days": warm_up / timedelta(days=1),
        "results": [result.as_dict() for result in results],
    }
    (out / "backtest.json").write_text(json.dumps(figures, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    (out / "backtest.html").write_text(page(results, image), encoding="utf-8")
    if image is not None:
        (out / "backtest.png").write_bytes(image)
    console.print(f"written: {out / 'backtest.html'}, backtest.json{', backtest.png' if image else ''}")
    return figures


def _named(configs: Sequence[Path]) -> list[tuple[str, Settings]]:
    """Settings by the name of their directory, the shipped ones as `shipped`."""
    if not configs:
        return [("shipped", load_settings(None))]
    named: dict[str, Settings] = {}
    for config in configs:
        name = config.resolve().name
        if name in named:
            raise ReadError(f"{config}: two directories of settings are called {name}; rename one, results go by name")
        named[name] = load_settings(config)
    return list(named.items())
