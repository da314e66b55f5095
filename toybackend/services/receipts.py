"""What the sender of a message is told about it: delivered, heard, failed.

Receipts are told when they happen, to every socket of the sender that is open then. They are also rows: a sender
that was away learns them from the history, or by using the message's `ref` again.
"""

from __future__ import annotations

import asyncio

from toybackend.models import DeliveryState, MessageId, Party, PartyId
from toybackend.ports import Bus, Clock, Database, Receipt, Tell
from toybackend.protocol import Delivered, Failed, Heard, ServerFrame, encode_server_frame

_Step = tuple[MessageId, PartyId, DeliveryState]


class Receipts:
    """Recording receipts and passing them on."""

    def __init__(self, messages: Database, bus: Bus, *, clock: Clock) -> None:
        self._messages = messages
        self._bus = bus
        self._clock = clock
        self._under_way: dict[_Step, asyncio.Future[bool]] = {}
        """What is being recorded, and will be whether it could be."""

    async def advance(self, recipient: Party, message_id: str, to: DeliveryState) -> None:
        """The recipient has, or has heard, a message. Unknown ids and repetitions change nothing; all sockets of a
        person say it at the same moment, and one of them is enough."""
        step = (MessageId(message_id), recipient.id, to)
        while (other := self._under_way.get(step)) is not None:
            if await asyncio.shield(other):
                return
        receipt = await self._record(step)
        if receipt is not None:
            await self._tell_receipt(receipt)

    async def _record(self, step: _Step) -> Receipt | None:
        recorded = self._under_way[step] = asyncio.get_running_loop().create_future()
        is_recorded = False
        try:
            receipt = await self._messages.advance(*step, self._clock())
            is_recorded = True
        finally:
            del self._under_way[step]
            recorded.set_result(is_recorded)
        return receipt

    async def repeat(self, message_id: MessageId) -> set[PartyId]:
        """Tell all there is to tell about a message once more, for a sender that may have missed it.
        Returns those whom it will still reach."""
        outcome = await self._messages.outcome(message_id)
        if outcome is None:
            return set()
        message, receipts = outcome
        if message.failure is not None:
            await self.tell(message.sender_id, Failed(id=message.id, code=message.failure))
            return set()
        for receipt in receipts:
            await self._tell_receipt(receipt)
            # A large group has many: let the socket's writer go between them, or its outbox overflows.
            await asyncio.sleep(0)
        return {receipt.recipient_id for receipt in receipts if receipt.state is DeliveryState.WAITING}

    async def tell(self, party_id: PartyId, frame: ServerFrame) -> None:
        await self._bus.publish(Tell(party_id, encode_server_frame(frame)))

    async def _tell_receipt(self, receipt: Receipt) -> None:
        if receipt.state is DeliveryState.WAITING:
            return
        kind = Heard if receipt.state is DeliveryState.HEARD else Delivered
        await self.tell(receipt.sender_id, kind(id=receipt.message_id, to_user=receipt.recipient_id))
