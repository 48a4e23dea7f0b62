"""Build the table of characters: one plain form for each, and how it sounds.

    python -m embeddings.train.characters

Writes embeddings/models/characters.npz, two arrays of 65,536 entries by code point. `fold`: the character in
NFKC, lower case and simplified script, 0 for what is dropped (white space, marks without width). `syllable`:
a number for the commonest reading of a Han character without its tone, 0 for every other character; readings that
people who type in haste take for one another (zh and z, ing and in) have one number. The mapping of traditional
to simplified characters is that of OpenCC, the readings are those of pypinyin.
"""

import unicodedata

import numpy as np
from opencc import OpenCC
from pypinyin import Style, lazy_pinyin

from embeddings.characters import CHARACTERS

HAN = range(0x3400, 0xA000)
ALIKE = (("zh", "z"), ("ch", "c"), ("sh", "s"), ("ing", "in"), ("eng", "en"), ("ang", "an"))


def fold(character: str, simplify: OpenCC) -> str:
    """Return the plain form of one character, "" if it is dropped."""
    plain = unicodedata.normalize("NFKC", character).lower()
    if not plain.strip() or unicodedata.category(character) in ("Cc", "Cf", "Mn"):
        return ""
    first = plain.strip()[0]
    if len(plain) > 1 and not first.isalnum():
        first = character
    simple: str = simplify.convert(first)
    return simple[0]


def syllable(character: str) -> str:
    """Return how a Han character sounds, "" if nobody knows."""
    (sound,) = lazy_pinyin(character, style=Style.NORMAL, errors="ignore") or [""]
    for one, other in ALIKE:
        sound = sound.replace(one, other)
    return str(sound)


def main() -> None:
    """Build and save both tables."""
    simplify = OpenCC("t2s")
    folded = np.arange(65536, dtype=np.uint16)
    for code in range(65536):
        if not 0xD800 <= code < 0xE000:
            plain = fold(chr(code), simplify)
            folded[code] = min(ord(plain), 65535) if plain else 0
    while not np.array_equal(folded[folded], folded):  # the plain form of a plain form is itself
        folded = folded[folded]
    sounds = {code: syllable(chr(int(folded[code]))) for code in HAN}
    number = {sound: n for n, sound in enumerate(sorted(set(sounds.values())))}  # "" is 0
    syllables = np.zeros(65536, np.uint16)
    for code, sound in sounds.items():
        syllables[code] = number[sound]
    np.savez_compressed(CHARACTERS, fold=folded, syllable=syllables)
    changed = int(np.count_nonzero(folded != np.arange(65536)))
    print(f"{changed:,} characters folded, {len(number):,} syllables")


if __name__ == "__main__":
    main()
