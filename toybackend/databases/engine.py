"""How queries reach SQLite without ever blocking the event loop.

A query is a plain function of a SQLAlchemy Connection; it runs as one transaction in a thread of its own kind: one
writer, because SQLite has one, and one reader, which write-ahead logging keeps from waiting for it. One hop to a
thread per transaction, not per statement, is what makes this cheaper than a driver that is asynchronous throughout.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, create_engine, event, make_url
from sqlalchemy.exc import DatabaseError, DBAPIError, IntegrityError, OperationalError
from sqlalchemy.pool import StaticPool

from toybackend.databases.migrate import migrate
from toybackend.databases.soundness import Soundness, stamp
from toybackend.errors import BadSettings, NotFound, Overloaded

T = TypeVar("T")
Query = Callable[[Connection], T]

BUSY_MS = 5000
RETRY_SECONDS = 5


class Engine:
    """Runs queries. Raises Overloaded when the database is locked for long, its disk is full, or it is not sound (see
    `soundness.py`), and NotFound when a row refers to what was erased meanwhile."""

    def __init__(self, writer: _Lane, reader: _Lane, long_reader: _Lane) -> None:
        self._writer = writer
        self._reader = reader
        self._long_reader = long_reader

    async def write(self, query: Query[T]) -> T:
        """One transaction; when this returns it has been synced to disk."""
        return await self._writer.run(query)

    async def read(self, query: Query[T]) -> T:
        return await self._reader.run(query)

    async def read_long(self, query: Query[T]) -> T:
        """For what takes a while, such as an export: toys and phones do not wait behind it."""
        return await self._long_reader.run(query)

    async def maintain(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Work on the database as a whole, between the writer's transactions."""
        return await self._writer.maintain(work)

    @property
    def is_maintained(self) -> bool:
        """Such work is under way, and what is to be written waits for it."""
        return self._writer.is_maintained


@contextlib.asynccontextmanager
async def open_sqlite(url: str, *, prepare: Query[None] = migrate) -> AsyncIterator[Engine]:
    """Migrate the database at this `sqlite:///…` address to the newest schema and open it."""
    soundness = Soundness(sqlite_file(url))
    writer = _Lane("database-writer", url, soundness, begin="BEGIN IMMEDIATE", check=soundness.check)
    reader = _Lane("database-reader", url, soundness, begin="BEGIN")
    long_reader = _Lane("database-long-reader", url, soundness, begin="BEGIN")

    def prepared(connection: Connection) -> None:
        prepare(connection)
        stamp(connection)

    try:
        await writer.open(prepared)
        await reader.open()
        await asyncio.to_thread(soundness.note_opened)
        yield Engine(writer, reader, long_reader)
    finally:
        await long_reader.close()
        await reader.close()
        await writer.close()


def sqlite_url(file: Path) -> str:
    return URL.create("sqlite", database=str(file.absolute())).render_as_string()


def sqlite_file(url: str) -> Path:
    return Path(make_url(url).database or "")


class _Lane:
    """A thread with a connection of its own. `check` is made before a transaction and after it."""

    def __init__(
        self,
        name: str,
        url: str,
        soundness: Soundness,
        *,
        begin: str,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self.is_maintained = False
        self._soundness = soundness
        self._check = check
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=name)
        # One connection, used by one thread only; SQLAlchemy just hands it back each time.
        self._engine = create_engine(
            url,
            poolclass=StaticPool,
            connect_args={"check_same_thread": False},
            hide_parameters=True,  # an error's text may be logged
        )
        _configure(self._engine, begin)

    async def open(self, prepare: Callable[[Connection], None] = lambda connection: None) -> None:
        """Raises BadSettings."""
        try:
            await self.run(prepare)
        except (Overloaded, DBAPIError) as error:
            raise BadSettings(f"the database at {self._engine.url} cannot be opened: {_cause(error)}") from error

    async def run(self, query: Query[T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._transaction, query)

    def _transaction(self, query: Query[T]) -> T:
        try:
            self._check()
            with self._engine.begin() as connection:
                answer = query(connection)
            self._check()
        except IntegrityError as error:
            if _refers_to_nothing(error):  # somebody or something was erased since we looked
                raise NotFound from error
            raise
        except DatabaseError as error:
            if self._soundness.is_damage(error) or isinstance(error, OperationalError):
                raise Overloaded("the database cannot take this now", retry_after=RETRY_SECONDS) from error
            raise
        except OSError as error:  # no file descriptor is left for what a query opens, such as a time zone
            raise Overloaded("the database cannot take this now", retry_after=RETRY_SECONDS) from error
        return answer

    async def maintain(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._outside, work)

    def _outside(self, work: Callable[[sqlite3.Connection], T]) -> T:
        self._check()
        self.is_maintained = True
        borrowed = self._engine.raw_connection()
        try:
            connection = borrowed.driver_connection
            assert isinstance(connection, sqlite3.Connection)  # noqa: S101
            return work(connection)
        except sqlite3.DatabaseError as error:
            if self._soundness.is_damage(error) or isinstance(error, sqlite3.OperationalError):
                raise Overloaded("the database cannot take this now", retry_after=RETRY_SECONDS) from error
            raise
        finally:
            borrowed.close()
            self.is_maintained = False

    async def close(self) -> None:
        with contextlib.suppress(DBAPIError):
            await asyncio.get_running_loop().run_in_executor(self._executor, self._engine.dispose)
        await asyncio.to_thread(self._executor.shutdown)


def _refers_to_nothing(error: IntegrityError) -> bool:
    return getattr(error.orig, "sqlite_errorname", "") == "SQLITE_CONSTRAINT_FOREIGNKEY"


def _cause(error: BaseException) -> BaseException:
    """What the driver said, without the statement that SQLAlchemy puts around it."""
    inner = error.__cause__ or error
    return inner.orig or inner if isinstance(inner, DBAPIError) else inner


def _configure(engine: Any, begin: str) -> None:
    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, record: object) -> None:
        connection.isolation_level = None  # transactions are begun below, in our words
        for pragma in (
            f"busy_timeout={BUSY_MS}",
            "journal_mode=WAL",
            "synchronous=FULL",  # a commit is on disk: «accepted» is a promise
            "foreign_keys=ON",
            "secure_delete=ON",  # what is deleted is overwritten
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)
