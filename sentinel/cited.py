"""Ticket numbers that a text cites: 工单号PD20250405000322反映过，至今没有解决."""

import re
import unicodedata

_ANNOUNCED = re.compile(r"(?:工单|单号|编号|受理号|流水号)[号为是:：（(\s]{0,4}([A-Za-z\d][A-Za-z\d-]{5,39})")


def cited_numbers(*texts: str) -> list[str]:
    """Return the numbers that follow a word announcing one, in order; which are tickets' is for others to say.

    >>> cited_numbers("再次来电，工单号PD20250405000322，情况依旧", "家住12号楼")
    ['PD20250405000322']
    """
    return [unicodedata.normalize("NFKC", number) for text in texts for number in _ANNOUNCED.findall(text)]
