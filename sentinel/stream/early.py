"""What cannot wait for its round: danger to life is told as soon as its transition is on `alerts`.

Delivery decides in the order of the numbers, and knows that nothing is missing only when a round is over, up to a tick
later. So for a critical transition a copy of its state is taken a round ahead, with what has arrived since; the
critical push that comes of it has the same id as the one that delivery will decide, and is then not sent again. Only
if something with a smaller number, that had not arrived yet, changes that push is there one more.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable
from typing import Final

from alerts import Alert, Delivery
from alerts.pushes import Push
from sentinel.records import in_log_order

REMEMBERED: Final = 1000
"""Ids of the latest pushes that were sent early."""


class Early:
    """Keeps what has arrived and is not decided yet."""

    def __init__(self, delivery: Delivery) -> None:
        self.sent: dict[str, None] = {}
        """ids of pushes that were sent early"""
        self._delivery = delivery
        self._ahead: dict[tuple[str, int, str], Alert] = {}
        self._decided = -1

    def decided(self, round_: int) -> None:
        """Everything up to a number is decided."""
        self._decided = max(self._decided, round_)
        self._ahead = {key: alert for key, alert in self._ahead.items() if alert.seq > self._decided}

    def arrived(self, alert: Alert) -> list[Push]:
        """Take a transition as it arrives; return the pushes that should not wait."""
        if alert.seq <= self._decided:
            return []
        self._ahead[alert.alert_id, alert.seq, alert.reason] = alert
        if alert.severity != "critical" or alert.state != "open":
            return []
        delivery: Delivery = pickle.loads(pickle.dumps(self._delivery))
        pushes = []
        for other in in_log_order((a.seq, a.street, a) for a in self._ahead.values()):
            pushes += delivery.take(other)
        urgent = [push for push in pushes if push.severity == "critical" and push.push_id not in self.sent]
        urgent = [push for push in urgent if any(view.alert_id == alert.alert_id for view in push.alerts)]
        self.remember(push.push_id for push in urgent)
        return urgent

    def remember(self, identities: Iterable[str]) -> None:
        """Note ids of pushes that were sent early, now or by another worker before."""
        self.sent.update(dict.fromkeys(identities))
        while len(self.sent) > REMEMBERED:
            del self.sent[next(iter(self.sent))]
