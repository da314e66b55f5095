"""Licences, toys and their claims."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, Select, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from toybackend.databases.engine import Engine
from toybackend.databases.tables import claims, guardians, licences, parties, toys
from toybackend.errors import AlreadyBound, ClaimExpired, ClaimWrong
from toybackend.models import Claim, PartyId, PartyKind, Toy

NAMELESS = "toy"


class SqlDevices:
    """What is known of a device."""

    _engine: Engine

    async def add_licences(self, toys: Iterable[tuple[str, PartyId]], now: int) -> None:
        rows = [{"digest": digest, "toy_id": toy_id, "issued_at": now} for digest, toy_id in toys]
        await self._engine.write(lambda connection: connection.execute(insert(licences), rows))

    async def licensed_toy(self, licence_digest: str) -> Toy | None:
        toy_id = await self._engine.read(lambda connection: _toy_of(connection, licence_digest))
        if toy_id is None:
            return None
        return await self.toy(toy_id) or await self._engine.write(lambda connection: _first_boot(connection, toy_id))

    async def set_claim(self, claim: Claim) -> None:
        def query(connection: Connection) -> None:
            connection.execute(delete(claims).where(claims.c.toy_id == claim.toy_id))
            connection.execute(insert(claims).values(toy_id=claim.toy_id, code=claim.code, expires_at=claim.expires_at))

        try:
            await self._engine.write(query)
        except IntegrityError:
            raise ClaimWrong from None

    async def bind(self, code: str, guardian_id: PartyId, name: str, now: int) -> Toy:
        return await self._engine.write(lambda connection: _bind(connection, code, guardian_id, name, now))

    async def toy(self, toy_id: PartyId) -> Toy | None:
        return await self._engine.read(lambda connection: _toy(connection, toy_id))


def _toy_of(connection: Connection, digest: str) -> PartyId | None:
    statement = select(licences.c.toy_id).where(licences.c.digest == digest, licences.c.revoked_at.is_(None))
    found = connection.execute(statement).scalar_one_or_none()
    return PartyId(found) if found is not None else None


def _first_boot(connection: Connection, toy_id: PartyId) -> Toy:
    """A licence is only a row; the toy itself exists from its first power-on."""
    made = _toy(connection, toy_id)
    if made is not None:  # another power-on of the same toy came first
        return made
    connection.execute(insert(parties).values(id=toy_id, kind=PartyKind.TOY, name=NAMELESS))
    connection.execute(insert(toys).values(id=toy_id))
    return _made_toy(connection, toy_id)


def _bind(connection: Connection, code: str, guardian_id: PartyId, name: str, now: int) -> Toy:
    claim = connection.execute(select(claims).where(claims.c.code == code)).one_or_none()
    if claim is None:
        raise ClaimWrong
    if claim.expires_at <= now:
        raise ClaimExpired
    free = update(toys).where(toys.c.id == claim.toy_id, toys.c.bound_at.is_(None)).values(bound_at=now)
    if connection.execute(free).rowcount == 0:
        raise AlreadyBound
    connection.execute(delete(claims).where(claims.c.toy_id == claim.toy_id))
    connection.execute(insert(guardians).values(toy_id=claim.toy_id, account_id=guardian_id, since=now))
    if name:
        connection.execute(update(parties).where(parties.c.id == claim.toy_id).values(name=name))
    return _made_toy(connection, claim.toy_id)


def _select_toys() -> Select[tuple[str, str, str, int, int | None]]:
    return select(toys.c.id, parties.c.name, toys.c.child_name, toys.c.volume_cap, toys.c.bound_at).join_from(
        toys, parties, parties.c.id == toys.c.id
    )


def _toy(connection: Connection, toy_id: PartyId) -> Toy | None:
    row = connection.execute(_select_toys().where(toys.c.id == toy_id)).one_or_none()
    return Toy(PartyId(row.id), row.name, row.child_name, row.volume_cap, row.bound_at) if row else None


def _made_toy(connection: Connection, toy_id: PartyId) -> Toy:
    """A toy that was written in this transaction."""
    toy = _toy(connection, toy_id)
    assert toy is not None  # noqa: S101
    return toy
