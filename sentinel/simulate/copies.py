"""The same text sent by many: copied from a chat group, each with a word of their own."""

from typing import Final

from sentinel.simulate.chance import Chance
from sentinel.simulate.noise import slip

_HEADS: Final = (
    "",
    "",
    "",
    "转：",
    "你好，",
    "（复制）",
    "业主群转发：",
    "诉求如下：",
    "本人同样反映：",
    "我也反映，",
)
_TAILS: Final = (
    "",
    "",
    "",
    "请处理。",
    "谢谢！",
    "附议。",
    "望重视。",
    "以上情况属实。",
    "请尽快回复！",
    "同诉求。",
)
_SWAPS: Final = (
    ("尽快", "马上"), ("希望", "要求"), ("反映", "投诉"), ("没有", "没"), ("一直", "始终"),
    ("非常", "十分"), ("请", "恳请"), ("来电人", "市民"), ("我们", "全体业主"), ("严重", "极大"),
    ("已经", "已"), ("处理", "解决"),
)  # fmt: skip


def copies(original: str, count: int, chance: Chance) -> list[str]:
    """`count` versions of a text, each a few characters off the original."""
    return [_copy(original, chance) for _ in range(count)]


def _copy(text: str, chance: Chance) -> str:
    for one, other in chance.sample(_SWAPS, chance.between(0, 2)):
        text = text.replace(one, other, 1)
    if chance.hit(0.3):
        text = slip(text, chance)
    if chance.hit(0.2):
        text = text.rstrip("。")
    return chance.pick(_HEADS) + text + chance.pick(_TAILS)
