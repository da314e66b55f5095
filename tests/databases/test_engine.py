"""How SQLite is spoken to: what is promised to be on disk is, and a full or busy database says so."""

from __future__ import annotations

import asyncio
import errno
import os
import sqlite3
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from types import NoneType

import pytest
from sqlalchemy import Connection

from tests.world import add_person, new_id
from toybackend.databases import engine as module
from toybackend.databases.engine import Engine, open_sqlite, sqlite_url
from toybackend.databases.sql import SqlDatabase
from toybackend.errors import NotFound, Overloaded


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "toys.sqlite3"


@pytest.fixture
async def engine(file: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Engine]:
    monkeypatch.setattr(module, "BUSY_MS", 50)
    async with open_sqlite(sqlite_url(file)) as opened:
        yield opened


def pragma(connection: Connection, name: str) -> object:
    return connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()


def count_parties(connection: Connection) -> int:
    return int(connection.exec_driver_sql("SELECT count(*) FROM parties").scalar_one())


def add_party(connection: Connection) -> None:
    connection.exec_driver_sql(f"INSERT INTO parties (id, kind, name) VALUES ('{new_id('p')}', 'person', 'Mum')")


FULL, ON = 2, 1


@pytest.mark.parametrize(
    ("name", "value"), [("journal_mode", "wal"), ("synchronous", FULL), ("foreign_keys", ON), ("secure_delete", ON)]
)
async def test_both_connections_are_set_up_to_lose_and_leave_nothing(engine: Engine, name: str, value: object) -> None:
    for lane in (engine.read, engine.write):
        assert await lane(lambda connection: pragma(connection, name)) == value


async def test_the_loop_goes_on_while_a_query_runs(engine: Engine) -> None:
    go_on = threading.Event()
    waiting = asyncio.create_task(engine.write(lambda connection: go_on.wait(5)))
    await asyncio.sleep(0)
    assert await engine.read(count_parties) == 0  # a reader does not wait for the writer
    go_on.set()
    assert await waiting


async def test_a_failed_query_leaves_nothing(engine: Engine) -> None:
    def half(connection: Connection) -> None:
        add_party(connection)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await engine.write(half)
    assert await engine.read(count_parties) == 0


async def test_what_was_written_is_read_at_once(engine: Engine) -> None:
    for number in range(1, 6):
        await engine.write(add_party)
        assert await engine.read(count_parties) == number


async def test_a_full_disk_is_overloaded_and_passes(engine: Engine) -> None:
    pages = await engine.write(lambda connection: pragma(connection, "page_count"))
    await engine.write(lambda connection: pragma(connection, f"max_page_count={pages}"))
    database = SqlDatabase(engine)
    with pytest.raises(Overloaded) as refused:
        for _ in range(10):
            await add_person(database, new_id("a long name " * 1000))
    assert refused.value.retry_after
    before = await engine.read(count_parties)
    await engine.write(lambda connection: pragma(connection, "max_page_count=1000000"))
    await add_person(database, "Mum")
    assert await engine.read(count_parties) == before + 1


async def test_a_database_that_stays_locked_is_overloaded(engine: Engine, file: Path) -> None:
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Overloaded):
        await engine.write(add_party)
    assert await engine.read(count_parties) == 0  # reading goes on
    other.execute("ROLLBACK")
    other.close()
    await engine.write(add_party)


async def test_a_lock_that_is_let_go_in_time_is_waited_for(file: Path) -> None:
    other = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    async with open_sqlite(sqlite_url(file)) as engine:
        other.execute("BEGIN IMMEDIATE")
        asyncio.get_running_loop().call_later(0.05, other.execute, "ROLLBACK")
        await engine.write(add_party)
    other.close()


# ── committed together ──


@pytest.fixture
async def gate(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[threading.Event]:
    """The writer is busy until it is set; what is written meanwhile gathers."""
    monkeypatch.setattr(module, "LONG_SECONDS", 60.0)
    opened = threading.Event()
    busy = asyncio.create_task(engine.write(lambda connection: opened.wait(5)))
    await asyncio.sleep(0)
    yield opened
    opened.set()
    await asyncio.wait([busy])


async def test_what_gathered_is_committed_together(engine: Engine, gate: threading.Event, file: Path) -> None:
    other = sqlite3.connect(file, check_same_thread=False)

    def add_and_look(connection: Connection) -> int:
        add_party(connection)
        (committed,) = other.execute("SELECT count(*) FROM parties").fetchone()
        return int(committed)

    writing = [asyncio.create_task(engine.write(add_and_look)) for _ in range(10)]
    await asyncio.sleep(0)
    gate.set()
    assert await asyncio.gather(*writing) == [0] * 10  # when the last one ran, the first was not committed either
    other.close()
    assert await engine.read(count_parties) == 10


async def test_of_what_gathered_each_is_whole_or_not_at_all(engine: Engine, gate: threading.Event) -> None:
    def half(connection: Connection) -> None:
        add_party(connection)
        raise ZeroDivisionError

    def of_nobody(connection: Connection) -> None:
        add_party(connection)
        connection.exec_driver_sql("INSERT INTO mailboxes (owner_id, last_position) VALUES ('p_none', 0)")

    writing = [asyncio.create_task(engine.write(query)) for query in (add_party, half, add_party, of_nobody, add_party)]
    await asyncio.sleep(0)
    gate.set()
    outcomes = await asyncio.gather(*writing, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [NoneType, ZeroDivisionError, NoneType, NotFound, NoneType]
    assert await engine.read(count_parties) == 3


async def test_of_what_gathered_nothing_is_kept_where_the_disk_is_full(engine: Engine, gate: threading.Event) -> None:
    def too_much(connection: Connection) -> None:
        add_party(connection)
        connection.exec_driver_sql("PRAGMA max_page_count=1")
        connection.exec_driver_sql("CREATE TABLE filler AS SELECT randomblob(100000)")

    writing = [asyncio.create_task(engine.write(query)) for query in (add_party, too_much, add_party)]
    await asyncio.sleep(0)
    gate.set()
    outcomes = await asyncio.gather(*writing, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [Overloaded] * 3
    assert await engine.read(count_parties) == 0


async def test_who_does_not_wait_any_more_is_not_written(engine: Engine, gate: threading.Event) -> None:
    writing = [asyncio.create_task(engine.write(add_party)) for _ in range(3)]
    await asyncio.sleep(0)
    writing[1].cancel()
    gate.set()
    await asyncio.gather(*writing, return_exceptions=True)
    assert await engine.read(count_parties) == 2


async def test_what_gathered_is_written_before_closing(file: Path) -> None:
    async with open_sqlite(sqlite_url(file)) as engine:
        writing = [asyncio.create_task(engine.write(add_party)) for _ in range(200)]
        await asyncio.sleep(0)
    assert all(one.done() for one in writing)
    async with open_sqlite(sqlite_url(file)) as engine:
        assert await engine.read(count_parties) == 200


@dataclass(frozen=True)
class Counting:
    """A query that notes when it is made."""

    made: list[str] = field(compare=False)
    words: str

    def __call__(self, connection: Connection) -> int:
        self.made.append(self.words)
        return count_parties(connection)


async def test_what_several_ask_in_the_same_words_is_asked_once(engine: Engine) -> None:
    await engine.write(add_party)
    made: list[str] = []
    opened = threading.Event()
    busy = asyncio.create_task(engine.read(lambda connection: opened.wait(5)))
    await asyncio.sleep(0)
    words = ("how many?", "how many?", "and now?", "how many?")
    reading = [asyncio.create_task(engine.read(Counting(made, one))) for one in words]
    await asyncio.sleep(0)
    opened.set()
    await busy
    assert await asyncio.gather(*reading) == [1, 1, 1, 1]
    assert made == ["how many?", "and now?"]
    await engine.write(add_party)
    assert await engine.read(Counting(made, "how many?")) == 2  # what was known is known no longer


async def test_what_several_write_is_written_by_each(engine: Engine, gate: threading.Event) -> None:
    made: list[str] = []
    writing = [asyncio.create_task(engine.write(Counting(made, "the same"))) for _ in range(3)]
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(*writing)
    assert made == ["the same"] * 3


async def test_what_takes_long_takes_little_with_it(
    engine: Engine, gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LONG_SECONDS", 0.0)
    done: list[int] = []

    async def add(number: int) -> None:
        await engine.write(add_party)
        done.append(number)
        if number == 0:
            assert await engine.read(count_parties) < 5  # the others were not committed with it

    writing = [asyncio.create_task(add(number)) for number in range(20)]
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(*writing)
    assert sorted(done) == list(range(20))
    assert await engine.read(count_parties) == 20


async def test_who_comes_after_closing_is_told(file: Path) -> None:
    async with open_sqlite(sqlite_url(file)) as engine:
        pass
    for lane in (engine.read, engine.write):
        with pytest.raises(Overloaded):
            async with asyncio.timeout(5):
                await lane(count_parties)


async def test_nobody_waits_for_a_lane_that_was_ended(engine: Engine, gate: threading.Event) -> None:
    writing = [asyncio.create_task(engine.write(add_party)) for _ in range(3)]
    await asyncio.sleep(0)
    working = engine._writer._working
    assert working is not None
    working.cancel()
    async with asyncio.timeout(5):
        outcomes = await asyncio.gather(*writing, return_exceptions=True)
    assert all(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes)
    gate.set()


# ── what else goes wrong ──


async def test_a_query_that_finds_no_file_descriptor_is_overloaded(engine: Engine) -> None:
    def look_up_a_zone(connection: Connection) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    with pytest.raises(Overloaded):
        await engine.read(look_up_a_zone)


async def test_nothing_is_left_open_after_closing(file: Path) -> None:
    async with open_sqlite(sqlite_url(file)) as engine:
        await engine.write(add_party)
    assert not [one for one in threading.enumerate() if one.name.startswith("database-")]
    assert [one.name for one in file.parent.iterdir()] == [file.name]  # no journal: it was closed in order
