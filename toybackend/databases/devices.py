"""Boards with licences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, delete, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from toybackend.databases.engine import Engine
from toybackend.databases.revisions import raise_revision
from toybackend.databases.tables import claims, devices, parties, tokens, toys, used_nonces
from toybackend.databases.toys import find_toy, made_toy
from toybackend.errors import NotFound
from toybackend.models import Device, DeviceId, PartyId, PartyKind, Toy

NAMELESS = "toy"

_LAST = "z" * 40
"""Nothing that an id may go on with comes after this."""

_ADD = upsert(devices).on_conflict_do_nothing()
_BY_DIGEST = select(devices.c.toy_id, devices.c.revoked_at).where(devices.c.digest == bindparam("of"))
_BY_ID = select(devices.c.digest, devices.c.toy_id, devices.c.revoked_at).where(devices.c.id == bindparam("of"))
_BECOME = update(devices).where(devices.c.digest == bindparam("of")).values(toy_id=bindparam("toy"))
_REVOKE = update(devices).where(devices.c.id == bindparam("of")).values(revoked_at=bindparam("now"))
_END_TOKENS = delete(tokens).where(tokens.c.party_id == bindparam("toy"))
_END_CLAIM = delete(claims).where(
    claims.c.toy_id == bindparam("toy"), claims.c.opened_by.is_(None), claims.c.used_by.is_(None)
)
_FORGET_NONCES = delete(used_nonces).where(used_nonces.c.expires_at <= bindparam("now"))
_USE_NONCE = upsert(used_nonces).on_conflict_do_nothing()
_DEVICES = select(devices.c.id, devices.c.issued_at, devices.c.revoked_at, toys.c.bound_at).join_from(
    devices, toys, toys.c.id == devices.c.toy_id, isouter=True
)
_DEVICE = _DEVICES.where(devices.c.id == bindparam("of"))
_DEVICE_OF = _DEVICES.where(devices.c.digest == bindparam("of"))
_PAGE = (
    _DEVICES.where(devices.c.id > bindparam("after"), devices.c.id.between(bindparam("first"), bindparam("last")))
    .order_by(devices.c.id)
    .limit(bindparam("most"))
)


class SqlDevices:
    """Satisfies `ports.Devices`."""

    _engine: Engine

    async def add_devices(self, new: Sequence[tuple[str, DeviceId]], now: int) -> int:
        rows = [{"digest": digest, "id": device_id, "issued_at": now} for digest, device_id in new]
        return await self._engine.write(lambda connection: _add(connection, rows)) if rows else 0

    async def switch_on(
        self, licence_digest: str, new_toy_id: PartyId, token_digest: str, now: int, expires_at: int
    ) -> Toy | None:
        # Looked at before anything is written: whoever has no licence shall not keep the only writer busy.
        if await self._engine.read(lambda connection: _licensed(connection, licence_digest)) is None:
            return None
        token = {"digest": token_digest, "since": now, "expires_at": expires_at}
        return await self._engine.write(lambda connection: _switch_on(connection, licence_digest, new_toy_id, token))

    async def digest_of(self, device_id: DeviceId) -> str | None:
        row = await self._engine.read(lambda connection: connection.execute(_BY_ID, {"of": device_id}).one_or_none())
        return row.digest if row is not None and row.revoked_at is None else None

    async def use_nonce(self, nonce: str, expires_at: int, now: int) -> bool:
        def query(connection: Connection) -> bool:
            connection.execute(_FORGET_NONCES, {"now": now})
            return connection.execute(_USE_NONCE, {"nonce": nonce, "expires_at": expires_at}).rowcount == 1

        return await self._engine.write(query)

    async def device(self, device_id: DeviceId) -> Device | None:
        return await self._engine.read(lambda connection: _find(connection, _DEVICE, device_id))

    async def device_of(self, licence_digest: str) -> Device | None:
        return await self._engine.read(lambda connection: _find(connection, _DEVICE_OF, licence_digest))

    async def devices(self, beginning: str, after: str, limit: int) -> Sequence[Device]:
        asked = {"after": after, "first": beginning, "last": beginning + _LAST, "most": limit}
        rows = await self._engine.read(lambda connection: connection.execute(_PAGE, asked).all())
        return [_device(row) for row in rows]

    async def revoke(self, device_id: DeviceId, now: int) -> PartyId | None:
        return await self._engine.write(lambda connection: _revoke(connection, device_id, now))


def _add(connection: Connection, rows: Sequence[dict[str, object]]) -> int:
    return connection.execution_options(preserve_rowcount=True).execute(_ADD, rows).rowcount


# ── switching on ──


def _licensed(connection: Connection, digest: str) -> Row[*tuple[Any, ...]] | None:
    """The device of this licence, while it counts."""
    row = connection.execute(_BY_DIGEST, {"of": digest}).one_or_none()
    return row if row is not None and row.revoked_at is None else None


def _switch_on(connection: Connection, digest: str, new_toy_id: PartyId, token: dict[str, object]) -> Toy | None:
    """One transaction: a licence revoked, or a toy bound, meanwhile is seen by the token or ends it."""
    device = _licensed(connection, digest)
    if device is None:
        return None
    toy = find_toy(connection, PartyId(device.toy_id)) if device.toy_id is not None else None
    if toy is None:
        toy = _become(connection, digest, new_toy_id)
    kind = PartyKind.WAITING_TOY if toy.bound_at is None else PartyKind.TOY
    connection.execute(_END_TOKENS, {"toy": toy.id})
    connection.execute(insert(tokens), {**token, "party_id": toy.id, "kind": kind})
    return toy


def _become(connection: Connection, digest: str, toy_id: PartyId) -> Toy:
    """A device is only a row until it is switched on; then it becomes a toy."""
    connection.execute(insert(parties), {"id": toy_id, "kind": PartyKind.TOY, "name": NAMELESS})
    connection.execute(insert(toys), {"id": toy_id})
    connection.execute(_BECOME, {"of": digest, "toy": toy_id})
    return made_toy(connection, toy_id)


# ── what makers do ──


def _revoke(connection: Connection, device_id: DeviceId, now: int) -> PartyId | None:
    row = connection.execute(_BY_ID, {"of": device_id}).one_or_none()
    if row is None:
        raise NotFound
    if row.revoked_at is None:
        connection.execute(_REVOKE, {"of": device_id, "now": now})
        connection.execute(_END_TOKENS, {"toy": row.toy_id})
        connection.execute(_END_CLAIM, {"toy": row.toy_id})
        raise_revision(connection)
    return PartyId(row.toy_id) if row.toy_id is not None else None


def _find(connection: Connection, statement: Select[Any], of: str) -> Device | None:
    row = connection.execute(statement, {"of": of}).one_or_none()
    return _device(row) if row is not None else None


def _device(row: Row[*tuple[Any, ...]]) -> Device:
    return Device(DeviceId(row.id), row.issued_at, row.revoked_at, row.bound_at is not None)
