"""Text to terms: words, character n-grams and the sound of names, as sorted arrays of 32-bit hashes.

A term is a number here, so that sets of terms are compared in compiled code. Words come from the tokenizer, n-grams
from the characters. Of names nobody has a list. Two kinds of pieces are taken for parts of one: the two characters
before a suffix such as 小区, 路 or 公司, and any pair of characters that next to no text holds; beside them Latin words
and the numbers of lanes and lines. Names are kept by their sound, since what operators mistype sounds the same.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from embeddings.compiled import njit

Hashes = NDArray[np.uint32]
U8 = NDArray[np.uint8]
U16 = NDArray[np.uint16]
U64 = NDArray[np.uint64]
Codes = NDArray[np.uint32]

#: A ticket without a title is known by its opening.
HEAD_CHARS = 40

HEADED, PLACED, SOUGHT = 1, 2, 4
"""Marks of a term: an n-gram of the title (or opening); a piece of a name in the title or the address; an n-gram by
which tickets are found, since it stands in a title."""

SEPARATOR = 10
"""Between the parts of a ticket; in no word, n-gram or name."""

SUFFIXES_ONE = "苑城路镇街村厂园弄坊府湾轩庭邸桥校院店馆吧墅"
SUFFIXES_TWO = """
小区 花园 公司 学校 医院 市场 广场 大厦 公寓 新村 家园 酒店 餐厅 超市 号线 社区 街道 工地 项目 幼儿 中学 小学
大学 物业 楼盘 别墅 大楼 中心 商场 菜场 饭店 烧烤 门店 健身 培训 公园 车站 地铁 公路 大道 集团 银行 诊所 驾校
养老 山庄 华庭 雅苑 名邸 豪庭 国际 水厂 电厂 酒吧 网吧 茶馆
"""

_HAN_FIRST, _HAN_LAST = 0x4E00, 0x9FFF
_LINE_DIGITS = 3  # a number of so many digits before 弄, 号 or 路 is a name: a lane, a door, a bus line
_NUMBERED = (0x5F04, 0x53F7, 0x8DEF)  # 弄 号 路


class Terms(NamedTuple):
    """What a ticket is made of. Every array of terms is sorted, without repeats, of dtype uint32."""

    words: Hashes
    """words of at least two characters"""
    grams: Hashes
    """character 2- and 3-grams"""
    gram_marks: U8
    """HEADED for those of the title, or of the opening where there is no title, and SOUGHT; one an n-gram"""
    names: Hashes
    """pieces of names, by sound"""
    name_marks: U8
    """PLACED for those in title or address; one a piece"""


def codes_of(text: str) -> Codes:
    """Return the code points of a text."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


@njit()
def mix(x: np.uint32) -> np.uint32:
    """Spread the bits of a 32-bit number (the finaliser of MurmurHash3)."""
    x = np.uint32(x)
    x ^= x >> np.uint32(16)
    x = np.uint32(x * np.uint32(0x85EBCA6B))
    x ^= x >> np.uint32(13)
    x = np.uint32(x * np.uint32(0xC2B2AE35))
    x ^= x >> np.uint32(16)
    return x


@njit()
def hash_word(word_id: int) -> np.uint32:
    """Hash a token id."""
    return mix(np.uint32(word_id) * np.uint32(0x9E3779B1) + np.uint32(0x51ED270B))


@njit()
def hash_pair(first: int, second: int, salt: int) -> np.uint32:
    """Hash two numbers in order."""
    h = mix(np.uint32(np.uint32(salt) ^ np.uint32(first)) + np.uint32(0x9E3779B9))
    return mix(np.uint32(h ^ np.uint32(second)) + np.uint32(0x9E3779B9))


@njit()
def filter_word(pair: np.uint32, words: int) -> tuple[int, np.uint64]:
    """Return which 64-bit word of a blocked Bloom filter a hash uses, and its four bits there.

    Putze, Sanders, Singler 2007, "Cache-, hash- and space-efficient Bloom filters", section 3.
    """
    bits = np.uint64(0)
    spread = np.uint64(mix(pair ^ np.uint32(0x68E31DA4)))
    for k in range(4):
        bits |= np.uint64(1) << ((spread >> np.uint64(6 * k)) & np.uint64(63))
    return int(pair) & (words - 1), bits


@njit()
def _unique(values: Hashes) -> Hashes:
    values = np.sort(values)
    n = 0
    for i in range(len(values)):
        if i == 0 or values[i] != values[i - 1]:
            values[n] = values[i]
            n += 1
    return values[:n].copy()


@njit()
def _unique_marked(keys: U64) -> tuple[Hashes, U8]:
    """Part sorted terms from their marks; a key is a term times 256 plus its mark."""
    keys = np.sort(keys)
    terms = np.empty(len(keys), np.uint32)
    marks = np.empty(len(keys), np.uint8)
    n = 0
    for key in keys:
        term = np.uint32(key >> np.uint64(8))
        mark = np.uint8(key & np.uint64(255))
        if n and terms[n - 1] == term:
            marks[n - 1] |= mark
        else:
            terms[n] = term
            marks[n] = mark
            n += 1
    return terms[:n].copy(), marks[:n].copy()


@njit()
def hash_words(ids: NDArray[np.int64], kept: NDArray[np.bool_]) -> Hashes:
    """Hash the token ids that are `kept`, by id; sorted and without repeats."""
    out = np.empty(len(ids), np.uint32)
    n = 0
    for i in ids:
        if kept[i]:
            out[n] = hash_word(i)
            n += 1
    return _unique(out[:n])


@njit()
def _is_han(code: int) -> bool:
    return _HAN_FIRST <= code <= _HAN_LAST


@njit()
def _is_digit(code: int) -> bool:
    return 48 <= code <= 57


@njit()
def _is_latin(code: int) -> bool:
    return 97 <= code <= 122


@njit()
def _hash_run(codes: Codes, start: int, stop: int) -> np.uint32:
    h = np.uint32(11)
    for i in range(start, stop):
        h = mix(np.uint32(h ^ codes[i]) + np.uint32(0x9E3779B9))
    return h


@njit()
def grams_of(codes: Codes, solid: U8, head: int, mark: int) -> tuple[Hashes, U8]:
    """Return the 2- and 3-grams of letters and digits; those that end within the first `head` codes get the mark."""
    keys = np.empty(2 * len(codes) + 1, np.uint64)
    n = 0
    for i in range(len(codes) - 1):
        if not (solid[min(codes[i], 65535)] and solid[min(codes[i + 1], 65535)]):
            continue
        pair = hash_pair(codes[i], codes[i + 1], 2)
        keys[n] = (np.uint64(pair) << np.uint64(8)) | np.uint64(mark if i + 2 <= head else 0)
        n += 1
        if i + 2 < len(codes) and solid[min(codes[i + 2], 65535)]:
            three = mix(np.uint32(pair ^ codes[i + 2]) + np.uint32(0x85EBCA77))
            keys[n] = (np.uint64(three) << np.uint64(8)) | np.uint64(mark if i + 3 <= head else 0)
            n += 1
    return _unique_marked(keys[:n])


@njit()
def _ends_name(code: int, following: int, suffixes: Codes) -> bool:
    """Whether a suffix begins with this code: one character (stored alone) or two (stored as one number)."""
    if code > _HAN_LAST or following > 65535:
        return False
    pair = np.uint32((np.uint32(code) << np.uint32(16)) | np.uint32(following))
    for wanted in (np.uint32(code), pair):
        at = np.searchsorted(suffixes, wanted)
        if at < len(suffixes) and suffixes[at] == wanted:
            return True
    return False


def suffix_table() -> Codes:
    """Return the suffixes as `names_of` takes them, sorted."""
    one = [ord(c) for c in SUFFIXES_ONE]
    two = [(ord(s[0]) << 16) | ord(s[1]) for s in SUFFIXES_TWO.split()]
    return np.sort(np.array(one + two, np.uint32))


@njit()
def _unfamiliar(codes: Codes, familiar: U64) -> U8:
    """Return for each code but the last whether it and the next are a pair of Han characters that few texts hold."""
    out = np.zeros(len(codes), np.uint8)
    for i in range(len(codes) - 1):
        if _is_han(codes[i]) and _is_han(codes[i + 1]):
            at, bits = filter_word(hash_pair(codes[i], codes[i + 1], 5), len(familiar))
            out[i] = familiar[at] & bits != bits
    return out


@njit()
def names_of(
    codes: Codes, title: int, address: int, syllable: U16, familiar: U64, suffixes: Codes
) -> tuple[Hashes, U8]:
    """Return the pieces of names: pairs of Han characters that are unfamiliar or stand before a suffix, by sound; Latin
    words; numbers of lanes and lines.

    An unfamiliar pair alone is mostly a slip or an odd turn of phrase: it counts beside another one, at a suffix, or
    in title or address. Pieces within the first `title` codes and from `address` on are PLACED.
    """
    keys = np.empty(2 * len(codes) + 1, np.uint64)
    n = 0
    odd = _unfamiliar(codes, familiar)
    digits = letters = 0
    for i in range(len(codes) - 1):
        code, following = codes[i], codes[i + 1]
        digits = digits + 1 if _is_digit(code) else 0
        letters = letters + 1 if _is_latin(code) else 0
        placed = i + 2 <= title or i >= address
        mark = np.uint64(PLACED if placed else 0)
        suffix = i >= 1 and _ends_name(code, following, suffixes)
        piece = np.uint32(0)
        if odd[i]:
            before_suffix = i + 3 < len(codes) and _ends_name(codes[i + 2], codes[i + 3], suffixes)
            if placed or suffix or before_suffix or (i > 0 and odd[i - 1]) or odd[i + 1]:
                piece = hash_pair(syllable[code], syllable[following], 7)
        elif digits >= _LINE_DIGITS and (
            following == _NUMBERED[0] or following == _NUMBERED[1] or following == _NUMBERED[2]
        ):
            piece = _hash_run(codes, i - digits + 1, i + 2)
        elif letters >= 2 and not _is_latin(following):
            piece = _hash_run(codes, i - letters + 1, i + 1)
        if piece != 0:
            keys[n] = (np.uint64(piece) << np.uint64(8)) | mark
            n += 1
        if suffix and i >= 2 and _is_han(codes[i - 1]) and _is_han(codes[i - 2]):
            stem = hash_pair(syllable[codes[i - 2]], syllable[codes[i - 1]], 13)
            keys[n] = (np.uint64(stem) << np.uint64(8)) | mark
            n += 1
    return _unique_marked(keys[:n])


@njit()
def fold_part(raw: Codes, start: int, stop: int, fold: U16, limit: int, out: Codes, n: int) -> int:
    """Append the plain form of `raw[start:stop]`, at most `limit` codes, to the `n` codes in `out`."""
    first = n
    for i in range(start, stop):
        code = raw[i]
        if code < 65536:
            code = np.uint32(fold[code])
            if code == 0:
                continue
        if n - first == limit:
            break
        out[n] = code
        n += 1
    return n
