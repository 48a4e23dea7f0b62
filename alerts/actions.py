"""Actions: what people do about alerts and silences, as it comes back to delivery."""

from __future__ import annotations

from typing import Literal, NamedTuple

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from alerts.cases import Verb
from alerts.matching import Match
from alerts.pushes import Push

ActionVerb = Verb | Literal["silence", "unsilence"]
Code = Literal["done", "not_found", "refused"]


class Action(BaseModel):
    """One thing that somebody did.

    Parameters
    ----------
    action_id
        The same action has the same id however often it is sent.
    at
        When it was done.
    by, person
        Recipient's id; who there, as it says.
    alert_id
        The alert; empty for silences.
    why
        Note, reason or receipt.
    target
        Of ``assign`` a person, or a recipient by id or name, of ``transfer`` a recipient's id, of ``unsilence`` the
        silence's id.
    match, until
        Of a silence.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    action_id: str = Field(min_length=1, max_length=200)
    at: AwareDatetime
    by: str = Field(min_length=1, max_length=80)
    verb: ActionVerb
    person: str = Field(default="", max_length=40)
    alert_id: str = Field(default="", max_length=80)
    why: str = Field(default="", max_length=500)
    target: str = Field(default="", max_length=80)
    match: Match | None = None
    until: AwareDatetime | None = None

    @model_validator(mode="after")
    def _whole(self) -> Action:
        needs = {
            "silence": ("match", "until", "why"),
            "unsilence": ("target",),
            "transfer": ("target", "why"),
            "assign": ("target",),
            "refuse": ("why",),
            "note": ("why",),
        }.get(self.verb, ())
        lacking = [name for name in needs if not getattr(self, name)]
        if self.verb not in ("silence", "unsilence") and not self.alert_id:
            lacking.append("alert_id")
        if lacking:
            raise ValueError(f"{self.verb} needs {', '.join(lacking)}")
        return self


class Learned(NamedTuple):
    """What people found out about an alert, for the calibration of its street."""

    street: str
    dedup_key: str
    real: bool


class Outcome(NamedTuple):
    """What came of an action."""

    code: Code
    reason: str = ""
    """why it could not be done, for people"""
    pushes: tuple[Push, ...] = ()
    learned: Learned | None = None
