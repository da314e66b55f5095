"""Chats as one of their parties sees them: what the reader sent, and the reader's copies of what was published.

Both are found by reader and conversation alone (`ix_messages_said`, `ix_deliveries_got`), so a page of a chat costs
what it shows, however much was said before it or by others; and every number of conversations takes as many
statements as one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Row,
    Select,
    bindparam,
    exists,
    func,
    or_,
    select,
    union_all,
)

from toybackend.databases.engine import Engine
from toybackend.databases.mailboxes import nickname
from toybackend.databases.messages import message_of, select_messages, spelled_out
from toybackend.databases.relations import peers
from toybackend.databases.tables import deliveries, groups, members, messages, parties, toys
from toybackend.errors import NotFound
from toybackend.models import (
    Conversation,
    Copy,
    DeliveryState,
    Entry,
    GroupId,
    GroupKind,
    MessageId,
    PartyId,
    PartyKind,
)


class SqlConversations:
    """Satisfies `ports.Conversations`."""

    _engine: Engine

    async def conversations(self, reader_id: PartyId, *, rests: bool = False) -> Sequence[Conversation]:
        return await self._engine.read(lambda connection: _conversations(connection, reader_id, rests))

    async def history(
        self,
        reader_id: PartyId,
        other: PartyId | GroupId,
        before: MessageId | None,
        limit: int,
        *,
        rests: bool = False,
    ) -> Sequence[Entry]:
        key = _key(reader_id, other)
        return await self._engine.read(lambda connection: _history(connection, reader_id, key, before, limit, rests))


def _key(reader_id: str, other: str) -> str:
    """As in `Message.conversation`."""
    return other if other.startswith("g_") else "+".join(sorted((reader_id, other)))


def _other(reader_id: str, key: str) -> str:
    """And back."""
    one, _, two = key.partition("+")
    return two if one == reader_id else one


# ── entries ──

_READER: ColumnElement[str] = bindparam("reader")
_I_SENT = messages.c.sender_id == _READER
_I_GOT = (deliveries.c.recipient_id == _READER, deliveries.c.position.is_not(None))
_URGENT_ONE = messages.alias("urgent_one")
_I_GOT_AT_REST = (
    *_I_GOT,
    or_(
        deliveries.c.state != spelled_out(DeliveryState.WAITING),
        exists().where(_URGENT_ONE.c.id == deliveries.c.message_id, _URGENT_ONE.c.is_urgent),
    ),
)
_Shown = tuple[ColumnElement[bool], ...]
"""Which of the reader's copies are shown: statements are built for those of every day and for those at rest, so that
the everyday ones stay simple."""
_CALLED = func.coalesce(func.nullif(nickname(_READER, parties.c.id), ""), parties.c.name).label("called")
_MINE = deliveries.alias("mine")
_ENTRIES = (
    select_messages(_CALLED, _MINE.c.state.label("my_state"))
    .outerjoin(_MINE, (_MINE.c.message_id == messages.c.id) & (_MINE.c.recipient_id == _READER))
    .order_by(messages.c.seq.desc())
)
_COPIES = (
    select(deliveries, _CALLED)
    .join_from(deliveries, parties, parties.c.id == deliveries.c.recipient_id)
    .where(deliveries.c.message_id.in_(bindparam("sent", expanding=True)))
    .order_by(parties.c.name, parties.c.id)
)


def _entries(connection: Connection, rows: Sequence[Row[Any]], reader_id: PartyId) -> list[Entry]:
    sent = [row.id for row in rows if row.sender_id == reader_id]
    copies: dict[str, list[Copy]] = defaultdict(list)
    for row in connection.execute(_COPIES, {"reader": reader_id, "sent": sent}):
        copies[row.message_id].append(_copy(row))
    return [_entry(row, tuple(copies[row.id])) for row in rows]


def _copy(row: Row[Any]) -> Copy:
    return Copy(PartyId(row.recipient_id), row.called, DeliveryState(row.state), row.delivered_at, row.heard_at)


def _entry(row: Row[Any], copies: tuple[Copy, ...]) -> Entry:
    return Entry(message_of(row, row.called), DeliveryState(row.my_state) if row.my_state else None, copies)


# ── one conversation ──


def _newest(seq: ColumnElement[int], *mine: ColumnElement[bool]) -> Select[Any]:
    older = select(seq.label("seq")).where(*mine, seq < bindparam("before"))
    return select(older.order_by(seq.desc()).limit(bindparam("most")).subquery().c.seq)


def _page(shown: _Shown) -> Select[Any]:
    sent = _newest(messages.c.seq, _I_SENT, messages.c.conversation == bindparam("key"))
    got = _newest(deliveries.c.seq, *shown, deliveries.c.conversation == bindparam("key"))
    return _ENTRIES.where(messages.c.seq.in_(union_all(sent, got))).limit(bindparam("most"))


def _place(shown: _Shown) -> CompoundSelect[Any]:
    """Of the message before which a page begins; what is not shown is no place either."""
    return union_all(
        select(messages.c.seq).where(
            _I_SENT, messages.c.conversation == bindparam("key"), messages.c.id == bindparam("message")
        ),
        select(deliveries.c.seq).where(
            *shown, deliveries.c.conversation == bindparam("key"), deliveries.c.message_id == bindparam("message")
        ),
    )


_HISTORY, _HISTORY_AT_REST = _page(_I_GOT), _page(_I_GOT_AT_REST)
_CURSOR, _CURSOR_AT_REST = _place(_I_GOT), _place(_I_GOT_AT_REST)
_AFTER_ALL = 2**62


def _history(
    connection: Connection, reader_id: PartyId, key: str, before: MessageId | None, limit: int, rests: bool
) -> list[Entry]:
    page, cursor = (_HISTORY_AT_REST, _CURSOR_AT_REST) if rests else (_HISTORY, _CURSOR)
    mine = {"reader": reader_id, "key": key}
    seq = connection.execute(cursor, {**mine, "message": before}).scalar() if before else _AFTER_ALL
    if seq is None:
        raise NotFound
    rows = connection.execute(page, {**mine, "before": seq, "most": limit}).all()
    return _entries(connection, rows, reader_id)


# ── all of them ──


def _last_ones(shown: _Shown) -> Select[Any]:
    sent = select(messages.c.conversation, func.max(messages.c.seq).label("seq")).where(_I_SENT)
    got = select(deliveries.c.conversation, func.max(deliveries.c.seq).label("seq")).where(*shown)
    both = union_all(sent.group_by(messages.c.conversation), got.group_by(deliveries.c.conversation)).subquery()
    return _ENTRIES.where(messages.c.seq.in_(select(func.max(both.c.seq)).group_by(both.c.conversation)))


_LAST, _LAST_AT_REST = _last_ones(_I_GOT), _last_ones(_I_GOT_AT_REST)
_UNREAD = (
    select(deliveries.c.conversation, func.count().label("unread"))
    .where(*_I_GOT, deliveries.c.state != spelled_out(DeliveryState.HEARD))
    .group_by(deliveries.c.conversation)
)
_PARTIES = (
    select(parties.c.id, parties.c.kind, _CALLED, toys.c.paused_at, toys.c.heard_at)
    .join_from(parties, toys, toys.c.id == parties.c.id, isouter=True)
    .where(parties.c.id.in_(bindparam("parties", expanding=True)))
)
_MEMBERSHIP, _OTHERS = members.alias("membership"), members.alias("others")
_FELLOWS: Select[Any] = (
    select(_OTHERS.c.group_id, _OTHERS.c.party_id, toys.c.paused_at)
    .join_from(_MEMBERSHIP, _OTHERS, _OTHERS.c.group_id == _MEMBERSHIP.c.group_id)
    .outerjoin(toys, toys.c.id == _OTHERS.c.party_id)
    .where(_MEMBERSHIP.c.party_id == _READER)
)
_GROUPS = select(groups).where(groups.c.id.in_(bindparam("groups", expanding=True)))


@dataclass(frozen=True, slots=True)
class _Chats:
    """What the reader's conversations are put together from; by key unless it says otherwise."""

    reader_id: PartyId
    peers: set[PartyId]
    """Whom the reader may talk with now."""
    last: dict[str, Entry]
    unread: dict[str, int]
    parties: dict[str, Row[Any]]
    """By id: the peers, whoever there is a past with, and the reader."""
    fellows: dict[str, list[Row[Any]]]
    """By group of the reader: its members."""
    groups: dict[str, Row[Any]]
    """By id: the reader's, and those that were."""


def _conversations(connection: Connection, reader_id: PartyId, rests: bool) -> list[Conversation]:
    chats = _read(connection, reader_id, rests)
    found = [_with_party(chats, row) for row in chats.parties.values() if row.id != reader_id]
    found += [_in_group(chats, row) for row in chats.groups.values()]
    places = {key: place for place, key in enumerate(chats.last)}

    def place(one: Conversation) -> tuple[int, str, str]:
        return places.get(_key(reader_id, one.id), len(places)), one.name.casefold(), one.id

    return sorted(found, key=place)


def _read(connection: Connection, reader_id: PartyId, rests: bool) -> _Chats:
    reader = {"reader": reader_id}
    last = _entries(connection, connection.execute(_LAST_AT_REST if rests else _LAST, reader).all(), reader_id)
    now = peers(connection, reader_id)
    fellows: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in connection.execute(_FELLOWS, reader):
        fellows[row.group_id].append(row)
    known = {*now, reader_id, *(_other(reader_id, one.message.conversation) for one in last if one.message.to_user)}
    known_groups = {*fellows, *(one.message.conversation for one in last if one.message.to_group)}
    return _Chats(
        reader_id=reader_id,
        peers=now,
        last={one.message.conversation: one for one in last},
        unread={row.conversation: row.unread for row in connection.execute(_UNREAD, reader)},
        parties=_by_id(connection.execute(_PARTIES, {**reader, "parties": list(known)})),
        fellows=fellows,
        groups=_by_id(connection.execute(_GROUPS, {"groups": list(known_groups)})),
    )


def _by_id(rows: Iterable[Row[Any]]) -> dict[str, Row[Any]]:
    return {row.id: row for row in rows}


def _with_party(chats: _Chats, other: Row[Any]) -> Conversation:
    key, is_peer = _key(chats.reader_id, other.id), other.id in chats.peers
    return Conversation(
        id=PartyId(other.id),
        name=other.called,
        kind=PartyKind(other.kind),
        unread=chats.unread.get(key, 0),
        last=chats.last.get(key),
        may_send=is_peer and other.paused_at is None and _may_talk(chats),
        is_over=not is_peer,
        heard_at=other.heard_at if is_peer else None,
    )


def _in_group(chats: _Chats, group: Row[Any]) -> Conversation:
    reached = [one for one in chats.fellows.get(group.id, ()) if one.party_id in chats.peers and one.paused_at is None]
    return Conversation(
        id=GroupId(group.id),
        name=group.name,
        kind=GroupKind(group.kind),
        unread=chats.unread.get(group.id, 0),
        last=chats.last.get(group.id),
        may_send=bool(reached) and _may_talk(chats),
        is_over=group.id not in chats.fellows,
        heard_at=None,
    )


def _may_talk(chats: _Chats) -> bool:
    """A toy that is paused sends nothing."""
    return chats.parties[chats.reader_id].paused_at is None
