"""What stands between two parties: the one place that knows how guardians, contacts and members make a standing.

Every statement is built once: building one costs SQLAlchemy more than SQLite needs to run it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    Connection,
    Exists,
    Row,
    ScalarSelect,
    Select,
    and_,
    bindparam,
    exists,
    func,
    or_,
    select,
    union,
)

from toybackend.databases.engine import Engine
from toybackend.databases.kept import kept_by_family
from toybackend.databases.tables import contacts, groups, guardians, members, parties, toys
from toybackend.databases.toys import quiet_hours_of
from toybackend.models import ContactState, GroupId, GuardianRole, PartyId, PartyKind, QuietHours, Standing
from toybackend.ports import Relation


class SqlRelations:
    """Satisfies `ports.Relations`."""

    _engine: Engine

    async def relation(self, sender_id: PartyId, *, to_user: PartyId | None, to_group: GroupId | None) -> Relation:
        return await self._engine.read(lambda connection: relation_of(connection, sender_id, to_user, to_group))

    async def standing(self, actor_id: PartyId, other_id: PartyId) -> Standing:
        return await self._engine.read(lambda connection: _standing(_between(connection, actor_id, other_id), actor_id))

    async def standings(self, actor_id: PartyId, others: Sequence[PartyId]) -> Mapping[PartyId, Standing]:
        def query(connection: Connection) -> dict[PartyId, Standing]:
            return {other: _standing(_between(connection, actor_id, other), actor_id) for other in others}

        return await self._engine.read(query)

    async def group_standing(self, actor_id: PartyId, group_id: GroupId) -> Standing:
        return await self._engine.read(lambda connection: _in_group(connection, actor_id, group_id))

    async def peers(self, party_id: PartyId) -> set[PartyId]:
        return await self._engine.read(lambda connection: peers(connection, party_id))


def relation_of(
    connection: Connection, sender_id: PartyId, to_user: PartyId | None, to_group: GroupId | None
) -> Relation:
    """What stands between a sender and an addressee, in whatever transaction asks."""
    if to_group is not None:
        return _to_group(connection, sender_id, to_group)
    return _to_user(connection, sender_id, to_user or PartyId(""))


# ── between two ──


def _role() -> ScalarSelect[str]:
    """Of the actor, as a guardian of the other."""
    is_theirs = (guardians.c.toy_id == bindparam("other"), guardians.c.account_id == bindparam("actor"))
    return select(guardians.c.role).where(*is_theirs).scalar_subquery()


def _is_ward() -> Exists:
    return exists().where(guardians.c.toy_id == bindparam("actor"), guardians.c.account_id == bindparam("other"))


def _is_family() -> Exists:
    one, two = guardians.alias("one"), guardians.alias("two")
    return exists().where(
        one.c.toy_id == two.c.toy_id, one.c.account_id == bindparam("actor"), two.c.account_id == bindparam("other")
    )


def _family_key() -> ScalarSelect[str]:
    """One name for all who share a toy: the first of the guardians that the actor is among, or is guarded by."""
    ward, other = guardians.alias("ward"), guardians.alias("companion")
    as_toy = select(func.min(guardians.c.account_id)).where(guardians.c.toy_id == bindparam("actor"))
    as_guardian = (
        select(func.min(other.c.account_id))
        .join_from(ward, other, ward.c.toy_id == other.c.toy_id)
        .where(ward.c.account_id == bindparam("actor"))
    )
    family = func.coalesce(as_toy.scalar_subquery(), as_guardian.scalar_subquery(), bindparam("actor"))
    return select(family).scalar_subquery()


def _is_paused() -> Exists:
    return exists().where(toys.c.id == bindparam("actor"), toys.c.paused_at.is_not(None))


_PAIR = and_(contacts.c.lower_id == bindparam("lower"), contacts.c.upper_id == bindparam("upper"))
_BETWEEN = (
    select(
        parties.c.id,
        parties.c.kind,
        toys.c.bound_at,
        toys.c.paused_at,
        toys.c.time_zone,
        toys.c.quiet_hours,
        contacts.c.state.label("contact"),
        or_(contacts.c.lower_blocks, contacts.c.upper_blocks).label("is_blocked"),
        _role().label("role"),
        _is_ward().label("is_ward"),
        _is_family().label("is_family"),
        _is_paused().label("actor_is_paused"),
        _family_key().label("family"),
    )
    .select_from(parties.outerjoin(toys, toys.c.id == parties.c.id).outerjoin(contacts, _PAIR))
    .where(parties.c.id == bindparam("other"))
)


def _between(connection: Connection, actor_id: PartyId, other_id: PartyId) -> Row[Any] | None:
    lower, upper = sorted((actor_id, other_id))
    both = {"actor": actor_id, "other": other_id, "lower": lower, "upper": upper}
    return connection.execute(_BETWEEN, both).one_or_none()


def _standing(row: Row[Any] | None, actor_id: PartyId) -> Standing:
    """The closest of all that the two are to each other."""
    if row is None or (row.kind == PartyKind.TOY and row.bound_at is None):
        return Standing.STRANGER
    if row.id == actor_id:
        return Standing.SELF
    if row.role is not None:
        return Standing.OWNER if row.role == GuardianRole.OWNER else Standing.CO_GUARDIAN
    if row.is_ward:
        return Standing.WARD
    if row.is_family:
        return Standing.FAMILY
    if row.contact != ContactState.AGREED:
        return Standing.STRANGER
    return Standing.BLOCKED if row.is_blocked else Standing.CONTACT


def _to_user(connection: Connection, sender_id: PartyId, to_user: PartyId) -> Relation:
    row = _between(connection, sender_id, to_user)
    standing = _standing(row, sender_id)
    if row is None or standing in (Standing.SELF, Standing.STRANGER):
        return Relation(standing, ())
    return Relation(
        standing=standing,
        recipients=(to_user,),
        family=row.family,
        kept_bytes=kept_by_family(connection, sender_id),
        is_paused=bool(row.actor_is_paused) or row.paused_at is not None,
        quiet_hours={to_user: quiet_hours_of(row)} if row.quiet_hours else {},
    )


# ── in a group ──

_COMPANION, _OTHER = guardians.alias("mine"), guardians.alias("theirs")
_PEERS = union(
    select(guardians.c.account_id).where(guardians.c.toy_id == bindparam("me")),
    select(guardians.c.toy_id).where(guardians.c.account_id == bindparam("me")),
    select(_OTHER.c.account_id)
    .join_from(_COMPANION, _OTHER, _COMPANION.c.toy_id == _OTHER.c.toy_id)
    .where(_COMPANION.c.account_id == bindparam("me"), _OTHER.c.account_id != bindparam("me")),
    *(
        select(theirs).where(
            ours == bindparam("me"),
            contacts.c.state == ContactState.AGREED,
            ~contacts.c.lower_blocks,
            ~contacts.c.upper_blocks,
        )
        for ours, theirs in (
            (contacts.c.lower_id, contacts.c.upper_id),
            (contacts.c.upper_id, contacts.c.lower_id),
        )
    ),
)
_MEMBERS: Select[Any] = (
    select(
        members.c.party_id,
        groups.c.owner_id,
        toys.c.paused_at,
        toys.c.time_zone,
        toys.c.quiet_hours,
    )
    .join_from(members, groups, groups.c.id == members.c.group_id)
    .outerjoin(toys, toys.c.id == members.c.party_id)
    .where(members.c.group_id == bindparam("group"))
)
_FAMILY_KEY = select(_family_key())


def peers(connection: Connection, party_id: PartyId) -> set[PartyId]:
    """Everybody this party may talk with now."""
    return {PartyId(one) for one in connection.execute(_PEERS, {"me": party_id}).scalars()}


def _to_group(connection: Connection, sender_id: PartyId, group_id: GroupId) -> Relation:
    found = connection.execute(_MEMBERS, {"group": group_id}).all()
    me = next((row for row in found if row.party_id == sender_id), None)
    if me is None:
        return Relation(Standing.STRANGER, ())
    # Whom the sender may not talk with is not reached in a group either.
    known = peers(connection, sender_id)
    reached = [row for row in found if row.party_id in known and row.paused_at is None]
    hours: dict[PartyId, QuietHours] = {
        PartyId(row.party_id): quiet_hours_of(row) for row in reached if row.quiet_hours
    }
    return Relation(
        standing=_member(me.owner_id, sender_id),
        recipients=tuple(PartyId(row.party_id) for row in reached),
        family=connection.execute(_FAMILY_KEY, {"actor": sender_id}).scalar_one(),
        kept_bytes=kept_by_family(connection, sender_id),
        is_paused=me.paused_at is not None,
        quiet_hours=hours,
    )


def _in_group(connection: Connection, actor_id: PartyId, group_id: GroupId) -> Standing:
    found = connection.execute(_MEMBERS, {"group": group_id}).all()
    me = next((row for row in found if row.party_id == actor_id), None)
    return _member(me.owner_id, actor_id) if me is not None else Standing.STRANGER


def _member(owner_id: str | None, member_id: PartyId) -> Standing:
    return Standing.GROUP_OWNER if owner_id == member_id else Standing.MEMBER
