"""The journal: everything that delivery takes, in the order in which it takes it. Delivery's state is a function of it.

Transitions come from the city once a round is over, so in the order of their numbers; actions come as people act. An
entry is one of

- `{"round": number, "clock": seconds, "alerts": [line, …]}`: transitions, then the time; in several entries where they
  are too many for one message, and only the last tells the time; with the `config` that holds from there on, if any;
- `{"action": {…}}`, as `alerts.actions.Action`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from alerts import Alert
from alerts.actions import Action, Outcome
from alerts.pushes import Push
from sentinel.pipeline import configure_delivery, delivery_of
from sentinel.records import ConfigChange, Heartbeat, in_log_order
from sentinel.settings import ConfigDocument, Settings
from sentinel.stream import envelope
from sentinel.stream.envelope import Message, Outgoing, PoisonError, in_parts

_ENTRY_BYTES: Final = 400_000
_PLACE: Final = "journal"
_NUMBER: Final = re.compile(r'"seq":(\d+),"ticket_ids"')


def number_of(line: str) -> int:
    """The number of the record that caused a transition, out of its line."""
    found = _NUMBER.search(line)
    assert found is not None, "a transition tells its number"
    return int(found[1])


def entries_of(topic: str, source: str, lines: list[str], round_: Heartbeat) -> list[Outgoing]:
    """The entries of a round: its transitions in the order of their numbers, the city's last, and the time."""
    placed = [(alert.seq, alert.street, alert) for alert in map(Alert.model_validate_json, lines)]
    by_alert = {id(alert): line for (_, _, alert), line in zip(placed, lines, strict=True)}
    ordered = [by_alert[id(alert)] for alert in in_log_order(placed)]
    parts = list(in_parts(ordered, lambda line: len(line.encode()), _ENTRY_BYTES))
    told = round_.record.document if isinstance(round_.record, ConfigChange) else None
    entries = []
    for number, part in enumerate(parts):
        entry: dict[str, object] = {"round": round_.seq, "part": number, "alerts": part}
        if number == len(parts) - 1:
            entry |= {"clock": round_.clock} | ({"config": told} if told is not None else {})
        value = json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode()
        headers = envelope.envelope(envelope.JOURNAL, f"{round_.seq}/{number}", source)
        entries.append(Outgoing(topic, 0, b"round", value, headers))
    return entries


def action_entry(topic: str, source: str, action: Action) -> Outgoing:
    """The entry of an action."""
    fields = action.model_dump(mode="json", exclude_defaults=True)
    value = json.dumps({"action": fields}, ensure_ascii=False, separators=(",", ":")).encode()
    return Outgoing(topic, 0, b"action", value, envelope.envelope(envelope.JOURNAL, action.action_id, source))


class Follower:
    """Delivery as it follows the journal. A repeat of an entry says nothing.

    Parameters
    ----------
    settings
        Those of this directory; from the journal's first entry on, those that the log says.
    objects
        State to go on from, as `objects` gave it; None to begin.
    """

    def __init__(self, settings: Settings, objects: Mapping[str, Any] | None = None) -> None:
        self.outcomes: dict[str, Outcome] = {}
        """what came of the actions of the last entry, by their ids"""
        self._settings = settings
        self._document: ConfigDocument | None = None
        self._applied = (-1, -1)
        if objects is None:
            self.delivery = delivery_of(settings)
            return
        parts = dict(objects)
        self._applied, self._document = parts.pop(_PLACE)
        if self._document is not None:
            self._settings = settings.changed(self._document)
        self.delivery = delivery_of(self._settings, parts)

    def objects(self) -> dict[str, object]:
        """The state, each part by itself."""
        return {_PLACE: (self._applied, self._document), **self.delivery.parts()}

    @property
    def decided(self) -> int:
        """Number up to which everything is decided, but for what another part of the same round may hold."""
        return self._applied[0]

    def take(self, message: Message) -> list[Push]:
        """Take one entry. Raises `PoisonError`."""
        try:
            entry = json.loads(message.value or b"")
            if "action" in entry:
                return self._action(Action.model_validate(entry["action"]))
            return self._round(entry)
        except (ValueError, KeyError, TypeError) as error:
            raise PoisonError(f"is no entry of the journal ({type(error).__name__})") from None

    def _action(self, action: Action) -> list[Push]:
        outcome = self.delivery.act(action)
        self.outcomes = {action.action_id: outcome}
        return list(outcome.pushes)

    def _round(self, entry: dict[str, Any]) -> list[Push]:
        place = (int(entry["round"]), int(entry["part"]))
        if place <= self._applied:
            return []
        self._applied = place
        self.outcomes = {}
        pushes: list[Push] = []
        for line in entry["alerts"]:
            pushes += self.delivery.take(Alert.model_validate_json(line))
        if "clock" in entry:
            pushes += self.delivery.tick(float(entry["clock"]))
        if "config" in entry:
            self._document = entry["config"]
            self._settings = self._settings.changed(entry["config"])
            configure_delivery(self.delivery, self._settings)
        return pushes
