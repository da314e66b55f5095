"""Is the database whole, and still the one that was opened?

SQLite does not ask itself. Deleted or replaced while it is open, it is written on into a file that has lost its name,
and what was «accepted» then is gone at the next start. Beside a write-ahead log that is another database's, it takes
that one's pages for its own. So we look: whether the files are where they were, around every transaction that
somebody relies on; and whether what lies there is whole, when an earlier life did not end in order. Once a page was
found damaged nothing more is written until somebody has looked after it: any write could make it worse.
"""

from __future__ import annotations

import logging
import os
import secrets
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from toybackend.errors import BadSettings, Overloaded

log = logging.getLogger(__name__)

WAL, SHM = "-wal", "-shm"
RETRY_SECONDS = 60
"""Somebody has to look after it first."""
DAMAGES = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
STAMP_AT = 60
"""Offset of `user_version` in the file."""
SMALL_BYTES = 16 << 20

Identity = tuple[int, int] | None
"""Device and inode; None for a file that is not there."""


class Soundness:
    """Of one database, while it is open. Used by the threads of all its lanes."""

    def __init__(self, file: Path) -> None:
        self._names = [f"{file}{suffix}" for suffix in ("", WAL, SHM)]
        self._opened: list[Identity] | None = None
        self._is_damaged = False
        self._was_elsewhere = False

    def note_opened(self) -> None:
        """From here on, its files stay what they are."""
        self._opened = self._found()

    def check(self) -> None:
        """Raises Overloaded where nothing that is written now would be kept."""
        is_elsewhere = self._opened is not None and self._found() != self._opened
        if is_elsewhere is not self._was_elsewhere:
            self._was_elsewhere = is_elsewhere
            if is_elsewhere:
                log.error("the database was moved, replaced or deleted while it was open: put it back, or restart")
            else:
                log.info("the database is where it was again")
        if is_elsewhere or self._is_damaged:
            raise Overloaded("the database cannot keep anything now", retry_after=RETRY_SECONDS)

    def is_damage(self, error: DBAPIError | sqlite3.Error) -> bool:
        """Does this error say that a page is damaged? It is remembered."""
        origin = error.orig if isinstance(error, DBAPIError) else error
        found = getattr(origin, "sqlite_errorname", "").startswith(DAMAGES)
        if found and not self._is_damaged:
            self._is_damaged = True
            log.error("the database is damaged (%s): stop the server, and restore a backup", origin)
        return found

    def _found(self) -> list[Identity]:
        return [_identity(name) for name in self._names]


def _identity(name: str) -> Identity:
    try:
        found = os.stat(name)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def stamp(connection: Connection) -> None:
    """Give a new database a number of its own, by which a log that is left beside it can be told from another's. It is
    in the first page, in a field that SQLite leaves to us (file format, section 1.3.16)."""
    if not connection.exec_driver_sql("PRAGMA user_version").scalar_one():
        connection.exec_driver_sql(f"PRAGMA user_version={secrets.randbits(30) + 1}")


def examine(file: Path) -> None:
    """After a life that did not end in order, and only then: is this database whole together with the log that was
    left beside it? Changes nothing, where opening it would; takes a second, and one more for every 200 MB.
    Raises BadSettings."""
    left = Path(f"{file}{WAL}")
    if not (_size(file) and _size(left)):
        return
    try:
        with closing(sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True)) as connection:
            trouble = _trouble(file, connection)
    except sqlite3.DatabaseError as error:
        trouble = str(error)
    if trouble:
        raise BadSettings(
            f"{file} is damaged, or {left.name} is another database's ({trouble}). Nothing was changed: restore a"
            " backup, or put the files together that belong together"
        )


def _trouble(file: Path, connection: sqlite3.Connection) -> str:
    (number,) = connection.execute("PRAGMA user_version").fetchone()
    with file.open("rb") as header:
        header.seek(STAMP_AT)
        ours = int.from_bytes(header.read(4), "big")
    if ours not in (0, number):  # 0: all that was ever written to it is still in its log
        return "their numbers differ"
    # Only the longer look finds an index that misses a row, and it takes ten times as long.
    look = "integrity_check" if _size(file) <= SMALL_BYTES else "quick_check"
    (verdict,) = connection.execute(f"PRAGMA {look}(1)").fetchone()
    return "" if verdict == "ok" else str(verdict).strip().splitlines()[-1]


def check_is_there(file: Path) -> None:
    """For a house that has had a database. Raises BadSettings: in the empty one that SQLite would make, nobody knows
    any of the families, nor any of the sounds, which would all be swept away."""
    if not _size(file):
        raise BadSettings(f"{file} is missing or empty: put it back, or restore a backup into an empty folder")


def _size(file: Path) -> int:
    """In bytes; 0 for one that is not there."""
    try:
        return file.stat().st_size
    except OSError:
        return 0
