"""Making things go for good, and counting what went.

The database would take along by itself whatever refers to a row that goes; we walk the same references in our own
words, because only so do we know how many rows of which table went. What the walk finds is what the tables declare:
a table that is added later is walked without a word here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Table,
    bindparam,
    case,
    delete,
    exists,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.sqlite import insert as upsert

from toybackend.databases.engine import Engine
from toybackend.databases.kept import SAID, charge
from toybackend.databases.messages import publish, spelled_out
from toybackend.databases.revisions import raise_revision
from toybackend.databases.tables import (
    claims,
    deliveries,
    devices,
    groups,
    guardians,
    invitations,
    items,
    members,
    messages,
    metadata,
    parties,
    plays,
    revisions,
    tokens,
    used_nonces,
)
from toybackend.databases.toys import forget_child_without_consent
from toybackend.models import (
    Erased,
    GroupKind,
    GuardianRole,
    ItemId,
    MessageId,
    MessageState,
    PartyId,
    PartyKind,
    SoundId,
)
from toybackend.ports import Expiry, Looks

BATCH = 500
"""Ids named in one statement."""


class SqlErasing:
    """Satisfies `ports.Erasing`."""

    _engine: Engine

    async def erase_message(self, message_id: MessageId) -> Erased:
        return await self._erased(lambda going: going.rows_of(messages, [message_id]))

    async def erase_item(self, item_id: ItemId) -> Erased:
        return await self._erased(lambda going: going.rows_of(items, [item_id]))

    async def erase_group(self, group_id: str) -> Erased:
        return await self._erased(lambda going: going.rows_of(groups, [group_id]))

    async def erase_sayings(self, toy_id: PartyId) -> Erased:
        return await self._erased(lambda going: _sayings(going, toy_id))

    async def erase_toy(self, toy_id: PartyId) -> Erased:
        return await self._erased(lambda going: _parties(going, [toy_id]))

    async def erase_account(self, account_id: PartyId) -> Erased:
        return await self._erased(lambda going: _accounts(going, [account_id]))

    async def erase_family(self, account_id: PartyId) -> Erased:
        return await self._erased(lambda going: _accounts(going, _family(going.connection, account_id)))

    async def erase_expired(self, expiry: Expiry, limit: int) -> Erased:
        at = {"heard": expiry.heard, "unheard": expiry.unheard, "most": limit}
        latest = {"latest": max(expiry.heard, expiry.unheard)}
        found = await self._engine.read(lambda connection: connection.execute(_EXPIRED, at | latest).scalars().all())
        if not found:
            return Erased({}, ())
        return await self._erased(lambda going: going.rows_of(messages, found))

    async def _erased(self, erase: Callable[[Going], None]) -> Erased:
        def query(connection: Connection) -> Erased:
            going = Going(connection)
            erase(going)
            return going.done()

        return await self._engine.write(query)

    async def expired_originals(self, expiry: Expiry, limit: int) -> Sequence[MessageId]:
        at = {"before": expiry.originals, "most": limit}
        found = await self._engine.read(lambda connection: connection.execute(_ORIGINALS, at).scalars().all())
        return [MessageId(one) for one in found]

    async def originals_gone(self, message_ids: Sequence[MessageId]) -> None:
        await self._engine.write(lambda connection: _originals_gone(connection, message_ids))

    async def forget_expired(self, now: int, played: int) -> None:
        await self._engine.write(lambda connection: _forget(connection, now, played))

    async def looks(self) -> Looks:
        return await self._engine.read(lambda connection: Looks(*(noted(connection, name) for name in _LOOKS)))

    async def note_looks(self, looks: Looks) -> None:
        numbers = dict(zip(_LOOKS, (looks.trusted_at, looks.doubted_at, looks.scrubbed_at), strict=True))

        def query(connection: Connection) -> None:
            connection.execute(delete(revisions).where(revisions.c.name.in_(_LOOKS)))
            for name, number in numbers.items():
                if number is not None:
                    note(connection, name, number)

        await self._engine.write(query)


class Going:
    """One erasure under way, within its transaction."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.parties: list[PartyId] = []
        self._rows: Counter[str] = Counter()
        self._sounds: list[SoundId] = []
        self._freed: Counter[str | None] = Counter()
        """Bytes of these, by whoever they were kept for."""
        self._held_up: dict[str, None] = {}
        """Conversations in which something that was not settled goes: what waited for it can go its way."""

    def rows_of(self, table: Table, ids: Iterable[str]) -> None:
        """Erase the rows of these ids, and first whatever refers to them."""
        for batch in _batches(ids):
            if table in _SOUNDING:
                self._note_sounds(table, batch)
            for column in _REFERRING[table]:
                if column.table in _REFERRED:
                    self.rows_of(column.table, self.found(select(column.table.c.id).where(column.in_(batch))))
                else:
                    self.rows_where(column.table, column.in_(batch))
            self.rows_where(table, table.c.id.in_(batch))

    def rows_where(self, table: Table, condition: ColumnElement[bool]) -> None:
        """Erase rows that nothing refers to any more."""
        count = self.connection.execute(delete(table).where(condition)).rowcount
        if count:
            self._rows[table.name] += count

    def found(self, statement: Any) -> Sequence[Any]:
        return self.connection.execute(statement).scalars().all()

    def _note_sounds(self, table: Table, ids: Sequence[str]) -> None:
        if table is items:
            own = select(items.c.id, items.c.owner_id, items.c.kept_bytes).where(items.c.id.in_(ids))
            for song in self.connection.execute(own):
                self._sounds.append(song.id)
                self._freed[song.owner_id] += song.kept_bytes
            return
        voices = select(
            messages.c.id, messages.c.state, messages.c.conversation, messages.c.sender_id, SAID.label("bytes")
        )
        for row in self.connection.execute(voices.where(messages.c.id.in_(ids), messages.c.text.is_(None))):
            self._sounds.append(row.id)
            self._freed[row.sender_id] += row.bytes
            if row.state == MessageState.ACCEPTED:
                self._held_up[row.conversation] = None

    def done(self) -> Erased:
        """Everything that has to be done last."""
        woken: dict[PartyId, None] = {}
        for conversation in self._held_up:
            woken.update(dict.fromkeys(publish(self.connection, conversation)))
        charge(self.connection, {party_id: -size for party_id, size in self._freed.items()})
        if self._rows:
            self.connection.execute(_ONE_MORE_UNSCRUBBED)
        if self.parties:
            raise_revision(self.connection)
        return Erased(dict(self._rows), tuple(self._sounds), tuple(self.parties), tuple(woken))


def _batches(ids: Iterable[str]) -> Iterator[Sequence[str]]:
    every = list(ids)
    return (every[start : start + BATCH] for start in range(0, len(every), BATCH))


def _referring(table: Table) -> list[Column[Any]]:
    """The columns whose rows go with a row of this table."""
    return [
        key.parent
        for other in metadata.sorted_tables
        for key in other.foreign_keys
        if key.column.table is table and key.ondelete == "CASCADE"
    ]


_REFERRING = {table: _referring(table) for table in metadata.sorted_tables}
_REFERRED = {table for table, columns in _REFERRING.items() if columns}
_SOUNDING = {messages, items}


# ── what goes with whom ──


def _parties(going: Going, ids: Sequence[PartyId]) -> None:
    """People and toys with everything that refers to them, and what lived only by them."""
    going.rows_of(messages, going.found(_only_for(ids)))
    _leave_groups(going, ids)
    going.connection.execute(update(devices).where(devices.c.toy_id.in_(ids)).values(toy_id=None))
    # Whose turn it is in conversion was counted under the name of one who goes.
    unsettled = messages.c.state.in_([spelled_out(MessageState.ACCEPTED), spelled_out(MessageState.CONVERTED)])
    family = update(messages).where(unsettled, messages.c.family.in_(ids))
    going.connection.execute(family.values(family=messages.c.sender_id))
    there = set(going.found(select(parties.c.id).where(parties.c.id.in_(ids))))
    going.parties += [one for one in ids if one in there]
    going.rows_of(parties, ids)


def _only_for(ids: Sequence[PartyId]) -> Any:
    """Messages of which nobody but these has a copy: once they go, nobody can hear them."""
    theirs, others = deliveries.alias("theirs"), deliveries.alias("others")
    somebody_else = exists().where(others.c.message_id == theirs.c.message_id, others.c.recipient_id.not_in(ids))
    return select(theirs.c.message_id).where(theirs.c.recipient_id.in_(ids), ~somebody_else).distinct()


def _leave_groups(going: Going, ids: Sequence[PartyId]) -> None:
    """A custom group passes to the person who is in it longest, and goes with the last person."""
    ours = select(members.c.group_id).where(members.c.party_id.in_(ids))
    statement = (
        select(groups.c.id, groups.c.owner_id, members.c.party_id.label("heir"))
        .select_from(groups)
        .outerjoin(members, (members.c.group_id == groups.c.id) & members.c.party_id.in_(_people_besides(ids)))
        .where(groups.c.kind == GroupKind.CUSTOM, or_(groups.c.id.in_(ours), groups.c.owner_id.in_(ids)))
        .order_by(groups.c.id, members.c.since, members.c.party_id)
    )
    first = {row.id: row for row in reversed(going.connection.execute(statement).all())}
    for row in first.values():
        if row.heir is not None and row.owner_id in ids:
            going.connection.execute(update(groups).where(groups.c.id == row.id).values(owner_id=row.heir))
    going.rows_of(groups, [row.id for row in first.values() if row.heir is None])


def _people_besides(ids: Sequence[PartyId]) -> Any:
    return select(parties.c.id).where(parties.c.kind == PartyKind.PERSON, parties.c.id.not_in(ids))


def _accounts(going: Going, ids: Sequence[PartyId]) -> None:
    others = guardians.alias("others")
    is_shared = exists().where(others.c.toy_id == guardians.c.toy_id, others.c.account_id.not_in(ids))
    guarded = select(guardians.c.toy_id).where(guardians.c.account_id.in_(ids)).distinct()
    alone = [PartyId(one) for one in going.found(guarded.where(~is_shared))]
    stay = going.found(guarded.where(is_shared))
    _parties(going, [*ids, *alone])
    for toy_id in stay:
        _pass_on(going.connection, PartyId(toy_id))


def _pass_on(connection: Connection, toy_id: PartyId) -> None:
    """A toy has one owner, the one who guards it longest; and no child's name without a guardian's consent."""
    theirs = guardians.c.toy_id == toy_id
    has_owner = connection.execute(select(guardians.c.role).where(theirs, guardians.c.role == GuardianRole.OWNER))
    if has_owner.first() is None:
        longest = select(guardians.c.account_id).where(theirs).order_by(guardians.c.since, guardians.c.account_id)
        heir = guardians.c.account_id == longest.limit(1).scalar_subquery()
        connection.execute(update(guardians).where(theirs, heir).values(role=GuardianRole.OWNER))
    forget_child_without_consent(connection, toy_id)


def _sayings(going: Going, toy_id: PartyId) -> None:
    said = or_(messages.c.sender_id == toy_id, messages.c.to_user == toy_id)
    going.rows_of(messages, going.found(select(messages.c.id).where(said)))
    going.rows_of(messages, going.found(_only_for([toy_id])))
    going.rows_where(deliveries, deliveries.c.recipient_id == toy_id)
    going.rows_where(plays, plays.c.toy_id == toy_id)


def _family(connection: Connection, account_id: PartyId) -> list[PartyId]:
    """Closed under «guards a toy together with», nearest first."""
    mine, theirs = guardians.alias("mine"), guardians.alias("theirs")
    companions = select(theirs.c.account_id).join_from(mine, theirs, mine.c.toy_id == theirs.c.toy_id)
    family, fresh = [account_id], [account_id]
    while fresh:
        found = connection.execute(companions.where(mine.c.account_id.in_(fresh)).distinct()).scalars()
        fresh = sorted({PartyId(one) for one in found} - set(family))
        family += fresh
    return family


# ── what is over ──

_NOT_HEARD_BY_THEN = exists().where(
    deliveries.c.message_id == messages.c.id,
    or_(deliveries.c.heard_at.is_(None), deliveries.c.heard_at > bindparam("heard")),
)
_EXPIRED = (
    select(messages.c.id)
    .where(
        # Nothing is heard before it is accepted, so this index finds every candidate.
        messages.c.accepted_at <= bindparam("latest"),
        or_(
            messages.c.accepted_at <= bindparam("unheard"),
            case(
                (messages.c.state == MessageState.FAILED, messages.c.settled_at <= bindparam("heard")),
                (messages.c.state == MessageState.PUBLISHED, ~_NOT_HEARD_BY_THEN),
                else_=False,
            ),
        ),
    )
    .order_by(messages.c.accepted_at)
    .limit(bindparam("most"))
)
_ORIGINALS = (
    select(messages.c.id)
    .where(
        messages.c.has_original,
        messages.c.settled_at <= bindparam("before"),
        messages.c.state.in_([MessageState.CONVERTED, MessageState.PUBLISHED]),
    )
    .order_by(messages.c.settled_at)
    .limit(bindparam("most"))
)


def _originals_gone(connection: Connection, message_ids: Sequence[MessageId]) -> None:
    theirs = (messages.c.id.in_(message_ids), messages.c.has_original)
    freed: Counter[str | None] = Counter()
    for row in connection.execute(select(messages.c.sender_id, messages.c.original_bytes).where(*theirs)):
        freed[row.sender_id] -= row.original_bytes
    connection.execute(update(messages).where(*theirs).values(has_original=False))
    charge(connection, freed)


def _forget(connection: Connection, now: int, played: int) -> None:
    ended = connection.execute(delete(tokens).where(tokens.c.expires_at <= now)).rowcount
    for table in (claims, used_nonces, invitations):
        connection.execute(delete(table).where(table.c.expires_at <= now))
    connection.execute(delete(plays).where(plays.c.started_at <= played))
    if ended:
        raise_revision(connection)


# ── numbers of the house's own ──

_LOOKS = ("looks.trusted_at", "looks.doubted_at", "looks.scrubbed_at")
UNSCRUBBED = "unscrubbed"
"""How many erasures there were since the database was last written anew."""
_ONE_MORE_UNSCRUBBED = (
    upsert(revisions)
    .values(name=UNSCRUBBED, number=1)
    .on_conflict_do_update(index_elements=[revisions.c.name], set_={"number": revisions.c.number + 1})
)


def noted(connection: Connection, name: str) -> int | None:
    """A number that was remembered by its name."""
    return connection.execute(select(revisions.c.number).where(revisions.c.name == name)).scalar_one_or_none()


def note(connection: Connection, name: str, number: int) -> None:
    """Remember a number by its name."""
    insert = upsert(revisions).values(name=name, number=number)
    again = insert.on_conflict_do_update(index_elements=[revisions.c.name], set_={"number": number})
    connection.execute(again)
