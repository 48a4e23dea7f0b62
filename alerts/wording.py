"""What an alert says: a title and a summary, in the plain Chinese of a command centre.

The title is read alone, on a phone: what kind, where, what, how many. The summary says what has changed, who
and how many, how unusual it is, where the tickets stand, and what else to know, most important first. Texts
come masked; the wording adds nothing about a person.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final

from alerts.detection import Facts
from alerts.model import KIND_NAMES, SEVERITY_NAMES, AlertEvidence, Basis, Kind, Reason, Scope, Severity
from alerts.phrases import clip, listed, moment, people, rarity, share, span, usual, window

MAX_TITLE: Final = 80
MAX_SUMMARY: Final = 300

_PREFIXES: Final[dict[Reason, str]] = {"resolved": "已解除｜", "expired": "已过期｜", "merged": "已并入｜"}
_SUFFIXES: Final[dict[Reason, str]] = {"grew": "·扩大", "escalated": "·升级", "recurred": "·再现"}


@dataclass(frozen=True, slots=True)
class Told:
    """What the last transition said, so that this one can say what has changed since."""

    kind: Kind | None = None
    severity: Severity | None = None
    callers: int = 0
    tickets: int = 0


@dataclass(frozen=True, slots=True)
class Telling:
    """All that the wording of one transition may use; times are POSIX seconds.

    Parameters
    ----------
    harm
        Words of harm found in the texts.
    before
        What the last transition of this alert said.
    at, active_at, ended_at
        Now; when something new was last heard; when the alert ended before, 0 if it never did.
    zone
        Zone in which times are told.
    into
        For ``merged``: what the surviving alert is about.
    """

    kind: Kind
    severity: Severity
    reason: Reason
    basis: Basis
    scope: Scope
    street_name: str
    topic: str
    evidence: AlertEvidence
    facts: Facts
    harm: tuple[str, ...]
    before: Told
    at: float
    active_at: float
    ended_at: float
    zone: tzinfo
    into: str = ""


def title(telling: Telling) -> str:
    """Return the title, at most 80 characters; what gives way is the description, not the numbers."""
    reason = telling.reason
    suffix = "" if telling.kind == reason else _SUFFIXES.get(reason, "")
    kind = f"{_PREFIXES.get(reason, '')}{KIND_NAMES[telling.kind]}{suffix}"
    head, measure = f"{kind}｜{clip(telling.street_name, 12)}｜", _measure(telling)
    if telling.kind == "drift":
        return clip(f"{head}{measure}", MAX_TITLE)
    name = matter(telling.facts, telling.topic)
    return f"{head}{clip(name, MAX_TITLE - len(head) - len(measure) - 1)}：{measure}"


def summary(telling: Telling) -> str:
    """Return the summary, at most 300 characters; sentences that no longer fit are left out whole."""
    text = ""
    for sentence in _sentences(telling):
        if len(text) + len(sentence) <= MAX_SUMMARY:
            text += sentence
    return text


def matter(facts: Facts, topic: str) -> str:
    """Return what the alert is about: place and headline, or the topic where there is no headline.

    >>> matter(Facts("停水", place="锦绣花园"), ""), matter(Facts(""), "住建房产/物业管理")
    ('锦绣花园停水', '物业管理类诉求')
    """
    what, place = clip(facts.danger or facts.headline, 40), clip(facts.place, 40)
    if not what and (topic or not place):
        what = f"{_leaf(topic)}类诉求" if topic else "各类诉求"
    return clip(what if place in what else f"{place}{what}", 40)


# -- the title's numbers ---------------------------------------------------------------------------------


def _measure(telling: Telling) -> str:
    """Return the numbers that end the title, at most 40 characters."""
    facts, reason = telling.facts, telling.reason
    if reason == "merged":
        return f"并入“{clip(telling.into, 20)}”"
    if reason in ("resolved", "expired"):
        total = people(facts.total_callers, facts.ticket_count)
        return f"已{_quiet(telling)}无新增，累计{total}"
    match telling.kind:
        case "urgent":
            return _urgent_measure(telling)
        case "drift" if facts.shifts:
            shift = facts.shifts[0]
            return f"{_leaf(shift.topic)}由{share(shift.usual)}{_moved(shift.usual, shift.now)}"
        case "repeat_call":
            return f"办结后又来电{facts.repeats}次"
        case "bounced":
            return "、".join(_bounces(facts))
        case "unsatisfied":
            contradicted = f"，{facts.contradicted}件疑似虚假办结" if facts.contradicted else ""
            return f"回访不满意{facts.unsatisfied}件{contradicted}"
        case "overdue":
            return "、".join(_late(facts))
        case "recurred" if facts.quiet_days >= 1:
            return f"平静{facts.quiet_days:.0f}天后再现，{_windowed(telling.evidence)}"
        case _:
            expected = telling.evidence.expected
            return _windowed(telling.evidence) + (f"（{usual(expected)}）" if expected is not None else "")


def _urgent_measure(telling: Telling) -> str:
    facts = telling.facts
    first = moment(facts.first_ticket_at, telling.zone)
    if facts.ticket_count <= 1:
        return f"{first}来电"
    return f"{people(facts.total_callers, facts.ticket_count)}来电，首件{first}"


def _windowed(evidence: AlertEvidence) -> str:
    return f"{window(evidence.window_hours)}{people(evidence.distinct_callers, evidence.count)}"


def _bounces(facts: Facts) -> list[str]:
    returned = f"已退单{facts.returns}次" if facts.returns else ""
    passed = f"经手{facts.hands}家单位" if facts.hands else ""
    return [part for part in (returned, passed) if part]


def _late(facts: Facts) -> list[str]:
    past = f"超期{facts.overdue}件" if facts.overdue else ""
    close = f"临期{facts.due_soon}件" if facts.due_soon else ""
    return [part for part in (past, close) if part]


def _moved(usual_share: float, now: float) -> str:
    return f"{'升' if now >= usual_share else '降'}至{share(now)}"


def _quiet(telling: Telling) -> str:
    return span(telling.at - telling.active_at)


def _leaf(topic: str) -> str:
    return clip(topic.rpartition("/")[2], 20)


# -- the summary's sentences -----------------------------------------------------------------------------


def _sentences(telling: Telling) -> Iterator[str]:
    """Yield the sentences, the most important first."""
    if telling.reason == "merged":
        yield f"与“{clip(telling.into, 40)}”为同一问题，后续并入该预警。"
    elif telling.reason == "resolved":
        yield f"已{_quiet(telling)}没有新情况，预警自动解除（工单仍按原流程办理）；再次出现会重新提醒。"
    elif telling.reason == "expired":
        yield f"已{_quiet(telling)}没有新情况，预警到期；是否处置完毕请向承办单位核实。"
    else:
        yield from _change(telling)
        yield from _account(telling)
        yield from _counts(telling)
        yield from _unusual(telling)
    yield from _standing(telling.facts)
    yield from _remarks(telling)


def _change(telling: Telling) -> Iterator[str]:
    """What is different from the last time this alert spoke."""
    before, facts = telling.before, telling.facts
    changes = []
    if telling.reason == "recurred":
        ending = "过期" if telling.kind == "urgent" else "解除"
        changes.append(f"上次预警{ending}{span(telling.at - telling.ended_at)}后再次出现")
    elif telling.reason == "escalated":
        if before.kind and before.kind != telling.kind:
            changes.append(f"由{KIND_NAMES[before.kind]}升级为{KIND_NAMES[telling.kind]}")
        if before.severity and before.severity != telling.severity:
            changes.append(f"级别由“{SEVERITY_NAMES[before.severity]}”升为“{SEVERITY_NAMES[telling.severity]}”")
    if before.kind and (tickets := facts.ticket_count - before.tickets) > 0:
        callers = max(0, facts.total_callers - before.callers)
        changes.append(f"较上次通报新增{people(callers, tickets)}")
    if changes:
        yield "，".join(changes) + "。"


def _account(telling: Telling) -> Iterator[str]:
    """Who said what, how often and since when."""
    facts, kind = telling.facts, telling.kind
    if kind == "urgent":
        several = people(facts.total_callers, facts.ticket_count) if facts.ticket_count > 1 else ""
        first = moment(facts.first_ticket_at, telling.zone)
        said = clip(facts.danger or facts.headline, 40)
        yield f"首件{first}，{several}来电反映{said}。" if several else f"{first}来电反映{said}。"
        yield "可能危及人身安全，一件即报，请立即核实处置。"
    elif kind == "new":
        yield "近期首次出现的问题。"
    elif kind == "recurred" and telling.reason != "recurred" and facts.quiet_days >= 1:
        yield f"平静{facts.quiet_days:.0f}天后再次出现的老问题。"
    elif kind == "drift":
        moves = [f"{_leaf(s.topic)}由{share(s.usual)}{_moved(s.usual, s.now)}" for s in facts.shifts[:3]]
        yield f"各类诉求占比与平时明显不同：{'，'.join(moves)}。"
    elif kind == "repeat_call":
        yield f"办结后又来电{facts.repeats}次，问题可能没有解决。"
    elif kind == "bounced":
        yield f"{'、'.join(_bounces(facts))}，建议协调明确主办单位。"
    elif kind == "unsatisfied":
        when = window(telling.evidence.window_hours) if telling.scope == "handler" else ""
        yield f"{when}回访不满意{facts.unsatisfied}件。"
        if facts.contradicted:
            yield f"其中{facts.contradicted}件按已解决办结，来电人称未解决，疑似虚假办结（线索，待核实）。"
    elif kind == "overdue":
        yield f"在办工单{'、'.join(_late(facts))}。"
        if 0 < facts.ticket_count < facts.overdue:
            yield f"其中{facts.ticket_count}件{window(telling.evidence.window_hours)}到期，多于平时。"


def _counts(telling: Telling) -> Iterator[str]:
    """How many tickets of how many callers, and since when."""
    evidence, facts = telling.evidence, telling.facts
    if telling.kind == "urgent" or not evidence.count:
        return
    if telling.scope == "handler" and not (evidence.distinct_callers or evidence.unknown_callers):
        return  # of a handler's tickets the callers were not asked for, and the sentence before says how many
    if facts.ticket_count == 1:
        yield f"受理时间{moment(facts.first_ticket_at, telling.zone)}。"
        return
    when = window(evidence.window_hours) if evidence.window_hours else "共"
    parts = []
    if not evidence.distinct_callers:
        parts.append(f"{when}收到{evidence.count}件，来电人均不详")
    elif evidence.unknown_callers:
        known = evidence.count - evidence.unknown_callers
        parts.append(f"{when}收到{evidence.count}件，其中{evidence.distinct_callers}人反映{known}件")
        parts.append(f"另{evidence.unknown_callers}件来电人不详")
    else:
        parts.append(f"{when}{evidence.distinct_callers}人反映{evidence.count}件")
    if telling.scope in ("issue", "ticket"):
        parts.append(f"首件{moment(facts.first_ticket_at, telling.zone)}")
        if facts.ticket_count > evidence.count:
            parts.append(f"累计{people(facts.total_callers, facts.ticket_count)}")
    yield "，".join(parts) + "。"


def _unusual(telling: Telling) -> Iterator[str]:
    """How seldom this would happen by chance, or by which rule it is told."""
    evidence = telling.evidence
    if telling.basis == "floor":
        yield "多人反映同一问题，达到设定人数，按规则通报。"
    if telling.basis == "statistical":
        seldom = rarity(evidence.recurrence_days) if evidence.recurrence_days is not None else ""
        parts = [usual(evidence.expected)] if evidence.expected is not None else []
        parts += [f"按历史水平，{seldom}"] if seldom else []
        if parts:
            yield "；".join(parts) + "。"


def _standing(facts: Facts) -> Iterator[str]:
    """Where the tickets stand: at whom, and how far."""
    waiting = sum(load.open for load in facts.handlers if not load.handler)
    parts = []
    for load in [load for load in facts.handlers if load.handler][:3]:
        states = [f"处置中{load.open}件"] if load.open else []
        states += [f"已办结{load.closed}件"] if load.closed else []
        parts.append(f"{clip(load.handler, 20)}（{'、'.join(states)}）" if states else clip(load.handler, 20))
    more = sum(1 for load in facts.handlers if load.handler) - len(parts)
    others = f"等{len(parts) + more}家" if more > 0 else ""
    text = f"承办：{'、'.join(parts)}{others}" if parts else ""
    if waiting:
        text += f"；另有{waiting}件未派单" if parts else f"{waiting}件未派单"
    if text:
        yield f"{text}。"


def _remarks(telling: Telling) -> Iterator[str]:
    """What else a reader should know: copied texts, words of harm, the source, the streets."""
    facts = telling.facts
    if facts.copied:
        yield f"其中{facts.copied}件文案雷同，疑似统一话术。"
    if telling.harm:
        yield f"诉求中提到{''.join(f'“{word}”' for word in telling.harm[:4])}。"
    if facts.tags:
        yield f"来源含{listed([clip(tag, 12) for tag in facts.tags], 4, '类')}。"
    if len(facts.streets) > 1:
        names = [f"{clip(street.street_name, 12)}{street.tickets}件" for street in facts.streets]
        yield f"涉及{listed(names, 4, '个街镇')}。"
