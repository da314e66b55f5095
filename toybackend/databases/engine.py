"""How queries reach SQLite without ever blocking the event loop.

A query is a plain function of a SQLAlchemy Connection; it runs as one transaction in a thread of its own kind: one
writer, because SQLite has one, and one reader, which write-ahead logging keeps from waiting for it. One hop to a
thread per transaction, not per statement, is what makes this cheaper than a driver that is asynchronous throughout.

A sync takes longer than most of what it makes last, and beginning and ending a transaction as long as most of what is
read in it. So what comes while one is under way is gathered, and is the next one together: each query whole or not at
all, as if it were alone, and nobody hears of it before the sync is over.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeAlias, TypeVar

from sqlalchemy import URL, Connection, create_engine, event, make_url
from sqlalchemy.exc import DatabaseError, DBAPIError, IntegrityError, OperationalError
from sqlalchemy.pool import StaticPool

from toybackend.databases.migrate import migrate
from toybackend.databases.soundness import Soundness, stamp
from toybackend.errors import BadSettings, NotFound, Overloaded

T = TypeVar("T")
Query = Callable[[Connection], T]
Outcome: TypeAlias = T | Exception
"""The answer to a query, or why there is none."""

BUSY_MS = 5000
RETRY_SECONDS = 5
MOST_TOGETHER = 64
"""Queries in one transaction. Each waits for all."""
LONG_SECONDS = 0.02
"""What has taken this long takes nothing more with it."""


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
    writer = _Lane(
        "database-writer",
        url,
        soundness,
        begin="BEGIN IMMEDIATE",
        savepoint=Connection.begin_nested,
        check=soundness.check,
    )
    reader = _Lane("database-reader", url, soundness, begin="BEGIN", shares=True)
    long_reader = _Lane("database-long-reader", url, soundness, begin="BEGIN", together=1)

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


@dataclass(frozen=True, slots=True)
class _Turn(Generic[T]):
    """A query that waits, and who waits for it."""

    query: Query[T]
    answer: asyncio.Future[T] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def settle(self, outcome: Outcome[T]) -> None:
        if self.answer.done():  # nobody waits any more
            return
        if isinstance(outcome, StopIteration):  # which no future takes
            self.answer.set_exception(RuntimeError(repr(outcome)))
        elif isinstance(outcome, Exception):
            self.answer.set_exception(outcome)
        else:
            self.answer.set_result(outcome)


class _Lane:
    """A thread with a connection of its own. What has come while a transaction ran is the next one, at most so many
    queries together, each behind a `savepoint`; `check` is made before it and after it. Where it `shares`, queries of
    one transaction that are equal are made once."""

    def __init__(
        self,
        name: str,
        url: str,
        soundness: Soundness,
        *,
        begin: str,
        together: int = MOST_TOGETHER,
        shares: bool = False,
        savepoint: Callable[[Connection], AbstractContextManager[object]] = nullcontext,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self.is_maintained = False
        self._soundness = soundness
        self._together = together
        self._shares = shares
        self._savepoint = savepoint
        self._check = check
        self._waiting: deque[_Turn[Any]] = deque()
        self._working: asyncio.Task[None] | None = None
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
        turn = _Turn(query)
        self._waiting.append(turn)
        if self._working is None:
            self._working = asyncio.get_running_loop().create_task(self._work())
        return await turn.answer

    async def _work(self) -> None:
        try:
            while self._waiting:
                turns = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._together))]
                await self._take([turn for turn in turns if not turn.answer.done()])
        finally:
            self._working = None
            for turn in self._waiting:  # there are some only where we were ended ourselves
                turn.answer.cancel()

    async def _take(self, turns: Sequence[_Turn[Any]]) -> None:
        if not turns:
            return
        queries = [turn.query for turn in turns]
        try:
            outcomes = await asyncio.get_running_loop().run_in_executor(self._executor, self._transaction, queries)
        except RuntimeError as error:  # the lane was closed, or this process may have no further thread
            outcomes = [_unavailable(error) for _ in turns]
        except BaseException:
            self._waiting.extendleft(reversed(turns))
            raise
        for turn, outcome in zip(turns, outcomes, strict=False):
            turn.settle(outcome)
        self._waiting.extendleft(reversed(turns[len(outcomes) :]))

    # ── in the thread ──

    def _transaction(self, queries: Sequence[Query[Any]]) -> Sequence[Outcome[Any]]:
        """The outcomes of the first of them, as many as there was time for."""
        try:
            self._check()
            with self._engine.begin() as connection:
                if len(queries) == 1:
                    outcomes = [queries[0](connection)]
                else:
                    outcomes = list(self._one_after_another(queries, connection))
            self._check()
        except Exception as error:
            return [self._meaning(error) for _ in queries]
        return outcomes

    def _one_after_another(self, queries: Sequence[Query[Any]], connection: Connection) -> Iterator[Outcome[Any]]:
        began = time.monotonic()
        known: dict[Query[Any], Outcome[Any]] = {}
        for query in queries:
            if not self._shares or query not in known:
                known[query] = self._by_itself(query, connection)
            yield known[query]
            if time.monotonic() - began > LONG_SECONDS:
                break

    def _by_itself(self, query: Query[T], connection: Connection) -> Outcome[T]:
        """A query that fails leaves nothing, and the others alone. Raises where they cannot go on either."""
        try:
            with self._savepoint(connection):
                return query(connection)
        except Exception as error:
            if self._is_of_the_database(error):
                raise
            return self._meaning(error)

    def _meaning(self, error: Exception) -> Exception:
        """What somebody is told who only asked a question."""
        # No file descriptor is left for what a query opens, such as a time zone: that is an OSError.
        if isinstance(error, OSError) or self._is_of_the_database(error):
            return _unavailable(error)
        if isinstance(error, IntegrityError) and _refers_to_nothing(error):  # somebody was erased since we looked
            gone = NotFound()
            gone.__cause__ = error
            return gone
        return error

    def _is_of_the_database(self, error: Exception) -> bool:
        """It is locked, full or damaged, rather than that one query was wrong."""
        return isinstance(error, DatabaseError | sqlite3.DatabaseError) and (
            self._soundness.is_damage(error) or isinstance(error, OperationalError | sqlite3.OperationalError)
        )

    async def maintain(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._outside, work)

    def _outside(self, work: Callable[[sqlite3.Connection], T]) -> T:
        self._check()
        self.is_maintained = True
        try:
            with closing(self._engine.raw_connection()) as borrowed:
                connection = borrowed.driver_connection
                assert isinstance(connection, sqlite3.Connection)  # noqa: S101
                return work(connection)
        except Exception as error:
            if self._is_of_the_database(error):
                raise _unavailable(error) from error
            raise
        finally:
            self.is_maintained = False

    async def close(self) -> None:
        if self._working is not None:
            await asyncio.wait([self._working])
        with contextlib.suppress(DBAPIError):
            await asyncio.get_running_loop().run_in_executor(self._executor, self._engine.dispose)
        await asyncio.to_thread(self._executor.shutdown)


def _unavailable(error: Exception) -> Overloaded:
    overloaded = Overloaded("the database cannot take this now", retry_after=RETRY_SECONDS)
    overloaded.__cause__ = error
    return overloaded


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
