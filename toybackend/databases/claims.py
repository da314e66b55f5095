"""How a toy finds its family: codes, and binding in one transaction."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from toybackend.databases.engine import Engine
from toybackend.databases.guardians import guardian_ids
from toybackend.databases.revisions import raise_revision
from toybackend.databases.tables import claims, groups, guardians, members, tokens, toys
from toybackend.databases.toys import family_group, find_toy, made_toy, rename_toy
from toybackend.errors import AlreadyBound, ClaimExpired, ClaimWrong, NotFound, TooMany
from toybackend.models import Claim, GroupKind, GuardianRole, PartyId, PartyKind, Toy


class SqlClaims:
    """Satisfies `ports.Toys`, together with `SqlToys` and `SqlGuardians`."""

    _engine: Engine

    async def set_claim(self, claim: Claim) -> None:
        try:
            await self._engine.write(lambda connection: _set_claim(connection, claim))
        except IntegrityError:
            raise ClaimWrong from None

    async def move_claim(self, toy_id: PartyId, expires_at: int) -> None:
        unused = update(claims).where(
            claims.c.toy_id == toy_id, claims.c.used_by.is_(None), claims.c.opened_by.is_(None)
        )
        await self._engine.write(lambda connection: connection.execute(unused.values(expires_at=expires_at)))

    async def claim(self, code: str) -> Claim | None:
        row = await self._engine.read(lambda connection: _claim(connection, code))
        return _claim_of(row) if row else None

    async def bind(
        self, code: str, guardian_id: PartyId, name: str, now: int, *, most_guardians: int, most_toys: int
    ) -> Toy:
        def query(connection: Connection) -> Toy:
            claim = _usable(connection, code, guardian_id, now)
            if claim.used_by is None:
                _use_up(connection, code, guardian_id)
                _check_room(connection, guardian_id, most_toys)
                if claim.opened_by is None:
                    _take_home(connection, claim.toy_id, guardian_id, name, now)
                else:
                    _join(connection, claim.toy_id, guardian_id, now, most_guardians)
                raise_revision(connection)
            return made_toy(connection, claim.toy_id)

        return await self._engine.write(query)


# ── binding ──

# Built once: building a statement costs SQLAlchemy more than SQLite needs to run it.
_BY_CODE = select(claims).where(claims.c.code == bindparam("code"))
_USE_UP = (
    update(claims)
    .where(claims.c.code == bindparam("used_code"), claims.c.used_by.is_(None))
    .values(used_by=bindparam("user"))
)
_COUNT_TOYS = select(func.count()).where(guardians.c.account_id == bindparam("guardian"))
_TAKE_HOME = (
    update(toys).where(toys.c.id == bindparam("toy"), toys.c.bound_at.is_(None)).values(bound_at=bindparam("now"))
)
_NOW_READY = (
    update(tokens)
    .where(tokens.c.party_id == bindparam("toy"), tokens.c.kind == PartyKind.WAITING_TOY)
    .values(kind=PartyKind.TOY)
)
_ADD_FAMILY, _ADD_MEMBER, _ADD_GUARDIAN = insert(groups), insert(members), insert(guardians)


def _set_claim(connection: Connection, claim: Claim) -> None:
    toy = find_toy(connection, claim.toy_id)
    if toy is None:
        raise NotFound
    if claim.opened_by is None and toy.bound_at is not None:
        raise AlreadyBound
    if claim.opened_by is not None and claim.opened_by not in guardian_ids(connection, claim.toy_id):
        raise NotFound
    row = {"code": claim.code, "expires_at": claim.expires_at, "opened_by": claim.opened_by}
    connection.execute(delete(claims).where(claims.c.toy_id == claim.toy_id))
    connection.execute(insert(claims).values(toy_id=claim.toy_id, **row))


def _claim(connection: Connection, code: str) -> Row[Any] | None:
    return connection.execute(_BY_CODE, {"code": code}).one_or_none()


def _claim_of(row: Row[Any]) -> Claim:
    return Claim(row.code, PartyId(row.toy_id), row.expires_at, PartyId(row.opened_by) if row.opened_by else None)


def _usable(connection: Connection, code: str, guardian_id: PartyId, now: int) -> Row[Any]:
    """The claim of this code: unused, or used by this very person, whom the answer did not reach."""
    claim = _claim(connection, code)
    if claim is None:
        raise ClaimWrong
    if claim.used_by is not None and claim.used_by != guardian_id:
        raise AlreadyBound
    if claim.used_by is None and claim.expires_at <= now:
        raise ClaimExpired
    return claim


def _use_up(connection: Connection, code: str, guardian_id: PartyId) -> None:
    """Raises AlreadyBound where somebody else did since we looked."""
    if connection.execute(_USE_UP, {"used_code": code, "user": guardian_id}).rowcount == 0:
        raise AlreadyBound


def _check_room(connection: Connection, guardian_id: PartyId, most_toys: int) -> None:
    if connection.execute(_COUNT_TOYS, {"guardian": guardian_id}).scalar_one() >= most_toys:
        raise TooMany(f"one person guards at most {most_toys} toys; let one go first")


def _take_home(connection: Connection, toy_id: PartyId, owner_id: PartyId, name: str, now: int) -> None:
    if connection.execute(_TAKE_HOME, {"toy": toy_id, "now": now}).rowcount == 0:
        raise AlreadyBound
    # It proved its licence when it got this token; from now on the token is good for everything.
    connection.execute(_NOW_READY, {"toy": toy_id})
    family = {"id": family_group(toy_id), "created_at": now, "kind": GroupKind.FAMILY, "toy_id": toy_id}
    connection.execute(_ADD_FAMILY, family | {"name": ""})
    rename_toy(connection, toy_id, name or made_toy(connection, toy_id).name)
    _add_member(connection, toy_id, toy_id, now)
    _add_guardian(connection, toy_id, owner_id, GuardianRole.OWNER, now)


def _join(connection: Connection, toy_id: PartyId, guardian_id: PartyId, now: int, most: int) -> None:
    present = guardian_ids(connection, toy_id)
    if guardian_id in present:
        raise AlreadyBound("you are a guardian of this toy already")
    if len(present) >= most:
        raise TooMany(f"a toy has at most {most} guardians; one of them has to leave first")
    _add_guardian(connection, toy_id, guardian_id, GuardianRole.CO_GUARDIAN, now)


def _add_guardian(connection: Connection, toy_id: PartyId, guardian_id: PartyId, role: GuardianRole, now: int) -> None:
    row = {"toy_id": toy_id, "account_id": guardian_id, "role": role, "since": now}
    connection.execute(_ADD_GUARDIAN, row)
    _add_member(connection, toy_id, guardian_id, now)


def _add_member(connection: Connection, toy_id: PartyId, party_id: PartyId, now: int) -> None:
    connection.execute(_ADD_MEMBER, {"group_id": family_group(toy_id), "party_id": party_id, "since": now})
