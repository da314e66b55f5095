"""The database adapter: every table's room under one roof."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import Connection, text

from toybackend.databases.accounts import SqlAccounts
from toybackend.databases.claims import SqlClaims
from toybackend.databases.contacts import SqlContacts
from toybackend.databases.conversations import SqlConversations
from toybackend.databases.copies import NAME, SqlCopies
from toybackend.databases.counts import SqlCounts
from toybackend.databases.devices import SqlDevices
from toybackend.databases.engine import Engine, open_sqlite, sqlite_file, sqlite_url
from toybackend.databases.erasing import SqlErasing, note
from toybackend.databases.exports import SqlExports
from toybackend.databases.groups import SqlGroups
from toybackend.databases.guardians import SqlGuardians
from toybackend.databases.library import SqlLibrary
from toybackend.databases.mailboxes import SqlMailboxes
from toybackend.databases.messages import SqlMessages
from toybackend.databases.migrate import migrate, revision_of
from toybackend.databases.relations import SqlRelations
from toybackend.databases.scrubbing import SqlScrubbing
from toybackend.databases.soundness import check_is_there, examine
from toybackend.databases.toys import SqlToys
from toybackend.errors import BadSettings


class SqlDatabase(
    SqlMessages,
    SqlMailboxes,
    SqlConversations,
    SqlRelations,
    SqlAccounts,
    SqlDevices,
    SqlToys,
    SqlClaims,
    SqlGuardians,
    SqlContacts,
    SqlGroups,
    SqlLibrary,
    SqlErasing,
    SqlExports,
    SqlScrubbing,
    SqlCopies,
    SqlCounts,
):
    """Satisfies `ports.Database`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def ping(self) -> None:
        await self._engine.read(lambda connection: connection.execute(text("SELECT 1")))
        if not self._engine.is_maintained:  # what it could keep before, it can keep again when that is done
            await self._engine.write(lambda connection: note(connection, "pinged", 1))


@asynccontextmanager
async def open_database(url: str, data_dir: Path, *, may_be_new: bool = True) -> AsyncIterator[SqlDatabase]:
    """The database at `url`, migrated; empty means SQLite in the data folder. Raises BadSettings."""
    async with open_sqlite(await _checked(url, data_dir, may_be_new)) as engine:
        yield SqlDatabase(engine)


async def examine_database(url: str, data_dir: Path) -> None:
    """For the server, before it opens it: is it whole, where an earlier life ended in a crash? Raises BadSettings."""
    await asyncio.to_thread(examine, sqlite_file(_address(url, data_dir)))


async def upgrade_database(url: str, data_dir: Path, *, may_be_new: bool = True) -> tuple[str | None, str]:
    """Migrate it; from which revision to which. None for one that was not there. Raises BadSettings."""
    address = await _checked(url, data_dir, may_be_new)
    found: list[str | None] = []

    def prepare(connection: Connection) -> None:
        found.append(revision_of(connection))
        migrate(connection)
        found.append(revision_of(connection))

    async with open_sqlite(address, prepare=prepare):
        before, after = found
        return before, after or ""


async def _checked(url: str, data_dir: Path, may_be_new: bool) -> str:
    address = _address(url, data_dir)
    if not may_be_new:
        await asyncio.to_thread(check_is_there, sqlite_file(address))
    return address


def _address(url: str, data_dir: Path) -> str:
    url = url or sqlite_url(data_dir / NAME)
    if not url.startswith("sqlite:///"):
        raise BadSettings("TOYBACKEND_DATABASE_URL takes an address that begins with sqlite:///")
    return url
