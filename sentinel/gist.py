"""What the texts of one issue are about, in a few Chinese words: a place, a problem and keywords."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from sentinel.placenames import admin_prefix, agreed_place, ends_as_name, without_place

#: Characters of a headline.
HEADLINE_CHARS: Final = 24
#: Words an issue is filed under.
KEYWORDS: Final = 8
#: Characters of a text that are read: the problem is told at the beginning, pleading and history follow.
READ_CHARS: Final = 140
#: Fewer of a text that stands alone, since nearly every issue is one.
READ_CHARS_ALONE: Final = 90

_CLAUSES_PER_TEXT = 8
_WORDS_WEIGHED = 20
_CLAUSES_SHAPED = 3
_TITLE_BONUS = 4.0
_FIRST_BONUS = 1.3
# A word in more than one ticket of e^2.5 says nothing; above e^9, rarity is mere misspelling.
_COMMON, _RARE = 2.5, 9.0

_CLAUSE = re.compile(r"(?:[\w、·#+%“”/~－-]|\.(?=\d))+(?![^〔]{0,8}〕)")
_DISTRICT = re.compile(r"([\u4e00-\u9fff]{2,4})(?:街道|镇|新区)")
_INNER_BREAK = re.compile(r"导致|造成|引发|但是|但|而且|并且|以至于?|致使|却|因为|由于|同时|已经?影响|严重影响|、")
_TIME = (
    r"(?:从|自|于|到)?(?:(?:20)?\d\d年(?:以来|来|至今|起|开始|底|初)?|\d{1,2}月份?(?:底|初)?"
    r"|\d{1,2}[日号](?!线|楼|弄|院|公路)"
    r"|\d{1,2}[:点时]\d{0,2}分?|今早|今晚|今天|昨天|昨晚|前天|前晚|今年|去年|上周|本周|上个?月|本月|早上"
    r"|上午|中午|下午|最近|近期|近日"
    r"|近来|近几天|目前|现在|当前|如今|刚刚|刚才|这段时间|这几天|这两天|这阵子|一直以来|长期以来|至今"
    r"|左右|开始|起|连续|已经?)"
)
_SPEAKER = (
    r"(?:一位|有|多名|部分|广大|全体|众多)?(?:老年|女性|男性)?(?:来电反映人|来电人|反映人|来信人|投诉人"
    r"|市民|群众|网友|居民|业主|住户|村民|家长|本人|我们?|其)"
    r"(?:[\u4e00-\u9fff](?:先生|女士|阿姨|老师))?(?:再次|又|多次|通过(?:电话|热线))*"
    r"(?:来电|致电|来信|来访|打进电话)?(?:反映|反应|投诉|举报|咨询|表示|告知|诉求|建议|求助|发现|认为|称"
    r"|说|述|讲)+(?:了|过|到|为)?"
)
_ASKING = (
    r"(?:强烈|迫切)?(?:请求|请|恳请|恳求|要求|希望|盼望?|敦促|督促|帮助?|麻烦|呼吁)+"
    r"[^，]{0,10}?(?:解决|查处|处理|关注|重视|管管|管一管|调查|核实|严查|彻查|看看|看下|介入)(?:一下|下)?"
)
_OPENING = re.compile(
    rf"^(?:{_TIME}|{_SPEAKER}|{_ASKING}|关于|针对|对于|就|再次|多次|紧急|实名|联名|强烈|坚决|投诉|举报"
    rf"|控诉|控告|反映|反应|咨询|询问|求助|请问"
    r"|我想(?:问|反映|咨询|投诉)(?:一下|下|个情况)?|我要(?!求)|想(?:问|咨询|反映)(?:一下|下)?|来电|致电"
    r"|诉求内容|诉求|反映内容|反映对象|问题|情况"
    r"|\d{1,2}[、.](?!\d)|[一二三四五六七八九]、|其实|于是|然后|当时|甚至|有时候?|以后|本想着?|总之|就是"
    r"|为什么|为何|凭什么|居然|竟然|竟|简直|尊敬的?|各位|领导|书记|市长|区长|你们?好|您好|同志|麻烦|帮忙"
    r"|据|称|说|因为|由于|因|但是|但|而且|而|并且|并|且|所以|还有|另外|就是|其中|其|还|也|又|都"
    r"|不知道|有没有人管管|我们(?:这里|这边|小区|家|村)?|我家?|本人|本小区|该小区|小区(?=[内里外门])|这里"
    r"|这边|那边|此处|这个|该(?!不)|是(?![否不])"
    r"|的|了|内|里面?|有(?!偿|害|毒|人|线|轨))+"
)
_CLOSING = re.compile(
    r"(?:(?:问题|情况|现象|行为)?的(?:投诉|咨询|举报|建议信?|质疑|反映|请求|诉求|疑惑|疑问|申诉|控诉|呼声)"
    r"|[的等](?:有关|相关|几点|一些|一点)?(?:问题|情况|现象|行为|事情|事件|事宜|事)"
    r"|(?:问题)?(?:应该|该|要)?(?:怎么办|咋办|如何是好|谁来管|谁来?解决|有没有人管|没人管吗|向谁反映|找谁)"
    r"|(?:问题)?(?:迟迟|一直|依然|仍然|至今|还是)?(?:没有|没|未|不)(?:得到)?(?:根本)?(?:解决|处理|答复"
    r"|回应|结果)"
    r"|(?:请|希望|要求|望|故来电)(?:承办|有关|相关|领导|尽快|部门|主管|政府|上级).*|真?的?合理吗|是否合理"
    r"|可以吗|行吗|吗|呢|啊|吧|呀|的|了|，)+$"
)
_ASK = re.compile(r"^(?:希望|盼|请|恳|要求|建议|麻烦|呼吁|望|求)|总之|故来电|赶快|尽快|立即|谢谢|感谢|拜托|辛苦")
_POLITE = re.compile(
    r"谢谢|感谢|尊敬|领导|您好|你好|百忙|书记|市长|局长|热线|12345|查明|回复|答复|"
    r"^(?:我|本人|我们|家住|住在|居住|来电人|市民)[^，]{0,14}(?:业主|居民|住户|村民|员工|家长|学生)$"
)
_HANGING = re.compile(
    r"(?:在|对|于|位于|的|与|和|离|距|至|向|由|将|被|把|为|因|及|从|到|给|让|使|地|得|所|并|且|而|或|这"
    r"|那|该|是|有|就|都)+$"
)
_STOP_WORDS: Final = (
    "市民 来电 来电人 反映 反应 希望 相关 有关 部门 相关部门 有关部门 处理 解决 领导 您好 你好 请问 谢谢 "
    "感谢 我们 你们 他们 自己 本人 居民 业主 "
    "小区 问题 情况 投诉 举报 咨询 建议 要求 请求 尊敬 尊敬的 书记 市长 政府 现在 目前 没有 一直 已经 "
    "进行 可以 就是 这个 什么 怎么 如何 何时 "
    "为什么 为何 多次 存在 严重 影响 导致 造成 尽快 以及 由于 因为 因此 所以 但是 如果 关于 对于 是否 "
    "能否 不能 不是 还是 这样 这些 那么 "
    "核实 联系 电话 表示 告知 上述 诉求 办理 地址 位于 附近 周边 百姓 老百姓 群众 住户 今天 昨天 最近 "
    "近期 每天 晚上 时候 出现 发生 大家 生活 浦东 新区 浦东新区 街道 大道 上海 上海市 本市"
)
_STOP: Final = frozenset(_STOP_WORDS.split())


@dataclass(frozen=True, slots=True)
class Gist:
    """What an issue is about.

    Attributes
    ----------
    place
        Estate, committee, road, school, company or line that most texts name; "" if none.
    headline
        The problem, at most `HEADLINE_CHARS` characters: 停水, 强制捆绑销售车位.
    keywords
        At most `KEYWORDS` words of two characters or more, the most telling first.
    representative
        Index of the text to read first: the one that says most of what all say.
    """

    place: str
    headline: str
    keywords: tuple[str, ...]
    representative: int


def gist(
    texts: Sequence[tuple[str, str]],
    topic: str,
    cut: Callable[[str], list[str]],
    rarity: Callable[[str], float],
) -> Gist:
    """Say what `texts` are about.

    Parameters
    ----------
    texts
        Title ("" if none) and text of some tickets of one issue, personal data masked; about six are enough.
    topic
        Path of the issue's topic; its last part is the headline where the texts yield none.
    cut
        Cuts a text into words. Names it does not know come out in pieces.
    rarity
        -ln of a word's share of documents.

    Raises
    ------
    ValueError
        If there are no texts.
    """
    if not texts:
        raise ValueError("a gist needs at least one text")
    read = READ_CHARS if len(texts) > 1 else READ_CHARS_ALONE
    whole = [f"{title.strip()[:read]}\n{text.strip()[:read]}" for title, text in texts]
    place = agreed_place(whole)
    weights = _weigh(whole, place, cut, rarity)
    return Gist(
        place=place,
        headline=_headline(whole, place, weights, cut) or _fallback(topic, weights),
        keywords=_keywords(weights),
        representative=_representative(whole, place, weights),
    )


def _weigh(
    whole: Sequence[str],
    place: str,
    cut: Callable[[str], list[str]],
    rarity: Callable[[str], float],
) -> dict[str, float]:
    """Weigh the words the texts share: how many texts have it, and how much it says. Best first."""
    count: dict[str, int] = {}
    for text in whole:
        for word in dict.fromkeys(cut(text)):
            if len(word) >= 2:
                count[word] = count.get(word, 0) + 1
    shared = [word for word, n in count.items() if n > 1] if len(whole) > 1 else []
    words = shared if len(shared) >= 4 else list(count)
    named = place.lower()
    districts = "".join([f"{name}\n" for text in whole for name in _DISTRICT.findall(text)])
    weighed = []
    for word in words:
        telling = min(rarity(word), _RARE) - _COMMON
        if telling > 0 and word not in _STOP and word not in named and word.isalpha() and f"{word}\n" not in districts:
            weighed.append((-telling * (count[word] / len(whole)) ** 1.5, -len(word), word))
    weighed.sort()
    return {word: -weight for weight, _, word in weighed[:_WORDS_WEIGHED]}


def _headline(whole: Sequence[str], place: str, weights: dict[str, float], cut: Callable[[str], list[str]]) -> str:
    """Return the clause that says the problem best, shaped into a headline; "" if none says any."""
    worths: dict[str, float] = {}
    for text in whole:
        for clause, worth in _clauses(text, weights):
            known = worths.get(clause)
            worths[clause] = worth if known is None else max(worth, known * 1.3)
    best = sorted([(-worth, len(clause), clause) for clause, worth in worths.items()])
    shaped: list[tuple[float, int, str]] = []
    for minus_worth, _, clause in best:
        if _POLITE.search(clause):
            continue
        text = _shape(clause, place, weights, cut)
        if len(text) >= 2:
            said = _said(text.lower(), weights) / (len(text) + 8)
            shaped.append((minus_worth * said * (0.2 if ends_as_name(text) else 1.0), len(text), text))
        if len(shaped) == _CLAUSES_SHAPED:
            break
    found = min(shaped, default=(0.0, 0, ""))
    return found[2] if found[0] < 0 else ""


def _clauses(text: str, weights: dict[str, float]) -> list[tuple[str, float]]:
    """Return the first clauses of a text that say something, with what each is worth.

    A word counts where it is first said: what comes later repeats and explains.
    """
    title_end = text.find("\n")
    lower = text.lower()
    out: list[tuple[str, float]] = []
    for begin, end, bonus in ((0, title_end, _TITLE_BONUS), (title_end, len(text), 1.0)):
        places = sorted([(at, weight) for word, weight in weights.items() if (at := lower.find(word, begin, end)) >= 0])
        for match in islice(_CLAUSE.finditer(text, begin, end), _CLAUSES_PER_TEXT if places else 0):
            start, stop = match.span()
            said = sum([weight for at, weight in places if start <= at < stop])
            if said:
                clause = match.group()
                worth = said / (stop - start + 12) * bonus
                if not out:
                    worth *= _FIRST_BONUS
                out.append((clause, worth * 0.3 if _ASK.search(clause) else worth))
    return out


def _said(text: str, weights: dict[str, float]) -> float:
    return sum([weight for word, weight in weights.items() if word in text])


def _shape(clause: str, place: str, weights: dict[str, float], cut: Callable[[str], list[str]]) -> str:
    """Take opening, place and closing off a clause and shorten it to a headline."""
    text = _bare(clause)
    before, after = without_place(text, place)
    if len(after) < len(text):
        before, after = _HANGING.sub("", _bare(before)), _bare(after)
        telling = _said(after.lower(), weights) >= _said(before.lower(), weights) * 0.8
        text = after if telling else before
    if len(text) > HEADLINE_CHARS:
        parts = [_bare(part) for part in _INNER_BREAK.split(text)]
        text = max(parts, key=lambda part: (_said(part.lower(), weights), -len(part), part))
    if len(text) > HEADLINE_CHARS:
        text = _best_window(text, weights, cut)
    return text


def _bare(text: str) -> str:
    """Return a clause without greeting, speaker, date, district and the like around it."""
    while text:
        shorter = admin_prefix(_OPENING.sub("", text))
        if len(shorter) == len(text):
            return _CLOSING.sub("", text)
        text = shorter
    return ""


def _best_window(text: str, weights: dict[str, float], cut: Callable[[str], list[str]]) -> str:
    """Return the run of words within the limit that says most; of equals the last, where the predicate is."""
    starts = [0]
    for word in cut(text):
        starts.append(starts[-1] + len(word))
    best, said = text[:HEADLINE_CHARS], -1.0
    for start in starts:
        stop = max(s for s in starts if s <= start + HEADLINE_CHARS)
        window = text[start:stop]
        value = _said(window.lower(), weights)
        if value >= said and len(window) * 2 >= HEADLINE_CHARS:
            best, said = window, value
    return _HANGING.sub("", _bare(best))


def _keywords(weights: dict[str, float]) -> tuple[str, ...]:
    kept: list[str] = []
    for word in weights:
        if not any(word in other for other in kept):
            kept.append(word)
    return tuple(kept[:KEYWORDS])


def _representative(whole: Sequence[str], place: str, weights: dict[str, float]) -> int:
    bonus = sum(weights.values()) / 4
    scores = []
    for index, text in enumerate(whole):
        said = _said(text.lower(), weights) + (bonus if place and place in text else 0.0)
        scores.append((-said / (1.0 + len(text) / 600), len(text), text, index))
    return min(scores)[3]


def _fallback(topic: str, weights: dict[str, float]) -> str:
    last = topic.rsplit("/", 1)[-1]
    word = next((word for word in weights if word not in last), "")
    return f"{last}：{word}"[:HEADLINE_CHARS] if last and word else (last or word)[:HEADLINE_CHARS]
