"""Messages on their way, and the mailboxes they arrive in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, func, insert, or_, select, update
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
        statement = (
            select(messages.c.id, messages.c.sender_id, messages.c.family)
            .where(messages.c.state == MessageState.ACCEPTED)
            .order_by(messages.c.seq)
        )
        rows = await self._engine.read(lambda connection: connection.execute(statement).all())
        return [Unconverted(MessageId(row.id), PartyId(row.sender_id), row.family) for row in rows]

    async def outcome(self, message_id: MessageId) -> tuple[Message, Sequence[Receipt]] | None:
        return await self._engine.read(lambda connection: _outcome(connection, message_id))

    async def known(self, message_ids: Sequence[MessageId]) -> set[MessageId]:
        statement = select(messages.c.id).where(messages.c.id.in_(message_ids), messages.c.state != MessageState.FAILED)
        found = await self._engine.read(lambda connection: connection.execute(statement).scalars().all())
        return {MessageId(one) for one in found}


# ── accepting ──


def _accept(connection: Connection, message: Message, relation: Relation) -> Acceptance:
    if message.ref is not None:
        same = _select_messages().where(messages.c.sender_id == message.sender_id, messages.c.ref == message.ref)
        stored = connection.execute(same).one_or_none()
        if stored is not None:
            return Acceptance(_message(stored), is_new=False)
    _insert(connection, message, relation)
    woken = [] if message.is_voice else _publish(connection, message.conversation)
    return Acceptance(message, is_new=True, woken=woken)


def _insert(connection: Connection, message: Message, relation: Relation) -> None:
    connection.execute(
        insert(messages).values(
            id=message.id,
            sender_id=message.sender_id,
            conversation=message.conversation,
            to_user=message.to_user,
            to_group=message.to_group,
            ref=message.ref,
            text=message.text,
            # A text needs no conversion.
            state=MessageState.ACCEPTED if message.is_voice else MessageState.CONVERTED,
            family=relation.family,
            accepted_at=message.accepted_at,
        )
    )
    connection.execute(
        insert(deliveries),
        [
            {"message_id": message.id, "recipient_id": recipient, "state": DeliveryState.WAITING}
            for recipient in relation.recipients
        ],
    )


# ── settling and publishing ──


def _settle(
    connection: Connection, message_id: MessageId, sound: Sound | None, failure: str | None
) -> Sequence[PartyId]:
    to = MessageState.FAILED if sound is None else MessageState.CONVERTED
    values: dict[str, Any] = {"failure": failure}
    if sound is not None:
        values = {"duration_ms": sound.duration_ms, "waveform": bytes(sound.waveform)}
    step = (
        update(messages)
        .where(messages.c.id == message_id, messages.c.state.in_(_before(to)))
        .values(state=to, **values)
        .returning(messages.c.conversation)
    )
    conversation = connection.execute(step).scalar_one_or_none()
    return [] if conversation is None else _publish(connection, conversation)


def _before(to: MessageState) -> list[MessageState]:
    return [state for state, steps in MESSAGE_STEPS.items() if to in steps]


def _publish(connection: Connection, conversation: str) -> list[PartyId]:
    """Put into the mailboxes, in the order of acceptance, what waits for no earlier message."""
    unpublished = (
        select(messages.c.id, messages.c.state)
        .where(
            messages.c.conversation == conversation,
            messages.c.state.in_([MessageState.ACCEPTED, MessageState.CONVERTED]),
        )
        .order_by(messages.c.seq)
    )
    woken: dict[PartyId, None] = {}
    for row in connection.execute(unpublished).all():
        if row.state == MessageState.ACCEPTED:
            break
        connection.execute(update(messages).where(messages.c.id == row.id).values(state=MessageState.PUBLISHED))
        woken |= dict.fromkeys(_deliver(connection, row.id))
    return list(woken)


def _deliver(connection: Connection, message_id: str) -> list[PartyId]:
    recipients = connection.execute(
        select(deliveries.c.recipient_id).where(deliveries.c.message_id == message_id)
    ).scalars()
    return [_put_into_mailbox(connection, message_id, PartyId(recipient)) for recipient in recipients.all()]


def _put_into_mailbox(connection: Connection, message_id: str, recipient_id: PartyId) -> PartyId:
    next_position = (
        upsert(mailboxes)
        .values(owner_id=recipient_id, last_position=1)
        .on_conflict_do_update(
            index_elements=[mailboxes.c.owner_id], set_={"last_position": mailboxes.c.last_position + 1}
        )
        .returning(mailboxes.c.last_position)
    )
    position = connection.execute(next_position).scalar_one()
    connection.execute(
        update(deliveries)
        .where(deliveries.c.message_id == message_id, deliveries.c.recipient_id == recipient_id)
        .values(position=position)
    )
    return recipient_id


# ── mailboxes ──


def _mailbox(connection: Connection, recipient_id: PartyId) -> Mailbox:
    last = select(mailboxes.c.last_position).where(mailboxes.c.owner_id == recipient_id)
    waiting = select(func.count(), func.min(deliveries.c.position)).where(
        deliveries.c.recipient_id == recipient_id,
        deliveries.c.position.is_not(None),
        deliveries.c.state == DeliveryState.WAITING,
    )
    last_position = connection.execute(last).scalar_one_or_none() or 0
    unread, first = connection.execute(waiting).one()
    return Mailbox(last_position, first or last_position + 1, unread)


def _waiting(connection: Connection, recipient_id: PartyId, after: int, seen: int, limit: int) -> list[Delivery]:
    statement = (
        _select_messages(deliveries.c.position, deliveries.c.state.label("delivery_state"))
        .join(deliveries, deliveries.c.message_id == messages.c.id)
        .where(
            deliveries.c.recipient_id == recipient_id,
            deliveries.c.position > after,
            or_(deliveries.c.state == DeliveryState.WAITING, deliveries.c.position > seen),
        )
        .order_by(deliveries.c.position)
        .limit(limit)
    )
    return [
        Delivery(_message(row), recipient_id, row.position, DeliveryState(row.delivery_state))
        for row in connection.execute(statement)
    ]


# ── receipts ──


def _advance(
    connection: Connection, message_id: MessageId, recipient_id: PartyId, to: DeliveryState, now: int
) -> Receipt | None:
    before = [state for state, steps in DELIVERY_STEPS.items() if to in steps]
    values: dict[str, Any] = {"state": to, "delivered_at": func.coalesce(deliveries.c.delivered_at, now)}
    if to is DeliveryState.HEARD:
        values["heard_at"] = now
    step = (
        update(deliveries)
        .where(
            deliveries.c.message_id == message_id,
            deliveries.c.recipient_id == recipient_id,
            deliveries.c.position.is_not(None),
            deliveries.c.state.in_(before),
        )
        .values(**values)
    )
    if connection.execute(step).rowcount == 0:
        return None
    sender = connection.execute(select(messages.c.sender_id).where(messages.c.id == message_id)).scalar_one()
    return Receipt(message_id, PartyId(sender), recipient_id, to)


def _outcome(connection: Connection, message_id: MessageId) -> tuple[Message, list[Receipt]] | None:
    row = connection.execute(_select_messages().where(messages.c.id == message_id)).one_or_none()
    if row is None:
        return None
    copies = connection.execute(
        select(deliveries.c.recipient_id, deliveries.c.state).where(deliveries.c.message_id == message_id)
    )
    receipts = [
        Receipt(message_id, PartyId(row.sender_id), PartyId(copy.recipient_id), DeliveryState(copy.state))
        for copy in copies
    ]
    return _message(row), receipts


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
