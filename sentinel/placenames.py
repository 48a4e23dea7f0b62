"""The name of the place several texts speak of, found without a list of places."""

import re
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final

#: Characters of a name; those of a registered company are the longest.
_LONGEST = 18
#: Names looked at in one text: the place is told at the beginning.
_NAMES_PER_TEXT = 8


def _words(text: str) -> list[str]:
    return text.split()


_SUFFIXES: Final = _words(
    "居民委员会 居委会 居委 有限责任公司 股份有限公司 有限公司 公司 集团 银行 幼儿园 实验学校 学校 小学 "
    "中学 学院 大学 医院 诊所 门诊 口腔 "
    "社区 小区 花园 新村 家园 公寓 名邸 豪庭 华庭 雅苑 雅居 佳苑 馨苑 名苑 山庄 别墅 国际城 新城 公馆 "
    "国际 农贸市场 菜市场 市场 购物中心 广场 大厦 商场 商城 菜场 "
    "健身房 健身 瑜伽 美容 美发 超市 便利店 水果店 饭店 酒店 餐厅 火锅店 烧烤 大排档 面馆 菜馆 酒吧 "
    "棋牌室 茶馆 酒家 食府 药房 影城 体育馆 游泳馆 图书馆 文化中心 养生馆 "
    "驾校 培训 教育 早教 旅行社 财富 金融 平台 置业 地产 城投 建筑 装饰 家装 物业 制药 买菜 优选 科技 "
    "贸易 物流 "
    "养老院 敬老院 护理院 公园 地铁站 车站 号线 工地 项目 加工厂 厂区 绿地 餐吧 清吧 台球房 喷漆厂 印刷厂 "
    "电镀厂 工业园 产业园 电厂 水厂 化工厂 搅拌站 停车场 步行街 合作社 农场 公路 大道 "
    "苑 城 弄 路 街 村 府 湾 轩 庭 邸 厂 园 河 浜 泾"
)
_ENDINGS: Final = {
    last: tuple(sorted((s for s in _SUFFIXES if s[-1] == last), key=lambda s: (-len(s), s)))
    for last in sorted({s[-1] for s in _SUFFIXES})
}
_LAST_CHAR = re.compile(f"[{''.join(_ENDINGS)}]")
# Those who live there follow the name of an estate that ends in no suffix: 时代年华的业主.
_RESIDENTS = re.compile(r"业主|居民|住户|受害者|出借人|[期栋幢]")
_OF_RESIDENTS = "的准全体广大第一二三四五六七八九十0123456789ABCDEFG"

# After the last of these a name begins. Single characters only where names hardly contain them.
_LEADS: Final = frozenset(
    _words(
        "位于 坐落 家住 居住 住在 现住 买了 购买 购入 购得 反映 反应 投诉 举报 咨询 请问 关于 针对 对于 希望 "
        "建议 要求 请求 恳请 解决 关注 督促 敦促 加快 查处 拖欠 控诉 "
        "我们 你们 他们 咱们 本人 市民 来电 致电 表示 告知 以及 还有 因为 由于 通过 经过 路过 进入 附近 周边 "
        "周围 对面 旁边 隔壁 门口 楼下 辖区 里面 凌晨 时间 "
        "这个 那个 一个 一家 两个 多个 几个 整个 各个 每个 所有 全部 部分 其他 属于 作为 导致 造成 影响 没有 "
        "什么 发现 看到 听说 得知 收到 办理 入住 施工 新建 修建 "
        "开通 不要 可以 已经 正在 现在 目前 最近 近期 近日 今天 昨天 每天 一楼 充值 交了 充了 开发商 来电人 "
        "购房者 而且 但是 如果 目睹 拓宽 控告人 家长 老师 处理 部门 尽快 管理 无人"
    )
)
_LEAD_CHARS: Final = frozenset("在的是住到于我你他她它们这该请从被把让跟与及称说了着过给就都也很距某对且但因问")
# Read backwards from where the name ends, so that the first match is the last lead.
_LEAD_BACKWARDS = re.compile(
    "[^\u4e00-\u9fffA-Za-z0-9·]|"
    f"(?=[{''.join(sorted({word[-1] for word in _LEADS} | _LEAD_CHARS))}年月日号])"
    f"(?:[{''.join(sorted(_LEAD_CHARS))}]|[年月日号][0-9]|{'|'.join(sorted(word[::-1] for word in _LEADS))})"
)
_ADMIN = re.compile(
    r"^(?:西地省|[\u4e00-\u9fff]{2}省|[A-Z]\d*[市区县](?!委|政|民|场|局)|上海市?|浦东新区|浦东(?=.{2})"
    r"|[\u4e00-\u9fff]{2}区(?=.{2}(?:街道|镇|路))"
    r"|本市|我市|[\u4e00-\u9fff]{2,4}?(?:街道|新镇|镇)(?!政府|办|中心))+(?=.{2})"
)
# What follows the full name of an estate or park is not part of it: 佳屿公寓小区停车位.
_NEVER_SECOND: Final = frozenset({"小区", "绿地", "广场", "酒吧", "搅拌站", "停车场", "工地", "项目"})
_LONG_SUFFIXES: Final = tuple(suffix for suffix in _SUFFIXES if len(suffix) >= 2)
# A road or a committee in front only says where the estate is.
_WHERE = re.compile(
    r"^[\u4e00-\u9fff]{2,6}?(?:社区|居委会?|大道|[东西南北中一二三四支]?路(?:\d+[弄号])*|街\d+[弄号]|新村"
    r"|\d+[弄号])"
    r"(?:与?[\u4e00-\u9fff]{2,4}路)?(?:交汇处|路?口)?(?=.{3})"
)
_GENERIC = re.compile(
    r"(?:物业|管理|服务|开发商?|房地产|房产|居民|老旧|相关|有限|公共|地下|农贸|自来水|燃气|供电|电力|快递"
    r"|外卖|装修|培训|金融|商业|住宅|安置|高档|普通|公办|民办|人民|网络"
    r"|[道马公铁线电走跑一半迷思网套出进沿全新农本该我各每老大小旧乡山水商长政官工学校花果菜庄茶家省市区县镇总分子]|幼儿|物流|产业|工业|化工|教育|生态|临时|地面|收费|路边|违规"
    r"|集体|投资|发展|科技|建筑|建设|工程|城市|高速|国家|重点|惠民|政府|施工|改造|拆迁|旧城|购房|交房"
    r"|期房|楼盘|门面|周边|超级|大型|正规|开放|第[一二三]|社会|职业|义务|继续|素质"
    r"|电商|借贷|理财|互联网|交易|网贷|公立|私立|附属|本地|国内|混凝土|集团|街道|[A-Za-z]?\d+[市区县]?)*"
)
# No name runs over these.
_NO_CORE = re.compile(
    r"小区|门面|临街|业主|居民|楼下|公司|有限|商铺|政府|学校.|工地|项目|办事|故障|贯穿|米内|号楼|物业"
)
# 跑路, 政府, 商城管理: the last character of another word, or the first of one.
_NO_SUFFIX_BEFORE: Final = {
    "路": "跑走迷思网电线铁马道",
    "府": "政",
    "城": "县",
    "街": "上",
    "村": "农全",
    "厂": "工",
    "河": "沿过",
}
_NO_SUFFIX_AFTER: Final = {
    "城": "投市管镇建铁乡区",
    "街": "道",
    "广场": "舞",
    "绿地": "带",
    "路": "灯面口边基况",
    "湾": "区",
    "园": "区",
    "河": "道边里水",
    "厂": "家商房",
    "村": "民",
}
_WEIGHT: Final = {
    **dict.fromkeys(_words("路 街 弄 公路 大道 教育 科技 金融 项目 工地 平台 物业"), 0.75),
    **dict.fromkeys(("村", "园", "社区", "建筑", "装饰", "培训", ""), 0.85),
    **dict.fromkeys(("城", "厂"), 0.9),
}
_AFTER = re.compile(
    r"^(?:小区|楼盘|社区|项目|店|[（(]?[一二三四五六七八九十\d]+期[）)]?|第[一二三四五]期"
    r"|\d+[号弄栋幢楼室#]+|单元|的|内|里面?|外(?![墙立来卖地])面?|门口|附近|周边|旁边?|一带|这边|这里|沿线"
    r"|[东西南北]区|业主|居民|住户|存在|出现|发生|有限(?:责任)?公司)+"
)
_ENDS_AS_NAME = re.compile(
    "(?:"
    + "|".join(s for s in _SUFFIXES if s not in {"教育", "装饰", "物业", "培训", "健身"})
    + "|街道|镇|业主|居民|村民|书记)$"
)


def admin_prefix(text: str) -> str:
    """Return `text` without the province, city, district and street it begins with."""
    return _ADMIN.sub("", text)


def ends_as_name(text: str) -> bool:
    """Tell whether `text` ends as the name of a place does: then it says where and not what."""
    return _ENDS_AS_NAME.search(text) is not None


def without_place(text: str, place: str) -> tuple[str, str]:
    """Return what a clause says before and after the place; all is after where the place does not stand."""
    for length in range(len(place), max(1, (len(place) - 1) // 2), -1):
        at = text.find(place[:length])
        if at >= 0:
            rest = text[at + length :]
            # 谷山庭院 for 谷山庭苑: the wrong character goes with the rest of the name
            misspelt = length == len(place) - 1 and rest[:1] in _ENDINGS
            return text[:at], _AFTER.sub("", rest[misspelt:])
    return "", text


def agreed_place(texts: Sequence[str]) -> str:
    """Return the name most of the texts give, "" if there is none.

    Names differ from text to text (full, short, misspelt) and nothing marks where one begins: names that
    end alike are compared, and what they have in common counts as a name too. Each text begins with its
    title and a line break.
    """
    by_suffix: dict[str, dict[str, None]] = {}
    for text in texts:
        for name, suffix in _names(text):
            by_suffix.setdefault(suffix, {}).setdefault(name)
    best, best_worth = "", 0.0
    for suffix, names in by_suffix.items():
        for name in _with_common_tails(list(names), suffix):
            worth = _support(name, suffix, texts) * (1.0 + 0.12 * min(len(name) - len(suffix), 6))
            worth *= _WEIGHT.get(suffix, 1.0)
            if worth > best_worth or (worth and worth == best_worth and (len(name), name) > (len(best), best)):
                best, best_worth = name, worth
    return best


def _with_common_tails(names: list[str], suffix: str) -> Iterable[str]:
    """Return the names with the ends that two of them share, which are names as well."""
    known = dict.fromkeys(names)
    for i, one in enumerate(names):
        before = len(one) - len(suffix) - 1
        for other in names[i + 1 :]:
            at = len(other) - len(suffix) - 1
            if at < 0 or one[before] != other[at]:
                continue
            tail = _common_tail(one, other)
            if _is_name(tail, suffix):
                known.setdefault(tail)
    return known


def _support(name: str, suffix: str, texts: Sequence[str]) -> float:
    """Return how many texts name it; 0 if that is not most. One that nearly does counts for 0.6."""
    core = name[: len(name) - len(suffix)] if len(name) - len(suffix) >= 2 else name
    exact = titled = near = 0
    for text in texts:
        at = text.find(core)
        if at >= 0:
            exact += 1
            titled += at < text.find("\n")
        elif _alike(core, suffix, text):
            near += 1
    support = exact + 0.6 * near
    few = exact < 2 if len(texts) > 2 else exact < 1
    return 0.0 if few or exact * 3 < len(texts) or support * 2 < len(texts) else support + 0.3 * titled


def _names(text: str) -> list[tuple[str, str]]:
    """Return the first names in a text, each with its suffix."""
    names: list[tuple[str, str]] = []
    backwards = text[::-1]
    for match in _LAST_CHAR.finditer(text):
        end = match.end()
        for suffix in _ENDINGS[text[end - 1]]:
            if text.endswith(suffix, 0, end):
                follows = text[end : end + 1]
                if not follows or follows not in _NO_SUFFIX_AFTER.get(suffix, ""):
                    _add_name(names, text, backwards, end, suffix)
                break
        if len(names) == _NAMES_PER_TEXT:
            break
    for match in islice(_RESIDENTS.finditer(text), 2):
        before = text[max(0, match.start() - _LONGEST) : match.start()]
        end = match.start() - len(before) + len(before.rstrip(_OF_RESIDENTS))
        _add_name(names, text, backwards, end, "")
    return names


def _add_name(names: list[tuple[str, str]], text: str, backwards: str, end: int, suffix: str) -> None:
    stop = end - len(suffix)
    at = len(text) - stop
    lead = _LEAD_BACKWARDS.search(backwards, at, at + _LONGEST)
    start = len(text) - lead.start() if lead else max(0, stop - _LONGEST)
    if stop - start < (2 if suffix else 3) and suffix != "号线":
        return
    name = _ADMIN.sub("", text[start:end])
    shorter = _WHERE.sub("", name)
    if shorter != name and _is_name(shorter, suffix):
        names.append((shorter, suffix))
    elif _is_name(name, suffix):
        names.append((name, suffix))


def _is_name(name: str, suffix: str) -> bool:
    core = name[: len(name) - len(suffix)]
    if len(core) < (2 if suffix else 3):
        return suffix == "号线" and len(core) == 1
    return (
        core[-1] != suffix[-1:]
        and core[-1] not in _NO_SUFFIX_BEFORE.get(suffix, "")
        and (suffix == "号线" or _GENERIC.fullmatch(core) is None)
        and _NO_CORE.search(core) is None
        and not (suffix in _NEVER_SECOND and core.endswith(_LONG_SUFFIXES))
    )


def _common_tail(one: str, other: str) -> str:
    length = 0
    for a, b in zip(reversed(one), reversed(other), strict=False):
        if a != b:
            break
        length += 1
    return one[len(one) - length :]


def _alike(core: str, suffix: str, text: str) -> bool:
    """Tell whether a text has the name short or with one character wrong."""
    half = len(core) // 2
    if suffix and len(core) >= 4 and core[half:] + suffix in text:
        return True
    if half < 2:
        return len(core) == 3 and (core[:2] in text or core[1:] in text)
    for part, offset in ((core[:half], 0), (core[half:], half)):
        at = text.find(part)
        if at >= 0:
            there = text[max(0, at - offset) : at - offset + len(core)]
            if sum(a == b for a, b in zip(core, there, strict=False)) >= len(core) - max(1, len(core) // 4):
                return True
    return False
