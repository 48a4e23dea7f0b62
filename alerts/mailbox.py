"""One recipient's mailbox: how much it has been sent lately, what was held back, and what it has open."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo

from alerts.model import KIND_NAMES, SEVERITIES, SEVERITY_NAMES, Severity
from alerts.phrases import clip
from alerts.push_wording import LEAD, MOST_LISTED
from alerts.subscribers import Recipient


@dataclass(slots=True)
class Mailbox:
    """State of one recipient; bounded by its flood limit and by what it has open."""

    recipient: Recipient
    sent: deque[float] = field(default_factory=deque)
    """times of the latest pushes, as many as its flood limit allows"""
    open: dict[str, None] = field(default_factory=dict)
    """ids of the alerts it was told of that are open"""
    held: int = 0
    """pushes held back since the last digest of them"""
    held_kinds: Counter[str] = field(default_factory=Counter)
    held_titles: list[tuple[int, str]] = field(default_factory=list)

    def full(self, at: float) -> bool:
        """Whether one more push at this time would be more than its limit."""
        flood = self.recipient.subscriber.flood
        if flood is None:
            return False
        while self.sent and self.sent[0] <= at - flood.within:
            self.sent.popleft()
        return len(self.sent) >= flood.pushes

    def frees(self) -> float:
        """Return when the limit next allows a push."""
        flood = self.recipient.subscriber.flood
        assert flood is not None, "only what has a limit is ever full"
        return self.sent[0] + flood.within

    def count(self, at: float) -> None:
        """Note a push."""
        if self.recipient.subscriber.flood is not None:
            self.sent.append(at)

    def hold(self, kinds: list[str], severity: Severity, title: str) -> None:
        """Note a push that was held back."""
        self.held += 1
        self.held_kinds.update(kinds)
        self.held_titles.append((SEVERITIES.index(severity), title))
        self.held_titles.sort(key=lambda item: item[0])
        del self.held_titles[MOST_LISTED:]

    def let_go(self) -> tuple[int, str, str]:
        """Return how many were held back, with title and text of the digest that stands for them."""
        count, lines = self.held, [title for _, title in self.held_titles]
        kinds = "、".join(f"{KIND_NAMES[k]}{n}" for k, n in sorted(self.held_kinds.items()))  # type: ignore[index]
        text = "\n".join([f"推送过多，另有{count}条未单独推送（{kinds}）：", *lines, LEAD])
        self.held = 0
        self.held_kinds.clear()
        self.held_titles.clear()
        return count, f"集中推送：另有{count}条", text

    def next_handover(self, after: float, zone: tzinfo) -> float | None:
        """Return when the next shift begins, None for one without shifts."""
        times = self.recipient.subscriber.digest_at
        if not times:
            return None
        day = datetime.fromtimestamp(after, zone)
        found = (
            datetime.combine(day.date() + timedelta(days=days), time, zone).timestamp()
            for days in (0, 1)
            for time in sorted(times)
        )
        return next(at for at in found if at > after)


def handover(waiting: list[Severity], titles: list[str], others: int, when: str) -> tuple[str, str]:
    """Return title and text of what one shift hands to the next: what nobody has acknowledged.

    `waiting` are all severities from the gravest on, `titles` those of the first; `others` is how many more are open
    and acknowledged, `when` the hour in words.
    """
    counts = Counter(waiting)
    grades = "、".join(f"{SEVERITY_NAMES[s]}{counts[s]}条" for s in SEVERITIES if counts[s])
    lines = [f"【{SEVERITY_NAMES[severity]}】{title}" for severity, title in zip(waiting, titles, strict=False)]
    if len(waiting) > len(titles):
        lines.append(f"另有{len(waiting) - len(titles)}条待签收")
    if others:
        lines.append(f"已签收、未解除{others}条")
    title = clip(f"{when}交接班：{len(waiting)}条预警待签收" + (f"（{grades}）" if grades else ""), 80)
    return title, "\n".join([title, *lines, LEAD])
