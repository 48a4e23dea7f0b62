"""Numbers, times and names as a clerk would say them in Chinese."""

from __future__ import annotations

from datetime import datetime, tzinfo

_HOUR = 3600.0
_DAY = 86400.0


def clip(text: str, length: int) -> str:
    """Return the text, cut to ``length`` characters with a sign that it was.

    >>> clip("金桥镇锦绣花园", 5)
    '金桥镇锦…'
    """
    text = " ".join(text.split())
    return text if len(text) <= length else text[: max(0, length - 1)] + "…"


def window(hours: float) -> str:
    """Return the length of a window that ends now.

    >>> window(6), window(72), window(0.5)
    ('近6小时', '近3天', '近30分钟')
    """
    return f"近{span(hours * _HOUR)}"


def span(seconds: float) -> str:
    """Return a length of time, in whole units.

    >>> span(600), span(86400), span(86400 * 2), span(86400 * 16.7)
    ('10分钟', '24小时', '2天', '16天')
    """
    if seconds < _HOUR:
        return f"{max(1, int(seconds // 60))}分钟"
    if seconds < 2 * _DAY:
        return f"{int(seconds // _HOUR)}小时"
    return f"{int(seconds // _DAY)}天"


def moment(at: float, zone: tzinfo) -> str:
    """Return a time of POSIX seconds as month, day and minute."""
    local = datetime.fromtimestamp(at, tz=zone)
    return f"{local.month}月{local.day}日{local:%H:%M}"


def usual(expected: float) -> str:
    """Return how many tickets the same hours usually bring.

    >>> usual(0.02), usual(0.7), usual(1.5), usual(12.4)
    ('平时同期几乎没有', '平时同期不到1件', '平时同期约1.5件', '平时同期约12件')
    """
    if expected < 0.1:
        return "平时同期几乎没有"
    if expected < 1:
        return "平时同期不到1件"
    return f"平时同期约{f'{expected:.1f}'.removesuffix('.0') if expected < 9.95 else f'{expected:.0f}'}件"


def rarity(days: float) -> str:
    """Return how seldom chance alone would do it; empty where it is nothing special.

    >>> rarity(40), rarity(100), rarity(0.5)
    ('约每40天才会碰巧出现一次', '约每3个月才会碰巧出现一次', '')
    >>> rarity(800), rarity(1e6)
    ('约每2年才会碰巧出现一次', '十年也难得碰巧出现一次')
    """
    if days < 1:
        return ""
    if days < 60:
        return f"约每{days:.0f}天才会碰巧出现一次"
    if days < 700:
        return f"约每{days / 30.4:.0f}个月才会碰巧出现一次"
    if days < 3650:
        return f"约每{days / 365:.0f}年才会碰巧出现一次"
    return "十年也难得碰巧出现一次"


def share(part: float) -> str:
    """Return a share from 0 to 1.

    >>> share(0.153), share(0.004)
    ('15%', '不足1%')
    """
    return f"{part * 100:.0f}%" if part == 0 or part >= 0.01 else "不足1%"


def people(callers: int, tickets: int) -> str:
    """Return callers and tickets; without known callers the tickets alone.

    >>> people(14, 19), people(0, 3)
    ('14人19件', '3件')
    """
    return f"{callers}人{tickets}件" if callers else f"{tickets}件"


def listed(names: list[str], most: int, unit: str) -> str:
    """Return the first ``most`` of the names, and how many there are where that is not all.

    >>> listed(["甲", "乙", "丙"], 2, "家")
    '甲、乙等3家'
    """
    shown = "、".join(names[:most])
    return shown if len(names) <= most else f"{shown}等{len(names)}{unit}"
