"""Chats: who there is to talk with, what was said, and taking it back."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec
from aiohttp import web

from toybackend.errors import NotFound
from toybackend.models import (
    Copy,
    DeliveryState,
    Entry,
    GroupKind,
    MessageState,
    Party,
    PartyKind,
)
from toybackend.protocol import rfc3339
from toybackend.services.conversations import Conversations, Overview
from toybackend.web.leaving import Went, went
from toybackend.web.rooms import ROOMS
from toybackend.web.routing import API, PATTERNS, Route, Who, caller, path_id, query

MOST_SHOWN = 100


class HistoryQuery(msgspec.Struct, frozen=True):
    before: Annotated[str, msgspec.Meta(pattern=rf"\A{PATTERNS['id']}\Z")] | None = None
    """A message of this conversation; only older ones are shown."""
    limit: Annotated[int, msgspec.Meta(ge=1, le=MOST_SHOWN)] = 50


class VoiceView(msgspec.Struct, frozen=True):
    url: str | None
    """For this reader, and for a while. Null where there is nothing to hear: not yet, or it failed."""
    duration_ms: int | None
    waveform: tuple[int, ...]


class ReceiptView(msgspec.Struct, frozen=True):
    to_user: str
    name: str
    state: DeliveryState
    delivered_at: str | None
    heard_at: str | None


class EntryState(StrEnum):
    """Of a message or of the reader's copy of it; one enumeration, because JSON has no union of two."""

    ACCEPTED = MessageState.ACCEPTED
    FAILED = MessageState.FAILED
    WAITING = DeliveryState.WAITING
    DELIVERED = DeliveryState.DELIVERED
    HEARD = DeliveryState.HEARD


class EntryView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message has either `msg` or `voice`."""

    id: str
    from_user: str
    from_name: str
    msg: str | None = None
    voice: VoiceView | None = None
    sent_at: str
    state: EntryState
    """Of what I sent `accepted` or `failed`; of what I got how far my copy is."""
    code: str | None = None
    """Why it failed."""
    receipts: tuple[ReceiptView, ...] = ()
    """Of what I sent: how far each recipient is."""


class ConversationKind(StrEnum):
    """Of a party or of a group; one enumeration, because JSON has no union of two."""

    PERSON = PartyKind.PERSON
    TOY = PartyKind.TOY
    FAMILY = GroupKind.FAMILY
    CUSTOM = GroupKind.CUSTOM


class ConversationView(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    """What goes into `to_user`, or into `to_group` where the kind is a group's."""
    name: str
    kind: ConversationKind
    unread: int
    """How many messages for me I did not hear, or read, yet."""
    last: EntryView | None
    may_send: bool
    online: bool | None
    """Of a toy that I may talk with."""
    heard_at: str | None
    """When that toy was last heard from."""


class ConversationList(msgspec.Struct, frozen=True):
    conversations: tuple[ConversationView, ...]


class History(msgspec.Struct, frozen=True):
    messages: tuple[EntryView, ...]
    """Newest first."""
    before: str | None
    """Ask with this for older ones; null where there are none."""


async def list_conversations(request: web.Request) -> ConversationList:
    """Everybody I may talk with, my groups, and whoever I have a past with; the latest first."""
    service, reader = request.app[ROOMS].conversations, caller(request)
    return ConversationList(tuple(_conversation(service, reader, one) for one in await service.overview(reader)))


async def get_history(request: web.Request) -> History:
    """What I sent and what was sent to me in one conversation, newest first."""
    service, reader, asked = request.app[ROOMS].conversations, caller(request), query(request, HistoryQuery)
    other_id = request.match_info["conversation_id"]
    page = await service.history(reader, other_id, before=asked.before, limit=asked.limit)
    return History(tuple(_entry(service, reader, one) for one in page.entries), page.before)


async def delete_message(request: web.Request) -> Went:
    """Delete a message for everybody, its sound included: as its sender, for our toy that sent it, or for our toy that
    it was sent to."""
    message_id = path_id(request, "message_id", "m")
    erased = await request.app[ROOMS].conversations.delete(caller(request), message_id)
    return went(erased)


# ── what is shown ──


def _conversation(service: Conversations, reader: Party, overview: Overview) -> ConversationView:
    it = overview.conversation
    return ConversationView(
        id=it.id,
        name=it.name,
        kind=ConversationKind(it.kind),
        unread=it.unread,
        last=_entry(service, reader, it.last) if it.last else None,
        may_send=it.may_send,
        online=overview.is_online,
        heard_at=_time(overview.heard_at),
    )


def _entry(service: Conversations, reader: Party, entry: Entry) -> EntryView:
    message, failed = entry.message, entry.message.failure is not None
    return EntryView(
        id=message.id,
        from_user=message.sender_id,
        from_name=message.sender_name,
        msg=message.text,
        voice=_voice(service, reader, entry) if message.is_voice else None,
        sent_at=rfc3339(message.accepted_at),
        state=EntryState(entry.state or (MessageState.FAILED if failed else MessageState.ACCEPTED)),
        code=message.failure,
        receipts=() if failed else tuple(_receipt(one) for one in entry.copies),
    )


def _voice(service: Conversations, reader: Party, entry: Entry) -> VoiceView:
    message = entry.message
    return VoiceView(service.link(reader, message), message.duration_ms, message.waveform or ())


def _receipt(copy: Copy) -> ReceiptView:
    return ReceiptView(
        to_user=copy.recipient_id,
        name=copy.recipient_name,
        state=copy.state,
        delivered_at=_time(copy.delivered_at),
        heard_at=_time(copy.heard_at),
    )


def _time(at: int | None) -> str | None:
    return rfc3339(at) if at is not None else None


ROUTES = (
    Route(
        method="GET",
        path=f"{API}/conversations",
        handler=list_conversations,
        who=Who.PERSON_OR_TOY,
        answer=ConversationList,
    ),
    Route(
        method="GET",
        path=f"{API}/conversations/{{conversation_id}}/messages",
        handler=get_history,
        who=Who.PERSON_OR_TOY,
        query=HistoryQuery,
        answer=History,
        refuses=(NotFound,),
    ),
    Route(
        method="DELETE",
        path=f"{API}/messages/{{message_id}}",
        handler=delete_message,
        who=Who.PERSON_OR_TOY,
        answer=Went,
        refuses=(NotFound,),
    ),
)
