"""The outlet: where pushes leave delivery, within each recipient's flood limit."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import NamedTuple

from alerts.mailbox import Mailbox
from alerts.pushes import AlertView, Push, PushReason, push_id
from alerts.routing import Way
from alerts.subscribers import Recipient
from alerts.timers import Timers


class Batch(NamedTuple):
    """The alerts of a push, and the way they came."""

    alerts: tuple[AlertView, ...]
    more: int
    way: Way


class Outlet:
    """All mailboxes. Sets the timers of flood limits and shifts; delivery calls back when they are due."""

    def __init__(self, timers: Timers[tuple[str, ...]]) -> None:
        self.mailboxes: dict[str, Mailbox] = {}
        self.held_back = 0
        """pushes that a flood limit has held back"""
        self._timers = timers
        self._out: list[Push] = []

    def said(self) -> list[Push]:
        """Return what has been said since the last call."""
        said, self._out = self._out, []
        return said

    def mailbox(self, recipient: Recipient, at: float, zone: tzinfo) -> Mailbox:
        """Return a recipient's mailbox; its shifts count from its first push on."""
        mailbox = self.mailboxes.get(recipient.id)
        if mailbox is None:
            mailbox = self.mailboxes[recipient.id] = Mailbox(recipient)
            self.next_shift(mailbox, at, zone)
        return mailbox

    def next_shift(self, mailbox: Mailbox, after: float, zone: tzinfo) -> None:
        """Let the next hand-over fall due."""
        due = mailbox.next_handover(after, zone)
        if due is not None:
            self._timers.set(("handover", mailbox.recipient.id), due, mailbox.recipient.id)

    def hold(self, mailbox: Mailbox, batch: Batch, title: str) -> None:
        """Count a push instead of saying it."""
        self.held_back += 1
        mailbox.hold([view.kind for view in batch.alerts], batch.alerts[0].severity, title)
        self._timers.set(("flood", mailbox.recipient.id), mailbox.frees(), mailbox.recipient.id)

    def flood_over(self, recipient: str, at: float, seq: int) -> None:
        """Say, as one, what a flood limit has held back, if there is room by now."""
        mailbox = self.mailboxes[recipient]
        if not mailbox.held:
            return
        if mailbox.full(at):
            self._timers.set(("flood", recipient), mailbox.frees(), recipient)
        else:
            count, what, words = mailbox.let_go()
            self.emit(mailbox, at, seq, "flood", what, words, held_back=count)

    def emit(
        self,
        mailbox: Mailbox,
        at: float,
        seq: int,
        reason: PushReason,
        title: str,
        words: str,
        batch: Batch | None = None,
        held_back: int = 0,
    ) -> None:
        """Say a push."""
        mailbox.count(at)
        moment, recipient = datetime.fromtimestamp(at, UTC), mailbox.recipient.id
        alerts = batch.alerts if batch is not None else ()
        self._out.append(
            Push(
                push_id=push_id(recipient, moment, seq, reason, (view.alert_id for view in alerts), words),
                subscriber=recipient,
                at=moment,
                seq=seq,
                reason=reason,
                severity=alerts[0].severity if alerts else None,
                title=title,
                text=words,
                alerts=alerts,
                more=batch.more if batch is not None else 0,
                held_back=held_back,
                route=batch.way.route if batch is not None else "",
                because=batch.way.because if batch is not None else "",
            )
        )
