"""Messages on their way to the mailboxes.

Every statement is built once, at the top of its part: building one costs SQLAlchemy more than SQLite needs to run it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnClause,
    Connection,
    Row,
    Select,
    bindparam,
    insert,
    literal_column,
    select,
    union,
    union_all,
    update,
)
from sqlalchemy.dialects.sqlite import insert as upsert

from toybackend.databases.engine import Engine
from toybackend.databases.kept import charge
from toybackend.databases.relations import relation_of
from toybackend.databases.tables import deliveries, items, mailboxes, messages, parties
from toybackend.errors import NotFound, UnknownRecipient
from toybackend.models import (
    MESSAGE_STEPS,
    DeliveryState,
    GroupId,
    ItemState,
    Message,
    MessageId,
    MessageState,
    PartyId,
    Sound,
    SoundId,
)
from toybackend.ports import Acceptance, Receipt, Relation, Unconverted


class SqlMessages:
    """Satisfies `ports.Messages`."""

    _engine: Engine

    async def accept(
        self, message: Message, may: Callable[[Relation], None], fits: Callable[[Relation], None] = lambda _: None
    ) -> Acceptance:
        try:
            return await self._engine.write(lambda connection: _accept(connection, message, may, fits))
        except NotFound:  # the sender was erased since its token was looked at
            raise UnknownRecipient from None

    async def settle(
        self,
        message_id: MessageId,
        now: int,
        *,
        sound: Sound | None = None,
        mp3_bytes: int = 0,
        failure: str | None = None,
    ) -> Sequence[PartyId] | None:
        outcome = _Outcome(sound, mp3_bytes, failure)
        return await self._engine.write(lambda connection: _settle(connection, message_id, now, outcome))

    async def unconverted(self) -> Sequence[Unconverted]:
        rows = await self._engine.read(lambda connection: connection.execute(_UNCONVERTED).all())
        return [
            Unconverted(SoundId(row.id), PartyId(row.sender_id), row.family, row.original_bytes, row.crashes)
            for row in rows
        ]

    async def note_crash(self, sound_ids: Sequence[SoundId]) -> None:
        await self._engine.write(lambda connection: _note_crash(connection, sound_ids))

    async def was_accepted(self, sender_id: PartyId, ref: str) -> bool:
        same = {"sender": sender_id, "client_ref": ref}
        return await self._engine.read(lambda connection: connection.execute(_SAME_REF, same).first() is not None)

    async def outcome(self, message_id: MessageId) -> tuple[Message, Sequence[Receipt]] | None:
        return await self._engine.read(lambda connection: _outcome(connection, message_id))

    async def mp3_bytes(self, sound_id: SoundId) -> int:
        found = await self._engine.read(
            lambda connection: connection.execute(_MP3_BYTES, {"sound": sound_id}).scalar_one_or_none()
        )
        return found or 0

    async def known(self, sound_ids: Sequence[SoundId]) -> set[SoundId]:
        statement = union(
            select(messages.c.id).where(messages.c.id.in_(sound_ids), messages.c.state != MessageState.FAILED),
            select(items.c.id).where(items.c.id.in_(sound_ids), items.c.state != ItemState.FAILED),
        )
        found = await self._engine.read(lambda connection: connection.execute(statement).scalars().all())
        return {SoundId(one) for one in found}


def spelled_out(state: MessageState | DeliveryState) -> ColumnClause[str]:
    """For conditions that a partial index has too: a database sees that it may use one only while it plans, when what
    is bound to a statement is not known yet."""
    return literal_column(f"'{state}'")


# ── rows ──


def select_messages(*more: Any) -> Select[Any]:
    return select(messages, parties.c.name.label("sender_name"), *more).join_from(
        messages, parties, parties.c.id == messages.c.sender_id
    )


def message_of(row: Row[Any], sender_name: str | None = None) -> Message:
    """`sender_name` is what the reader calls the sender, where that differs."""
    return Message(
        id=MessageId(row.id),
        sender_id=PartyId(row.sender_id),
        sender_name=sender_name or row.sender_name,
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
        is_urgent=row.is_urgent,
        size=row.original_bytes,
    )


# ── accepting ──

_SAME_REF = select_messages().where(
    messages.c.sender_id == bindparam("sender"), messages.c.ref == bindparam("client_ref")
)
SETTLED = ""
"""In place of the family, once it is nobody's turn in conversion any more: it may be named after another person."""
_INSERT_MESSAGE = insert(messages).returning(messages.c.seq)
_INSERT_DELIVERY = insert(deliveries)


def _accept(
    connection: Connection, message: Message, may: Callable[[Relation], None], fits: Callable[[Relation], None]
) -> Acceptance:
    relation = relation_of(connection, message.sender_id, message.to_user, message.to_group)
    may(relation)
    if message.ref is not None:
        same = {"sender": message.sender_id, "client_ref": message.ref}
        stored = connection.execute(_SAME_REF, same).one_or_none()
        if stored is not None:
            return Acceptance(message_of(stored), is_new=False, relation=relation)
    fits(relation)
    _insert(connection, message, relation)
    woken = [] if message.is_voice else publish(connection, message.conversation)
    return Acceptance(message, is_new=True, relation=relation, woken=woken)


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
        "family": relation.family if message.is_voice else SETTLED,
        "accepted_at": message.accepted_at,
        "is_urgent": message.is_urgent,
        "settled_at": None if message.is_voice else message.accepted_at,
        "has_original": message.is_voice,
        "original_bytes": message.size,
    }
    seq = connection.execute(_INSERT_MESSAGE, row).scalar_one()
    copies = [
        {
            "message_id": message.id,
            "recipient_id": recipient,
            "state": DeliveryState.WAITING,
            "conversation": message.conversation,
            "seq": seq,
        }
        for recipient in relation.recipients
    ]
    connection.execute(_INSERT_DELIVERY, copies)
    charge(connection, {message.sender_id: message.size})


# ── settling and publishing ──


@dataclass(frozen=True, slots=True)
class _Outcome:
    """Of a conversion."""

    sound: Sound | None
    mp3_bytes: int
    failure: str | None


def _before(to: MessageState) -> list[ColumnClause[str]]:
    return [spelled_out(state) for state, steps in MESSAGE_STEPS.items() if to in steps]


_FIND = messages.c.id == bindparam("message")
_CONVERT = (
    update(messages)
    .where(_FIND, messages.c.state.in_(_before(MessageState.CONVERTED)))
    .values(
        state=MessageState.CONVERTED,
        duration_ms=bindparam("duration"),
        waveform=bindparam("bars"),
        mp3_bytes=bindparam("size"),
        settled_at=bindparam("now"),
        family=SETTLED,
    )
    .returning(messages.c.conversation, messages.c.sender_id, messages.c.mp3_bytes.label("more"))
)
_CONVERT_AGAIN = (
    update(messages)
    .where(_FIND)
    .values(duration_ms=bindparam("duration"), waveform=bindparam("bars"), mp3_bytes=bindparam("size"))
)
_FAIL = (
    update(messages)
    .where(_FIND, messages.c.state.in_(_before(MessageState.FAILED)))
    .values(
        state=MessageState.FAILED,
        failure=bindparam("code"),
        settled_at=bindparam("now"),
        has_original=False,
        family=SETTLED,
    )
    .returning(messages.c.conversation, messages.c.sender_id, (-messages.c.original_bytes).label("more"))
)
_IS_UNPUBLISHED = messages.c.state.in_([spelled_out(MessageState.ACCEPTED), spelled_out(MessageState.CONVERTED)])
_UNPUBLISHED = (
    select(messages.c.id, messages.c.state)
    .where(messages.c.conversation == bindparam("conversation"), _IS_UNPUBLISHED)
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


def _settle(connection: Connection, message_id: MessageId, now: int, outcome: _Outcome) -> Sequence[PartyId] | None:
    it, sound = {"message": message_id, "now": now}, outcome.sound
    if sound is None:
        settled = connection.execute(_FAIL, {**it, "code": outcome.failure})
    else:
        heard = {"duration": sound.duration_ms, "bars": bytes(sound.waveform), "size": outcome.mp3_bytes}
        settled = connection.execute(_CONVERT, {**it, **heard})
    row = settled.one_or_none()
    if row is not None:
        charge(connection, {row.sender_id: row.more})
        return publish(connection, row.conversation)
    found = connection.execute(_ONE, {"message": message_id}).one_or_none()
    if found is not None and sound is not None and found.state != MessageState.FAILED:
        # Its MP3 was lost and made again, perhaps by another ffmpeg: it need not have the size that it had.
        connection.execute(_CONVERT_AGAIN, {**it, **heard})
        charge(connection, {found.sender_id: outcome.mp3_bytes - found.mp3_bytes})
    return [] if found else None


def publish(connection: Connection, conversation: str) -> list[PartyId]:
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
    select(messages.c.id, messages.c.sender_id, messages.c.family, messages.c.original_bytes, messages.c.crashes)
    .where(messages.c.state == MessageState.ACCEPTED)
    .order_by(messages.c.seq)
)


def _note_crash(connection: Connection, sound_ids: Sequence[SoundId]) -> None:
    for table, state in ((messages, MessageState.ACCEPTED), (items, ItemState.CONVERTING)):
        under_way = update(table).where(table.c.id.in_(sound_ids), table.c.state == state)
        connection.execute(under_way.values(crashes=table.c.crashes + 1))


# ── outcomes ──

_MP3_BYTES = union_all(
    select(messages.c.mp3_bytes).where(messages.c.id == bindparam("sound")),
    select(items.c.kept_bytes).where(items.c.id == bindparam("sound"), items.c.state == ItemState.READY),
)
_ONE = select_messages().where(_FIND)
_COPIES = select(deliveries.c.recipient_id, deliveries.c.state).where(deliveries.c.message_id == bindparam("message"))


def _outcome(connection: Connection, message_id: MessageId) -> tuple[Message, list[Receipt]] | None:
    row = connection.execute(_ONE, {"message": message_id}).one_or_none()
    # Of nothing too: how long this takes tells nobody that there is no such message.
    copies = connection.execute(_COPIES, {"message": message_id}).all()
    if row is None:
        return None
    receipts = [
        Receipt(message_id, PartyId(row.sender_id), PartyId(copy.recipient_id), DeliveryState(copy.state))
        for copy in copies
    ]
    return message_of(row), receipts
