"""What was deleted, gone from the files too.

`secure_delete` overwrites rows as they go, and still something stays: older versions of a page wait in the write-ahead
log, and when rows move to another page, because theirs was full, the space they leave keeps their bytes. Emptying
the log cures the first, and is quick. Only writing the whole database anew (VACUUM) cures the second: it takes two
to three seconds for every 100 MB, and nothing else is written meanwhile. So that is done at once only for a small
database; for a large one it waits for a moment that whoever calls chooses (`services/retention.py`: once a day).
"""

from __future__ import annotations

import asyncio
import sqlite3

from sqlalchemy import Connection

from toybackend.databases.engine import BUSY_MS, Engine
from toybackend.databases.erasing import UNSCRUBBED, note, noted

SMALL_BYTES = 16 << 20
"""Half a second."""
TRIES = 10
TRY_SECONDS = 0.05
PATIENCE_MS = 50
"""How long the writer may stand still for a reader in one try; voices wait behind it."""


class SqlScrubbing:
    """Satisfies `ports.Erasing.scrub`."""

    _engine: Engine

    async def scrub(self, *, whole: bool = False) -> bool:
        unscrubbed = await self._unscrubbed()
        if unscrubbed and (whole or await self._engine.maintain(_size) <= SMALL_BYTES):
            await self._engine.maintain(_write_anew)
            await self._engine.write(lambda connection: _scrubbed(connection, unscrubbed))
        for _ in range(TRIES):
            if await self._engine.maintain(_empty_log):
                return not await self._unscrubbed()
            await asyncio.sleep(TRY_SECONDS)  # somebody reads what was there before
        return False

    async def _unscrubbed(self) -> int:
        return await self._engine.read(lambda connection: noted(connection, UNSCRUBBED) or 0)


def _size(connection: sqlite3.Connection) -> int:
    (pages,), (page_bytes,) = (connection.execute(f"PRAGMA {one}").fetchone() for one in ("page_count", "page_size"))
    return int(pages) * int(page_bytes)


def _scrubbed(connection: Connection, count: int) -> None:
    note(connection, UNSCRUBBED, max(0, (noted(connection, UNSCRUBBED) or 0) - count))  # more may have gone meanwhile


def _write_anew(connection: sqlite3.Connection) -> None:
    connection.execute("VACUUM")


def _empty_log(connection: sqlite3.Connection) -> bool:
    """False while somebody still reads from it."""
    connection.execute(f"PRAGMA busy_timeout={PATIENCE_MS}")
    try:
        is_busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        connection.execute(f"PRAGMA busy_timeout={BUSY_MS}")
    return not is_busy
