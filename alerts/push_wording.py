"""What a push says, in plain Chinese, made of nothing but what its reader may see."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo
from typing import Final, NamedTuple

from alerts.model import KIND_NAMES, SEVERITIES, SEVERITY_NAMES, Kind, Severity
from alerts.phrases import clip, listed, people, rarity, usual
from alerts.pushes import REASON_NAMES, STATUS_NAMES, AlertView, PushReason

MAX_TITLE: Final = 80
MOST_LISTED: Final = 10
"""Alerts of a push that are told in full."""
LEAD: Final = "以上为线索，供核查处置，不作结论。"
_TOLD_BY_SUFFIX: Final[dict[PushReason, str]] = {"grew": "·扩大", "escalated": "·升级", "recurred": "·再现"}
_TOLD_BY_PREFIX: Final[dict[PushReason, str]] = {
    "resolved": "已解除｜",
    "expired": "已过期｜",
    "reminder": "提醒｜",
    "unacknowledged": "超时未签收｜",
    "transferred": "转交｜",
    "assigned": "指派｜",
    "receipt": "转交回执｜",
    "joined": "并入｜",
}


class Before(NamedTuple):
    """What a reader was last told of an alert."""

    kind: Kind
    severity: Severity
    callers: int
    tickets: int


def before_of(view: AlertView) -> Before:
    """Return what a reader knows of an alert once it has read this."""
    return Before(view.kind, view.severity, view.callers or 0, view.tickets or 0)


class Told(NamedTuple):
    """One alert of a push, with what its reader knew before and, where someone said something, that."""

    view: AlertView
    before: Before | None
    note: str = ""
    joined: tuple[str, ...] = ()
    """titles of those that it now stands for, which the reader may see"""


def title(told: Sequence[Told], more: int) -> str:
    """Return one line for a phone, at most 80 characters."""
    first = told[0].view
    if len(told) + more == 1:
        return headline(first)
    names = listed(list(dict.fromkeys(KIND_NAMES[item.view.kind] for item in told)), 3, "类")
    gravest = SEVERITY_NAMES[min((item.view.severity for item in told), key=SEVERITIES.index)]
    return clip(f"{len(told) + more}条预警（最高{gravest}）：{names}｜{headline(first)}", MAX_TITLE)


def headline(view: AlertView) -> str:
    """Return what an alert is, where, about what and how much."""
    reason = view.reasons[0] if view.reasons else "opened"
    kind = f"{_TOLD_BY_PREFIX.get(reason, '')}{KIND_NAMES[view.kind]}{_TOLD_BY_SUFFIX.get(reason, '')}"
    parts = [kind] + ([clip(view.street_name, 12)] if view.street_name else [])
    measure = _measure(view)
    room = MAX_TITLE - sum(len(part) + 1 for part in parts) - len(measure) - 1
    about = clip(_about(view), max(4, room))
    return clip(f"{'｜'.join([*parts, about])}{f'：{measure}' if measure else ''}", MAX_TITLE)


def text(told: Sequence[Told], more: int, link: str, zone: tzinfo) -> str:
    """Return the whole push: its alerts, the gravest first, and what it is not."""
    blocks = ["\n".join(_block(item, link, zone)) for item in told]
    if more:
        blocks.append(f"另有{more}条，见预警列表。")
    return "\n\n".join([*blocks, LEAD])


def _block(told: Told, link: str, zone: tzinfo) -> Iterator[str]:
    view = told.view
    yield f"【{SEVERITY_NAMES[view.severity]}】{headline(view)}"
    yield f"推送原因：{'、'.join(REASON_NAMES[reason] for reason in view.reasons)}"
    if told.note:
        yield told.note
    if view.kind == "urgent" and view.state == "open":
        yield "可能危及人身安全，一件即报，请立即核实处置。"
    if changes := _changes(view, told.before):
        yield f"变化：{changes}"
    if standing := _standing(view):
        yield f"办理：{standing}"
    if seldom := _unusual(view):
        yield f"依据：{seldom}"
    if view.contradicted:
        yield f"其中{view.contradicted}件按已解决办结而来电人称未解决，疑似虚假办结，待核实。"
    if view.streets and len(view.streets) > 1:
        names = [f"{clip(share.street_name, 12)}{share.tickets}件" for share in view.streets]
        yield f"涉及：{listed(names, 4, '个街镇')}"
    if view.ticket_ids:
        shown = view.ticket_ids[-3:]
        total = view.tickets or len(shown)
        yield f"工单：{'、'.join(shown)}{f'等{total}件' if total > len(shown) else ''}"
    if told.joined:
        yield f"已并入{len(told.joined)}条：{listed(list(told.joined), 3, '条')}"
    if view.first_ticket_at is not None:
        yield f"首件：{_clock(view.first_ticket_at, zone)}"
    if link:
        yield f"处理：{link.replace('{alert_id}', view.alert_id)}"


def _about(view: AlertView) -> str:
    place, matter = view.place or "", view.matter or ""
    if not matter and (view.topic or not place):
        matter = f"{view.topic.rpartition('/')[2]}类诉求" if view.topic else "各类诉求"
    return matter if place in matter else f"{place}{matter}"


def _measure(view: AlertView) -> str:
    return people(view.callers or 0, view.tickets) if view.tickets else ""


def _changes(view: AlertView, before: Before | None) -> str:
    if before is None:
        return ""
    changes = []
    if before.kind != view.kind:
        changes.append(f"由{KIND_NAMES[before.kind]}变为{KIND_NAMES[view.kind]}")
    if before.severity != view.severity:
        changes.append(f"级别由“{SEVERITY_NAMES[before.severity]}”变为“{SEVERITY_NAMES[view.severity]}”")
    more = (view.tickets or 0) - before.tickets
    if more > 0:
        callers = max(0, (view.callers or 0) - before.callers)
        changes.append(f"较上次推送新增{people(callers, more)}")
    return "，".join(changes)


def _standing(view: AlertView) -> str:
    parts = []
    named = [part for part in view.handlers or () if part.handler]
    for part in named[:3]:
        states = [f"处置中{part.open}件"] if part.open else []
        states += [f"已办结{part.closed}件"] if part.closed else []
        parts.append(f"{clip(part.handler, 20)}（{'、'.join(states)}）" if states else clip(part.handler, 20))
    if len(named) > 3:
        parts.append(f"等{len(named)}家")
    waiting = sum(part.open for part in view.handlers or () if not part.handler)
    if waiting:
        parts.append(f"{waiting}件未派")
    if view.status:
        parts.append(STATUS_NAMES[view.status])
    return "；".join(parts)


def _unusual(view: AlertView) -> str:
    parts = [usual(view.expected)] if view.expected is not None else []
    seldom = rarity(view.recurrence_days) if view.recurrence_days is not None else ""
    return "；".join(parts + ([seldom] if seldom else []))


def _clock(at: datetime, zone: tzinfo) -> str:
    local = at.astimezone(zone)
    return f"{local.month}月{local.day}日{local.hour:02}:{local.minute:02}"
