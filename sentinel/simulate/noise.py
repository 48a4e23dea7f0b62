"""The slips of people who type while listening: homophones, lost points, mixed numerals, old characters."""

from typing import Final

from sentinel.simulate.chance import Chance

_HOMOPHONES: Final = {
    "的": "得地", "在": "再", "再": "在", "做": "作", "那": "哪", "他": "她它", "已": "以", "以": "已",
    "像": "象", "坐": "座", "带": "戴", "象": "像", "须": "需", "需": "须", "帐": "账", "账": "帐",
    "订": "定", "定": "订", "震": "振", "吵": "抄", "噪": "燥躁", "停": "亭", "漏": "露", "渗": "深",
    "修": "休", "管": "馆", "堵": "睹", "邻": "临", "装": "妆", "租": "组", "费": "废", "款": "宽",
    "退": "推", "拖": "托", "欠": "歉", "资": "姿", "厂": "场", "场": "厂", "臭": "嗅", "垃": "拉",
    "圾": "级", "积": "集", "烟": "咽", "味": "未", "电": "点", "梯": "提", "坏": "怀", "位": "味",
    "期": "其", "处": "出", "理": "里", "望": "忘", "联": "连", "系": "细", "部": "步", "门": "们",
    "居": "具", "委": "尾", "员": "原", "学": "雪", "校": "较", "师": "帅", "班": "般", "课": "可",
    "培": "陪", "训": "讯", "店": "电", "卡": "咔", "关": "官", "跑": "泡", "路": "璐", "道": "到",
    "到": "道", "灯": "登", "亮": "凉", "井": "景", "盖": "该", "破": "坡", "损": "笋", "悦": "月",
    "庭": "廷", "晖": "辉", "辉": "晖", "瑞": "锐", "锦": "绵", "丽": "莉", "璟": "景", "泽": "择",
    "栖": "溪", "翔": "祥", "昊": "浩", "轩": "宣", "韵": "运", "澜": "兰", "沁": "心", "霖": "林",
    "荟": "会", "菁": "青", "晟": "盛", "珑": "龙", "瑾": "谨", "禾": "和", "帆": "凡", "涵": "含",
    "棠": "堂", "蓉": "容", "芷": "止", "若": "弱", "恒": "衡", "宏": "洪", "鸿": "宏", "清": "青",
    "雅": "亚", "欣": "新", "怡": "宜", "逸": "益", "芳": "方", "馨": "心", "隆": "龙",
}  # fmt: skip
_OLD: Final = dict(zip(
    "来电话说这们个为时间问题请没处理关门车东楼层漏电梯声响给钱费应该买卖开发业主会对过还进边几给让将们经济区学书长无",
    "來電話說這們個為時間問題請沒處理關門車東樓層漏電梯聲響給錢費應該買賣開發業主會對過還進邊幾給讓將們經濟區學書長無",
    strict=True,
))  # fmt: skip
_NUMERALS: Final = dict(zip("一二三四五六七八九", "123456789", strict=True))
_POINTS: Final = frozenset("，。！：；？")


def slip(text: str, chance: Chance) -> str:
    """One character of `text` for another that sounds the same, where there is one near a random place."""
    start = chance.below(len(text)) if text else 0
    for i in range(start, min(len(text), start + 12)):
        others = _HOMOPHONES.get(text[i])
        if others:
            return text[:i] + others[chance.below(len(others))] + text[i + 1 :]
    return text


def rough(text: str, chance: Chance) -> str:
    """`text` as a hurried hand would have written it; most texts come back unchanged."""
    if chance.hit(0.62):
        return text
    if chance.hit(0.6):
        for _ in range(chance.between(1, 3)):
            text = slip(text, chance)
    if chance.hit(0.22):
        text = _loose_points(text, chance)
    if chance.hit(0.18):
        text = "".join(_NUMERALS.get(c, c) if c in _NUMERALS and chance.hit(0.7) else c for c in text)
    if chance.hit(0.1) and len(text) > 40:
        at = chance.below(len(text))
        text = text[:at] + (text[at] + text[at:] if chance.hit(0.4) else text[at + 1 :])
    if chance.hit(0.035):
        text = "".join(_OLD.get(c, c) for c in text)
    if chance.hit(0.05):
        text = text.replace("，", ",").replace("。", ".")
    if chance.hit(0.04):
        at = chance.below(len(text))
        text = f"{text[:at]} {text[at:]}"
    return text


def _loose_points(text: str, chance: Chance) -> str:
    if chance.hit(0.4):
        return "".join(" " if c in _POINTS else c for c in text).rstrip()
    return "".join(c for c in text if c not in _POINTS or chance.hit(0.35))
