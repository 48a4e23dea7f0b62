"""Column names: which column of a foreign file is which field of a ticket event.

Beside the fields of `TicketEvent` a row may have the later dates of a ticket (`closed_at`, 办结时间 …), each
of which becomes an event of its own.
"""

import unicodedata
from collections.abc import Iterable, Mapping
from typing import Final

from sentinel.readers.rejections import ReadError
from sentinel.tickets import FIELD_NAMES_ZH

LATER_DATES: Final[dict[str, str]] = {
    "dispatched_at": "dispatched",
    "urged_at": "urged",
    "returned_at": "returned",
    "suspended_at": "suspended",
    "resumed_at": "resumed",
    "closed_at": "closed",
    "callback_at": "callback",
}
"""A wide row's later dates and their events, in the order of a ticket's life."""

TIME_FIELDS: Final = ("created_at", "event_at", *LATER_DATES)
_FIELDS: Final = (*FIELD_NAMES_ZH, *LATER_DATES)

_HEADERS: Final[dict[str, str]] = {
    "ticket_id": "工单编号 工单号 工单编码 工单流水号 受理编号 案件编号 诉求编号 投诉编号 流水号 编号",
    "event": "事件 事件类型 环节 办理环节 操作类型",
    "created_at": "受理时间 来电时间 登记时间 创建时间 诉求时间 反映时间 提交时间 来电日期 受理日期",
    "event_at": "事件时间 操作时间 环节时间",
    "text": "诉求内容 问题描述 工单内容 内容 主要内容 诉求描述 反映内容 投诉内容 来电内容 内容描述 诉求详情",
    "title": "标题 主题 工单标题 诉求标题 诉求主题",
    "street": "所属街镇 街道 街镇 所属街道 街道乡镇 街道(镇) 街镇名称 属地街镇 所在街镇 镇街 乡镇街道",
    "address": "事发地址 地址 发生地址 诉求地址 事发地点 地点 详细地址 问题地址",
    "topic": "诉求类型 问题分类 诉求分类 问题类型 工单分类 分类 事项分类 内容分类 问题类别",
    "channel": "来源 渠道 来源渠道 受理渠道 诉求渠道 工单来源 诉求来源",
    "handler": "承办单位 处置单位 主办单位 办理单位 责任单位 承办部门 处理单位 办理部门 主责单位",
    "company": "企业名称 被诉企业 涉及企业 公司名称 被投诉企业 被诉单位 涉事企业",
    "nature": "诉求性质 工单性质 诉求类别 工单类型 性质",
    "source_tags": "来源标签 标签 工单标签 特殊标记",
    "caller": "来电人 联系电话 来电号码 来电人电话 诉求人 诉求人电话 电话 手机号 手机号码 市民电话 主叫号码",
    "due_at": "办结时限 截止时间 处理时限 办理时限 到期时间 要求办结时间 应办结时间 承办期限",
    "satisfied": "满意度 是否满意 满意情况 回访满意度 满意度评价 处理结果满意度",
    "solved": "是否解决 解决情况 是否已解决 解决状态 问题是否解决",
    "returned_by": "退单单位 退单部门",
    "arrived_at": "到达时间 入库时间 接收时间 推送时间",
    "dispatched_at": "派单时间 派发时间 转办时间 交办时间",
    "urged_at": "催单时间 催办时间",
    "returned_at": "退单时间 退回时间",
    "suspended_at": "挂起时间",
    "resumed_at": "恢复时间 解挂时间",
    "closed_at": "办结时间 结案时间 完成时间 实际办结时间 处理完成时间",
    "callback_at": "回访时间 回访日期",
}
# Of two columns that both name the caller, a number counts one person better than a name does.
_CALLER_NUMBERS: Final = (
    "联系电话",
    "来电号码",
    "来电人电话",
    "诉求人电话",
    "电话",
    "手机号",
    "手机号码",
    "市民电话",
    "主叫号码",
)


def _normal(name: object) -> str:
    return "".join(unicodedata.normalize("NFKC", str(name)).casefold().split()).lstrip("*")


_KNOWN: Final[dict[str, str]] = {
    **{_normal(header): field for field, headers in _HEADERS.items() for header in headers.split()},
    **{field: field for field in _FIELDS},
}


def parse_map(text: str) -> dict[str, str]:
    """Read `created_at=time,ticket_id=id` into {field: column}.

    Raises `ReadError` for an unknown field, a field given twice, or a pair without `=`.
    """
    mapping: dict[str, str] = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        field, equals, column = (part.strip() for part in pair.partition("="))
        if not equals or not column:
            raise ReadError(f'--map: "{pair}" is not FIELD=COLUMN; write e.g. --map created_at=time,ticket_id=id')
        if field not in _FIELDS:
            raise ReadError(f'--map: there is no field "{field}"; the fields are {", ".join(_FIELDS)}')
        if field in mapping:
            raise ReadError(f'--map: the field "{field}" is given twice; keep one')
        mapping[field] = column
    return mapping


class Columns:
    """Which columns of one file are which fields; {column: fields}, fixed once the columns are known."""

    def __init__(self, names: Iterable[object], mapping: Mapping[str, str]) -> None:
        """Bind the columns of a file.

        Raises `ReadError` where no column holds the ticket's number or none holds a time, or where `mapping`
        names a column that is not there.
        """
        listed = [str(name).strip() for name in names if name is not None and str(name).strip()]
        self.fields: dict[str, tuple[str, ...]] = {}
        taken = set(mapping)
        by_normal = {_normal(name): name for name in reversed(listed)}
        for field, column in mapping.items():
            name = column if column in listed else by_normal.get(_normal(column))
            if name is None:
                raise ReadError(f'--map {field}={column}: there is no column "{column}"; {_found(listed)}')
            self.fields[name] = (*self.fields.get(name, ()), field)
        for name in sorted(listed, key=lambda name: (_normal(name) not in _CALLER_NUMBERS, listed.index(name))):
            found = _KNOWN.get(_normal(name))
            if found is not None and found not in taken and name not in self.fields:
                self.fields[name] = (found,)
                taken.add(found)
        if "ticket_id" not in taken:
            raise ReadError(
                f"no column holds the ticket's number (工单编号); {_found(listed)}; "
                "say which it is with --map ticket_id=COLUMN,created_at=COLUMN"
            )
        if taken.isdisjoint(TIME_FIELDS):
            raise ReadError(
                f"no column holds a time (受理时间); {_found(listed)}; name it with --map created_at=COLUMN"
            )
        self.plain = all(fields == (name,) for name, fields in self.fields.items())
        """Whether every bound column already has its field's name."""

    def pick(self, row: Mapping[str, object]) -> dict[str, object]:
        """The fields a row holds."""
        picked: dict[str, object] = {}
        for name, fields in self.fields.items():
            value = row.get(name)
            if value is not None:
                for field in fields:
                    picked[field] = value
        return picked


def _found(names: list[str]) -> str:
    if not names:
        return "the file names no columns"
    shown = ", ".join(name[:40] for name in names[:30])
    return f"the columns are {shown}{' …' if len(names) > 30 else ''}"
