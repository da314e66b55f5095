"""Groups: several who hear what any of them says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from itertools import combinations

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from toybackend.databases.contacts import take_back_in_group
from toybackend.databases.engine import Engine
from toybackend.databases.relations import peers
from toybackend.databases.tables import groups, members, parties
from toybackend.errors import NotAllowed, NotFound, TooMany
from toybackend.models import Group, GroupId, GroupKind, Party, PartyId, PartyKind
from toybackend.ports import Leaving


class SqlGroups:
    """Satisfies `ports.Groups`."""

    _engine: Engine

    async def add_group(
        self,
        group_id: GroupId,
        name: str,
        owner_id: PartyId,
        members: Collection[PartyId],
        now: int,
        *,
        most_groups: int,
        most_members: int,
        most_memberships: int,
    ) -> Group:
        everybody = {owner_id, *members}

        def query(connection: Connection) -> Group:
            if connection.execute(_OWNED, {"owner": owner_id}).scalar_one() >= most_groups:
                raise TooMany(f"one person may have {most_groups} groups at most")
            _check_size(len(everybody), most_members)
            _check_peers(connection, everybody)
            _check_room(connection, everybody, most_memberships)
            row = {"id": group_id, "name": name, "created_at": now, "kind": GroupKind.CUSTOM, "owner_id": owner_id}
            connection.execute(_ADD_GROUP, row)
            connection.execute(
                _ADD_MEMBER, [{"group_id": group_id, "party_id": one, "since": now} for one in everybody]
            )
            return _groups(connection, [group_id])[0]

        return await self._engine.write(query)

    async def group(self, group_id: GroupId) -> Group | None:
        found = await self._engine.read(lambda connection: _groups(connection, [group_id]))
        return found[0] if found else None

    async def groups_of(self, member_ids: Collection[PartyId]) -> Sequence[Group]:
        def query(connection: Connection) -> list[Group]:
            ids = connection.execute(_GROUPS_OF, {"parties": list(member_ids)}).scalars().all()
            return _groups(connection, ids)

        return await self._engine.read(query)

    async def rename_group(self, group_id: GroupId, name: str) -> None:
        change = {"group": group_id, "new_name": name}
        await self._engine.write(lambda connection: connection.execute(_RENAME, change))

    async def add_member(
        self, group_id: GroupId, party_id: PartyId, now: int, *, most: int, most_memberships: int
    ) -> None:
        def query(connection: Connection) -> None:
            present = {row.party_id for row in connection.execute(_MEMBERS, {"groups": [group_id]})}
            if not present:
                raise NotFound
            if party_id in present:
                return
            _check_size(len(present) + 1, most)
            if not present <= peers(connection, party_id):
                raise NotAllowed(NOT_PEERS)
            _check_room(connection, [party_id], most_memberships)
            connection.execute(_ADD_MEMBER, {"group_id": group_id, "party_id": party_id, "since": now})

        await self._engine.write(query)

    async def remove_member(self, group_id: GroupId, party_id: PartyId) -> Leaving:
        return await self._engine.write(lambda connection: _remove(connection, group_id, party_id))


NOT_PEERS = "everybody in a group must be a contact of everybody else in it"

_ADD_GROUP, _ADD_MEMBER = insert(groups), insert(members)
_RENAME = update(groups).where(groups.c.id == bindparam("group")).values(name=bindparam("new_name"))
_OWNED = select(func.count()).select_from(groups).where(groups.c.owner_id == bindparam("owner"))
_FULL = (
    select(members.c.party_id)
    .where(members.c.party_id.in_(bindparam("joining", expanding=True)))
    .group_by(members.c.party_id)
    .having(func.count() >= bindparam("most"))
)


def _check_size(size: int, most: int) -> None:
    if size > most:
        raise TooMany(f"a group may have {most} members at most")


def _check_room(connection: Connection, joining: Collection[PartyId], most: int) -> None:
    if connection.execute(_FULL, {"joining": list(joining), "most": most}).first() is not None:
        raise TooMany(f"one person or toy may be in {most} groups at most")


def _check_peers(connection: Connection, everybody: Collection[PartyId]) -> None:
    """Raises NotAllowed unless each may talk with each."""
    known = {one: peers(connection, one) for one in everybody}
    if any(two not in known[one] for one, two in combinations(everybody, 2)):
        raise NotAllowed(NOT_PEERS)


# ── reading ──

_GROUPS_OF = select(members.c.group_id).where(members.c.party_id.in_(bindparam("parties", expanding=True))).distinct()
_GROUPS = select(groups).where(groups.c.id.in_(bindparam("groups", expanding=True)))
_MEMBERS = (
    select(members.c.group_id, members.c.party_id, parties.c.kind, parties.c.name)
    .join_from(members, parties, parties.c.id == members.c.party_id)
    .where(members.c.group_id.in_(bindparam("groups", expanding=True)))
    .order_by(members.c.since, members.c.party_id)
)


def _groups(connection: Connection, group_ids: Sequence[str]) -> list[Group]:
    """By name; the members of each as they came."""
    present: dict[str, list[Party]] = defaultdict(list)
    for row in connection.execute(_MEMBERS, {"groups": group_ids}):
        present[row.group_id].append(Party(PartyId(row.party_id), PartyKind(row.kind), row.name))
    found = [
        Group(
            id=GroupId(row.id),
            kind=GroupKind(row.kind),
            name=row.name,
            owner_id=PartyId(row.owner_id) if row.owner_id else None,
            members=tuple(present[row.id]),
        )
        for row in connection.execute(_GROUPS, {"groups": group_ids})
    ]
    return sorted(found, key=lambda group: (group.name.casefold(), group.id))


# ── leaving ──

_REMOVE = delete(members).where(members.c.group_id == bindparam("group"), members.c.party_id == bindparam("party"))
_LONGEST = (
    select(members.c.party_id)
    .join_from(members, parties, parties.c.id == members.c.party_id)
    .where(members.c.group_id == bindparam("group"), parties.c.kind == PartyKind.PERSON)
    .order_by(members.c.since, members.c.party_id)
    .limit(1)
)
_PASS_ON = (
    update(groups)
    .where(groups.c.id == bindparam("group"), groups.c.owner_id == bindparam("former"))
    .values(owner_id=bindparam("next_owner"))
)


def _remove(connection: Connection, group_id: GroupId, party_id: PartyId) -> Leaving:
    connection.execute(_REMOVE, {"group": group_id, "party": party_id})
    taken_back = take_back_in_group(connection, group_id, party_id)
    longest = connection.execute(_LONGEST, {"group": group_id}).scalar_one_or_none()
    connection.execute(_PASS_ON, {"group": group_id, "former": party_id, "next_owner": longest})
    return Leaving(taken_back, is_abandoned=longest is None)
