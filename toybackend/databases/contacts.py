"""Pairs of parties of different families. Each pair is one row, the smaller id first, with a name and a block for
either side; out here it is seen from one of its sides."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Row,
    and_,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)

from toybackend.databases.engine import Engine
from toybackend.databases.relations import peers
from toybackend.databases.tables import contacts, deliveries, messages, parties, toys
from toybackend.errors import NotFound, TooMany, UnknownRecipient
from toybackend.models import Contact, ContactId, ContactState, DeliveryState, MessageId, Party, PartyId, PartyKind
from toybackend.ports import Asked, TakenBack


class SqlContacts:
    """Satisfies `ports.Contacts`."""

    _engine: Engine

    async def party(self, party_id: PartyId) -> Party | None:
        return await self._engine.read(lambda connection: _party(connection, party_id))

    async def ask(
        self, contact_id: ContactId, side: PartyId, other: PartyId, now: int, *, is_agreed: bool, most: int
    ) -> Asked:
        def query(connection: Connection) -> Asked:
            before = _pair(connection, side, other)
            if before is None or _blocks(before, other):
                # First of all our own number, or whoever has no room would learn by the answer who is there.
                _check_room(connection, side, most)
            if before is None:
                _add(connection, contact_id, side, other, now, most)
            elif _blocks(before, other):
                raise UnknownRecipient
            asked = _made_pair(connection, side, other)
            agrees = is_agreed or asked.asked_by == other
            if asked.state == ContactState.ASKED and agrees and not _blocks(asked, side):
                connection.execute(_AGREE, {"contact": asked.id, "now": now})
            after = _made_pair(connection, side, other)
            return Asked(_seen_from(after, side), is_news=before is None or before.state != after.state)

        return await self._engine.write(query)

    async def contacts_of(self, sides: Collection[PartyId]) -> Sequence[Contact]:
        def query(connection: Connection) -> list[Contact]:
            rows = connection.execute(_OF_SIDES, {"sides": list(sides)}).all()
            return sorted((view for row in rows for view in _views(row) if view.side.id in sides), key=_by_name)

        return await self._engine.read(query)

    async def contact(self, contact_id: ContactId) -> Sequence[Contact]:
        def query(connection: Connection) -> list[Contact]:
            row = connection.execute(_ONE, {"contact": contact_id}).one_or_none()
            return _views(row) if row is not None else []

        return await self._engine.read(query)

    async def agree(self, contact_id: ContactId, side: PartyId, now: int) -> None:
        agreement = {"contact": contact_id, "side": side, "now": now}

        def query(connection: Connection) -> None:
            if connection.execute(_AGREE_AS_ASKED, agreement).rowcount == 0:
                raise NotFound

        await self._engine.write(query)

    async def set_nickname(self, contact_id: ContactId, side: PartyId, nickname: str) -> None:
        change = {"contact": contact_id, "side": side, "nickname": nickname}

        def query(connection: Connection) -> None:
            for statement in _SET_NICKNAME:
                connection.execute(statement, change)

        await self._engine.write(query)

    async def set_block(self, contact_id: ContactId, side: PartyId, *, blocks: bool) -> Sequence[TakenBack]:
        change = {"contact": contact_id, "side": side, "blocks": blocks}

        def query(connection: Connection) -> list[TakenBack]:
            for statement in _SET_BLOCK:
                connection.execute(statement, change)
            row = connection.execute(_ONE, {"contact": contact_id}).one_or_none()
            return _take_back_of(connection, row) if row is not None and blocks else []

        return await self._engine.write(query)

    async def end_contact(self, contact_id: ContactId, by: Collection[PartyId]) -> Sequence[TakenBack]:
        def query(connection: Connection) -> list[TakenBack]:
            row = connection.execute(_ONE, {"contact": contact_id}).one_or_none()
            if row is None:
                return []
            _end(connection, row, by)
            return _take_back_of(connection, row)

        return await self._engine.write(query)


# ── parties ──

_PARTY = (
    select(parties.c.id, parties.c.kind, parties.c.name)
    .select_from(parties.outerjoin(toys, toys.c.id == parties.c.id))
    .where(parties.c.id == bindparam("party"), or_(toys.c.id.is_(None), toys.c.bound_at.is_not(None)))
)


def _party(connection: Connection, party_id: PartyId) -> Party | None:
    row = connection.execute(_PARTY, {"party": party_id}).one_or_none()
    return Party(PartyId(row.id), PartyKind(row.kind), row.name) if row is not None else None


# ── pairs ──

_LOWER, _UPPER = parties.alias("lower"), parties.alias("upper")
_PAIRS = (
    select(
        contacts,
        _LOWER.c.kind.label("lower_kind"),
        _LOWER.c.name.label("lower_name"),
        _UPPER.c.kind.label("upper_kind"),
        _UPPER.c.name.label("upper_name"),
    )
    .join_from(contacts, _LOWER, _LOWER.c.id == contacts.c.lower_id)
    .join(_UPPER, _UPPER.c.id == contacts.c.upper_id)
)
_ONE = _PAIRS.where(contacts.c.id == bindparam("contact"))
_PAIR = _PAIRS.where(contacts.c.lower_id == bindparam("lower"), contacts.c.upper_id == bindparam("upper"))
_SIDES: BindParameter[Any] = bindparam("sides", expanding=True)
_OF_SIDES = _PAIRS.where(or_(contacts.c.lower_id.in_(_SIDES), contacts.c.upper_id.in_(_SIDES)))


def _pair(connection: Connection, one: PartyId, two: PartyId) -> Row[Any] | None:
    lower, upper = sorted((one, two))
    return connection.execute(_PAIR, {"lower": lower, "upper": upper}).one_or_none()


def _made_pair(connection: Connection, one: PartyId, two: PartyId) -> Row[Any]:
    """One that was found or written in this transaction."""
    row = _pair(connection, one, two)
    assert row is not None  # noqa: S101
    return row


def _blocks(row: Row[Any], side: str) -> bool:
    """Does this side block the other?"""
    return bool(row.lower_blocks if side == row.lower_id else row.upper_blocks)


def _views(row: Row[Any]) -> list[Contact]:
    """From each side for which it exists: not yet agreed, it is hidden from whoever is blocked."""
    pairs = ((row.lower_id, row.upper_id), (row.upper_id, row.lower_id))
    is_agreed = row.state == ContactState.AGREED
    return [_seen_from(row, side) for side, other in pairs if is_agreed or not _blocks(row, other)]


def _seen_from(row: Row[Any], side: str) -> Contact:
    lower = Party(PartyId(row.lower_id), PartyKind(row.lower_kind), row.lower_name)
    upper = Party(PartyId(row.upper_id), PartyKind(row.upper_kind), row.upper_name)
    is_lower = side == row.lower_id
    other = upper if is_lower else lower
    if row.state == ContactState.ASKED and row.asked_by == side:
        other = replace(other, name="")  # else whoever has an id would learn by asking whose it is
    return Contact(
        id=ContactId(row.id),
        side=lower if is_lower else upper,
        other=other,
        state=ContactState(row.state),
        asked_by=PartyId(row.asked_by),
        nickname=row.lower_nickname if is_lower else row.upper_nickname,
        is_blocked=_blocks(row, side),
        since=row.since,
    )


def _by_name(contact: Contact) -> tuple[str, str, str]:
    return (contact.nickname or contact.other.name).casefold(), contact.side.name.casefold(), contact.id


# ── asking and agreeing ──

_ADD = insert(contacts)
_AGREE = (
    update(contacts)
    .where(contacts.c.id == bindparam("contact"))
    .values(state=ContactState.AGREED, since=bindparam("now"))
)
# Whoever agrees looked at it before: the request may have been taken back or turned round since, or blocked.
_AGREE_AS_ASKED = _AGREE.where(
    contacts.c.state == ContactState.ASKED,
    bindparam("side").in_([contacts.c.lower_id, contacts.c.upper_id]),
    contacts.c.asked_by != bindparam("side"),
    ~contacts.c.lower_blocks,
    ~contacts.c.upper_blocks,
)


def exists_for_us(other_blocks: ColumnElement[bool]) -> ColumnElement[bool]:
    """The same as in `_views`: not yet agreed, a contact is hidden from whoever is blocked."""
    return or_(contacts.c.state == ContactState.AGREED, ~other_blocks)


_HOW_MANY = (
    select(func.count())
    .select_from(contacts)
    .where(
        or_(
            and_(contacts.c.lower_id == bindparam("party"), exists_for_us(contacts.c.upper_blocks)),
            and_(contacts.c.upper_id == bindparam("party"), exists_for_us(contacts.c.lower_blocks)),
        )
    )
)


def _check_room(connection: Connection, side: PartyId, most: int) -> None:
    if _how_many(connection, side) >= most:
        raise TooMany(f"there may be {most} contacts and open requests at most")


def _add(connection: Connection, contact_id: ContactId, side: PartyId, other: PartyId, now: int, most: int) -> None:
    if _party(connection, other) is None:
        raise UnknownRecipient
    if _how_many(connection, other) >= most:
        raise UnknownRecipient  # how many the other has is nobody's business
    lower, upper = sorted((side, other))
    row = {"id": contact_id, "lower_id": lower, "upper_id": upper, "asked_by": side, "since": now}
    connection.execute(_ADD, row | {"state": ContactState.ASKED})


def _how_many(connection: Connection, party_id: PartyId) -> int:
    return connection.execute(_HOW_MANY, {"party": party_id}).scalar_one()


# ── nicknames, blocks and the end ──

_SIDE_COLUMNS = (
    (contacts.c.lower_id, contacts.c.lower_nickname, contacts.c.lower_blocks),
    (contacts.c.upper_id, contacts.c.upper_nickname, contacts.c.upper_blocks),
)
_SET_NICKNAME, _SET_BLOCK = (
    [
        update(contacts)
        .where(contacts.c.id == bindparam("contact"), columns[0] == bindparam("side"))
        .values({columns[which]: bindparam(name)})
        for columns in _SIDE_COLUMNS
    ]
    for which, name in ((1, "nickname"), (2, "blocks"))
)
_DELETE = delete(contacts).where(contacts.c.id == bindparam("contact"))
_REDUCE = (
    update(contacts)
    .where(contacts.c.id == bindparam("contact"))
    .values(
        state=ContactState.ASKED,
        asked_by=bindparam("blocker"),
        lower_nickname=bindparam("lower_name"),
        upper_nickname=bindparam("upper_name"),
        lower_blocks=bindparam("lower_does"),
        upper_blocks=bindparam("upper_does"),
    )
)


def _end(connection: Connection, row: Row[Any], by: Collection[PartyId]) -> None:
    blocker = next((side for side in (row.lower_id, row.upper_id) if side not in by and _blocks(row, side)), None)
    if blocker is None:
        connection.execute(_DELETE, {"contact": row.id})
        return
    # What stays is the blocker's alone. Should they unblock, it is a request of theirs: whoever ended it must agree.
    is_lower, seen = blocker == row.lower_id, _seen_from(row, blocker)
    known_as = seen.nickname or seen.other.name
    kept = {
        "contact": row.id,
        "blocker": blocker,
        "lower_name": known_as if is_lower else "",
        "upper_name": "" if is_lower else known_as,
        "lower_does": is_lower,
        "upper_does": not is_lower,
    }
    connection.execute(_REDUCE, kept)


def end_between(connection: Connection, side: PartyId, others: Collection[PartyId]) -> list[TakenBack]:
    """End the contacts that others have with this side, as if the others did, and take back what was not heard yet."""
    taken_back: list[TakenBack] = []
    for row in connection.execute(_OF_SIDES, {"sides": [side]}).all():
        if row.lower_id in others or row.upper_id in others:
            _end(connection, row, others)
            taken_back += _take_back_of(connection, row)
    return taken_back


# ── taking back ──

# Spelled out, so that SQLite sees that the index of what is unheard serves.
_UNHEARD = deliveries.c.state != literal_column("'heard'")
_TAKE_BACK = (
    delete(deliveries)
    .where(deliveries.c.recipient_id == bindparam("recipient"), _UNHEARD)
    .returning(deliveries.c.message_id, deliveries.c.recipient_id, deliveries.c.position)
)
_UNFINISHED = or_(messages.c.text.is_(None), deliveries.c.state == DeliveryState.WAITING)
"""A voice that was not played, a text that was not read."""


def _of_message(*where: ColumnElement[bool]) -> ColumnElement[bool]:
    return select(messages.c.id).where(messages.c.id == deliveries.c.message_id, _UNFINISHED, *where).exists()


_TAKE_BACK_FROM = _TAKE_BACK.where(_of_message(messages.c.sender_id == bindparam("sender")))
_TAKE_BACK_IN_GROUP = _TAKE_BACK.where(_of_message(messages.c.to_group == bindparam("group")))


def _take_back_of(connection: Connection, row: Row[Any]) -> list[TakenBack]:
    if row.upper_id in peers(connection, row.lower_id):
        return []  # one family by now: they talk all the same
    return take_back_between(connection, row.lower_id, row.upper_id)


def take_back_between(connection: Connection, one: str, other: str) -> list[TakenBack]:
    """What either of two did not hear yet of the other, in groups too, published or not."""
    pairs = ({"sender": one, "recipient": other}, {"sender": other, "recipient": one})
    return [taken for pair in pairs for taken in _taken_back(connection.execute(_TAKE_BACK_FROM, pair).all())]


def take_back_in_group(connection: Connection, group_id: str, recipient_id: str) -> list[TakenBack]:
    """What this member did not hear yet of what was said in the group, published or not."""
    rows = connection.execute(_TAKE_BACK_IN_GROUP, {"group": group_id, "recipient": recipient_id}).all()
    return _taken_back(rows)


def _taken_back(rows: Sequence[Row[Any, Any, Any]]) -> list[TakenBack]:
    """The published ones: nobody was told of the others."""
    return [TakenBack(MessageId(row.message_id), PartyId(row.recipient_id)) for row in rows if row.position is not None]
