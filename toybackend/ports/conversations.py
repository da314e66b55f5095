"""What was said, looked back at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from toybackend.models import Conversation, Entry, GroupId, MessageId, PartyId


class Conversations(Protocol):
    """Chats as one of their parties sees them."""

    async def conversations(self, reader_id: PartyId) -> Sequence[Conversation]:
        """Everybody the reader may talk with, every group, and whoever there is a past with; the latest first."""

    async def history(
        self, reader_id: PartyId, other: PartyId | GroupId, before: MessageId | None, limit: int
    ) -> Sequence[Entry]:
        """What the reader sent, and what was published to the reader, in this conversation: the newest `limit`
        before that message, newest first. Empty for a conversation that is not the reader's.
        Raises NotFound where `before` is no such message."""
