"""Text as every other module sees it: one normal form."""

from typing import Protocol

from embeddings.characters import PLAIN

#: Characters of a ticket that are read; what follows repeats and pleads, and costs time.
MAX_CHARS = 600


class Judge(Protocol):
    """What a model makes of a text: `embeddings.ngrams.NgramModel`, which settings need not load."""

    def judge(self, text: str) -> tuple[float, str]:
        """Return the chance, 0 to 1, that a text tells of it, and of which kind it then is most likely."""
        ...


def normalise(text: str, limit: int = MAX_CHARS) -> str:
    """Return `text` in NFKC, lower case and simplified script, without white space, at most `limit` characters.

    >>> normalise("ＡＢＣ 小區\\t停水")
    'abc小区停水'
    """
    return text[: 2 * limit].translate(PLAIN)[:limit]
