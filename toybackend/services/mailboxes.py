"""What waits for a party, and the frames it arrives in."""

from __future__ import annotations

from collections.abc import Sequence

from toybackend.models import Delivery, Party
from toybackend.ports import Mailbox
from toybackend.ports import Mailboxes as MailboxTable
from toybackend.protocol import ServerFrame, Text, Voice, rfc3339
from toybackend.services.listening import Links


class Mailboxes:
    """Reading mailboxes, in the order in which they were filled."""

    def __init__(self, table: MailboxTable, links: Links) -> None:
        self._table = table
        self._links = links

    async def state(self, owner: Party) -> Mailbox:
        return await self._table.mailbox(owner.id)

    async def waiting(self, owner: Party, *, after: int, seen: int, limit: int) -> Sequence[Delivery]:
        """The next messages beyond position `after`; see `ports.Messages.waiting`."""
        return await self._table.waiting(owner.id, after, seen, limit)

    async def urgent(self, owner: Party, *, limit: int) -> Sequence[Delivery]:
        """What may not wait for the end of quiet hours; see `ports.Mailboxes.urgent`."""
        return await self._table.urgent(owner.id, limit)

    def frame(self, delivery: Delivery) -> ServerFrame:
        """What the owner's socket is sent."""
        message = delivery.message
        if message.text is not None:
            return Text(
                id=message.id,
                from_user=message.sender_id,
                from_name=message.sender_name,
                to_user=message.to_user,
                to_group=message.to_group,
                msg=message.text,
                sent_at=rfc3339(message.accepted_at),
            )
        return Voice(
            id=message.id,
            from_user=message.sender_id,
            from_name=message.sender_name,
            to_user=message.to_user,
            to_group=message.to_group,
            url=self._links.audio(message.id, delivery.recipient_id),
            duration_ms=message.duration_ms or 0,
            waveform=message.waveform or (),
            sent_at=rfc3339(message.accepted_at),
        )
