"""Build the table of characters: one plain form for each, and how it sounds.

    python -m embeddings.train.characters

Writes embeddings/models/characters.json, which `embeddings/characters.py` explains. The mapping of traditional to
simplified characters is that of OpenCC, the readings are those of pypinyin.
"""

import json
import unicodedata
from pathlib import Path

from opencc import OpenCC
from pypinyin import Style, lazy_pinyin

CHARACTERS = Path("embeddings/models/characters.json")
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
    plain = {chr(code): fold(chr(code), simplify) for code in range(0x10000) if not 0xD800 <= code < 0xE000}
    plain = {one: other if ord(other or "0") < 0x10000 else one for one, other in plain.items()}
    while (again := {one: plain[other] if other else "" for one, other in plain.items()}) != plain:
        plain = again  # the plain form of a plain form is itself
    syllables: dict[str, str] = {}
    for code in HAN:
        if sound := syllable(plain[chr(code)] or chr(code)):
            syllables[sound] = syllables.get(sound, "") + chr(code)
    changed = {one: other for one, other in plain.items() if other and other != one}
    tables = {
        "folded": "".join(changed),
        "plain": "".join(changed.values()),
        "dropped": "".join(one for one, other in plain.items() if not other),
        "syllables": dict(sorted(syllables.items())),
    }
    CHARACTERS.write_text(json.dumps(tables, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
    print(f"{len(changed):,} characters folded, {len(syllables):,} syllables")


if __name__ == "__main__":
    main()
