"""The sink: one place that pushes are sent to."""

from __future__ import annotations

from typing import Protocol

from alerts.pushes import Push


class SinkError(Exception):
    """A push was not taken; the message says why and shows no secret.

    Parameters
    ----------
    reason
        For whoever looks after the sink.
    after
        Seconds before it makes sense to try again, where the other side said so.
    final
        Whether trying again is of no use: the other side refuses this push and would refuse it again.
    """

    def __init__(self, reason: str, *, after: float | None = None, final: bool = False) -> None:
        super().__init__(reason)
        self.after = after
        self.final = final


class Sink(Protocol):
    """Sends one push at a time, in the order in which they are given.

    A push that is sent twice carries the same id both times.
    """

    async def send(self, push: Push) -> None:
        """Return once the other side has taken it. Raises `SinkError`."""

    async def close(self) -> None:
        """Let go of everything."""


def cut(text: str, most: int, ending: str = "…") -> str:
    """Return a text of at most ``most`` bytes in UTF-8, cut between characters with a sign that it was.

    >>> cut("停水三天", 100), cut("停水三天", 11), cut("停水三天", 9)
    ('停水三天', '停水…', '停水…')
    """
    whole = text.encode()
    if len(whole) <= most:
        return text
    kept = whole[: max(0, most - len(ending.encode()))].decode("utf-8", "ignore")
    # what belongs to the character before it (a variation sign, a joiner) must not be parted from it
    while kept and text[len(kept)] in "\u200d\ufe0e\ufe0f\u20e3":
        kept = kept[:-1]
    return kept.rstrip("\u200d") + ending
