"""One socket's way through its party's mailbox: in order, only so far ahead of the acknowledgements, and of a toy that
rests only what may not wait."""

from __future__ import annotations

from collections.abc import Sequence

from toybackend.models import Delivery, DeliveryState, Party, PartyKind
from toybackend.ports import Mailbox
from toybackend.protocol import encode_server_frame
from toybackend.services.mailboxes import Mailboxes
from toybackend.services.receipts import Receipts


class MailboxReader:
    """Satisfies `outbox.Source`.

    It starts at the oldest message that was not delivered. Up to where the mailbox ended when the socket came, it
    takes only what was not delivered; beyond that everything, because another socket of the same person may have
    acknowledged a message that this one has not shown yet.

    While `is_resting`, what is urgent comes out of its turn and the reader stays where it is; when the rest is over it
    goes on from there, in order, past what came already.
    """

    __slots__ = (
        "_acknowledged",
        "_after",
        "_mailboxes",
        "_owner",
        "_receipts",
        "_seen",
        "_under_way",
        "_window",
        "is_resting",
    )

    def __init__(self, owner: Party, mailboxes: Mailboxes, receipts: Receipts, *, start: Mailbox, window: int) -> None:
        self._owner = owner
        self._mailboxes = mailboxes
        self._receipts = receipts
        self._after = start.first_waiting - 1
        # A toy has one socket: nobody but this one can have taken anything from its mailbox.
        self._seen = start.last_position if owner.kind is PartyKind.PERSON else NEVER
        self._window = window
        self._under_way: set[str] | None = set() if window else None
        self._acknowledged = set[str]()
        """Since the mailbox was last looked into: what is found there may be from just before."""
        self.is_resting = False

    async def next(self) -> tuple[Sequence[Delivery], bool]:
        under_way = self._under_way or set()
        room = self._window - len(under_way) if self._under_way is not None else WITHOUT_ACKS
        if room <= 0:
            return (), False
        is_resting = self.is_resting
        self._acknowledged.clear()
        # Some of what is found may be under way already, ahead of its turn.
        found = await self._look(room + len(under_way))
        if is_resting is not self.is_resting:
            return (), True  # the toy fell asleep or woke up meanwhile: this is not what may come now
        known = under_way | self._acknowledged
        fresh = [delivery for delivery in found if delivery.message.id not in known][:room]
        if found and not is_resting:
            self._after = fresh[-1].position if fresh else found[-1].position
        if self._under_way is not None:
            self._under_way.update(delivery.message.id for delivery in fresh)
        return fresh, len(fresh) == room

    async def _look(self, most: int) -> Sequence[Delivery]:
        if self.is_resting:
            return await self._mailboxes.urgent(self._owner, limit=most)
        return await self._mailboxes.waiting(self._owner, after=self._after, seen=self._seen, limit=most)

    def now_speaks_for(self, owner: Party) -> None:
        """A waiting toy found its family; nothing was read for it until now."""
        self._owner = owner

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
        self._acknowledged.add(message_id)
        return len(self._under_way) == self._window - 1


NEVER = 1 << 62
"""Beyond every position."""
WITHOUT_ACKS = 8
"""Messages fetched at a time for a client that never acknowledges."""
