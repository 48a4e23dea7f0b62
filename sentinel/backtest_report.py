"""What a back-test found: tables on the screen, a curve over the budget as PNG, a page that needs nothing else."""

import base64
import io
from collections.abc import Sequence
from html import escape
from itertools import groupby

from rich.console import Group, RenderableType
from rich.table import Table

from alerts.model import KIND_NAMES
from sentinel.backtest import PROPERTIES, Result

MOST_ROWS = 12
_LABELS = {"kind": "类型", "basis": "依据", "street": "街镇", "topic": "诉求类别"}
_STYLE = (
    "body{font:15px/1.6 sans-serif;max-width:70em;margin:2em auto;padding:0 1em}"
    "table{border-collapse:collapse;margin:1em 0}td,th{padding:.2em .8em;border-bottom:1px solid #ccc}"
    "td+td,th+th{text-align:right}img{max-width:100%}"
)


def render(results: Sequence[Result]) -> RenderableType:
    """Return a table with a row a variant, and one of alerts a week."""
    table = Table(title="Back-test", title_justify="left")
    table.add_column("settings")
    for name in ("budget", "alerts a week", "statistical a week", "false a week", "recall", "hours", "callers"):
        table.add_column(name, justify="right")
    for result in results:
        table.add_row(*_row(result))
    return Group(table, *(_kinds(result) for result in results))


def _row(result: Result) -> list[str]:
    false = result.false()
    hours, callers = result.delays()
    score = result.score
    return [
        result.name,
        f"{result.budget:g}",
        f"{len(result.opened) / result.weeks:.2f}",
        f"{result.statistical().a_week:.2f}",
        "–" if false is None else f"{false.a_week:.2f} ({false.interval[0]:.2f} to {false.interval[1]:.2f})",
        "–" if score is None else f"{sum(o.found for o in score.outcomes)}/{len(score.outcomes)}",
        "–" if hours is None else f"{hours:.1f}",
        "–" if callers is None else f"{callers:g}",
    ]


def _kinds(result: Result) -> Table:
    table = Table(title=f"{result.name}: alerts a week, {result.weeks:.1f} weeks", title_justify="left")
    table.add_column("by")
    table.add_column("the most frequent", overflow="fold")
    for name, what in PROPERTIES.items():
        rows = result.by(what)
        told = [f"{key or '–'} {count / result.weeks:.2f}" for key, count in rows[:MOST_ROWS]]
        if len(rows) > MOST_ROWS:
            told.append(f"{len(rows) - MOST_ROWS} more")
        table.add_row(name, ", ".join(told) or "none")
    return table


def curves(results: Sequence[Result]) -> list[tuple[str, list[Result]]]:
    """Return the results that have labels, by configuration, each in order of its budget."""
    labelled = [result for result in results if result.score is not None]
    named = sorted(labelled, key=lambda result: (_configuration(result), result.budget))
    return [(name, list(group)) for name, group in groupby(named, _configuration)]


def _configuration(result: Result) -> str:
    return result.name.removesuffix(f"-budget-{result.budget:g}")


def png(results: Sequence[Result]) -> bytes:
    """Draw recall, delay and the budget kept against false alarms a week; the same bytes for the same results."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11.0, 4.0), layout="constrained")
    recall, delay, kept = figure.subplots(1, 3)
    most = 0.0
    for name, line in curves(results):
        rates = [rate for result in line if (rate := result.false()) is not None]
        x = [rate.a_week for rate in rates]
        recall.plot(x, [100.0 * result.score.found_share for result in line if result.score], "o-", label=_ascii(name))
        told = [(rate.a_week, hours) for rate, result in zip(rates, line, strict=True)
                if (hours := result.delays()[0]) is not None]  # fmt: skip
        delay.plot([at for at, _ in told], [hours for _, hours in told], "o-", label=_ascii(name))
        budgets = [result.budget for result in line]
        spread = [
            [rate.a_week - rate.interval[0] for rate in rates],
            [rate.interval[1] - rate.a_week for rate in rates],
        ]
        kept.errorbar(budgets, x, yerr=spread, fmt="o-", capsize=3, label=_ascii(name))
        most = max(most, *budgets)
    kept.plot([0.0, most], [0.0, most], ":", color="grey")
    recall.set(xlabel="false alarms a week", ylabel="incidents found, %", ylim=(0.0, 103.0))
    delay.set(xlabel="false alarms a week", ylabel="median delay, hours")
    kept.set(xlabel="budget, false alarms a week", ylabel="observed, with 95 % interval")
    recall.legend()
    for axes in (recall, delay, kept):
        axes.grid(alpha=0.3)
        axes.set_xlim(left=0.0)
    for axes in (delay, kept):
        axes.set_ylim(bottom=0.0)
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=120, metadata={"Software": None})
    return out.getvalue()


def _ascii(name: str) -> str:
    """A name as the plot's font can write it."""
    return name.encode("ascii", "replace").decode("ascii")


def page(results: Sequence[Result], image: bytes | None) -> str:
    """Return the report as one HTML file without a link to anything."""
    head = (
        "配置",
        "误报预算/周",
        "预警/周",
        "统计类预警/周",
        "误报/周（95%区间）",
        "发现/事件",
        "中位延迟（小时）",
        "中位延迟（人）",
    )
    parts = [_table(head, [_row(result) for result in results])]
    if image is not None:
        data = base64.b64encode(image).decode("ascii")
        parts.append(
            "<p>左：发现率与每周误报；中：中位延迟与每周误报；右：实际误报与预算（虚线为二者相等）。</p>"
            f'<img alt="发现率、延迟、误报" src="data:image/png;base64,{data}">'
        )
    for result in results:
        parts.append(f"<h2>{escape(result.name)}：每周预警数（共{result.weeks:.1f}周，{result.tickets:,}件工单）</h2>")
        for name, what in PROPERTIES.items():
            rows = [[_named(name, key), f"{count / result.weeks:.2f}"] for key, count in result.by(what)]
            parts.append(_table((_LABELS[name], "每周"), rows))
        missed = [o.incident for o in result.score.outcomes if not o.found] if result.score else []
        if missed:
            parts.append("<h3>未发现的事件</h3>")
            parts.append(_table(("事件", "人数"), [[i.name, str(i.callers)] for i in missed]))
    return (
        '<!doctype html><html lang="zh"><meta charset="utf-8"><title>回测报告</title>'
        f"<style>{_STYLE}</style><h1>回测报告</h1>{''.join(parts)}</html>\n"
    )


def _named(what: str, key: str) -> str:
    if what == "kind":
        return f"{KIND_NAMES.get(key, key)} {key}"  # type: ignore[call-overload]  # any text may ask
    return key or "（全市）"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["".join(f"<th>{escape(cell)}</th>" for cell in head)]
    lines += ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows]
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"
