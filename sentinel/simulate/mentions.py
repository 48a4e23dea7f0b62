"""How one caller names a place, a thing, a time, a number or themselves."""

from collections.abc import Callable
from typing import Final

from sentinel.simulate.chance import Chance
from sentinel.simulate.names import Entity
from sentinel.simulate.noise import slip
from sentinel.simulate.places import Street

_DIGITS: Final = "零一二三四五六七八九"
_SPANS: Final = (
    "三天", "好几天", "一个礼拜", "一周多", "两周", "半个月", "一个月", "一个多月", "两个多月", "快三个月",
    "小半年", "4天", "10天", "2个星期", "二十几天", "五六天", "将近1个月", "好长时间",
)  # fmt: skip
_MOMENTS: Final = (
    "晚上十点多", "半夜一两点", "早上六点", "凌晨3点", "中午", "下午两点半", "夜里", "昨天下午", "今天上午",
    "傍晚", "天不亮", "晚上8点以后", "23:00", "上班高峰", "前天晚上", "早上七点半", "周末", "昨晚9点左右",
)  # fmt: skip
_SURNAMES: Final = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任沈姚卢"
)
_GIVEN: Final = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超霞平刚桂英玉兰建国志华文斌晓燕海波秀珍红梅"
_CHECK: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_PLATE_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ"


def phone(chance: Chance) -> str:
    """A number nobody has: 142 and 143 are assigned to no operator in China's numbering plan."""
    return f"14{2 + chance.below(2)}{chance.below(10**8):08d}"


def identity_number(chance: Chance) -> str:
    """An ID number of a district that does not exist (310199), with a true check digit (GB 11643)."""
    born = f"{chance.between(1945, 2004)}{chance.between(1, 12):02d}{chance.between(1, 28):02d}"
    body = f"310199{born}{chance.below(1000):03d}"
    rest = sum(int(c) * w for c, w in zip(body, _CHECK, strict=True)) % 11
    return body + "10X98765432"[rest]


def plate(chance: Chance) -> str:
    """A Shanghai car plate, or a longer one of an electric car."""
    dot = chance.pick(("", "·"))
    if chance.hit(0.2):
        return f"沪A{dot}D{chance.below(100000):05d}"
    return f"沪{chance.pick(_PLATE_LETTERS)}{dot}{chance.pick(_PLATE_LETTERS)}{chance.below(10000):04d}"


def person(chance: Chance) -> str:
    """A name, or a surname with a form of address."""
    surname = chance.pick(_SURNAMES)
    if chance.hit(0.35):
        return surname + chance.pick(("先生", "女士", "阿姨", "老师"))
    return surname + "".join(chance.pick(_GIVEN) for _ in range(chance.between(1, 2)))


def number(n: int, chance: Chance) -> str:
    """A whole number below 100 in digits or in characters."""
    if chance.hit(0.55):
        return str(n)
    if n < 10:
        return "两" if n == 2 else _DIGITS[n]
    tens, ones = divmod(n, 10)
    return ("" if tens == 1 else _DIGITS[tens]) + "十" + (_DIGITS[ones] if ones else "")


def _money(chance: Chance) -> str:
    kind = chance.below(4)
    if kind == 0:
        return f"{chance.between(1, 99) * 100}元"
    if kind == 1:
        return f"{chance.between(1000, 39999)}元"
    if kind == 2:
        return f"{number(chance.between(1, 30), chance)}万{chance.pick(('', '多'))}元"
    return f"{chance.pick('一两三四五六七八九')}千{chance.pick(('块', '多块', '多元', '元钱'))}"


def _day(chance: Chance) -> str:
    kind = chance.below(4)
    if kind == 0:
        return f"{chance.between(1, 12)}月{chance.between(1, 28)}日"
    if kind == 1:
        return chance.pick(
            (
                "上周六",
                "上礼拜天",
                "上周三",
                "这周一",
                "上个月底",
                "上个月初",
                "大前天",
                "去年年底",
                "今年年初",
                "上周",
            )
        )
    if kind == 2:
        return f"{chance.between(1, 12)}月{chance.between(1, 28)}号"
    return f"{number(chance.between(1, 12), chance)}月{chance.pick(('初', '中旬', '底'))}"


SLOTS: Final[dict[str, Callable[[Chance], str]]] = {
    "n": lambda chance: number(chance.between(2, 9), chance),
    "k": lambda chance: number(chance.between(10, 90), chance),
    "d": lambda chance: chance.pick(_SPANS),
    "t": lambda chance: chance.pick(_MOMENTS),
    "b": lambda chance: f"{number(chance.between(1, 60), chance)}{chance.pick(('号', '号楼', '幢', '号楼', '号'))}",
    "m": _money,
    "day": _day,
    "phone": phone,
    "idcard": identity_number,
    "plate": plate,
    "name": person,
}
"""What fills the slots that do not depend on the case."""


def thing(entity: Entity, chance: Chance) -> str:
    """An entity as one caller happens to call it: in full, short, by its road and number, or with a slip."""
    way = chance.unit()
    if entity.kind in ("estate", "village"):
        if way < 0.46:
            return entity.name
        if way < 0.68:
            return entity.formal
        if way < 0.76:
            return entity.short
        if way < 0.80:
            return f"{entity.road}{entity.number}弄"
        if way < 0.94:
            return f"{entity.name}{SLOTS['b'](chance)}"
        return slip(entity.name[:2], chance) + entity.name[2:]
    if entity.kind in ("road", "river", "park"):
        if way < 0.35:
            return entity.name
        if way < 0.55:
            return entity.formal
        if way < 0.75:
            near = entity.number + 2 * chance.between(-6, 6)
            return f"{entity.road}{max(1, near)}号{chance.pick(('门口', '附近', '对面', '路段'))}"
        if way < 0.92:
            return f"{entity.name}{chance.pick(('这一段', '靠近公交站处', '路口', '沿线', '那边'))}"
        return slip(entity.name[:2], chance) + entity.name[2:]
    if way < 0.46:
        return entity.name
    if way < 0.62:
        return entity.formal
    if way < 0.70:
        return entity.short
    if way < 0.84:
        return f"{entity.road}{chance.pick(('上的', '的'))}{entity.name}"
    if way < 0.95:
        return f"{entity.name}({entity.road}{entity.number}号)"
    return slip(entity.name[:2], chance) + entity.name[2:]


def place(entity: Entity, street: Street, chance: Chance) -> str:
    """A place with more or less of the address before it."""
    where = thing(entity, chance)
    way = chance.unit()
    if way < 0.5:
        return where
    if way < 0.66:
        return street.name + where
    if way < 0.76:
        return f"浦东新区{street.name}{where}"
    if way < 0.9:
        return street.short + where
    if way < 0.95:
        return f"{entity.committee}{where}"
    return f"浦东{where}"
