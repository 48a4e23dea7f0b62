"""A few tickets through a pipeline that is thrown away, so that the first real ones do not pay for what is done once.

Compiled functions are loaded, or compiled where no cache holds them, when they are first called. That takes from half a
second to half a minute, and a worker that does it with partitions in hand gives no sign of life meanwhile.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import count
from typing import Final

from detectors.periods import PeriodTest
from sentinel.pipeline import Pipeline
from sentinel.replay import door_of
from sentinel.shared import Shared
from sentinel.tickets import TicketEvent
from sentinel.times import SHANGHAI

_TEXTS: Final = (
    "锦绣花园三号楼燃气泄漏，味道很重，请尽快处理",
    "来电人反映某某路工地夜间施工噪音扰民，影响休息",
    "小区停水一整天，物业没有通知，希望尽快恢复供水",
)
_ROUNDS: Final = 8
_MORE: Final = 300
"""Tickets that a street remembers before its first compacting pays, and a few."""
_YEARS: Final = 2.5
"""Until the weekly test says what it would."""
_WEEKS_A_YEAR: Final = 52.18
_BEGIN: Final = datetime(2025, 3, 3, 8, tzinfo=SHANGHAI)


def warm_up(shared: Shared) -> None:
    """Call once everything that tickets call."""
    pipeline = Pipeline(shared, door_of(shared))
    number = count()
    for turn in range(_ROUNDS):
        for text in _TEXTS:
            position = next(number)
            at = _BEGIN + timedelta(minutes=4 * position)
            ticket = f"T{turn % (_ROUNDS - 1)}-{text[:2]}"
            fields: dict[str, object] = {"ticket_id": ticket, "created_at": at, "text": text, "caller": str(turn)}
            if turn % 2:  # else the classifier guesses
                fields["topic"] = shared.settings.topics.topics[0].path
            if turn == _ROUNDS - 1:  # of the first, again
                fields |= {"event": "urged", "event_at": at}
            pipeline.take(position, TicketEvent.model_validate(fields))
            pipeline.said()
    for turn in range(_MORE):
        _quick(pipeline, next(number), at, f"第{turn}件：{turn * 7919 % 1000}弄{turn}号水管漏水")
    _quick(pipeline, next(number), at + timedelta(days=400), _TEXTS[0])  # all before it is forgotten, and compacted
    pipeline.said()
    for _ in pipeline.finish():
        pass
    weekly = PeriodTest.weekly(_WEEKS_A_YEAR)
    for week in range(round(_YEARS * _WEEKS_A_YEAR)):
        weekly.update(week, 1.0)


def _quick(pipeline: Pipeline, position: int, at: datetime, text: str) -> None:
    fields = {"ticket_id": f"M{position}", "created_at": at, "text": text, "caller": text}
    pipeline.take(position, TicketEvent.model_validate(fields))
