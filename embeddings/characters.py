"""One plain form for every character, and how Han characters sound: tables that ship with the package."""

import json
from pathlib import Path
from typing import Final

CHARACTERS: Final = Path(__file__).parent / "models" / "characters.json"


def _shipped() -> tuple[dict[int, int | None], dict[int, int]]:
    stored = json.loads(CHARACTERS.read_text(encoding="utf-8"))
    plain: dict[int, int | None] = dict(zip(map(ord, stored["folded"]), map(ord, stored["plain"]), strict=True))
    plain |= dict.fromkeys(map(ord, stored["dropped"]))
    sounds = {ord(c): n for n, alike in enumerate(stored["syllables"].values(), 1) for c in alike}
    return plain, sounds


PLAIN, SOUND = _shipped()
"""By code point. PLAIN, as `str.translate` takes it: the character in NFKC, lower case and simplified script where that
is another one, None for what is dropped (white space, marks without width). SOUND: number of a Han character's usual
reading without tone; readings that people who type in haste take for one another (zh and z, ing and in) have one."""
