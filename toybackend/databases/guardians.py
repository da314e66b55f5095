"""The grown-ups who answer for a toy: who they are, and how one of them goes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import Connection, and_, delete, exists, or_, select, update

from toybackend.databases.contacts import end_between, take_back_between, take_back_in_group
from toybackend.databases.engine import Engine
from toybackend.databases.relations import peers
from toybackend.databases.revisions import raise_revision
from toybackend.databases.tables import claims, guardians, members, parties, toys
from toybackend.databases.toys import consents_in_force, family_group, select_toys, toy_of, withdraw_consents_of
from toybackend.errors import NotAllowed, NotFound
from toybackend.models import Guardian, GuardianRole, PartyId
from toybackend.ports import Household, TakenBack


class SqlGuardians:
    """Satisfies `ports.Toys`, together with `SqlToys` and `SqlClaims`."""

    _engine: Engine

    async def guardians(self, toy_id: PartyId) -> Sequence[Guardian]:
        found = await self._engine.read(lambda connection: guardians_of(connection, [toy_id]))
        return found[toy_id]

    async def households(self, toy_ids: Sequence[PartyId]) -> Sequence[Household]:
        return await self._engine.read(lambda connection: _households(connection, toy_ids))

    async def remove_guardian(self, toy_id: PartyId, guardian_id: PartyId, now: int) -> Sequence[TakenBack]:
        def query(connection: Connection) -> list[TakenBack]:
            left = _others(connection, toy_id, guardian_id)
            _remove(connection, toy_id, guardian_id)
            heir = and_(guardians.c.toy_id == toy_id, guardians.c.account_id == left[0])
            connection.execute(update(guardians).where(heir).values(role=GuardianRole.OWNER))
            withdraw_consents_of(connection, toy_id, guardian_id, now)
            raise_revision(connection)
            taken_back = end_between(connection, toy_id, [guardian_id, *_own_wards(connection, guardian_id, left)])
            return taken_back + _take_back(connection, toy_id, guardian_id, left)

        return await self._engine.write(query)


# ── who they are ──


def guardian_ids(connection: Connection, toy_id: PartyId) -> list[PartyId]:
    """The owner first, then as they came."""
    return [one.id for one in guardians_of(connection, [toy_id])[toy_id]]


def guardians_of(connection: Connection, toy_ids: Sequence[PartyId]) -> dict[PartyId, list[Guardian]]:
    """By toy; the owner first, then as they came."""
    statement = (
        select(guardians, parties.c.name)
        .join_from(guardians, parties, parties.c.id == guardians.c.account_id)
        .where(guardians.c.toy_id.in_(toy_ids))
        .order_by(guardians.c.role == GuardianRole.CO_GUARDIAN, guardians.c.since, guardians.c.account_id)
    )
    found: dict[PartyId, list[Guardian]] = defaultdict(list)
    for row in connection.execute(statement):
        found[PartyId(row.toy_id)].append(
            Guardian(PartyId(row.account_id), row.name, GuardianRole(row.role), row.since)
        )
    return found


def _households(connection: Connection, toy_ids: Sequence[PartyId]) -> list[Household]:
    families = guardians_of(connection, toy_ids)
    agreed = consents_in_force(connection, toy_ids)
    statement = select_toys().where(toys.c.id.in_(families)).order_by(parties.c.name, parties.c.id)
    found = [toy_of(row) for row in connection.execute(statement)]
    return [Household(toy, tuple(families[toy.id]), agreed.get(toy.id)) for toy in found]


# ── going ──


def _others(connection: Connection, toy_id: PartyId, guardian_id: PartyId) -> list[PartyId]:
    """The guardians besides this one. Raises NotFound, or NotAllowed where there are none."""
    present = guardian_ids(connection, toy_id)
    if guardian_id not in present:
        raise NotFound
    if len(present) == 1:
        raise NotAllowed("a toy is not left without a guardian; unbind it instead")
    return [one for one in present if one != guardian_id]


def _remove(connection: Connection, toy_id: PartyId, guardian_id: PartyId) -> None:
    theirs = and_(guardians.c.toy_id == toy_id, guardians.c.account_id == guardian_id)
    connection.execute(delete(guardians).where(theirs))
    of_group = and_(members.c.group_id == family_group(toy_id), members.c.party_id == guardian_id)
    connection.execute(delete(members).where(of_group))
    # A code that they opened lets nobody in any more, and one that they used gives them no answer again.
    codes = or_(claims.c.opened_by == guardian_id, claims.c.used_by == guardian_id)
    connection.execute(delete(claims).where(claims.c.toy_id == toy_id, codes))


def _own_wards(connection: Connection, guardian_id: PartyId, left: Sequence[PartyId]) -> list[PartyId]:
    """The toys for which nobody of those who are left answers. Whatever contact the toy has with them, or with the one
    who goes, that one may have agreed to for both sides, and it would be a line to the child that nobody else gave."""
    others = guardians.alias("others")
    is_shared = exists().where(others.c.toy_id == guardians.c.toy_id, others.c.account_id.in_(left))
    wards = select(guardians.c.toy_id).where(guardians.c.account_id == guardian_id, ~is_shared)
    return [PartyId(one) for one in connection.execute(wards).scalars()]


def _take_back(
    connection: Connection, toy_id: PartyId, guardian_id: PartyId, left: Sequence[PartyId]
) -> list[TakenBack]:
    """What was under way in the family's group, and between whoever may not talk with each other any more."""
    known = peers(connection, guardian_id)
    taken_back = take_back_in_group(connection, family_group(toy_id), guardian_id)
    for other_id in (toy_id, *left):
        if other_id not in known:
            taken_back += take_back_between(connection, guardian_id, other_id)
    return taken_back
