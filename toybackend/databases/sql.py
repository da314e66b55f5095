"""The database adapter: every table's room under one roof."""

from __future__ import annotations

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
from toybackend.databases.engine import Engine, open_sqlite, sqlite_url
from toybackend.databases.erasing import SqlErasing
from toybackend.databases.exports import SqlExports
from toybackend.databases.groups import SqlGroups
from toybackend.databases.guardians import SqlGuardians
from toybackend.databases.library import SqlLibrary
from toybackend.databases.mailboxes import SqlMailboxes
from toybackend.databases.messages import SqlMessages
from toybackend.databases.migrate import migrate, revision_of
from toybackend.databases.relations import SqlRelations
from toybackend.databases.scrubbing import SqlScrubbing
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


@asynccontextmanager
async def open_database(url: str, data_dir: Path) -> AsyncIterator[SqlDatabase]:
    """The database at `url`, migrated; empty means SQLite in the data folder. Raises BadSettings."""
    async with open_sqlite(_address(url, data_dir)) as engine:
        yield SqlDatabase(engine)


async def upgrade_database(url: str, data_dir: Path) -> tuple[str | None, str]:
    """Migrate it; from which revision to which. None for one that was not there. Raises BadSettings."""
    found: list[str | None] = []

    def prepare(connection: Connection) -> None:
        found.append(revision_of(connection))
        migrate(connection)
        found.append(revision_of(connection))

    async with open_sqlite(_address(url, data_dir), prepare=prepare):
        before, after = found
        return before, after or ""


def _address(url: str, data_dir: Path) -> str:
    url = url or sqlite_url(data_dir / NAME)
    if not url.startswith("sqlite:///"):
        raise BadSettings("TOYBACKEND_DATABASE_URL takes an address that begins with sqlite:///")
    return url
