"""Text as every other module sees it: one normal form."""

from embeddings.characters import PLAIN

#: Characters of a ticket that are read; what follows repeats and pleads, and costs time.
MAX_CHARS = 600


def normalise(text: str, limit: int = MAX_CHARS) -> str:
    """Return `text` in NFKC, lower case and simplified script, without white space, at most `limit` characters.

    >>> normalise("ＡＢＣ 小區\\t停水")
    'abc小区停水'
    """
    return text[: 2 * limit].translate(PLAIN)[:limit]
