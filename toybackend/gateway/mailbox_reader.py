"""One socket's way through its party's mailbox: in order, and only so far ahead of the acknowledgements."""

from __future__ import annotations

from collections.abc import Sequence

from toybackend.models import Delivery, DeliveryState, Party
from toybackend.ports import Mailbox
from toybackend.protocol import encode_server_frame
from toybackend.services.mailboxes import Mailboxes
from toybackend.services.receipts import Receipts


class MailboxReader:
    """Satisfies `outbox.Source`.

    It starts at the oldest message that was not delivered. Up to where the mailbox ended when the socket came, it
    takes only what was not delivered; beyond that everything, because another socket of the same person may have
    acknowledged a message that this one has not shown yet.
    """

    __slots__ = ("_after", "_mailboxes", "_owner", "_receipts", "_seen", "_under_way", "_window")

    def __init__(self, owner: Party, mailboxes: Mailboxes, receipts: Receipts, *, start: Mailbox, window: int) -> None:
        self._owner = owner
        self._mailboxes = mailboxes
        self._receipts = receipts
        self._after = start.first_waiting - 1
        self._seen = start.last_position
        self._window = window
        self._under_way: set[str] | None = set() if window else None

    async def next(self) -> tuple[Sequence[Delivery], bool]:
        room = self._window - len(self._under_way) if self._under_way is not None else WITHOUT_ACKS
        if room <= 0:
            return (), False
        found = await self._mailboxes.waiting(self._owner, after=self._after, seen=self._seen, limit=room)
        if found:
            self._after = found[-1].position
        if self._under_way is not None:
            self._under_way.update(delivery.message.id for delivery in found)
        return found, len(found) == room

    def encode(self, delivery: Delivery) -> str:
        return encode_server_frame(self._mailboxes.frame(delivery))

    async def written(self, delivery: Delivery) -> None:
        if self._under_way is None:
            await self._receipts.advance(self._owner, delivery.message.id, DeliveryState.DELIVERED)

    def acknowledged(self, message_id: str) -> bool:
        """Was the window full until now, so that it is worth looking into the mailbox again?"""
        if self._under_way is None or message_id not in self._under_way:
            return False
        self._under_way.discard(message_id)
        return len(self._under_way) == self._window - 1


WITHOUT_ACKS = 8
"""Messages fetched at a time for a client that never acknowledges."""
