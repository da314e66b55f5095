"""Mailboxes: what waits for a party, and how far each copy of a message came."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    ScalarSelect,
    Update,
    bindparam,
    case,
    func,
    or_,
    select,
    update,
)

from toybackend.databases.engine import Engine
from toybackend.databases.messages import message_of, select_messages, spelled_out
from toybackend.databases.tables import contacts, deliveries, mailboxes, messages, parties
from toybackend.models import DELIVERY_STEPS, Delivery, DeliveryState, MessageId, PartyId
from toybackend.ports import Mailbox, Receipt


class SqlMailboxes:
    """Satisfies `ports.Mailboxes`."""

    _engine: Engine

    async def waiting(self, recipient_id: PartyId, after: int, seen: int, limit: int) -> Sequence[Delivery]:
        return await self._engine.read(_Waiting(recipient_id, after, seen, limit))

    async def urgent(self, recipient_id: PartyId, limit: int) -> Sequence[Delivery]:
        place = {"owner": recipient_id, "most": limit}
        return await self._engine.read(lambda connection: _deliveries(connection.execute(_URGENT, place), recipient_id))

    async def mailbox(self, recipient_id: PartyId) -> Mailbox:
        return await self._engine.read(lambda connection: _mailbox(connection, recipient_id))

    async def advance(
        self, message_id: MessageId, recipient_id: PartyId, to: DeliveryState, now: int
    ) -> Receipt | None:
        return await self._engine.write(lambda connection: _advance(connection, message_id, recipient_id, to, now))


# ── what waits ──


@dataclass(frozen=True, slots=True)
class _Waiting:
    """All sockets of a person ask this at the same moment; equal queries are made once (`engine.py`)."""

    recipient_id: PartyId
    after: int
    seen: int
    limit: int

    def __call__(self, connection: Connection) -> Sequence[Delivery]:
        place = {"owner": self.recipient_id, "after": self.after, "seen": self.seen, "most": self.limit}
        return _deliveries(connection.execute(_NEXT, place), self.recipient_id)


def nickname(reader: ColumnElement[str], other: ColumnElement[str]) -> ScalarSelect[str]:
    """What the reader calls the other; null or empty where they gave no name of their own."""
    reader_is_lower = reader < other
    return (
        select(case((reader_is_lower, contacts.c.lower_nickname), else_=contacts.c.upper_nickname))
        .where(
            contacts.c.lower_id == case((reader_is_lower, reader), else_=other),
            contacts.c.upper_id == case((reader_is_lower, other), else_=reader),
        )
        .scalar_subquery()
    )


_LAST = select(mailboxes.c.last_position).where(mailboxes.c.owner_id == bindparam("owner"))
_MINE = deliveries.c.recipient_id == bindparam("owner")
_WAITS = deliveries.c.state == spelled_out(DeliveryState.WAITING)
_UNREAD = select(func.count(), func.min(deliveries.c.position)).where(_MINE, deliveries.c.position.is_not(None), _WAITS)
_NICKNAME = nickname(deliveries.c.recipient_id, messages.c.sender_id)
_DELIVERIES = (
    select_messages(
        deliveries.c.position,
        deliveries.c.state.label("delivery_state"),
        func.coalesce(func.nullif(_NICKNAME, ""), parties.c.name).label("called"),
    )
    .join(deliveries, deliveries.c.message_id == messages.c.id)
    .where(_MINE)
    .order_by(deliveries.c.position)
    .limit(bindparam("most"))
)
_NEXT = _DELIVERIES.where(
    deliveries.c.position > bindparam("after"), or_(_WAITS, deliveries.c.position > bindparam("seen"))
)
_URGENT_COPY, _URGENT_ONE = deliveries.alias("urgent_copy"), messages.alias("urgent_one")
_UP_TO = (
    select(_URGENT_COPY.c.conversation, func.max(_URGENT_COPY.c.position).label("position"))
    .join_from(_URGENT_COPY, _URGENT_ONE, _URGENT_ONE.c.id == _URGENT_COPY.c.message_id)
    .where(
        _URGENT_COPY.c.recipient_id == bindparam("owner"),
        _URGENT_COPY.c.state == spelled_out(DeliveryState.WAITING),
        _URGENT_ONE.c.is_urgent,
    )
    .group_by(_URGENT_COPY.c.conversation)
    .subquery("up_to")
)
_URGENT = _DELIVERIES.join(
    _UP_TO, (_UP_TO.c.conversation == deliveries.c.conversation) & (deliveries.c.position <= _UP_TO.c.position)
).where(_WAITS)


def _mailbox(connection: Connection, recipient_id: PartyId) -> Mailbox:
    owner = {"owner": recipient_id}
    last_position = connection.execute(_LAST, owner).scalar_one_or_none() or 0
    unread, first = connection.execute(_UNREAD, owner).one()
    return Mailbox(last_position, first or last_position + 1, unread)


def _deliveries(rows: Iterable[Row[Any]], recipient_id: PartyId) -> list[Delivery]:
    return [
        Delivery(message_of(row, row.called), recipient_id, row.position, DeliveryState(row.delivery_state))
        for row in rows
    ]


# ── receipts ──

_COPY = (deliveries.c.message_id == bindparam("message"), deliveries.c.recipient_id == bindparam("recipient"))


def _step_to(to: DeliveryState, **times: Any) -> Update:
    before = [spelled_out(state) for state, steps in DELIVERY_STEPS.items() if to in steps]
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
_SENDER = select(messages.c.sender_id).where(messages.c.id == bindparam("message"))


def _advance(
    connection: Connection, message_id: MessageId, recipient_id: PartyId, to: DeliveryState, now: int
) -> Receipt | None:
    step, copy = _STEPS.get(to), {"message": message_id, "recipient": recipient_id, "now": now}
    if step is None or connection.execute(step, copy).rowcount == 0:
        return None
    sender = connection.execute(_SENDER, {"message": message_id}).scalar_one()
    return Receipt(message_id, PartyId(sender), recipient_id, to)
