"""Chats looked back at, and taken back.

Who may read a conversation: whoever may talk in it, or might if nobody were blocked (`policy.py`), and whoever said or
got something there, for as long as that is kept: the end of a contact, or leaving a group, takes nobody's words away.

While a toy rests, what waits for it is not shown to it either: quiet hours are held here, not by whoever asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from toybackend.errors import NotFound
from toybackend.models import (
    NOBODY,
    Conversation,
    Entry,
    Erased,
    GroupId,
    Message,
    MessageId,
    MessageState,
    Party,
    PartyId,
    PartyKind,
    Standing,
)
from toybackend.ports import Bus, Clock, Database, Presence, Tell
from toybackend.protocol import Notice, encode_server_frame
from toybackend.services.erasing import Erasing
from toybackend.services.listening import Links, is_resting
from toybackend.services.policy import Action, Decision, check, decide


@dataclass(frozen=True, slots=True)
class Overview:
    """One line of the list of conversations."""

    conversation: Conversation
    is_online: bool | None
    """Of a toy that the reader may talk with; None where nobody is told."""
    heard_at: int | None


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a history."""

    entries: Sequence[Entry]
    """Newest first."""
    before: MessageId | None
    """Where the next page begins, if there is one."""


class Conversations:
    """What people and toys see of what was said."""

    def __init__(
        self, database: Database, erasing: Erasing, bus: Bus, presence: Presence, links: Links, *, clock: Clock
    ) -> None:
        self._database = database
        self._erasing = erasing
        self._bus = bus
        self._presence = presence
        self._links = links
        self._clock = clock

    async def overview(self, reader: Party) -> list[Overview]:
        """Everybody the reader may talk with, every group, and whoever there is a past with; the latest first."""
        rests = await is_resting(self._database, reader, self._clock())
        return [self._overview(one) for one in await self._database.conversations(reader.id, rests=rests)]

    def _overview(self, one: Conversation) -> Overview:
        if one.kind is not PartyKind.TOY or one.is_over:
            return Overview(one, None, None)
        toy_id = PartyId(one.id)
        return Overview(one, self._presence.is_online(toy_id), self._presence.heard_at(toy_id) or one.heard_at)

    async def history(self, reader: Party, other_id: str, *, before: str | None, limit: int) -> Page:
        """One page. Raises NotFound, also for a conversation that is not the reader's, or a `before` not of it."""
        other = GroupId(other_id) if other_id.startswith("g_") else PartyId(other_id)
        cursor = MessageId(before) if before else None
        rests = await is_resting(self._database, reader, self._clock())
        found = await self._database.history(reader.id, other, cursor, limit + 1, rests=rests)
        if not found and cursor is None:
            check(await self._standing(reader, other), Action.READ_HISTORY)
        return Page(found[:limit], found[limit - 1].message.id if len(found) > limit else None)

    async def _standing(self, reader: Party, other: PartyId | GroupId) -> Standing:
        if other.startswith("g_"):
            return await self._database.group_standing(reader.id, GroupId(other))
        return await self._database.standing(reader.id, PartyId(other))

    def link(self, reader: Party, message: Message) -> str | None:
        """Where this reader can hear a message; None while there is nothing to hear."""
        is_ready = message.is_voice and message.state in (MessageState.CONVERTED, MessageState.PUBLISHED)
        return self._links.audio(message.id, reader.id) if is_ready else None

    async def delete(self, actor: Party, message_id: str) -> Erased:
        """Delete a message for everybody, its sound included. Raises NotFound, also where the actor may not."""
        outcome = await self._database.outcome(MessageId(message_id))
        may_delete = await self._may_delete(actor, outcome[0] if outcome else None)
        if outcome is None or not may_delete:
            raise NotFound
        message, receipts = outcome
        erased = await self._erasing.erase_message(message.id)
        await self._say_deleted(message.id, {message.sender_id, *(one.recipient_id for one in receipts)})
        return erased

    async def _may_delete(self, actor: Party, message: Message | None) -> bool:
        """As its sender, for the toy that sent it, or for the toy that got it and nobody else did. It is asked of
        nothing as well, which takes as long."""
        sender_id, to_user = (message.sender_id, message.to_user) if message else (NOBODY, None)
        standings = await self._database.standings(actor.id, [sender_id, to_user or NOBODY])
        allowed = {one for one, standing in standings.items() if _may_delete_for(standing)}
        # Whoever got it does not take back what others said.
        return sender_id in allowed or (to_user in allowed and to_user != actor.id)

    async def _say_deleted(self, message_id: MessageId, parties: Iterable[PartyId]) -> None:
        """Also to those it had not reached: it may have been on its way while it was deleted."""
        notice = encode_server_frame(Notice(event="deleted", id=message_id))
        for party_id in parties:
            await self._bus.publish(Tell(party_id, notice))


def _may_delete_for(standing: Standing) -> bool:
    return decide(standing, Action.DELETE_MESSAGE) is Decision.ALLOWED
