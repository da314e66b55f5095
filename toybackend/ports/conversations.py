"""What was said, looked back at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from toybackend.models import Conversation, Entry, GroupId, MessageId, PartyId


class Conversations(Protocol):
    """Chats as one of their parties sees them."""

    async def conversations(self, reader_id: PartyId, *, rests: bool = False) -> Sequence[Conversation]:
        """Everybody the reader may talk with, every group, and whoever there is a past with; the latest first.
        To a reader who rests, what waits for the end of that was not said yet."""

    async def history(
        self,
        reader_id: PartyId,
        other: PartyId | GroupId,
        before: MessageId | None,
        limit: int,
        *,
        rests: bool = False,
    ) -> Sequence[Entry]:
        """What the reader sent, and what was published to the reader, in this conversation: the newest `limit`
        before that message, newest first; for one who rests, without what waits for the end of that. Empty for a
        conversation that is not the reader's.
        Raises NotFound where `before` is no such message."""
