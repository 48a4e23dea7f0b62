"""The ticket event: what a hotline's system says happened to one ticket, validated.

Every event that enters Sentinel, from a file or from Kafka, becomes a frozen `TicketEvent` here or is refused
with a `FieldProblem` that names the field, says what was wrong and what to write instead. Messages never hold
the value itself: the caller of `problems_of` masks it before showing it.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Final, Literal, NamedTuple, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from sentinel.times import parse_time

EventName = Literal["created", "dispatched", "urged", "returned", "callback", "closed", "suspended", "resumed"]

TEXT_KEPT: Final = 20_000
"""Characters of `text` that are kept; what follows is cut."""
TEXT_REFUSED: Final = 100_000
"""A `text` longer than this is no ticket (a log, a whole file): the event is refused."""
LABEL_KEPT: Final = 500
"""Characters kept of `title`, `address`, `caller` and the other short fields."""
TICKET_ID_MAX: Final = 200
TAGS_MAX: Final = 50

FIELD_NAMES_ZH: Final[dict[str, str]] = {
    "ticket_id": "工单编号",
    "event": "事件",
    "created_at": "受理时间",
    "event_at": "事件时间",
    "text": "诉求内容",
    "title": "标题",
    "street": "所属街镇",
    "address": "事发地址",
    "topic": "诉求分类",
    "channel": "来源渠道",
    "handler": "承办单位",
    "company": "企业名称",
    "nature": "诉求性质",
    "source_tags": "来源标签",
    "caller": "来电人",
    "due_at": "办结时限",
    "satisfied": "是否满意",
    "solved": "是否解决",
    "returned_by": "退单单位",
    "arrived_at": "到达时间",
}
"""The Chinese name of every field, for messages that people read."""

_EVENTS: Final[dict[str, str]] = {
    **{
        name: name
        for name in (
            "created", "dispatched", "urged", "returned", "callback", "closed", "suspended", "resumed"
        )
    },
    "创建": "created", "受理": "created", "新建": "created", "登记": "created", "来电": "created",
    "派单": "dispatched", "转派": "dispatched", "派发": "dispatched", "分派": "dispatched",
    "催单": "urged", "催办": "urged", "督办": "urged",
    "退单": "returned", "退回": "returned",
    "回访": "callback", "二次回访": "callback",
    "办结": "closed", "结案": "closed", "关闭": "closed",
    "挂起": "suspended", "暂停": "suspended",
    "恢复": "resumed", "解挂": "resumed",
}  # fmt: skip

_NATURES: Final[dict[str, str]] = {
    "投诉": "投诉举报", "举报": "投诉举报", "投诉举报类": "投诉举报", "投诉类": "投诉举报",
    "求助类": "求助", "咨询类": "咨询", "建议类": "建议", "意见建议": "建议", "表扬类": "表扬",
    "感谢": "表扬",
}  # fmt: skip

# 基本满意 and 基本解决 count as yes, as the call-back statistics of hotlines count them. 一般 and 部分解决
# say neither: they must not make a closing look contradicted (疑似虚假办结).
_YES: Final = frozenset({
    "是", "有", "对", "y", "yes", "true", "t", "1", "1.0", "√", "满意", "非常满意", "很满意", "比较满意",
    "基本满意", "已解决", "解决", "基本解决", "已办结", "实际解决",
})  # fmt: skip
_NO: Final = frozenset({
    "否", "无", "不", "n", "no", "false", "f", "0", "0.0", "×", "不满意", "非常不满意", "很不满意",
    "比较不满意", "不太满意", "未解决", "没有解决", "没解决", "不解决",
})  # fmt: skip
_UNSAID: Final = frozenset({
    "-", "--", "/", "none", "null", "nan", "一般", "部分解决", "未评价", "未回访", "未知", "不详",
    "无法联系", "未接通", "未表态", "暂未评价", "不便评价",
})  # fmt: skip

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_TAG_SEPARATOR = re.compile(r"[,，、;；|/\s]+")


def _optional_time(value: object) -> datetime | None:
    return None if value is None or (isinstance(value, str) and not value.strip()) else parse_time(value)


def _plain(value: object) -> str:
    """A scalar as stripped text without control characters; None is empty."""
    if isinstance(value, str):
        return value.strip() if value.isprintable() else _CONTROL.sub(" ", value).strip()
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        text = str(value)
    elif isinstance(value, float):  # as spreadsheets hold numbers: NaN for an empty cell, 12.0 for 12
        text = "" if value != value else str(int(value)) if value.is_integer() else str(value)
    else:
        raise PydanticCustomError("text", "must be text; put a plain value here, not a list, object or true/false")
    return text


def _label(value: object) -> str:
    return _plain(value)[:LABEL_KEPT]


def _text(value: object) -> str:
    text = _plain(value)
    if len(text) > TEXT_REFUSED:
        raise PydanticCustomError(
            "text", f"has more than {TEXT_REFUSED} characters; send what the caller said, without attachments"
        )
    return text[:TEXT_KEPT]


def _ticket_id(value: object) -> str:
    text = value.strip() if isinstance(value, str) else _plain(value)
    if not text:
        raise PydanticCustomError("ticket_id", "is empty; every event needs the number of its ticket")
    if len(text) > TICKET_ID_MAX:
        raise PydanticCustomError("ticket_id", f"has more than {TICKET_ID_MAX} characters; give the ticket's number")
    if not text.isprintable():
        raise PydanticCustomError("ticket_id", "contains control characters; give the ticket's number alone")
    return text


def _event(value: object) -> str:
    name = _plain(value)
    found = _EVENTS.get(name) or _EVENTS.get(name.casefold())
    if found is None:
        if not name:
            return "created"
        raise PydanticCustomError(
            "event",
            "is no event Sentinel knows; use 受理, 派单, 催单, 退单, 回访, 办结, 挂起 or 恢复, or English",
        )
    return found


def _nature(value: object) -> str:
    name = _label(value)
    return _NATURES.get(name, name)


def _answer(value: object) -> bool | None:
    """Yes, no or not said, from what call-back forms contain."""
    if value is None or isinstance(value, bool):
        return value
    said = _plain(value).casefold()
    if said in _YES:
        return True
    if said in _NO:
        return False
    if not said or said in _UNSAID:
        return None
    raise PydanticCustomError(
        "answer", "is neither yes nor no; use 是/否, 已解决/未解决 or 满意/不满意, or leave it empty"
    )


def _tags(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        names = [_label(tag) for tag in value[: TAGS_MAX + 1]]
    else:
        names = _TAG_SEPARATOR.split(_plain(value))
    if len(names) > TAGS_MAX:
        raise PydanticCustomError("tags", f"has more than {TAGS_MAX} tags; give only where the ticket came from")
    return tuple(dict.fromkeys(name[:LABEL_KEPT] for name in names if name))


Label = Annotated[str, BeforeValidator(_label)]
Time = Annotated[datetime | None, BeforeValidator(_optional_time)]
Answer = Annotated[bool | None, BeforeValidator(_answer)]


class TicketEvent(BaseModel):
    """One event in the life of one ticket, as the hotline's system sent it (not yet masked or routed).

    Unknown fields are ignored. `text` over 20,000 characters and short fields over 500 are cut; a `text` over
    100,000 characters and a `ticket_id` over 200 are refused. Times are aware, at UTC+8.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    ticket_id: Annotated[str, BeforeValidator(_ticket_id)] = Field(description="工单编号")
    event: Annotated[EventName, BeforeValidator(_event)] = Field(default="created", description="what happened")
    created_at: Time = Field(default=None, description="受理时间; required on `created`")
    event_at: Time = Field(default=None, description="when it happened; required on every other event")
    text: Annotated[str, BeforeValidator(_text)] = Field(default="", description="what the caller said")
    title: Label = ""
    street: Label = Field(default="", description="街镇: name, short name or 9-digit code")
    address: Label = ""
    topic: Label = Field(default="", description="诉求分类, a path a/b/c")
    channel: Label = ""
    handler: Label = Field(default="", description="承办单位, name or id")
    company: Label = ""
    nature: Annotated[str, BeforeValidator(_nature)] = Field(
        default="", description="投诉举报, 求助, 咨询, 建议 or 表扬"
    )
    source_tags: Annotated[tuple[str, ...], BeforeValidator(_tags)] = ()
    caller: Label = Field(default="", description="phone or account; hashed at the door, never kept", repr=False)
    due_at: Time = Field(default=None, description="办结时限")
    satisfied: Answer = None
    solved: Answer = None
    returned_by: Label = ""
    arrived_at: Time = Field(default=None, description="when the event reached the hotline's system")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if field := missing_field(self.__dict__):
            raise _missing(field)
        return self

    @property
    def at(self) -> datetime:
        """The event's own time: `created_at` of a `created` event, else `event_at`."""
        moment = self.created_at if self.event == "created" else self.event_at
        assert moment is not None, "validation requires it"
        return moment

    @property
    def arrival(self) -> datetime:
        """When it reached us: `arrived_at` where given, else the event's own time."""
        return self.arrived_at or self.at

    @property
    def key(self) -> tuple[str, str, datetime]:
        """Identity: two events with the same key are the same event, whatever else they say."""
        return (self.ticket_id, self.event, self.at)


def missing_field(fields: Mapping[str, object]) -> str:
    """The first field that the event needs and does not have; "" where it is complete."""
    if fields["event"] != "created":
        return "event_at" if fields["event_at"] is None else ""
    if fields["created_at"] is None:
        return "created_at"
    return "" if fields["text"] else "text"


def _missing(field: str) -> PydanticCustomError:
    reasons = {
        "created_at": "is missing; every new ticket needs the time it was taken",
        "text": "is empty; every new ticket needs what the caller said",
        "event_at": "is missing; every event after the first needs its own time",
    }
    return PydanticCustomError("missing_field", "{reason}", {"field": field, "reason": reasons[field]})


class FieldProblem(NamedTuple):
    """Why one field was refused. `value` is raw: mask it before it leaves."""

    field: str
    reason: str
    value: object


def problems_of(error: ValidationError) -> list[FieldProblem]:
    """What was wrong with an event, one entry a field, in the order of the model's fields."""
    problems = []
    for detail in error.errors(include_url=False):
        context = detail.get("ctx", {})
        field = str(detail["loc"][0]) if detail["loc"] else str(context.get("field", ""))
        value = detail["input"] if detail["loc"] and detail["type"] != "missing" else ""
        reason = "is missing" if detail["type"] == "missing" else detail["msg"]
        problems.append(FieldProblem(field, f"{field_label(field)} {reason}", value))
    return problems


def field_label(field: str) -> str:
    """A field as messages name it: `created_at (受理时间)`."""
    return f"{field} ({FIELD_NAMES_ZH[field]})" if field in FIELD_NAMES_ZH else field
