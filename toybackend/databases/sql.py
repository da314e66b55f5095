"""The database adapter: every table's room under one roof."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import text

from toybackend.databases.devices import SqlDevices
from toybackend.databases.engine import Engine, open_sqlite, sqlite_url
from toybackend.databases.messages import SqlMessages
from toybackend.databases.parties import SqlParties
from toybackend.errors import BadSettings


class SqlDatabase(SqlMessages, SqlParties, SqlDevices):
    """Satisfies `ports.Database`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def ping(self) -> None:
        await self._engine.read(lambda connection: connection.execute(text("SELECT 1")))


@asynccontextmanager
async def open_database(url: str, data_dir: Path) -> AsyncIterator[SqlDatabase]:
    """The database at `url`, migrated; empty means SQLite in the data folder. Raises BadSettings."""
    url = url or sqlite_url(data_dir / "toybackend.sqlite3")
    if not url.startswith("sqlite:///"):
        raise BadSettings("TOYBACKEND_DATABASE_URL takes an address that begins with sqlite:///")
    async with open_sqlite(url) as engine:
        yield SqlDatabase(engine)
