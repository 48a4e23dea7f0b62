"""Delivery: from alerts' transitions, what people do and the passing of time to pushes, each once and with its reason.

A pure state machine. Transitions come in the order of their numbers; before each input everything due by then happens,
in (due time, key) order, stamped with its due time. So the same inputs in the same order give the same pushes, and
state can be pickled between any two.

What each input does to a recipient's *line* (what it was told of one alert) and *group* (what is told together):

=====================  ==============================================================================================
a transition           everyone routed to gets the reason on its line, and its group asks to speak
a group speaks         what may be told now is told, in one push (`alerts.speaker`)
too many pushes        it is counted instead, and one digest tells so when the flood limit allows
nobody acknowledges    its group reminds every ``repeat_interval``; once, after ``acknowledge``, others are told
a silence ends         what it held and is still open is told
=====================  ==============================================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from typing import Any, Final

from alerts.actions import Action, Outcome
from alerts.cases import Happening
from alerts.lines import Line, Tracked, group_key
from alerts.mailbox import handover
from alerts.matching import handlers_of
from alerts.memory import Memory
from alerts.model import SEVERITIES, Alert, Reason
from alerts.people import People
from alerts.phrases import moment
from alerts.push_wording import MOST_LISTED
from alerts.pushes import Push, PushReason
from alerts.routing import Router, Way
from alerts.speaker import Speaker
from alerts.subscribers import DeliveryRules, handler_id
from alerts.timers import Timers
from alerts.views import visible

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
    parts
        State to go on from, as `parts` gave it; None to begin.
    """

    def __init__(
        self,
        rules: DeliveryRules,
        streets: Mapping[str, str],
        zone: tzinfo,
        parts: Mapping[str, Any] | None = None,
    ) -> None:
        """Start with no alerts, or where another stood."""
        self.memory = (
            Memory({handler_id(rules, name): name for name in rules.handlers}) if parts is None else (Memory.of(parts))
        )
        self._arrange(rules, zone)
        if parts is None:
            self.memory.streets = dict(streets)

    def configure(self, rules: DeliveryRules, streets: Mapping[str, str], zone: tzinfo) -> None:
        """Let other rules hold from now on; who was told what stays."""
        self.memory.streets = dict(streets)
        self._arrange(rules, zone)

    def _arrange(self, rules: DeliveryRules, zone: tzinfo) -> None:
        self.rules = rules
        self.zone = zone
        self.router = Router(rules)
        self._speaker = Speaker(self.memory, rules, zone)
        self._people = People(self.memory, self._speaker, self.router)

    def parts(self) -> dict[str, object]:
        """Return the state, without the rules, as parts of which each can be pickled by itself."""
        return self.memory.parts()

    # -- inputs ------------------------------------------------------------------------------------------

    def take(self, alert: Alert) -> list[Push]:
        """Take a transition; a repeat of one that was taken says nothing."""
        memory, at = self.memory, alert.updated_at.timestamp()
        self._advance(at)
        memory.logged = max(memory.logged, at)
        memory.seq = max(memory.seq, alert.seq)
        tracked = memory.tracked.get(alert.alert_id)
        if tracked is None:
            tracked = memory.tracked[alert.alert_id] = Tracked(alert)
        elif alert.seq < tracked.alert.seq or alert in tracked.taken:
            return memory.outlet.said()
        tracked.taken = [*tracked.taken, alert] if alert.seq == tracked.alert.seq else [alert]
        tracked.alert = alert
        self._follow(tracked)
        self._advance(memory.clock)
        return memory.outlet.said()

    def act(self, action: Action) -> Outcome:
        """Take what a person did, at most a little later than the log has come."""
        self._advance(min(action.at.timestamp(), self.memory.logged + AHEAD))
        outcome = self._people.act(action)
        self._advance(self.memory.clock)
        return outcome._replace(pushes=tuple(self.memory.outlet.said()))

    def tick(self, at: float) -> list[Push]:
        """Let everything due by a time happen."""
        self.memory.logged = max(self.memory.logged, at)
        self._advance(at)
        return self.memory.outlet.said()

    def next_due(self) -> float | None:
        """Return when something next happens by itself, None if nothing does."""
        first = self._first().first()
        return None if first is None else first[0]

    def speaks(self) -> float | None:
        """Return when somebody may next have to be told something, None if nothing waits for its time."""
        return self.memory.timers.next_due()

    def opens(self) -> float | None:
        """Return when the next push falls due that is the first of its group, None if none waits."""
        return min(self.memory.company.values(), default=None)

    # -- a transition ------------------------------------------------------------------------------------

    def _follow(self, tracked: Tracked) -> None:
        memory, alert, inhibitions = self.memory, tracked.alert, self._speaker.inhibitions
        for name in handlers_of(alert):
            memory.handlers.setdefault(handler_id(self.rules, name), name)
        if alert.street:
            memory.streets.setdefault(alert.street, alert.street_name)
        if alert.state == "open":
            inhibitions.put(alert)
            memory.chores.drop(("forget", alert.alert_id))
        else:
            inhibitions.drop(alert.alert_id)
            memory.chores.set(("forget", alert.alert_id), memory.clock + REMEMBERED, alert.alert_id)
        self._join_lines(tracked)
        elevated = self.router.elevated(alert)
        ended_before = {room: case.ended for room, case in tracked.cases.items()}
        for room in {line.way.recipient.room: None for line in tracked.lines.values()}:
            case = tracked.case(room)
            case.elevated = case.elevated or (elevated and room == "")
            case.happen(memory.clock, _HAPPENINGS[alert.reason])
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
            self._speaker.say(tracked, line, reason)
        if alert.state != "open":
            self._speaker.replay(memory.under.pop(alert.alert_id, {}))

    def _join_lines(self, tracked: Tracked) -> None:
        """Add those now routed to; drop, in silence, those who may see the alert no more."""
        alert = tracked.alert
        for identity, line in list(tracked.lines.items()):
            if not visible(alert, line.way.recipient, granted=line.granted):
                self._speaker.forget(tracked, identity)
        for way in self.router.ways(alert):
            if way.recipient.id not in tracked.lines and alert.state == "open":
                tracked.lines[way.recipient.id] = Line(way, group_key(way, alert))

    # -- time --------------------------------------------------------------------------------------------

    def _advance(self, at: float) -> None:
        memory = self.memory
        while (due := self.next_due()) is not None and due <= at:
            memory.clock = max(memory.clock, due)
            self._happen()
        memory.clock = max(memory.clock, at)

    def _first(self) -> Timers[tuple[str, ...]]:
        """Those of which one falls due next."""
        told, silent = self.memory.timers.first(), self.memory.chores.first()
        return self.memory.chores if silent is not None and (told is None or silent < told) else self.memory.timers

    def _happen(self) -> None:
        """Let the one thing that falls due next happen."""
        memory = self.memory
        what, *key = self._first().pop()
        match what:
            case "group":
                self._speaker.speak(key[0])
            case "remind":
                self._speaker.remind(key[0])
            case "ack":
                self._unacknowledged(key[0], key[1])
            case "silence":
                self._people.silence_over(key[0], "silence_expired", "设定的时间已到。")
            case "flood":
                memory.outlet.flood_over(key[0], memory.clock, memory.seq)
            case "handover":
                self._hand_over(key[0])
            case "idle":
                self._speaker.idle(key[0])
            case "forget":
                self._forget(key[0])

    def _unacknowledged(self, recipient: str, alert_id: str) -> None:
        line, tracked = self.memory.line_of(alert_id, recipient), self.memory.tracked.get(alert_id)
        if line is None or tracked is None or not tracked.case_of(line.way.recipient).waiting:
            return
        line.reported = True
        for other in self.router.superiors(tracked.alert, line.way):
            way = Way(other, "unacknowledged", line.way.timing, "nobody has acknowledged it in time")
            self._speaker.say_at_once(tracked, way, "unacknowledged", "尚无人签收。", granted=False)

    def _hand_over(self, recipient: str) -> None:
        memory = self.memory
        mailbox = memory.outlet.mailboxes[recipient]
        memory.outlet.next_shift(mailbox, memory.clock, self.zone)
        waiting: list[Tracked] = []
        others = 0
        for alert_id in mailbox.open:
            tracked = memory.tracked[alert_id]
            case = tracked.case_of(mailbox.recipient)
            if case.waiting:
                waiting.append(tracked)
            else:
                others += not case.ended
        if waiting or others:
            waiting.sort(key=lambda tracked: SEVERITIES.index(tracked.alert.severity))
            titles = [self._speaker.headline(tracked, mailbox.recipient) for tracked in waiting[:MOST_LISTED]]
            severities = [tracked.alert.severity for tracked in waiting]
            what, words = handover(severities, titles, others, moment(memory.clock, self.zone))
            self._speaker.emit(mailbox.recipient, "handover", what, words)

    def _forget(self, alert_id: str) -> None:
        tracked = self.memory.tracked[alert_id]
        for recipient in list(tracked.lines):
            self._speaker.forget(tracked, recipient)
        del self.memory.tracked[alert_id]
        self.memory.under.pop(alert_id, None)
