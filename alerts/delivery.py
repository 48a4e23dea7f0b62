"""Delivery: from alerts' transitions, what people do and the passing of time to pushes, each once and with its reason.

A pure state machine. Transitions come in the order of their numbers; before each input everything due by then happens,
in (due time, key) order, stamped with its due time. So the same inputs in the same order give the same pushes, and
state can be pickled between any two.

What each input does to a recipient's *line* (what it was told of one alert) and *group* (what is told together):

=====================  ==============================================================================================
a transition           everyone routed to gets the reason on its line, and its group asks to speak
a group speaks         of each line: silenced, it waits for the silence's end; under another alert, it waits for that
                       one's end, which tells it as 已并入; ended and never told, it is dropped; else it is told
too many pushes        it is counted instead, and one digest tells so when the flood limit allows
nobody acknowledges    its group reminds every ``repeat_interval``; once, after ``acknowledge``, others are told
a silence ends         what it held and is still open is told
=====================  ==============================================================================================
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import tzinfo
from typing import Final

from alerts.actions import Action, Outcome
from alerts.cases import Case, Happening
from alerts.inhibition import Inhibitions
from alerts.lines import Group, Line, Tracked, group_key
from alerts.mailbox import Mailbox, handover
from alerts.matching import handlers_of
from alerts.model import SEVERITIES, Alert, Reason
from alerts.outlet import Batch, Outlet
from alerts.people import People
from alerts.phrases import moment
from alerts.push_wording import MOST_LISTED, Told, before_of, headline, text, title
from alerts.pushes import Push, PushReason
from alerts.routing import Router, Way
from alerts.silences import Silences
from alerts.subscribers import DeliveryRules, Recipient, handler_id
from alerts.timers import Timers
from alerts.views import Viewer, visible

AHEAD: Final = 600.0
"""Seconds that an action may be ahead of the log: whoever acts reads a clock of his own, which may be wrong."""
REMEMBERED: Final = 31 * 86400.0
"""Seconds after its end in which an alert may come back, and is still shown."""
_HAPPENINGS: Final[dict[Reason, Happening]] = {
    "opened": "opened",
    "grew": "grew",
    "escalated": "escalated",
    "recurred": "recurred",
    "resolved": "quiet",
    "expired": "expired",
    "merged": "merged",
}
_PUSHED: Final[dict[Reason, PushReason]] = {
    "opened": "opened",
    "grew": "grew",
    "escalated": "escalated",
    "recurred": "recurred",
    "resolved": "resolved",
    "expired": "expired",
    "merged": "joined",
}
_GROWTH: Final[frozenset[PushReason]] = frozenset({"grew", "escalated"})
_ORDER: Final[tuple[PushReason, ...]] = (
    "unacknowledged", "transferred", "receipt", "assigned", "escalated", "recurred", "opened", "replayed", "grew",
    "joined", "resolved", "expired", "reminder",
)  # fmt: skip
"""Reasons from the most to the least telling."""


class Delivery:
    """All of delivery for one city.

    Parameters
    ----------
    rules
        ``subscribers.yaml``.
    streets
        Names by code.
    zone
        In which times are told and shifts begin.
    """

    def __init__(self, rules: DeliveryRules, streets: Mapping[str, str], zone: tzinfo) -> None:
        """Start with no alerts."""
        self.clock = 0.0
        self._logged = 0.0
        """how far the log has come, as transitions and ticks tell"""
        self.seq = 0
        self.tracked: dict[str, Tracked] = {}
        self.silences = Silences()
        self.handlers: dict[str, str] = {handler_id(rules, name): name for name in rules.handlers}
        """names by id, those configured and those met"""
        self._groups: dict[str, Group] = {}
        self._timers: Timers[tuple[str, ...]] = Timers()
        self._outlet = Outlet(self._timers)
        self._silenced: dict[str, dict[tuple[str, str], None]] = {}
        """silence -> (recipient, alert) that it holds back"""
        self._under: dict[str, dict[tuple[str, str], None]] = {}
        """alert -> (recipient, alert) for which it stands"""
        self._people = People(self)
        self.configure(rules, streets, zone)

    def configure(self, rules: DeliveryRules, streets: Mapping[str, str], zone: tzinfo) -> None:
        """Let other rules hold from now on; who was told what stays."""
        self.rules = rules
        self.streets = dict(streets)
        """names by code, those configured and those met"""
        self.zone = zone
        self.router = Router(rules)
        self._viewer = Viewer(rules)
        self._inhibitions = Inhibitions(rules.inhibit)
        for tracked in self.tracked.values():
            if tracked.alert.state == "open":
                self._inhibitions.put(tracked.alert)

    # -- inputs ------------------------------------------------------------------------------------------

    def take(self, alert: Alert) -> list[Push]:
        """Take a transition; a repeat of one that was taken says nothing."""
        at = alert.updated_at.timestamp()
        self._advance(at)
        self._logged = max(self._logged, at)
        self.seq = max(self.seq, alert.seq)
        tracked = self.tracked.get(alert.alert_id)
        if tracked is None:
            tracked = self.tracked[alert.alert_id] = Tracked(alert)
        elif alert.seq < tracked.alert.seq or alert in tracked.taken:
            return self._outlet.said()
        tracked.taken = [*tracked.taken, alert] if alert.seq == tracked.alert.seq else [alert]
        tracked.alert = alert
        self._follow(tracked)
        self._advance(self.clock)
        return self._outlet.said()

    def act(self, action: Action) -> Outcome:
        """Take what a person did, at most a little later than the log has come."""
        self._advance(min(action.at.timestamp(), self._logged + AHEAD))
        outcome = self._people.act(action)
        self._advance(self.clock)
        return outcome._replace(pushes=tuple(self._outlet.said()))

    def tick(self, at: float) -> list[Push]:
        """Let everything due by a time happen."""
        self._logged = max(self._logged, at)
        self._advance(at)
        return self._outlet.said()

    def next_due(self) -> float | None:
        """Return when something next happens by itself, None if nothing does."""
        return self._timers.next_due()

    # -- what people's actions need ----------------------------------------------------------------------

    def line_of(self, alert_id: str, recipient: str) -> Line | None:
        """Return what a recipient was told of an alert that it may see, None if it may not or there is none."""
        tracked = self.tracked.get(alert_id)
        line = tracked.lines.get(recipient) if tracked is not None else None
        if tracked is None or line is None:
            return None
        return line if visible(tracked.alert, line.way.recipient, granted=line.granted) else None

    def say(self, tracked: Tracked, line: Line, reason: PushReason, note: str = "") -> None:
        """Give a recipient something to be told, as soon as its group may speak."""
        line.pending[reason] = None
        line.note = note or line.note
        self._ask(line, tracked.alert)

    def say_at_once(self, tracked: Tracked, way: Way, reason: PushReason, note: str, *, granted: bool) -> None:
        """Tell a recipient of an alert, whether or not a route leads there, and keep telling it."""
        line = tracked.lines.get(way.recipient.id)
        if line is None:
            line = tracked.lines[way.recipient.id] = Line(way, group_key(way, tracked.alert))
        line.granted = line.granted or granted
        line.pending[reason] = None
        line.note = note or line.note
        group = self._group(line)
        group.pending[tracked.alert.alert_id] = None
        self._due(line.group, group, self.clock)

    def tell(self, recipient: Recipient, reason: PushReason, what: str, why: str) -> None:
        """Tell a recipient something that is about no single alert."""
        self._emit(recipient, reason, what, f"{what}\n{why}")

    def silence_started(self, identity: str, until: float) -> None:
        """Let a silence end by itself."""
        self._timers.set(("silence", identity), until, identity)

    def silence_over(self, identity: str, reason: PushReason, why: str) -> None:
        """End a silence, tell so, and tell what it held back and is still open."""
        self._timers.drop(("silence", identity))
        silence = self.silences.end(identity)
        held = self._silenced.pop(identity, {})
        mailbox = self._outlet.mailboxes.get(silence.recipient)
        if mailbox is not None:
            self.tell(mailbox.recipient, reason, f"暂停推送结束：{silence.match.told()}", why)
        self._replay(held)

    # -- a transition ------------------------------------------------------------------------------------

    def _follow(self, tracked: Tracked) -> None:
        alert = tracked.alert
        for name in handlers_of(alert):
            self.handlers.setdefault(handler_id(self.rules, name), name)
        if alert.street:
            self.streets.setdefault(alert.street, alert.street_name)
        if alert.state == "open":
            self._inhibitions.put(alert)
            self._timers.drop(("forget", alert.alert_id))
        else:
            self._inhibitions.drop(alert.alert_id)
            self._timers.set(("forget", alert.alert_id), self.clock + REMEMBERED, alert.alert_id)
        self._join_lines(tracked)
        elevated = self.router.elevated(alert)
        ended_before = {room: case.ended for room, case in tracked.cases.items()}
        for room in {line.way.recipient.room: None for line in tracked.lines.values()}:
            case = tracked.case(room)
            case.elevated = case.elevated or (elevated and room == "")
            case.happen(self.clock, _HAPPENINGS[alert.reason])
        for line in tracked.lines.values():
            case = tracked.case_of(line.way.recipient)
            room = line.way.recipient.room
            if case.ended and ended_before.get(room, False) and alert.state == "open":
                continue  # people have ended it, and what is new does not reopen it
            if alert.state != "open" and (not case.ended or ended_before.get(room, False)):
                continue  # a leader must call first; or people have ended it, and said so
            reason = _PUSHED[alert.reason]
            if line.before is None and alert.state == "open" and reason == "grew":
                reason = "opened"
            self.say(tracked, line, reason)
        if alert.state != "open":
            self._replay(self._under.pop(alert.alert_id, {}))

    def _join_lines(self, tracked: Tracked) -> None:
        """Add those now routed to; drop, in silence, those who may see the alert no more."""
        alert = tracked.alert
        for identity, line in list(tracked.lines.items()):
            if not visible(alert, line.way.recipient, granted=line.granted):
                self._forget_line(tracked, identity)
        for way in self.router.ways(alert):
            if way.recipient.id not in tracked.lines and alert.state == "open":
                tracked.lines[way.recipient.id] = Line(way, group_key(way, alert))

    def _forget_line(self, tracked: Tracked, recipient: str) -> None:
        line, alert_id = tracked.lines.pop(recipient), tracked.alert.alert_id
        group = self._groups.get(line.group)
        if group is not None:
            group.pending.pop(alert_id, None)
            group.open.pop(alert_id, None)
            self._drop_if_idle(line.group, group)
        if recipient in self._outlet.mailboxes:
            self._outlet.mailboxes[recipient].open.pop(alert_id, None)
        self._timers.drop(("ack", recipient, alert_id))

    # -- groups ------------------------------------------------------------------------------------------

    def _group(self, line: Line) -> Group:
        return self._groups.setdefault(line.group, Group(line.way.recipient))

    def _ask(self, line: Line, alert: Alert) -> None:
        group, timing = self._group(line), line.way.timing
        group.pending[alert.alert_id] = None
        due = group.wants(self.clock, timing.group_wait or 0.0, timing.group_interval or 0.0, alert.severity)
        self._due(line.group, group, due)

    def _due(self, key: str, group: Group, due: float) -> None:
        if group.due is None or due < group.due:
            group.due = due
            self._timers.set(("group", key), due, f"group {key}")

    def _speak(self, key: str) -> None:
        """Let a group say what it has to say."""
        group = self._groups[key]
        group.due = None
        found: list[tuple[Tracked, Line]] = []
        for alert_id in list(group.pending):
            del group.pending[alert_id]
            tracked = self.tracked.get(alert_id)
            line = tracked.lines.get(group.recipient.id) if tracked is not None else None
            if tracked is not None and line is not None and line.pending and self._may_be_told(tracked, line):
                found.append((tracked, line))
        if found:
            found.sort(key=lambda item: SEVERITIES.index(item[0].alert.severity))
            self._push(key, group, found)
        self._drop_if_idle(key, group)

    def _may_be_told(self, tracked: Tracked, line: Line) -> bool:
        alert, recipient = tracked.alert, line.way.recipient
        if alert.state != "open" and line.before is None and not line.granted:
            line.pending.clear()
            return False
        if silence := self.silences.holding(recipient.id, alert):
            self._silenced.setdefault(silence, {})[recipient.id, alert.alert_id] = None
            return False
        line.under = self._stands_for(alert, recipient)
        if line.under:
            self._under.setdefault(line.under, {})[recipient.id, alert.alert_id] = None
            self._timers.drop(("ack", recipient.id, alert.alert_id))
            if line.before is not None:
                line.pending.clear()
                above = self.tracked[line.under]
                if alert.alert_id not in above.lines[recipient.id].joined:
                    self.say(above, above.lines[recipient.id], "joined")
            return False
        return True

    def _stands_for(self, alert: Alert, recipient: Recipient) -> str:
        """The alert that stands for this one with this recipient: one it is told of."""
        for source in self._inhibitions.standing_for(alert.alert_id):
            above = self.tracked[source]
            line = above.lines.get(recipient.id)
            ended = above.case_of(recipient).ended
            if line is not None and not ended and not self.silences.holding(recipient.id, above.alert):
                return source
        return ""

    def _replay(self, held: Iterable[tuple[str, str]]) -> None:
        """Tell what was held back and is still open."""
        for recipient, alert_id in held:
            line, tracked = self.line_of(alert_id, recipient), self.tracked.get(alert_id)
            if line is None or tracked is None or tracked.alert.state != "open":
                continue
            line.under = ""
            if line.pending or line.before is None:
                self.say(tracked, line, "replayed" if line.before is not None else "opened")

    def _drop_if_idle(self, key: str, group: Group) -> None:
        if group.pending or group.open or group.due is not None:
            return
        line_interval = group.last
        if line_interval is None:
            del self._groups[key]
            self._timers.drop(("remind", key))
        else:  # its interval still counts for what comes next
            self._timers.set(("idle", key), self.clock + 86400.0, f"idle {key}")

    # -- pushes ------------------------------------------------------------------------------------------

    def _push(self, key: str, group: Group, found: list[tuple[Tracked, Line]]) -> None:
        more = 0
        if all(list(line.pending) == ["reminder"] for _, line in found):
            group.reminders += 1
            for _, line in found[MOST_LISTED:]:  # there is nothing new to remember of what is only counted
                line.pending.clear()
            more, found = max(0, len(found) - MOST_LISTED), found[:MOST_LISTED]
            for _, line in found:
                line.note = f"第{group.reminders}次提醒，仍无人签收。"
        else:
            group.reminders = 0
        told = [self._told(tracked, line) for tracked, line in found]
        fresh = [not _GROWTH.issuperset(item.view.reasons) or item.before != before_of(item.view) for item in told]
        for (_, line), is_fresh in zip(found, fresh, strict=True):
            if not is_fresh:  # it grew where this reader may not look
                line.pending.clear()
        found = [item for item, is_fresh in zip(found, fresh, strict=True) if is_fresh]
        told = [item for item, is_fresh in zip(told, fresh, strict=True) if is_fresh]
        if not told:
            return
        way = found[0][1].way
        listed, more = told[:MOST_LISTED], more + max(0, len(told) - MOST_LISTED)
        reason = min((r for item in told for r in item.view.reasons), key=_ORDER.index)
        severity = told[0].view.severity
        mailbox = self._mailbox(way.recipient)
        batch = Batch(tuple(item.view for item in listed), more, way)
        if severity != "critical" and mailbox.full(self.clock):
            self._outlet.hold(mailbox, batch, title(listed, more))
        else:
            words = text(listed, more, self.rules.link, self.zone)
            self._emit(way.recipient, reason, title(listed, more), words, batch)
        group.last = self.clock
        group.gravest = min(group.gravest, SEVERITIES.index(severity))
        for (tracked, line), item in zip(found, told, strict=True):
            self._note(group, mailbox, tracked, line, item)
        assert way.timing.repeat_interval is not None, "the whole file's timing is complete"
        self._timers.set(("remind", key), group.reminds(way.timing.repeat_interval), f"remind {key}")

    def _told(self, tracked: Tracked, line: Line) -> Told:
        recipient, alert = line.way.recipient, tracked.alert
        case = tracked.case_of(recipient)
        reasons = tuple(sorted(line.pending, key=_ORDER.index))
        under = [self.tracked[i] for i in self._inhibitions.standing_under(alert.alert_id)]
        joined = [
            other
            for other in under
            if (its := other.lines.get(recipient.id)) is not None
            and visible(other.alert, recipient, granted=its.granted)
            and self._stands_for(other.alert, recipient) == alert.alert_id
        ]
        line.joined = tuple(other.alert.alert_id for other in joined)
        view = self._viewer.view(alert, recipient, reasons, case.status, line.joined, granted=line.granted)
        names = [self._headline(other, recipient) for other in joined] if view.joined else []
        return Told(view, line.before, line.note, tuple(names))

    def _headline(self, tracked: Tracked, recipient: Recipient) -> str:
        line = tracked.lines[recipient.id]
        status = tracked.case_of(recipient).status
        return headline(self._viewer.view(tracked.alert, recipient, (), status, granted=line.granted))

    def _note(self, group: Group, mailbox: Mailbox, tracked: Tracked, line: Line, told: Told) -> None:
        alert, view, recipient = tracked.alert, told.view, line.way.recipient
        case = tracked.case_of(recipient)
        line.before = before_of(view)
        line.pending.clear()
        line.note = ""
        if case.ended:
            group.open.pop(alert.alert_id, None)
            mailbox.open.pop(alert.alert_id, None)
            self._timers.drop(("ack", recipient.id, alert.alert_id))
            line.reported = False
            return
        group.open[alert.alert_id] = mailbox.open[alert.alert_id] = None
        within = (line.way.timing.acknowledge or {}).get(alert.severity)
        if within is not None and case.waiting and not line.reported:
            due = self.clock + within
            key = ("ack", recipient.id, alert.alert_id)
            self._timers.set_if_none(key, due, f"ack {recipient.id} {alert.alert_id}")

    def _emit(
        self,
        recipient: Recipient,
        reason: PushReason,
        what: str,
        words: str,
        batch: Batch | None = None,
    ) -> None:
        self._outlet.emit(self._mailbox(recipient), self.clock, self.seq, reason, what, words, batch)

    def _mailbox(self, recipient: Recipient) -> Mailbox:
        return self._outlet.mailbox(recipient, self.clock, self.zone)

    # -- time --------------------------------------------------------------------------------------------

    def _advance(self, at: float) -> None:
        while (due := self._timers.next_due()) is not None and due <= at:
            what, *key = self._timers.pop()
            self.clock = max(self.clock, due)
            match what:
                case "group":
                    self._speak(key[0])
                case "remind":
                    self._remind(key[0])
                case "ack":
                    self._unacknowledged(key[0], key[1])
                case "silence":
                    self.silence_over(key[0], "silence_expired", "设定的时间已到。")
                case "flood":
                    self._outlet.flood_over(key[0], self.clock, self.seq)
                case "handover":
                    self._hand_over(key[0])
                case "idle":
                    self._idle(key[0])
                case "forget":
                    self._forget(key[0])
        self.clock = max(self.clock, at)

    def _remind(self, key: str) -> None:
        group = self._groups.get(key)
        if group is None:
            return
        for alert_id in list(group.open):
            tracked = self.tracked[alert_id]
            line = tracked.lines[group.recipient.id]
            case = tracked.case_of(group.recipient)
            if not line.under and not case.ended and (case.waiting or case.quiet):
                line.pending["reminder"] = None
                group.pending[alert_id] = None
        if group.pending:
            self._speak(key)

    def _unacknowledged(self, recipient: str, alert_id: str) -> None:
        line, tracked = self.line_of(alert_id, recipient), self.tracked.get(alert_id)
        if line is None or tracked is None or not tracked.case_of(line.way.recipient).waiting:
            return
        line.reported = True
        to = line.way.timing.unacknowledged or ()
        for other in self.router.recipients(tracked.alert, to):
            if other.id != recipient and visible(tracked.alert, other):
                way = Way(other, "unacknowledged", line.way.timing, "nobody has acknowledged it in time")
                self.say_at_once(tracked, way, "unacknowledged", "尚无人签收。", granted=False)

    def _hand_over(self, recipient: str) -> None:
        mailbox = self._outlet.mailboxes[recipient]
        self._outlet.next_shift(mailbox, self.clock, self.zone)
        waiting = []
        others = 0
        for alert_id in mailbox.open:
            tracked = self.tracked[alert_id]
            case: Case = tracked.case_of(mailbox.recipient)
            if case.waiting:
                waiting.append((tracked.alert.severity, self._headline(tracked, mailbox.recipient)))
            else:
                others += not case.ended
        if waiting or others:
            what, words = handover(waiting, others, moment(self.clock, self.zone))
            self._emit(mailbox.recipient, "handover", what, words)

    def _idle(self, key: str) -> None:
        group = self._groups.get(key)
        if group is not None and not group.pending and not group.open and group.due is None:
            del self._groups[key]
            self._timers.drop(("remind", key))

    def _forget(self, alert_id: str) -> None:
        tracked = self.tracked[alert_id]
        for recipient in list(tracked.lines):
            self._forget_line(tracked, recipient)
        del self.tracked[alert_id]
        self._under.pop(alert_id, None)
