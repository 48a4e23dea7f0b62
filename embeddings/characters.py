"""One plain form for every character, and how Han characters sound: tables that ship with the package."""

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

CHARACTERS: Final = Path(__file__).parent / "models" / "characters.npz"


def _shipped() -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    with np.load(CHARACTERS) as stored:
        return stored["fold"], stored["syllable"]


FOLD, SYLLABLE = _shipped()
"""By code point, shape (65536,), uint16. FOLD: the character in NFKC, lower case and simplified script, 0 for what is
dropped. SYLLABLE: number of a Han character's reading without tone, 0 for every other character."""

TRANSLATION: Final[dict[int, int | None]] = {
    code: int(FOLD[code]) or None for code in np.flatnonzero(np.arange(65536) != FOLD).tolist()
}
"""FOLD as `str.translate` takes it."""
