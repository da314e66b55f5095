"""What people see when the database breaks. Real SQLite, and real damage to its files.

                                 the mother's phone                           the toy
  locked for long                «overloaded» with retry_after; the socket    everything sent after the lock is gone;
                                 stays, the same `ref` goes through later     what it said meanwhile stalls nothing
  nothing can be written         the same                                     what waited before still comes; the rest
                                                                              after the repair, once
  its files deleted, moved or    «overloaded»: nothing is accepted into a     what waited before still comes; the rest
  replaced while it is open      file that has no name any more               once the files are back
  a page damaged                 «overloaded», until somebody restores        what can still be read
  power cut, its log torn        nothing; what was accepted before the cut    everything of which the log has the
                                 is there, the same `ref` goes through        whole commit, once
  log of another database        no server, which says why; nothing changed   nothing
  its disk mounted read-only     no server, which says why                    nothing; everything after the repair
  gone at the next start         no server, which says why; no sound is       everything, once the file is back
                                 swept away

Through all of it `/readyz` names the database. A full disk is in `test_full_disk.py`, a database that is busy with
other people's messages in the tests of load.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from tests.end_to_end.family import Family, add_family, count_rows, files
from tests.end_to_end.faults import at_home, goes_through, is_refused, nothing_is_written, settle
from tests.end_to_end.observing import everything, parts_not_well, until_not_well, until_well
from toybackend.app import serving
from toybackend.errors import BadSettings
from toybackend.house import House, open_house
from toybackend.settings import Settings
from trials.small_disk import SmallDisk

pytestmark = [pytest.mark.timeout(60), pytest.mark.usefixtures("cheap_hashes")]


@pytest.fixture
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite waits for somebody else's lock for as long as this; five seconds in life."""
    monkeypatch.setattr("toybackend.databases.engine.BUSY_MS", 300)


def database(settings: Settings) -> Path:
    return settings.storage.data_dir / "toybackend.sqlite3"


def beside(file: Path, suffix: str) -> Path:
    return file.with_name(file.name + suffix)


# ── locked, read-only ──


@contextmanager
def locked(settings: Settings) -> Iterator[None]:
    """Another program writes, and does not come to an end."""
    other = sqlite3.connect(database(settings), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.rollback()
        other.close()


@pytest.mark.usefixtures("short_patience")
async def test_it_is_locked_for_long(settings: Settings, clip: bytes) -> None:
    async with serving(settings) as house, at_home(house) as (family, mum, bear):
        with locked(settings):
            await is_refused(mum, family, "voice", clip)
            await is_refused(mum, family, "text")
            assert "database" in await parts_not_well(house)
            assert files(house)["kept"] == set()
        await goes_through(mum, bear, family, clip)


@pytest.mark.usefixtures("short_patience")
async def test_acknowledgements_that_meet_a_lock_stall_nothing(settings: Settings) -> None:
    async with serving(settings) as house, at_home(house) as (family, mum, bear):
        window = settings.sockets.unacknowledged
        sent = [await mum.text(family.bear.id, "hello") for _ in range(window)]
        for message_id in sent:
            await bear.hear("text", id=message_id)
        with locked(settings):
            for message_id in sent:
                await bear.ack(message_id)
            await everything(bear, window * 0.3 + 1)
        await bear.hear("text", id=await mum.text(family.bear.id, "still there?"))


async def test_a_lock_does_not_keep_the_server_from_stopping(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight sockets have a text that waits for its turn to be refused: together they would wait for twelve seconds."""
    monkeypatch.setattr("toybackend.databases.engine.BUSY_MS", 1500)
    async with AsyncExitStack() as clients:
        async with AsyncExitStack() as server:
            house = await server.enter_async_context(serving(settings))
            family = await add_family(house)
            lines = [await clients.enter_async_context(family.mum.line()) for _ in range(8)]
            clients.enter_context(locked(settings))
            for one in lines:
                await one.say(to_user=family.bear.id, msg="hello")
            await asyncio.sleep(0.1)
            began = time.monotonic()
            await server.aclose()
            assert time.monotonic() - began < 9
        assert {await one.end() for one in lines} == {1001}


async def test_nothing_can_be_written_any_more(settings: Settings, clip: bytes) -> None:
    async with serving(settings) as house:
        family = await add_family(house)
        async with family.mum.line() as mum:
            before = await mum.text(family.bear.id, "hello")
            with nothing_is_written(database(settings), beside(database(settings), "-wal")):
                await is_refused(mum, family, "voice", clip)
                await is_refused(mum, family, "text")
                await until_not_well(house, "database")
                assert files(house)["kept"] == set()
                async with family.bear.line() as bear:
                    await bear.hear("text", id=before)
            async with family.bear.line() as bear:
                await bear.hear("text", id=before)
                await bear.ack(before)
                await goes_through(mum, bear, family, clip)


async def test_its_file_system_is_read_only(settings: Settings, disk: SmallDisk, clip: bytes) -> None:
    """No server, which says why; when that is over, everything is there."""
    on_disk = in_folder(settings, disk.folder)
    family = await settle(on_disk)
    async with serving(on_disk) as house, family.at(house).mum.line() as mum:
        said = await mum.voice(family.bear.id, clip)
    with disk.read_only(), pytest.raises(BadSettings, match="Read-only file system"):
        async with serving(on_disk):
            pytest.fail("it is serving")
    async with serving(on_disk) as house, at_home(house, family) as (_, _, bear):
        await bear.hear("voice", id=said)


# ── other files in their place ──


def delete(file: Path) -> None:
    file.rename(file.with_suffix(".gone"))


def put_another(file: Path) -> None:
    """As `cp backup new && mv new toybackend.sqlite3` does."""
    delete(file)
    shutil.copyfile(file.with_suffix(".gone"), file)


MOVES = {
    "deleted": ("", delete),
    "replaced": ("", put_another),
    "log deleted": ("-wal", delete),
    "index of the log deleted": ("-shm", delete),
}


@pytest.mark.parametrize("how", MOVES)
async def test_its_files_are_not_what_they_were(
    how: str, settings: Settings, clip: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """A server that does not look would say «accepted», and know nothing of it after its next start."""
    suffix, move = MOVES[how]
    file = beside(database(settings), suffix)
    async with serving(settings) as house:
        family = await add_family(house)
        async with family.mum.line() as mum:
            before = await mum.text(family.bear.id, "hello")
            move(file)
            await is_refused(mum, family, "voice", clip)
            await is_refused(mum, family, "text")
            await until_not_well(house, "database")
            assert "moved, replaced or deleted" in caplog.text
            async with family.bear.line() as bear:
                await bear.hear("text", id=before)

            file.with_suffix(".gone").replace(file)
            async with family.bear.line() as bear:
                await bear.hear("text", id=before)
                await bear.ack(before)
                await goes_through(mum, bear, family, clip)
        await until_well(house)


@pytest.mark.parametrize("is_emptied", [False, True], ids=["missing", "empty"])
async def test_it_is_gone_at_the_next_start(is_emptied: bool, settings: Settings, clip: bytes) -> None:
    """In a new one nobody would know any family; and of no sound who said it, so all would go."""
    async with serving(settings) as house, at_home(house) as (family, mum, bear):
        said = await mum.voice(family.bear.id, clip)
        await bear.hear("voice", id=said)
        kept = files(house)["kept"]
    delete(database(settings))
    if is_emptied:
        database(settings).touch()
    for enter in (serving, open_house):
        with pytest.raises(BadSettings, match="put it back"):
            async with enter(settings):
                pytest.fail("it was opened")
    database(settings).with_suffix(".gone").replace(database(settings))
    async with serving(settings) as house, at_home(house, family) as (_, _, bear):
        await bear.hear("voice", id=said)
        assert files(house)["kept"] == kept


# ── damaged ──


def pages_of(file: Path, table: str) -> list[tuple[int, int]]:
    """Where the pages of a table and of its indices are in the file: offset and length of each, roots only."""
    with closing(sqlite3.connect(file)) as connection:
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        roots = connection.execute("SELECT rootpage FROM sqlite_master WHERE tbl_name = ?", [table]).fetchall()
    return [((root - 1) * size, size) for (root,) in roots if root]


def damage(file: Path, table: str) -> None:
    """As a disk does that forgets."""
    places = pages_of(file, table)
    with file.open("r+b") as pages:
        for offset, size in places:
            pages.seek(offset)
            pages.write(os.urandom(size))


async def test_a_page_is_damaged(settings: Settings, clip: bytes, caplog: pytest.LogCaptureFixture) -> None:
    family = await settle(settings)
    async with serving(settings) as house, at_home(house, family) as (_, mum, bear):
        damage(database(settings), "messages")
        await is_refused(mum, family, "text")
        await is_refused(mum, family, "voice", clip)
        await until_not_well(house, "database")
        assert "the database is damaged" in caplog.text
        assert await everything(bear, 0.1) == []


async def test_what_can_still_be_read_still_comes(settings: Settings) -> None:
    """Somebody meets the damage where nobody else looks: from then on nothing is written any more."""
    async with serving(settings) as house:
        family = await add_family(house)
        async with family.mum.line() as mum:
            before = await mum.text(family.bear.id, "hello")
    async with serving(settings) as house, at_home(house, family) as (_, mum, bear):
        damage(database(settings), "consents")
        await bear.hear("text", id=await mum.text(family.bear.id, "still well"))
        assert await status_of(house, family, "/api/v1/toys") == 503
        await is_refused(mum, family, "text")
        async with family.at(house).bear.line() as bear:
            await bear.hear("text", id=before)


async def status_of(house: House, family: Family, path: str) -> int:
    headers = {"Authorization": f"Bearer {family.mum.token}"}
    url = house.listeners.bound().http_url + path
    async with aiohttp.ClientSession() as http, http.get(url, headers=headers) as answer:
        return answer.status


# ── after a power cut ──


async def crash_image(settings: Settings, count: int) -> tuple[Family, list[int], Path]:
    """The data folder as it is while a server runs, with that many texts accepted one after another; how long the log
    was after each."""
    sizes, image = [], settings.storage.data_dir.with_name("image")
    async with serving(settings) as house:
        family = await add_family(house)
        async with family.mum.line() as mum:
            for number in range(count):
                await mum.text(family.bear.id, f"{number}", ref=f"{number}")
                sizes.append(beside(database(settings), "-wal").stat().st_size)
            shutil.copytree(settings.storage.data_dir, image)
    return family, sizes, image


def cut(settings: Settings, image: Path, log_bytes: int, torn: bytes = b"") -> None:
    """The folder becomes that image again, its log only so long, and behind it what a torn write left."""
    shutil.rmtree(settings.storage.data_dir)
    shutil.copytree(image, settings.storage.data_dir)
    with beside(database(settings), "-wal").open("r+b") as log:
        log.truncate(log_bytes)
        log.seek(log_bytes)
        log.write(torn)


async def texts_in(settings: Settings) -> int:
    """How many texts a house finds in its database."""
    async with open_house(settings) as house:
        return await count_rows(house, "messages")


async def test_the_log_ends_anywhere(settings: Settings) -> None:
    """Every text of which the log has all is there, and the house opens whatever is behind it."""
    count = 4
    _, sizes, image = await crash_image(settings, count)
    for number, size in enumerate(sizes, start=1):
        for log_bytes, torn, there in (
            (size, b"", number),
            (size - 1, b"", number - 1),
            (size - 3000, os.urandom(3000), number - 1),
            (size, os.urandom(5000), number),
        ):
            cut(settings, image, log_bytes, torn)
            assert await texts_in(settings) == there


async def test_what_was_accepted_before_the_cut_arrives_and_the_rest_is_sent_again(
    settings: Settings, clip: bytes
) -> None:
    family, sizes, image = await crash_image(settings, 3)
    cut(settings, image, sizes[1] + 24 + 4096 // 2)  # the third is torn in the middle of its first frame
    async with serving(settings) as house, at_home(house, family) as (_, mum, bear):
        assert [(await bear.next())["msg"] for _ in range(2)] == ["0", "1"]
        again = await mum.text(family.bear.id, "2", ref="2")
        assert (await bear.next())["id"] == again
        await bear.hear("voice", id=await mum.voice(family.bear.id, clip))


async def test_an_index_of_the_log_is_left_over(settings: Settings) -> None:
    family, _, image = await crash_image(settings, 2)
    shutil.rmtree(settings.storage.data_dir)
    shutil.copytree(image, settings.storage.data_dir)
    beside(database(settings), "-shm").write_bytes(os.urandom(32 << 10))
    async with serving(settings) as house, at_home(house, family) as (_, _, bear):
        assert [(await bear.next())["msg"] for _ in range(2)] == ["0", "1"]


async def test_the_log_is_another_databases(settings: Settings, tmp_path: Path) -> None:
    """As when a backup is copied over the file, and what lay beside it is left: played in, it would ruin both."""
    family, *_ = await crash_image(settings, 2)
    other = in_folder(settings, tmp_path / "other")
    _, _, others = await crash_image(other, 40)
    shutil.copyfile(beside(others / "toybackend.sqlite3", "-wal"), beside(database(settings), "-wal"))
    before = contents(settings)
    with pytest.raises(BadSettings, match="another database's"):
        async with serving(settings):
            pytest.fail("it is serving")
    assert contents(settings) == before
    beside(database(settings), "-wal").unlink()
    async with serving(settings) as house, at_home(house, family) as (_, _, bear):
        assert [(await bear.next())["msg"] for _ in range(2)] == ["0", "1"]


def in_folder(settings: Settings, folder: Path) -> Settings:
    return replace(settings, storage=replace(settings.storage, data_dir=folder / "data", min_free_bytes=0))


def contents(settings: Settings) -> dict[str, bytes]:
    """Of the database and its log."""
    return {suffix: beside(database(settings), suffix).read_bytes() for suffix in ("", "-wal")}
