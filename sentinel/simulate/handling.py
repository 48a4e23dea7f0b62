"""The life of a ticket after the call: dispatched, returned, urged, suspended, closed, called back."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, NamedTuple

from sentinel.simulate.chance import Chance
from sentinel.simulate.places import Street
from sentinel.simulate.rhythm import is_workday

HOUR: Final = 3600.0
DAY: Final = 86400.0
SHANGHAI: Final = 8 * HOUR
"""Offset of local time, seconds."""

_DUE_DAYS: Final = {"咨询": 3.0, "求助": 5.0, "建议": 10.0, "表扬": 10.0}
_OFFICES: Final[dict[str, tuple[str, ...]]] = {
    # topic group: {0} the street's name, {1} its short name
    "住建房产": ("{0}房管办", "{0}城建中心", "{0}房管办", "区建交委"),
    "城市管理": ("{0}城管中队", "{0}城运中心", "区城管执法局"),
    "生态环境": ("{0}城管中队", "区生态环境局", "{1}派出所"),
    "交通出行": ("{1}派出所", "区交警支队", "区交通委执法大队"),
    "公用事业": ("区水务局", "浦东供电公司", "燃气浦东公司", "区科经委"),
    "市场监管": ("{1}市场监管所", "{1}市场监管所", "区市场监管局"),
    "教育": ("区教育局",),
    "卫生健康": ("区卫健委",),
    "劳动社保": ("{0}劳动监察分队", "区人社局", "区医保局"),
    "民政社区": ("{0}社区事务中心", "{0}城运中心", "区民政局"),
    "公共安全": ("{1}派出所", "{0}平安办", "区消防救援支队"),
    "经济金融": ("区金融局", "区税务局"),
    "文旅体育": ("区文旅局",),
    "农业农村": ("{0}农业服务中心", "区农业农村委"),
    "党风政风": ("{0}城运中心", "区热线办"),
}


class Later(NamedTuple):
    """One event after the creation of a ticket; its fields are those of the ticket event."""

    at: float
    event: str
    fields: dict[str, object]


@dataclass(frozen=True, slots=True)
class Course:
    """What is settled beforehand about a ticket's handling; what is None takes its chance."""

    returns: int | None = None
    late_days: float | None = None
    """Closed so long after the time limit."""
    close_days: float | None = None
    """Closed so long after the call."""
    solved: bool | None = None
    """What the handler says at closing."""
    contradicted: bool = False
    """Closed as solved within two days, and the caller says at the call-back that nothing was done."""


USUAL: Final = Course()


class Life(NamedTuple):
    """The handling of one ticket."""

    handler: str
    due_at: float
    later: list[Later]


def office_for(topic: str, street: Street, chance: Chance) -> str:
    """Who handles a ticket of this topic in this street."""
    offices = _OFFICES.get(topic.split("/", 1)[0], ("{0}城运中心",))
    return chance.pick(offices).format(street.name, street.short)


@lru_cache(maxsize=4096)
def _open(day: int) -> bool:
    return is_workday(datetime.fromtimestamp(day * DAY, UTC).date())


def in_office_hours(at: float, chance: Chance) -> float:
    """`at`, or a moment after the offices open again."""
    day, second = divmod(at + SHANGHAI, DAY)
    if _open(int(day)) and 8.5 * HOUR <= second <= 18 * HOUR:
        return at
    if second > 8.5 * HOUR or not _open(int(day)):
        day += 1
    while not _open(int(day)):
        day += 1
    return day * DAY + chance.uniform(8.6, 12.0) * HOUR - SHANGHAI


def live(at: float, nature: str, topic: str, street: Street, course: Course, handler: str, chance: Chance) -> Life:
    """What becomes of a ticket called in at `at` (POSIX seconds) and given to `handler` first."""
    due_at = at + _DUE_DAYS.get(nature, 7.0) * DAY
    later: list[Later] = []
    moment = at + chance.lognormal(0.6 * HOUR, 0.9)
    later.append(Later(moment, "dispatched", {"handler": handler}))
    returns = course.returns
    if returns is None:
        luck = chance.unit()
        returns = 0 if luck > 0.08 or course.contradicted else 1 if luck > 0.011 else 2
    for _ in range(returns):
        moment = in_office_hours(moment + chance.lognormal(5 * HOUR, 0.6), chance)
        later.append(Later(moment, "returned", {"returned_by": handler, "handler": handler}))
        handler = _another(handler, topic, street, chance)
        moment = in_office_hours(moment + chance.lognormal(2 * HOUR, 0.6), chance)
        later.append(Later(moment, "dispatched", {"handler": handler}))
    closing = _closing(at, moment, due_at, nature, course, chance)
    if closing - moment > DAY:
        if chance.hit(0.07) or (closing > due_at and chance.hit(0.5)):
            later.append(Later(moment + chance.uniform(0.3, 0.9) * (closing - moment), "urged", {"handler": handler}))
        if course is USUAL and chance.hit(0.03):
            pause = moment + 0.2 * (closing - moment)
            length = chance.uniform(2, 9) * DAY
            closing = in_office_hours(closing + length, chance)
            due_at += length
            later.append(Later(pause, "suspended", {"handler": handler}))
            later.append(Later(pause + length, "resumed", {"handler": handler, "due_at": due_at}))
    solved = course.solved if course.solved is not None else course.contradicted or chance.hit(0.84)
    later.append(Later(closing, "closed", {"handler": handler, "solved": solved}))
    if course.contradicted or chance.hit(0.5):
        later.append(_callback(closing, solved, handler, course, chance))
    later.sort(key=lambda event: event.at)
    return Life(later[0].fields["handler"] if later[0].event == "dispatched" else handler, due_at, later)  # type: ignore[arg-type]


def _another(handler: str, topic: str, street: Street, chance: Chance) -> str:
    for _ in range(4):
        other = office_for(topic, street, chance)
        if other != handler:
            return other
    return f"{street.name}城运中心" if "城运" not in handler else "区热线办"


def _closing(at: float, moment: float, due_at: float, nature: str, course: Course, chance: Chance) -> float:
    if course.late_days is not None:
        return in_office_hours(due_at + course.late_days * DAY, chance)
    if course.contradicted:
        return in_office_hours(moment + chance.uniform(0.3, 1.4) * DAY, chance)
    if course.close_days is not None:
        return max(moment + 0.5 * HOUR, in_office_hours(at + course.close_days * DAY, chance))
    median = 0.6 if nature == "咨询" else 1.9
    closing = in_office_hours(moment + chance.lognormal(median, 0.65) * DAY, chance)
    # an office that sees the limit come closes in time, most of the time
    if closing > due_at and chance.hit(0.6):
        return max(moment + HOUR, due_at - chance.uniform(1, 20) * HOUR)
    return closing


def _callback(closing: float, solved: bool, handler: str, course: Course, chance: Chance) -> Later:
    moment = in_office_hours(closing + chance.uniform(0.4, 2.5) * DAY, chance)
    if course.contradicted:
        return Later(moment, "callback", {"handler": handler, "satisfied": False, "solved": False})
    agrees = chance.hit(0.96)
    content = agrees and chance.hit(0.92 if solved else 0.45)
    return Later(moment, "callback", {"handler": handler, "satisfied": content, "solved": solved and agrees})
