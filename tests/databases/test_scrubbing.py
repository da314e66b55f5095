"""What was deleted is in no file of the database."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contracts.test_erasing import say
from tests.world import add_group, add_person, add_toy, message
from toybackend.databases import scrubbing
from toybackend.databases.sql import SqlDatabase, open_database
from toybackend.models import Party

SEED = 7
MESSAGES = 600


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SqlDatabase]:
    async with open_database("", tmp_path) as opened:
        yield opened


def written(folder: Path) -> bytes:
    """All bytes of all files of the database."""
    return b"".join(file.read_bytes() for file in sorted(folder.glob("toybackend.sqlite3*")))


async def gossip(database: SqlDatabase, one: Party, other: Party) -> tuple[list[str], list[str]]:
    """Two families write at the same time, so that their rows share pages. What each wrote, ids and texts."""
    bear, owl = [await add_toy(database, "Toy", guardian) for guardian in (one, other)]
    words = random.Random(SEED)
    said: tuple[list[str], list[str]] = ([], [])
    for number in range(MESSAGES):
        sender, toy, mine = [(one, bear, said[0]), (other, owl, said[1])][number % 2]
        text = f"{sender.name} says {words.getrandbits(64):x} {'and so on ' * words.randrange(30)}"
        mine += [await say(database, message(sender, toy, text=text)), text]
    return said


async def test_nothing_of_what_was_deleted_is_left(database: SqlDatabase, tmp_path: Path) -> None:
    mum, aunt = [await add_person(database, name) for name in ("Theodora", "Aunt")]
    going, staying = await gossip(database, mum, aunt)
    await database.erase_account(mum.id)
    assert await database.scrub()
    found = written(tmp_path)
    assert [one for one in (*going, mum.id, "Theodora", "theodora") if one.encode() in found] == []
    assert [one for one in staying if one.encode() not in found] == []


async def test_the_log_alone_keeps_what_was_deleted(database: SqlDatabase, tmp_path: Path) -> None:
    """Why there is something to scrub."""
    mum = await add_person(database, "Theodora")
    await database.erase_account(mum.id)
    assert b"Theodora" in written(tmp_path)
    assert await database.scrub()
    assert b"Theodora" not in written(tmp_path)
    assert (tmp_path / "toybackend.sqlite3-wal").stat().st_size == 0


async def test_a_large_database_is_written_anew_when_somebody_asks(
    database: SqlDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scrubbing, "SMALL_BYTES", 0)
    mum, aunt = [await add_person(database, name) for name in ("Theodora", "Aunt")]
    await gossip(database, mum, aunt)
    await database.erase_account(mum.id)
    before = written(tmp_path)
    assert not await database.scrub()
    assert len(before) > len(written(tmp_path)), "the log was not emptied"
    assert await database.scrub(whole=True)
    assert b"Theodora says" not in written(tmp_path)
    assert await database.scrub()  # nothing was erased since


async def test_an_erasure_meanwhile_is_not_taken_for_scrubbed(
    database: SqlDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    mum, dad = [await add_person(database, name) for name in ("Mum", "Dad")]
    await database.erase_account(mum.id)
    write_anew, loop = scrubbing._write_anew, asyncio.get_running_loop()
    erasing: list[asyncio.Future[object]] = []

    def slowly(connection: sqlite3.Connection) -> None:
        erasing.append(asyncio.run_coroutine_threadsafe(database.erase_account(dad.id), loop))  # type: ignore[arg-type]
        write_anew(connection)

    monkeypatch.setattr(scrubbing, "_write_anew", slowly)
    assert not await database.scrub()
    monkeypatch.setattr(scrubbing, "_write_anew", write_anew)
    assert await database.scrub()


async def test_a_reader_is_waited_for(database: SqlDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scrubbing, "PATIENCE_MS", 1)
    monkeypatch.setattr(scrubbing, "TRIES", 3)
    mum = await add_person(database, "Theodora")
    reader = sqlite3.connect(tmp_path / "toybackend.sqlite3", isolation_level=None)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM parties").fetchone() == (1,)
    await database.erase_account(mum.id)
    assert not await database.scrub()
    monkeypatch.setattr(scrubbing, "TRIES", 1000)
    asyncio.get_running_loop().call_later(0.2, reader.execute, "ROLLBACK")
    assert await database.scrub()
    reader.close()
    assert b"Theodora" not in written(tmp_path)


async def test_voices_go_on_while_a_reader_is_waited_for(
    database: SqlDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scrubbing, "TRIES", 20)
    mum = await add_person(database, "Mum")
    group_id = await add_group(database, mum, await add_toy(database, "Bear", mum))
    reader = sqlite3.connect(tmp_path / "toybackend.sqlite3", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM parties").fetchone()
    scrub = asyncio.create_task(database.scrub())
    for _ in range(5):
        await say(database, message(mum, group_id, text="still here"))
    assert not scrub.done()
    reader.execute("ROLLBACK")
    reader.close()
    assert await scrub
