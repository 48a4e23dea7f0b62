"""Text to terms: words, character n-grams and names of places, as sorted arrays of 32-bit hashes.

A term is a number here, so that sets of terms are compared by merging sorted arrays in compiled code.
Words come from the tokenizer; the rest from the characters alone, so that an estate nobody has heard of
still has a name. A *name* is what stands before a suffix such as 小区, 路 or 公司: the two, three and four
characters before it together with it, since where a Chinese name begins is not marked.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Hashes = NDArray[np.uint32]

#: A ticket without a title is known by its opening.
HEAD_CHARS = 40

SUFFIXES_ONE = "苑城路镇街村厂园里弄坊府湾轩庭邸居楼桥站线班局校院店场馆吧港都墅"
_SUFFIXES_TWO = """
小区 花园 公司 学校 医院 市场 广场 大厦 公寓 新村 家园 酒店 餐厅 超市 号线 社区 街道 工地 项目 幼儿 中学 小学
大学 物业 楼盘 别墅 大楼 中心 商场 菜场 饭店 烧烤 门店 健身 培训 公园 车站 地铁 公路 大道 集团 银行 诊所 驾校
养老 山庄 华庭 雅苑 名邸 豪庭 国际 水厂 电厂 酒吧 网吧 茶馆
"""
SUFFIXES_TWO = tuple(_SUFFIXES_TWO.split())


class Terms(NamedTuple):
    """What a text is made of. Every array is sorted, without repeats, of dtype uint32."""

    words: Hashes
    """words of at least two characters"""
    grams: Hashes
    """character 2- and 3-grams of title and text"""
    head: Hashes
    """those of the title alone, or of the opening where there is no title"""
    names: Hashes
    """names in title and text"""
    head_names: Hashes
    """names in the head"""


@njit(cache=True)
def mix(x: np.uint32) -> np.uint32:
    """Spread the bits of a 32-bit number (the finaliser of MurmurHash3)."""
    x = np.uint32(x)
    x ^= x >> np.uint32(16)
    x = np.uint32(x * np.uint32(0x85EBCA6B))
    x ^= x >> np.uint32(13)
    x = np.uint32(x * np.uint32(0xC2B2AE35))
    x ^= x >> np.uint32(16)
    return x


@njit(cache=True)
def hash_word(word_id: int) -> np.uint32:
    """Hash a token id."""
    return mix(np.uint32(word_id) * np.uint32(0x9E3779B1) + np.uint32(0x51ED270B))


@njit(cache=True)
def hash_words(ids: NDArray[np.int64]) -> Hashes:
    """Hash token ids, sorted and without repeats."""
    out = np.empty(len(ids), np.uint32)
    for i in range(len(ids)):
        out[i] = hash_word(ids[i])
    return _unique(out)


@njit(cache=True)
def _unique(values: Hashes) -> Hashes:
    values = np.sort(values)
    n = 0
    for i in range(len(values)):
        if i == 0 or values[i] != values[i - 1]:
            values[n] = values[i]
            n += 1
    return values[:n].copy()


@njit(cache=True)
def _hash_run(codes: NDArray[np.uint32], start: int, stop: int, salt: int) -> np.uint32:
    h = np.uint32(salt)
    for i in range(start, stop):
        h = mix(np.uint32(h ^ codes[i]) + np.uint32(0x9E3779B9))
    return h


@njit(cache=True)
def _grams(codes: NDArray[np.uint32], solid: NDArray[np.uint8], stop: int) -> Hashes:
    out = np.empty(2 * stop + 1, np.uint32)
    n = 0
    for i in range(stop - 1):
        if solid[i] and solid[i + 1]:
            out[n] = _hash_run(codes, i, i + 2, 2)
            n += 1
            if i + 2 < stop and solid[i + 2]:
                out[n] = _hash_run(codes, i, i + 3, 3)
                n += 1
    return _unique(out[:n])


@njit(cache=True)
def _names(
    codes: NDArray[np.uint32],
    solid: NDArray[np.uint8],
    stop: int,
    ones: NDArray[np.uint8],
    twos: NDArray[np.uint32],
) -> Hashes:
    out = np.empty(6 * stop + 1, np.uint32)
    n = 0
    for end in range(3, stop + 1):
        last = codes[end - 1]
        begin = -1
        if last < 65536 and ones[last]:
            begin = end - 1
        elif last < 65536 and codes[end - 2] < 65536:
            pair = np.uint32((codes[end - 2] << np.uint32(16)) | last)
            at = np.searchsorted(twos, pair)
            if at < len(twos) and twos[at] == pair:
                begin = end - 2
        if begin < 2:
            continue
        for length in range(1, 5):
            start = begin - length
            if start < 0 or not solid[start]:
                break
            if length >= 2:
                out[n] = _hash_run(codes, start, end, 7)
                n += 1
    return _unique(out[:n])


def _solid_table() -> NDArray[np.uint8]:
    table = np.zeros(65536, np.uint8)
    for code in range(65536):
        table[code] = chr(code).isalnum()
    return table


_SOLID = _solid_table()
_ONES = np.zeros(65536, np.uint8)
_ONES[[ord(c) for c in SUFFIXES_ONE]] = 1
_TWOS = np.sort(np.array([(ord(s[0]) << 16) | ord(s[1]) for s in SUFFIXES_TWO], np.uint32))


def read_terms(title: str, text: str, word_ids: NDArray[np.int64]) -> Terms:
    """Return the terms of a ticket.

    `title` and `text` are normalised already; `word_ids` are the tokenizer's ids of the words of at
    least two characters in both.
    """
    codes = np.frombuffer(f"{title}\n{text}".encode("utf-32-le"), np.uint32)
    solid = np.where(codes < 65536, _SOLID[np.minimum(codes, 65535)], 1).astype(np.uint8)
    stop = len(codes)
    head = min(stop, len(title) if title else HEAD_CHARS + 1)
    names = _names(codes, solid, stop, _ONES, _TWOS)
    head_names = _names(codes, solid, head, _ONES, _TWOS)
    return Terms(hash_words(word_ids), _grams(codes, solid, stop), _grams(codes, solid, head), names, head_names)
