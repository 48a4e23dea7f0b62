"""The case: how far people have come with an alert, by one table of transitions.

Detection opens an alert and says when it has gone quiet; people acknowledge it, work on it and end it:

=========================  ===================================  =============================================
what happens               from                                 to
=========================  ===================================  =============================================
recurred (detection)       any                                  open 待签收
grew, escalated            resolved by people                   open; a false alarm only if escalated
quiet, merged              any but ended                        resolved 已解除, if no leader must call first
expired (detection)        any but ended                        expired 已过期, if no leader must call first
acknowledge                open                                 acknowledged 已签收
assign, transfer, accept   open, acknowledged                   acknowledged; accept: in progress 处置中
start                      open, acknowledged                   in progress
resolve                    any but resolved                     resolved; refused while a leader must call first
false_alarm                any                                  resolved, 误报
confirm, note, refuse      any                                  the same; confirm: 属实
leader_callback            any                                  the same; ends the duty to call, and then the
                                                                alert if detection had gone quiet meanwhile
=========================  ===================================  =============================================
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from alerts.pushes import Status

Verb = Literal[
    "acknowledge", "start", "note", "assign", "transfer", "accept", "refuse", "resolve", "confirm", "false_alarm",
    "leader_callback",
]  # fmt: skip
Happening = Literal["opened", "grew", "escalated", "recurred", "quiet", "expired", "merged"]
Verdict = Literal["", "confirmed", "false_alarm"]

MAX_EVENTS: Final = 200
"""The latest of a case; all of them are in the journal."""

TABLE: Final[dict[tuple[Status, str], Status]] = {
    ("open", "acknowledge"): "acknowledged",
    ("open", "assign"): "acknowledged",
    ("open", "transfer"): "acknowledged",
    ("open", "accept"): "in_progress",
    ("open", "start"): "in_progress",
    ("acknowledged", "assign"): "acknowledged",
    ("acknowledged", "transfer"): "acknowledged",
    ("acknowledged", "accept"): "in_progress",
    ("acknowledged", "start"): "in_progress",
    ("in_progress", "assign"): "in_progress",
    ("in_progress", "transfer"): "in_progress",
    ("in_progress", "accept"): "in_progress",
    **{(status, "resolve"): "resolved" for status in ("open", "acknowledged", "in_progress", "expired")},
    **{
        (status, verb): status
        for status in ("open", "acknowledged", "in_progress", "resolved", "expired")
        for verb in ("note", "refuse", "confirm", "leader_callback")
    },
    **{
        (status, "false_alarm"): "resolved" for status in ("open", "acknowledged", "in_progress", "resolved", "expired")
    },
}
"""What people may do, and what comes of it."""


class Refused(NamedTuple):
    """Why something cannot be done; for people."""

    reason: str


class Event(NamedTuple):
    """One thing that happened to a case; `by` is "" where detection did it."""

    at: float
    what: str
    by: str
    person: str
    why: str
    target: str
    status: Status


@dataclass(slots=True)
class Case:
    """How far one room has come with one alert. Rooms of overseers are their own; all who handle share one."""

    status: Status = "open"
    verdict: Verdict = ""
    elevated: bool = False
    called_back: bool = False
    quiet: Status | None = None
    """how detection ended it while a leader still had to call"""
    ended_by_people: bool = False
    assigned: str = ""
    events: list[Event] = field(default_factory=list)

    @property
    def waiting(self) -> bool:
        """Whether it is open and nobody has acknowledged it."""
        return self.status == "open"

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.status in ("resolved", "expired")

    @property
    def must_call(self) -> bool:
        """Whether it stays open until a leader's call-back is recorded."""
        return self.elevated and not self.called_back

    def happen(self, at: float, what: Happening, why: str = "") -> None:
        """Follow what detection says."""
        if what == "recurred" or (
            self.ended and (what == "escalated" or (what == "grew" and self.verdict != "false_alarm"))
        ):
            self.status, self.verdict, self.called_back, self.quiet = "open", "", False, None
            self.ended_by_people = False
        elif what in ("quiet", "merged", "expired") and not self.ended:
            ending: Status = "expired" if what == "expired" else "resolved"
            if self.must_call and what != "merged":
                self.quiet = ending
            else:
                self.status = ending
        self._note(Event(at, what, "", "", why, "", self.status))

    def act(self, at: float, verb: Verb, by: str, person: str, why: str, target: str) -> Refused | None:
        """Follow what a person does; say why if it cannot be done."""
        after = TABLE.get((self.status, verb))
        if after is None:
            return Refused(f"预警当前为“{self.status}”，不能执行 {verb}")
        if verb == "resolve" and self.must_call:
            return Refused("提级事项，须先登记班子领导回访，再解除")
        self.status = after
        if verb in ("resolve", "false_alarm"):
            self.ended_by_people = True
        if verb == "confirm":
            self.verdict = "confirmed"
        elif verb == "false_alarm":
            self.verdict = "false_alarm"
        elif verb == "assign":
            self.assigned = target
        elif verb == "leader_callback":
            self.called_back = True
            if self.quiet and not self.ended:
                self.status, self.quiet = self.quiet, None
        self._note(Event(at, verb, by, person, why, target, self.status))
        return None

    def _note(self, event: Event) -> None:
        self.events.append(event)
        if len(self.events) > MAX_EVENTS:
            del self.events[1]  # the opening stays
