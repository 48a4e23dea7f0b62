"""What people's actions do: to cases, to silences, and to who else is told."""

from __future__ import annotations

from typing import Final

from alerts.actions import Action, Learned, Outcome
from alerts.cases import Refused, Verb
from alerts.lines import Line, Tracked
from alerts.memory import Memory
from alerts.pushes import PushReason
from alerts.routing import Router, Way
from alerts.silences import Silence
from alerts.speaker import Speaker
from alerts.subscribers import Recipient
from alerts.views import visible

_NOT_FOUND: Final = Outcome("not_found")
MOST_REMEMBERED: Final = 10_000
"""Outcomes of the latest actions, so that one that comes again gets the same answer."""
MOST_SILENCES: Final = 1000
"""Silences one recipient may have in force."""


class People:
    """Takes actions. Whoever may not see an alert is told that there is none."""

    def __init__(self, memory: Memory, speaker: Speaker, router: Router) -> None:
        """Work on delivery's state; tell through its speaker."""
        self._memory = memory
        self._speaker = speaker
        self._router = router

    def act(self, action: Action) -> Outcome:
        """Take one action; a repeat gets the first answer and does nothing."""
        answered = self._memory.answered
        known = answered.get(action.action_id)
        if known is not None:
            return known
        if action.verb == "silence" or action.verb == "unsilence":
            outcome = self._silence(action)
        else:
            outcome = self._case(action, action.verb)
        answered[action.action_id] = outcome._replace(learned=None)
        if len(answered) > MOST_REMEMBERED:
            del answered[next(iter(answered))]
        return outcome

    def _case(self, action: Action, verb: Verb) -> Outcome:
        memory = self._memory
        line, tracked = memory.line_of(action.alert_id, action.by), memory.tracked.get(action.alert_id)
        if line is None or tracked is None:
            return _NOT_FOUND
        recipient = line.way.recipient
        case = tracked.case_of(recipient)
        target = None
        if verb == "transfer":
            target = self._router.recipient(action.target, memory.streets, memory.handlers)
            if target is None or not visible(tracked.alert, target, granted=True) or target.room != recipient.room:
                return Outcome("refused", "没有这个转交对象，或不得转交给它")
        elif verb == "assign":
            target = self._assignee(action, tracked, line)
            if target is None:
                return Outcome("refused", "没有这个指派对象，或不得指派给它")
        ended = case.ended
        named = action.target if target is None or target == recipient else target.id
        refused = case.act(action.at.timestamp(), verb, action.by, action.person, action.why, named)
        if isinstance(refused, Refused):
            return Outcome("refused", refused.reason)
        if target is not None and verb == "assign":
            self._assigned(action, tracked, line, target)
        elif target is not None:
            way = Way(target, "transfer", line.way.timing, "transferred")
            note = f"{recipient.name}转交：{action.why}"
            self._speaker.say_at_once(tracked, way, "transferred", note, granted=True)
        elif verb in ("accept", "refuse"):
            self._receipt(tracked, line, "已接收" if verb == "accept" else "已拒收", action.why)
        elif case.ended and not ended:
            self._ended(tracked, line, "误报" if verb == "false_alarm" else "已处置", action.why)
        learned = None
        if verb in ("confirm", "false_alarm") and recipient.room == "":
            alert = tracked.alert
            learned = Learned(alert.street, alert.dedup_key, verb == "confirm")
        return Outcome("done", learned=learned)

    def _assignee(self, action: Action, tracked: Tracked, line: Line) -> Recipient | None:
        """Who is told that an alert is assigned: the office that is named; of a person, the office that names him.

        None where that would tell somebody of an alert that it may not see, or whoever names it who else has tickets of
        it. (A transfer lets another see an alert; to assign one does not.)
        """
        memory, own = self._memory, line.way.recipient
        named = self._router.named(action.target, memory.streets, memory.handlers)
        if named is None:
            return None if self._router.is_id(action.target) else own
        known = visible(tracked.alert, named) or memory.line_of(action.alert_id, named.id) is not None
        return named if known and named.room == own.room and self._speaker.names(tracked, line, named) else None

    def _assigned(self, action: Action, tracked: Tracked, line: Line, target: Recipient) -> None:
        own = line.way.recipient
        within = target == own or not (target.street or target.handler)  # other offices learn no names of persons
        by = own.name + (f"（{action.person}）" if action.person and within else "")
        note = f"{by}指派给{action.target if target == own else target.name}"
        way = Way(target, "assign", line.way.timing, "assigned")
        words = note + (f"：{action.why}" if action.why else "")
        self._speaker.say_at_once(tracked, way, "assigned", words, granted=False)

    def _receipt(self, tracked: Tracked, line: Line, what: str, why: str) -> None:
        """Tell those who transferred it what became of that."""
        recipient = line.way.recipient
        senders = {
            event.by: None
            for event in tracked.case_of(recipient).events
            if event.what == "transfer" and event.target == recipient.id
        }
        for sender in senders:
            back = self._memory.line_of(tracked.alert.alert_id, sender)
            if back is not None:
                note = f"{recipient.name}{what}" + (f"：{why}" if why else "")
                self._speaker.say_at_once(tracked, back.way, "receipt", note, granted=back.granted)

    def _ended(self, tracked: Tracked, line: Line, what: str, why: str) -> None:
        """Tell all who handle the alert, and were told of it, that one of them has ended it."""
        room = line.way.recipient.room
        for other in list(tracked.lines.values()):
            if other.way.recipient.room == room and other.before is not None:
                other.pending.clear()
                note = what + (f"：{why}" if why and other.way.recipient == line.way.recipient else "")
                self._speaker.say(tracked, other, "resolved", note)

    def silence_over(self, identity: str, reason: PushReason, why: str) -> None:
        """End a silence, tell so, and tell what it held back and is still open."""
        memory = self._memory
        memory.timers.drop(("silence", identity))
        silence = memory.silences.end(identity)
        held = memory.silenced.pop(identity, {})
        mailbox = memory.outlet.mailboxes.get(silence.recipient)
        if mailbox is not None:
            self._speaker.tell(mailbox.recipient, reason, f"暂停推送结束：{silence.match.told()}", why)
        self._speaker.replay(held)

    def _silence(self, action: Action) -> Outcome:
        memory = self._memory
        if action.verb == "unsilence":
            silence = memory.silences.get(action.target)
            if silence is None or silence.recipient != action.by:
                return _NOT_FOUND
            why = f"{action.person or action.by}取消" + (f"：{action.why}" if action.why else "")
            self.silence_over(silence.id, "silence_ended", why)
            return Outcome("done")
        recipient = self._router.recipient(action.by, memory.streets, memory.handlers)
        assert action.match is not None
        assert action.until is not None
        until = action.until.timestamp()
        if recipient is None:
            return _NOT_FOUND
        if until <= memory.clock:
            return Outcome("refused", "结束时间已过")
        if len(memory.silences.of(recipient.id)) >= MOST_SILENCES:
            return Outcome("refused", f"暂停推送已达{MOST_SILENCES}条，请先取消一些")
        silence = Silence(
            action.action_id, recipient.id, action.match, action.person or recipient.name, action.why,
            memory.clock, until,
        )  # fmt: skip
        memory.silences.start(silence)
        memory.timers.set(("silence", silence.id), until, silence.id)
        local = action.until.astimezone(self._speaker.zone)
        when = f"{local.month}月{local.day}日{local:%H:%M}"
        self._speaker.tell(
            recipient, "silenced", f"暂停推送至{when}：{silence.match.told()}", f"{silence.author}：{silence.reason}"
        )
        return Outcome("done")
