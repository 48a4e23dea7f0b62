"""The operator's desk: a call becomes a ticket with the fields a real one has, lacks or gets wrong."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from sentinel.simulate.background import Call
from sentinel.simulate.chance import Chance, Weighted
from sentinel.simulate.handling import DAY, HOUR, SHANGHAI, Life, live, office_for
from sentinel.simulate.mentions import SLOTS
from sentinel.simulate.texts import Writer

Event = dict[str, object]
"""One line of `tickets.jsonl`."""

_CHANNELS: Final = Weighted(
    ("12345热线电话", "随申办APP", "微信公众号", "网站", "110转接", "领导信箱", "国家平台转办"),
    (70, 12, 8, 4, 3, 2, 1),
)
_TAGS: Final = Weighted(
    ("110联动", "媒体件", "国办转办", "市长信箱", "人大代表", "舆情", "重复件"), (5, 1, 1, 2, 0.5, 1, 4)
)  # fmt: skip
_NATURES: Final = {
    "投诉举报": Weighted(("投诉举报", "求助", "", "投诉", "建议"), (70, 14, 8, 5, 3)),
    "求助": Weighted(("求助", "投诉举报", "", "咨询"), (72, 14, 8, 6)),
    "咨询": Weighted(("咨询", "求助", ""), (80, 10, 10)),
    "建议": Weighted(("建议", "投诉举报", ""), (80, 12, 8)),
    "表扬": Weighted(("表扬", ""), (90, 10)),
}


@lru_cache(maxsize=64)
def _date_text(day: int) -> str:
    return datetime.fromtimestamp(day * DAY, UTC).strftime("%Y-%m-%d")


def iso(at: float, between: str = "T", zone: str = "+08:00") -> str:
    """POSIX seconds as local time of Shanghai, whole seconds."""
    day, second = divmod(int(at + SHANGHAI), 86400)
    minute, second = divmod(second, 60)
    hour, minute = divmod(minute, 60)
    return f"{_date_text(day)}{between}{hour:02d}:{minute:02d}:{second:02d}{zone}"


class Desk:
    """Writes down calls.

    Parameters
    ----------
    writer
        Where the texts come from.
    chance
        Where the draws come from.
    """

    def __init__(self, writer: Writer, chance: Chance) -> None:
        """Start numbering tickets."""
        self._writer = writer
        self._chance = chance
        self._day = -1
        self._today = 0

    def ticket_id(self, at: float) -> str:
        """The next number: date and a serial within the day."""
        day = int((at + SHANGHAI) // DAY)
        if day != self._day:
            self._day, self._today = day, 0
        self._today += 1
        return f"PD{_date_text(day).replace('-', '')}{self._today:06d}"

    def handler(self, call: Call) -> str:
        """Who will get the ticket of this call."""
        return office_for(call.case.frame.topic, call.case.street, self._chance)

    def take(self, call: Call, ticket_id: str, handler: str) -> tuple[Event, Life]:
        """The `created` event of a call and what becomes of it."""
        chance, case = self._chance, call.case
        praise = call.incident is None and not case.key and chance.hit(0.008)
        kind = "表扬" if praise else case.frame.nature
        nature = _NATURES[kind].draw(chance)
        said = self._writer.praise(case.street) if praise else None
        if said is None:
            said = None if call.text else self._writer.write(case, self._earlier(call))
        life = live(call.at, kind, case.frame.topic, case.street, call.course, handler, chance)
        event: Event = {"ticket_id": ticket_id, "event": "created"}
        event["created_at"] = iso(call.at) if chance.hit(0.9) else iso(call.at, " ", "")
        event["text"] = said.text if said is not None else call.text
        if said is not None and said.title:
            event["title"] = said.title
        self._where(event, call)
        if chance.hit(0.81):
            event["topic"] = case.frame.topic
        event["channel"] = _CHANNELS.draw(chance)
        if nature:
            event["nature"] = nature
        if chance.hit(0.3):
            event["handler"] = handler
        if chance.hit(0.03):
            event["source_tags"] = [_TAGS.draw(chance)]
        if not chance.hit(0.04 if call.incident is not None else 0.1):
            event["caller"] = call.caller
        if case.thing.formal.endswith("公司") and chance.hit(0.4):
            event["company"] = case.thing.formal
        event["due_at"] = iso(life.due_at)
        return event, life

    def _earlier(self, call: Call) -> str:
        if not call.again or not call.case.tickets:
            return ""
        number = call.case.tickets[-1]
        return f"工单号{number}" if self._chance.hit(0.4) else SLOTS["day"](self._chance)

    def _where(self, event: Event, call: Call) -> None:
        chance, street, thing = self._chance, call.case.street, call.case.thing
        luck = chance.unit()
        if luck < 0.72:
            event["street"] = street.name
        elif luck < 0.80:
            event["street"] = street.short
        elif luck < 0.84:
            event["street"] = street.code
        elif luck < 0.87:
            event["street"] = chance.pick(
                (f"浦东新区{street.name}", f"{street.name} ", f"上海市浦东新区-{street.name}")
            )
        known = luck < 0.87
        if not known or chance.hit(0.62):
            head = chance.pick(("上海市浦东新区", "浦东新区", "浦东", ""))
            way = chance.unit()
            lane = "弄" if thing.kind == "estate" else "号"
            spot = f"{thing.road}{thing.number}{lane}{thing.name}"
            if way < 0.62:
                event["address"] = f"{head}{street.name}{spot}"
            elif way < 0.8 or not known:
                event["address"] = f"{head}{thing.committee}{'附近' if chance.hit(0.3) else spot}"
            else:
                event["address"] = f"{head}{spot}"


def late_by(chance: Chance) -> float:
    """Seconds between a call and its arrival in the hotline's system; mostly none."""
    return chance.lognormal(3.0 * HOUR, 0.8) if chance.hit(0.02) else 0.0
