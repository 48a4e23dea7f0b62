"""Text as every other module sees it: one normal form."""

import re
import unicodedata

#: Characters of a ticket that are read; what follows repeats and pleads, and costs time.
MAX_CHARS = 600

_SPACE = re.compile(r"\s+")


def normalise(text: str, limit: int = MAX_CHARS) -> str:
    """Return `text` in NFKC, lower case, without white space, at most `limit` characters.

    >>> normalise("ＡＢＣ 小区\\t停水")
    'abc小区停水'
    """
    text = text[: 2 * limit]
    while True:
        if not unicodedata.is_normalized("NFKC", text):
            text = unicodedata.normalize("NFKC", text)
        plain = _SPACE.sub("", text).lower()
        # what was apart may combine once the space between is gone
        if unicodedata.is_normalized("NFKC", plain):
            return plain[:limit]
        text = plain
