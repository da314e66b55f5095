"""Copies of the whole database, and what is in one."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import closing
from pathlib import Path

from toybackend.databases.engine import Engine
from toybackend.errors import BadBackup
from toybackend.models import SoundId
from toybackend.ports import Inventory

NAME = "toybackend.sqlite3"

_SOUNDS = """
SELECT id, state <> 'accepted' FROM messages WHERE text IS NULL AND state <> 'failed'
UNION ALL
SELECT id, state <> 'converting' FROM items WHERE state <> 'failed'
ORDER BY id
"""


class SqlCopies:
    """Satisfies `ports.Copies`."""

    _engine: Engine

    async def copy_to(self, folder: Path) -> Path:
        file = folder / NAME
        await self._engine.maintain(lambda connection: _copy(connection, file))
        return file

    async def inventory(self, copy: Path) -> Inventory:
        return await asyncio.to_thread(_look_through, copy)


def _copy(connection: sqlite3.Connection, file: Path) -> None:
    # It reads as any reader does, so other processes go on writing; and writes anew, so nothing deleted comes along.
    connection.execute("VACUUM INTO ?", (str(file),))
    with file.open("rb") as written:
        os.fsync(written.fileno())


def _look_through(file: Path) -> Inventory:
    try:
        with closing(sqlite3.connect(file)) as connection:
            if connection.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
                raise BadBackup(f"{file.name} is damaged")
            if connection.execute("PRAGMA foreign_key_check").fetchall():
                raise BadBackup(f"{file.name} refers to what is not in it")
            (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            sounds = [(SoundId(sound_id), bool(converted)) for sound_id, converted in connection.execute(_SOUNDS)]
    except sqlite3.DatabaseError as error:
        raise BadBackup(f"{file.name} cannot be read: {error}") from None
    return Inventory(revision, sounds)
