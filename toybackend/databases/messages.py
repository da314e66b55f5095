"""Messages on their way, and the mailboxes they arrive in.

Every statement is built once, at the top of its part: building one costs SQLAlchemy more than SQLite needs to run it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, Update, bindparam, func, insert, or_, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from toybackend.databases.engine import Engine
from toybackend.databases.tables import deliveries, mailboxes, messages, parties
from toybackend.models import (
    DELIVERY_STEPS,
    MESSAGE_STEPS,
    Delivery,
    DeliveryState,
    GroupId,
    Message,
    MessageId,
    MessageState,
    PartyId,
    Sound,
)
from toybackend.ports import Acceptance, Mailbox, Receipt, Relation, Unconverted


class SqlMessages:
    """Everything between «accepted» and «heard»."""

    _engine: Engine

    async def accept(self, message: Message, relation: Relation) -> Acceptance:
        return await self._engine.write(lambda connection: _accept(connection, message, relation))

    async def settle(
        self, message_id: MessageId, *, sound: Sound | None = None, failure: str | None = None
    ) -> Sequence[PartyId]:
        return await self._engine.write(lambda connection: _settle(connection, message_id, sound, failure))

    async def waiting(self, recipient_id: PartyId, after: int, seen: int, limit: int) -> Sequence[Delivery]:
        return await self._engine.read(lambda connection: _waiting(connection, recipient_id, after, seen, limit))

    async def mailbox(self, recipient_id: PartyId) -> Mailbox:
        return await self._engine.read(lambda connection: _mailbox(connection, recipient_id))

    async def advance(
        self, message_id: MessageId, recipient_id: PartyId, to: DeliveryState, now: int
    ) -> Receipt | None:
        return await self._engine.write(lambda connection: _advance(connection, message_id, recipient_id, to, now))

    async def unconverted(self) -> Sequence[Unconverted]:
        rows = await self._engine.read(lambda connection: connection.execute(_UNCONVERTED).all())
        return [Unconverted(MessageId(row.id), PartyId(row.sender_id), row.family) for row in rows]

    async def outcome(self, message_id: MessageId) -> tuple[Message, Sequence[Receipt]] | None:
        return await self._engine.read(lambda connection: _outcome(connection, message_id))

    async def known(self, message_ids: Sequence[MessageId]) -> set[MessageId]:
        statement = select(messages.c.id).where(messages.c.id.in_(message_ids), messages.c.state != MessageState.FAILED)
        found = await self._engine.read(lambda connection: connection.execute(statement).scalars().all())
        return {MessageId(one) for one in found}


# ── rows ──


def _select_messages(*more: Any) -> Select[Any]:
    return select(messages, parties.c.name.label("sender_name"), *more).join_from(
        messages, parties, parties.c.id == messages.c.sender_id
    )


def _message(row: Row[Any]) -> Message:
    return Message(
        id=MessageId(row.id),
        sender_id=PartyId(row.sender_id),
        sender_name=row.sender_name,
        conversation=row.conversation,
        to_user=PartyId(row.to_user) if row.to_user else None,
        to_group=GroupId(row.to_group) if row.to_group else None,
        ref=row.ref,
        text=row.text,
        state=MessageState(row.state),
        accepted_at=row.accepted_at,
        duration_ms=row.duration_ms,
        waveform=tuple(row.waveform) if row.waveform is not None else None,
        failure=row.failure,
    )


# ── accepting ──

_SAME_REF = _select_messages().where(
    messages.c.sender_id == bindparam("sender"), messages.c.ref == bindparam("client_ref")
)
_INSERT_MESSAGE = insert(messages)
_INSERT_DELIVERY = insert(deliveries)


def _accept(connection: Connection, message: Message, relation: Relation) -> Acceptance:
    if message.ref is not None:
        same = {"sender": message.sender_id, "client_ref": message.ref}
        stored = connection.execute(_SAME_REF, same).one_or_none()
        if stored is not None:
            return Acceptance(_message(stored), is_new=False)
    _insert(connection, message, relation)
    woken = [] if message.is_voice else _publish(connection, message.conversation)
    return Acceptance(message, is_new=True, woken=woken)


def _insert(connection: Connection, message: Message, relation: Relation) -> None:
    row = {
        "id": message.id,
        "sender_id": message.sender_id,
        "conversation": message.conversation,
        "to_user": message.to_user,
        "to_group": message.to_group,
        "ref": message.ref,
        "text": message.text,
        # A text needs no conversion.
        "state": MessageState.ACCEPTED if message.is_voice else MessageState.CONVERTED,
        "family": relation.family,
        "accepted_at": message.accepted_at,
    }
    connection.execute(_INSERT_MESSAGE, row)
    copies = [
        {"message_id": message.id, "recipient_id": recipient, "state": DeliveryState.WAITING}
        for recipient in relation.recipients
    ]
    connection.execute(_INSERT_DELIVERY, copies)


# ── settling and publishing ──


def _before(to: MessageState) -> list[MessageState]:
    return [state for state, steps in MESSAGE_STEPS.items() if to in steps]


_FIND = messages.c.id == bindparam("message")
_CONVERT = (
    update(messages)
    .where(_FIND, messages.c.state.in_(_before(MessageState.CONVERTED)))
    .values(state=MessageState.CONVERTED, duration_ms=bindparam("duration"), waveform=bindparam("bars"))
    .returning(messages.c.conversation)
)
_FAIL = (
    update(messages)
    .where(_FIND, messages.c.state.in_(_before(MessageState.FAILED)))
    .values(state=MessageState.FAILED, failure=bindparam("code"))
    .returning(messages.c.conversation)
)
_UNPUBLISHED = (
    select(messages.c.id, messages.c.state)
    .where(
        messages.c.conversation == bindparam("conversation"),
        messages.c.state.in_([MessageState.ACCEPTED, MessageState.CONVERTED]),
    )
    .order_by(messages.c.seq)
)
_PUBLISH = update(messages).where(_FIND).values(state=MessageState.PUBLISHED)
_RECIPIENTS = select(deliveries.c.recipient_id).where(deliveries.c.message_id == bindparam("message"))
_NEXT_POSITION = (
    upsert(mailboxes)
    .values(owner_id=bindparam("owner"), last_position=1)
    .on_conflict_do_update(index_elements=[mailboxes.c.owner_id], set_={"last_position": mailboxes.c.last_position + 1})
    .returning(mailboxes.c.last_position)
)
_COPY = (deliveries.c.message_id == bindparam("message"), deliveries.c.recipient_id == bindparam("recipient"))
_PLACE = update(deliveries).where(*_COPY).values(position=bindparam("place"))


def _settle(
    connection: Connection, message_id: MessageId, sound: Sound | None, failure: str | None
) -> Sequence[PartyId]:
    if sound is None:
        settled = connection.execute(_FAIL, {"message": message_id, "code": failure})
    else:
        heard = {"duration": sound.duration_ms, "bars": bytes(sound.waveform)}
        settled = connection.execute(_CONVERT, {"message": message_id, **heard})
    conversation = settled.scalar_one_or_none()
    return [] if conversation is None else _publish(connection, conversation)


def _publish(connection: Connection, conversation: str) -> list[PartyId]:
    """Put into the mailboxes, in the order of acceptance, what waits for no earlier message."""
    woken: dict[PartyId, None] = {}
    for row in connection.execute(_UNPUBLISHED, {"conversation": conversation}).all():
        if row.state == MessageState.ACCEPTED:
            break
        connection.execute(_PUBLISH, {"message": row.id})
        for recipient in connection.execute(_RECIPIENTS, {"message": row.id}).scalars().all():
            _put_into_mailbox(connection, row.id, recipient)
            woken[PartyId(recipient)] = None
    return list(woken)


def _put_into_mailbox(connection: Connection, message_id: str, recipient_id: str) -> None:
    place = connection.execute(_NEXT_POSITION, {"owner": recipient_id}).scalar_one()
    connection.execute(_PLACE, {"message": message_id, "recipient": recipient_id, "place": place})


_UNCONVERTED = (
    select(messages.c.id, messages.c.sender_id, messages.c.family)
    .where(messages.c.state == MessageState.ACCEPTED)
    .order_by(messages.c.seq)
)


# ── mailboxes ──

_LAST = select(mailboxes.c.last_position).where(mailboxes.c.owner_id == bindparam("owner"))
_UNREAD = select(func.count(), func.min(deliveries.c.position)).where(
    deliveries.c.recipient_id == bindparam("owner"),
    deliveries.c.position.is_not(None),
    deliveries.c.state == DeliveryState.WAITING,
)
_NEXT = (
    _select_messages(deliveries.c.position, deliveries.c.state.label("delivery_state"))
    .join(deliveries, deliveries.c.message_id == messages.c.id)
    .where(
        deliveries.c.recipient_id == bindparam("owner"),
        deliveries.c.position > bindparam("after"),
        or_(deliveries.c.state == DeliveryState.WAITING, deliveries.c.position > bindparam("seen")),
    )
    .order_by(deliveries.c.position)
    .limit(bindparam("most"))
)


def _mailbox(connection: Connection, recipient_id: PartyId) -> Mailbox:
    owner = {"owner": recipient_id}
    last_position = connection.execute(_LAST, owner).scalar_one_or_none() or 0
    unread, first = connection.execute(_UNREAD, owner).one()
    return Mailbox(last_position, first or last_position + 1, unread)


def _waiting(connection: Connection, recipient_id: PartyId, after: int, seen: int, limit: int) -> list[Delivery]:
    found = connection.execute(_NEXT, {"owner": recipient_id, "after": after, "seen": seen, "most": limit})
    return [Delivery(_message(row), recipient_id, row.position, DeliveryState(row.delivery_state)) for row in found]


# ── receipts ──


def _step_to(to: DeliveryState, **times: Any) -> Update:
    before = [state for state, steps in DELIVERY_STEPS.items() if to in steps]
    delivered_at = func.coalesce(deliveries.c.delivered_at, bindparam("now"))
    return (
        update(deliveries)
        .where(*_COPY, deliveries.c.position.is_not(None), deliveries.c.state.in_(before))
        .values(state=to, delivered_at=delivered_at, **times)
    )


_STEPS = {
    DeliveryState.DELIVERED: _step_to(DeliveryState.DELIVERED),
    DeliveryState.HEARD: _step_to(DeliveryState.HEARD, heard_at=bindparam("now")),
}
_SENDER = select(messages.c.sender_id).where(_FIND)
_ONE = _select_messages().where(_FIND)
_COPIES = select(deliveries.c.recipient_id, deliveries.c.state).where(deliveries.c.message_id == bindparam("message"))


def _advance(
    connection: Connection, message_id: MessageId, recipient_id: PartyId, to: DeliveryState, now: int
) -> Receipt | None:
    step, copy = _STEPS.get(to), {"message": message_id, "recipient": recipient_id, "now": now}
    if step is None or connection.execute(step, copy).rowcount == 0:
        return None
    sender = connection.execute(_SENDER, {"message": message_id}).scalar_one()
    return Receipt(message_id, PartyId(sender), recipient_id, to)


def _outcome(connection: Connection, message_id: MessageId) -> tuple[Message, list[Receipt]] | None:
    row = connection.execute(_ONE, {"message": message_id}).one_or_none()
    if row is None:
        return None
    receipts = [
        Receipt(message_id, PartyId(row.sender_id), PartyId(copy.recipient_id), DeliveryState(copy.state))
        for copy in connection.execute(_COPIES, {"message": message_id})
    ]
    return _message(row), receipts
