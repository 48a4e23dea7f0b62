"""Grafana's dashboards, written with its own library: `python deploy/dashboards.py` writes them anew.

Two: what a command centre looks at, in Chinese, and what those look at who keep the service running.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import BigValueColorMode, VizOrientation
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DataSourceRef,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

OUT: Final = Path(__file__).parents[1] / "config" / "monitoring" / "grafana" / "dashboards"
PROMETHEUS: Final = DataSourceRef(type_val="prometheus", uid="prometheus")


def _opened(window: str, kind: str = "$kind") -> str:
    return f'increase(sentinel_alerts_opened_total{{street=~"$street",kind=~"{kind}"}}[{window}])'


class Panel(NamedTuple):
    """One panel: what it shows, how, and how wide of 24."""

    title: str
    queries: tuple[tuple[str, str], ...]
    """expression and legend"""
    kind: str = "lines"
    unit: str = "short"
    width: int = 12
    description: str = ""


COMMAND_CENTRE: Final = (
    Panel(
        "24小时内新开预警",
        ((f"sum({_opened('24h')}) or vector(0)", ""),),
        "number",
        width=6,
    ),
    Panel(
        "其中紧急件",
        (
            (
                f"sum({_opened('24h', 'urgent')}) or vector(0)",
                "",
            ),
        ),
        "number",
        width=6,
    ),
    Panel(
        "1小时内受理工单",
        (('sum(increase(sentinel_ticket_events_total{outcome="routed"}[1h]))', ""),),
        "number",
        width=6,
    ),
    Panel(
        "工单到预警用时（99%以内）",
        (("histogram_quantile(0.99, sum by (le) (rate(sentinel_ticket_to_alert_seconds_bucket[1h])))", ""),),
        "number",
        "s",
        6,
    ),
    Panel(
        "各类预警（每小时新开）",
        (
            (
                f"sum by (kind) ({_opened('1h')})",
                "{{kind}}",
            ),
        ),
    ),
    Panel("受理工单（每分钟）", (('60 * sum(rate(sentinel_ticket_events_total{outcome="routed"}[5m]))', "工单事件"),)),
    Panel(
        "各街镇24小时新开预警",
        (
            (
                f"topk(12, sum by (street) ({_opened('24h')}))",
                "{{street}}",
            ),
        ),
        "bars",
    ),
    Panel(
        "各级别24小时新开预警",
        (
            (
                'sum by (severity) (increase(sentinel_alert_transitions_total{reason="opened"}[24h]))',
                "{{severity}}",
            ),
        ),
        "bars",
    ),
    Panel(
        "一周统计类预警与误报预算",
        (
            ("sum(increase(sentinel_statistical_alerts_total[7d]))", "统计类预警"),
            ("max(sentinel_false_alarm_budget_per_week)", "误报预算"),
            ('sum(increase(sentinel_feedback_total{found="false alarm"}[7d])) or vector(0)', "反馈为误报"),
        ),
        description="统计类预警既有属实的，也有误报；误报由签收人反馈。",
    ),
    Panel("在办诉求事项（聚类）", (('sum(sentinel_live_issues{topic=~".*routed"})', "事项"),)),
)

OPERATIONS: Final = (
    Panel("Workers", (('sum(up{job="sentinel"})', ""),), "number", width=6),
    Panel("Messages waiting", (("sum(max by (topic, partition) (sentinel_lag_messages))", ""),), "number", width=6),
    Panel("Halted partitions", (("sum(sentinel_halted_partitions) or vector(0)", ""),), "number", width=6),
    Panel("Sinks that take writes", (("sum(sentinel_sink_up) or vector(0)", ""),), "number", width=6),
    Panel(
        "Events a second, by outcome", (("sum by (outcome) (rate(sentinel_ticket_events_total[5m]))", "{{outcome}}"),)
    ),
    Panel("Lag by topic", (("sum by (topic) (max by (topic, partition) (sentinel_lag_messages))", "{{topic}}"),)),
    Panel(
        "From ticket to alert",
        tuple(
            (
                f"histogram_quantile({q}, sum by (le) (rate(sentinel_ticket_to_alert_seconds_bucket[10m])))",
                f"p{round(100 * q)}",
            )
            for q in (0.5, 0.99)
        ),
        unit="s",
    ),
    Panel("Clock behind now", (("time() - max by (topic) (sentinel_clock_seconds > 0)", "{{topic}}"),), unit="s"),
    Panel(
        "Checkpoint (p95) and standstill for it",
        (
            (
                "histogram_quantile(0.95, sum by (le, topic) (rate(sentinel_checkpoint_seconds_bucket[30m])))",
                "{{topic}}",
            ),
            ("histogram_quantile(0.95, sum by (le) (rate(sentinel_snapshot_seconds_bucket[30m])))", "standstill"),
        ),
        unit="s",
    ),
    Panel("State written", (("sum by (topic) (rate(sentinel_checkpoint_bytes_total[30m]))", "{{topic}}"),), unit="Bps"),
    Panel(
        "Not yet committed", (("sum by (topic) (sentinel_applied_offset - sentinel_committed_offset)", "{{topic}}"),)
    ),
    Panel("Recovery (seconds in all)", (("sum by (topic) (sentinel_recovery_seconds_sum)", "{{topic}}"),), unit="s"),
    Panel("Memory", (('process_resident_memory_bytes{job="sentinel"}', "{{instance}}"),), unit="bytes"),
    Panel("CPU", (('rate(process_cpu_seconds_total{job="sentinel"}[5m])', "{{instance}}"),), unit="percentunit"),
    Panel(
        "Pushes an hour, by sink",
        (
            (
                "sum by (sink, outcome) (increase(sentinel_sink_pushes_total[1h])) or vector(0)",
                "{{sink}} {{outcome}}",
            ),
        ),
    ),
    Panel(
        "Circuits that are not closed",
        (
            (
                'sum by (sink, state) (sentinel_sink_circuit{state!="closed"}) or vector(0)',
                "{{sink}} {{state}}",
            ),
        ),
        description="A sink that failed is not asked for a while (open), then once (half-open); pushes wait on Kafka.",
    ),
    Panel(
        "A write to a sink (p95) and encoding a text (p95)",
        (
            ("histogram_quantile(0.95, sum by (le, sink) (rate(sentinel_sink_seconds_bucket[30m])))", "{{sink}}"),
            ("histogram_quantile(0.95, sum by (le) (rate(sentinel_encoder_seconds_bucket[30m])))", "encoder"),
        ),
        unit="s",
    ),
    Panel(
        "State by topic",
        (("sum by (topic) (sentinel_state_bytes)", "{{topic}}"),),
        unit="bytes",
    ),
    Panel("Series of counts", (("sum by (topic) (sentinel_live_cells)", "{{topic}}"),)),
    Panel("Late events an hour", (("sum(increase(sentinel_late_events_total[1h])) or vector(0)", ""),)),
    Panel("Partitions by worker", (("sum by (instance) (sentinel_partitions)", "{{instance}}"),)),
    Panel(
        "Dead letters and repeats",
        (
            ("sum(increase(sentinel_dead_letters_total[1h])) or vector(0)", "dead letters"),
            ("sum(increase(sentinel_messages_skipped_total[1h])) or vector(0)", "repeats skipped"),
        ),
    ),
)


def _built(panel: Panel) -> Any:
    builder: Any
    match panel.kind:
        case "number":
            builder = stat.Panel().color_mode(BigValueColorMode.VALUE)
        case "bars":
            builder = bargauge.Panel().orientation(VizOrientation.HORIZONTAL)
        case _:
            builder = timeseries.Panel().fill_opacity(10).legend(common.VizLegendOptions().show_legend(True))
    instant = panel.kind != "lines"
    builder = builder.title(panel.title).unit(panel.unit).span(panel.width).height(4 if panel.kind == "number" else 8)
    builder = builder.datasource(PROMETHEUS).description(panel.description)
    for number, (expression, legend) in enumerate(panel.queries):
        query = prometheus.Dataquery().expr(expression).legend_format(legend).ref_id(chr(ord("A") + number))
        builder = builder.with_target(query.instant() if instant else query.range())
    return builder


def _variable(name: str, label: str) -> dashboard.QueryVariable:
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(PROMETHEUS)
        .query(f"label_values(sentinel_alerts_opened_total, {name})")
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(VariableOption(selected=True, text="All", value="$__all"))
    )


def _dashboard(uid: str, title: str, panels: Sequence[Panel], begin: str) -> dashboard.Dashboard:
    built = dashboard.Dashboard(title).uid(uid).tags(["sentinel"]).refresh("30s").time(begin, "now")
    built = built.timezone("Asia/Shanghai").tooltip(DashboardCursorSync.CROSSHAIR).readonly()
    for panel in panels:
        built = built.with_panel(_built(panel))
    return built


def dashboards() -> Iterator[tuple[str, str]]:
    """Give the name and the JSON of each."""
    alerts = (
        dashboard.AnnotationQuery()
        .name("新开预警")
        .datasource(PROMETHEUS)
        .enable(True)
        .icon_color("red")
        .expr(f"sum by (kind, street) ({_opened('1m')}) > 0")
    )
    centre = _dashboard("sentinel-command-centre", "未诉先办 · 预警总览", COMMAND_CENTRE, "now-24h").annotation(alerts)
    for name, label in (("street", "街镇"), ("kind", "预警类型")):
        centre = centre.with_variable(_variable(name, label))
    operations = _dashboard("sentinel-operations", "Sentinel operations", OPERATIONS, "now-6h")
    for name, built in (("command-centre", centre), ("operations", operations)):
        yield (
            f"{name}.json",
            json.dumps(built.build(), cls=JSONEncoder, indent=2, ensure_ascii=False, sort_keys=True) + "\n",
        )


def main() -> None:
    """Write them."""
    OUT.mkdir(parents=True, exist_ok=True)
    for name, content in dashboards():
        (OUT / name).write_text(content, encoding="utf-8")
        sys.stdout.write(f"{OUT / name}\n")


if __name__ == "__main__":
    main()
