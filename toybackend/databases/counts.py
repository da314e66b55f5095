"""How much there is."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from toybackend.databases.engine import Engine
from toybackend.databases.tables import accounts, devices, toys
from toybackend.ports import Counts

_ACCOUNTS = select(func.count()).select_from(accounts)
_TOYS = select(func.count(), func.count(toys.c.bound_at))
_LICENCES = select(func.count(), func.count(devices.c.revoked_at))


class SqlCounts:
    """Satisfies `ports.Counting`."""

    _engine: Engine

    async def counts(self) -> Counts:
        return await self._engine.read_long(_count)


def _count(connection: Connection) -> Counts:
    everybody = connection.execute(_ACCOUNTS).scalar_one()
    switched_on, bound = connection.execute(_TOYS).one()
    issued, revoked = connection.execute(_LICENCES).one()
    return Counts(everybody, switched_on, bound, issued, revoked)
