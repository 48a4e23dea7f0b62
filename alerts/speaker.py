"""The speaker: what each recipient is told of its alerts, when its groups may speak, and what it is spared.

A group tells its alerts together. When it speaks, what is silenced waits for the silence's end; what is under another
alert waits for that one's end, which tells it as 已并入; what ended and was never told is dropped; the rest is told.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import tzinfo
from typing import Final

from alerts.inhibition import Inhibitions
from alerts.lines import Group, Line, Tracked, group_key
from alerts.mailbox import Mailbox
from alerts.memory import Memory
from alerts.model import SEVERITIES, Alert
from alerts.outlet import Batch
from alerts.push_wording import MOST_LISTED, Before, Told, before_of, headline, text, title
from alerts.pushes import PushReason
from alerts.routing import Way
from alerts.subscribers import DeliveryRules, Recipient
from alerts.views import Viewer, visible

_GROWTH: Final[frozenset[PushReason]] = frozenset({"grew", "escalated"})
_DIRECTED: Final[frozenset[PushReason]] = frozenset({"transferred", "assigned", "receipt"})
"""What somebody has said to this recipient: that another alert stands for this one does not answer it."""
_ORDER: Final[tuple[PushReason, ...]] = (
    "unacknowledged", "transferred", "assigned", "receipt", "escalated", "recurred", "opened", "replayed", "grew",
    "joined", "resolved", "expired", "reminder",
)  # fmt: skip
"""Reasons from the most to the least telling."""
_IDLE: Final = 86400.0
"""Seconds after which a group with nothing to tell is forgotten."""


def _grade(item: tuple[Tracked, Line]) -> int:
    return SEVERITIES.index(item[0].alert.severity)


class Speaker:
    """Groups, from what is to be told to pushes in the outlet.

    Parameters
    ----------
    memory
        Delivery's state, which it shares.
    rules
        ``subscribers.yaml``.
    zone
        In which times are told and shifts begin.
    """

    def __init__(self, memory: Memory, rules: DeliveryRules, zone: tzinfo) -> None:
        self._memory = memory
        self._rules = rules
        self.zone = zone
        self._viewer = Viewer(rules)
        self.inhibitions = Inhibitions(rules.inhibit)
        for tracked in memory.tracked.values():
            if tracked.alert.state == "open":
                self.inhibitions.put(tracked.alert)

    # -- what is to be told ------------------------------------------------------------------------------

    def say(self, tracked: Tracked, line: Line, reason: PushReason, note: str = "") -> None:
        """Give a recipient something to be told, as soon as its group may speak."""
        line.pending[reason] = None
        line.note = note or line.note
        group, timing, alert = self._group(line), line.way.timing, tracked.alert
        group.pending[alert.alert_id] = None
        wait, interval = timing.group_wait or 0.0, timing.group_interval or 0.0
        self._due(line.group, group, group.wants(self._memory.clock, wait, interval, alert.severity))

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
        self._due(line.group, group, self._memory.clock)

    def tell(self, recipient: Recipient, reason: PushReason, what: str, why: str) -> None:
        """Tell a recipient something that is about no single alert."""
        self.emit(recipient, reason, what, f"{what}\n{why}")

    def replay(self, held: Iterable[tuple[str, str]]) -> None:
        """Tell what was held back from (recipient, alert) and is still open."""
        for recipient, alert_id in held:
            line, tracked = self._memory.line_of(alert_id, recipient), self._memory.tracked.get(alert_id)
            if line is None or tracked is None or tracked.alert.state != "open":
                continue
            line.under = ""
            if line.pending or line.before is None:
                self.say(tracked, line, "replayed" if line.before is not None else "opened")

    def forget(self, tracked: Tracked, recipient: str) -> None:
        """Let a recipient be told no more of an alert."""
        line, alert_id = tracked.lines.pop(recipient), tracked.alert.alert_id
        group = self._memory.groups.get(line.group)
        if group is not None:
            group.pending.pop(alert_id, None)
            group.open.pop(alert_id, None)
            self._drop_if_idle(line.group, group)
        mailbox = self._memory.outlet.mailboxes.get(recipient)
        if mailbox is not None:
            mailbox.open.pop(alert_id, None)
        self._memory.timers.drop(("ack", recipient, alert_id))

    # -- groups ------------------------------------------------------------------------------------------

    def speak(self, key: str) -> None:
        """Let a group say what it has to say."""
        group = self._memory.groups[key]
        group.due = None
        self._memory.company.pop(key, None)
        found: list[tuple[Tracked, Line]] = []
        recipient, known = group.recipient.id, self._memory.tracked
        for alert_id in list(group.pending):
            del group.pending[alert_id]
            tracked = known.get(alert_id)
            line = tracked.lines.get(recipient) if tracked is not None else None
            if tracked is not None and line is not None and line.pending and self._may_be_told(tracked, line):
                found.append((tracked, line))
        if found:
            found.sort(key=_grade)
            self._push(key, group, found)
        self._drop_if_idle(key, group)

    def remind(self, key: str) -> None:
        """Let a group remind of what is open and waits for somebody."""
        group = self._memory.groups.get(key)
        if group is None:
            return
        recipient, room = group.recipient.id, group.recipient.room
        for alert_id in group.open:
            tracked = self._memory.tracked[alert_id]
            line = tracked.lines[recipient]
            if line.under:
                continue
            case = tracked.case(room)
            if case.waiting or (case.quiet and not case.ended):
                line.pending["reminder"] = None
                group.pending[alert_id] = None
        if group.pending:
            self.speak(key)

    def idle(self, key: str) -> None:
        """Forget a group that has had nothing to say for long."""
        group = self._memory.groups.get(key)
        if group is not None and not group.pending and not group.open and group.due is None:
            del self._memory.groups[key]
            self._memory.timers.drop(("remind", key))

    def _group(self, line: Line) -> Group:
        group = self._memory.groups.get(line.group)
        if group is None:
            group = self._memory.groups[line.group] = Group(line.way.recipient)
        return group

    def _due(self, key: str, group: Group, due: float) -> None:
        if group.due is None or due < group.due:
            group.due = due
            self._memory.timers.set(("group", key), due, f"group {key}")
            if group.last is None:
                self._memory.company[key] = due

    def _drop_if_idle(self, key: str, group: Group) -> None:
        if group.pending or group.open or group.due is not None:
            return
        if group.last is None:
            del self._memory.groups[key]
            self._memory.timers.drop(("remind", key))
        else:  # its interval still counts for what comes next
            self._memory.chores.set(("idle", key), self._memory.clock + _IDLE, f"idle {key}")

    def _may_be_told(self, tracked: Tracked, line: Line) -> bool:
        memory, alert, recipient = self._memory, tracked.alert, line.way.recipient
        directed = not _DIRECTED.isdisjoint(line.pending)
        if alert.state != "open" and line.before is None and not line.granted and not directed:
            line.pending.clear()
            return False
        if silence := memory.silences.holding(recipient.id, alert):
            memory.silenced.setdefault(silence, {})[recipient.id, alert.alert_id] = None
            return False
        if directed:
            return True
        line.under = self._stands_for(alert, recipient)
        if line.under:
            memory.under.setdefault(line.under, {})[recipient.id, alert.alert_id] = None
            memory.timers.drop(("ack", recipient.id, alert.alert_id))
            if line.before is not None:
                line.pending.clear()
                above = memory.tracked[line.under]
                if alert.alert_id not in above.lines[recipient.id].joined:
                    self.say(above, above.lines[recipient.id], "joined")
            return False
        return True

    def _stands_for(self, alert: Alert, recipient: Recipient) -> str:
        """The alert that stands for this one with this recipient: one it is told of."""
        for source in self.inhibitions.standing_for(alert.alert_id):
            above = self._memory.tracked[source]
            line = above.lines.get(recipient.id)
            ended = above.case_of(recipient).ended
            if line is not None and not ended and not self._memory.silences.holding(recipient.id, above.alert):
                return source
        return ""

    # -- pushes ------------------------------------------------------------------------------------------

    def emit(
        self,
        recipient: Recipient,
        reason: PushReason,
        what: str,
        words: str,
        batch: Batch | None = None,
    ) -> None:
        """Put a push into the outlet."""
        memory = self._memory
        memory.outlet.emit(self._mailbox(recipient), memory.clock, memory.seq, reason, what, words, batch)

    def headline(self, tracked: Tracked, recipient: Recipient) -> str:
        """Return an alert in one line, as its reader may see it."""
        line = tracked.lines[recipient.id]
        status = tracked.case_of(recipient).status
        return headline(self._viewer.view(tracked.alert, recipient, (), status, granted=line.granted))

    def names(self, tracked: Tracked, line: Line, other: Recipient) -> bool:
        """Whether what the reader of a line may see names another: that one's street, or handler."""
        reader, status = line.way.recipient, tracked.case_of(line.way.recipient).status
        view = self._viewer.view(tracked.alert, reader, (), status, granted=line.granted)
        handlers = {reader.handler, *(part.handler for part in view.handlers or ())}
        return other.street in ("", reader.street, view.street) and (not other.handler or other.handler in handlers)

    def _mailbox(self, recipient: Recipient) -> Mailbox:
        return self._memory.outlet.mailbox(recipient, self._memory.clock, self.zone)

    def _push(self, key: str, group: Group, found: list[tuple[Tracked, Line]]) -> None:
        more = 0
        if all(len(line.pending) == 1 and "reminder" in line.pending for _, line in found):
            group.reminders += 1
            for _, line in found[MOST_LISTED:]:  # there is nothing new to remember of what is only counted
                line.pending.clear()
            more, found = max(0, len(found) - MOST_LISTED), found[:MOST_LISTED]
            for _, line in found:
                line.note = f"第{group.reminders}次提醒，仍无人签收。"
        else:
            group.reminders = 0
        found = [item for item in found if self._is_news(*item)]
        if not found:
            return
        told = [self._told(tracked, line) for tracked, line in found]
        way, now = found[0][1].way, self._memory.clock
        listed, more = told[:MOST_LISTED], more + max(0, len(told) - MOST_LISTED)
        reason = min((r for item in told for r in item.view.reasons), key=_ORDER.index)
        severity = told[0].view.severity
        mailbox = self._mailbox(way.recipient)
        batch = Batch(tuple(item.view for item in listed), more, way)
        if severity != "critical" and mailbox.full(now):
            self._memory.outlet.hold(mailbox, batch, title(listed, more))
        else:
            words = text(listed, more, self._rules.link, self.zone)
            self.emit(way.recipient, reason, title(listed, more), words, batch)
        group.last = now
        group.gravest = min(group.gravest, SEVERITIES.index(severity))
        for (tracked, line), item in zip(found, told, strict=True):
            self._note(group, mailbox, tracked, line, item)
        assert way.timing.repeat_interval is not None, "the whole file's timing is complete"
        self._memory.timers.set(("remind", key), group.reminds(way.timing.repeat_interval), f"remind {key}")

    def _is_news(self, tracked: Tracked, line: Line) -> bool:
        """Whether there is something to tell; what grew where this reader may not look is none, and is let go."""
        if not _GROWTH.issuperset(line.pending):
            return True
        alert, recipient = tracked.alert, line.way.recipient
        counts = self._viewer.counts(alert, recipient, granted=line.granted)
        if line.before != Before(alert.kind, alert.severity, *counts):
            return True
        line.pending.clear()
        return False

    def _told(self, tracked: Tracked, line: Line) -> Told:
        recipient, alert = line.way.recipient, tracked.alert
        case = tracked.case_of(recipient)
        reasons = tuple(sorted(line.pending, key=_ORDER.index))
        joined = [
            other
            for other in map(self._memory.tracked.__getitem__, self.inhibitions.standing_under(alert.alert_id))
            if (its := other.lines.get(recipient.id)) is not None
            and visible(other.alert, recipient, granted=its.granted)
            and self._stands_for(other.alert, recipient) == alert.alert_id
        ]
        line.joined = tuple(other.alert.alert_id for other in joined)
        view = self._viewer.view(alert, recipient, reasons, case.status, line.joined, granted=line.granted)
        names = [self.headline(other, recipient) for other in joined] if view.joined else []
        return Told(view, line.before, line.note, tuple(names))

    def _note(self, group: Group, mailbox: Mailbox, tracked: Tracked, line: Line, told: Told) -> None:
        """Remember what was told."""
        alert, view, recipient, timers = tracked.alert, told.view, line.way.recipient, self._memory.timers
        case = tracked.case_of(recipient)
        line.before = before_of(view)
        line.pending.clear()
        line.note = ""
        key = ("ack", recipient.id, alert.alert_id)
        if case.ended:
            group.open.pop(alert.alert_id, None)
            mailbox.open.pop(alert.alert_id, None)
            timers.drop(key)
            line.reported = False
            return
        group.open[alert.alert_id] = mailbox.open[alert.alert_id] = None
        within = (line.way.timing.acknowledge or {}).get(alert.severity)
        if within is not None and case.waiting and not line.reported:
            timers.set_if_none(key, self._memory.clock + within, f"ack {recipient.id} {alert.alert_id}")
