"""The contract of `ports.Copies`."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from pathlib import Path

import pytest

from tests.contracts.conftest import OpenDatabase
from tests.contracts.test_erasing import add_item, say, voice
from tests.world import NOW, message
from toybackend.databases.sql import SqlDatabase
from toybackend.errors import BadBackup
from toybackend.models import Party


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "copy").mkdir()
    return tmp_path / "copy"


async def test_a_copy_is_one_moment_while_others_write(
    database: SqlDatabase, connect: OpenDatabase, folder: Path, mum: Party, bear: Party
) -> None:
    before = [await voice(database, mum, bear) for _ in range(50)]
    copied = asyncio.Event()
    meanwhile = 0
    async with connect() as other:  # the command is another process

        async def copy() -> Path:
            try:
                return await other.copy_to(folder)
            finally:
                copied.set()

        copying = asyncio.create_task(copy())
        while not copied.is_set():
            await voice(database, mum, bear)
            meanwhile += 1
        file = await copying
        inventory = await other.inventory(file)
    assert meanwhile
    assert {sound_id for sound_id, _ in inventory.sounds} >= set(before)
    assert await asyncio.to_thread(os.listdir, folder) == [file.name]


async def test_the_inventory_has_every_sound_that_must_be_there(
    database: SqlDatabase, folder: Path, mum: Party, bear: Party
) -> None:
    converted, waiting = await voice(database, mum, bear), await voice(database, mum, bear, settled=False)
    failed = await voice(database, mum, bear, settled=False)
    await database.settle(failed, NOW, failure="bad_audio")
    await say(database, message(mum, bear, text="no sound"))
    song = await add_item(database, mum)
    inventory = await database.inventory(await database.copy_to(folder))
    assert set(inventory.sounds) == {(converted, True), (waiting, False), (song, True)}
    assert inventory.revision


async def test_nothing_deleted_is_in_a_copy(database: SqlDatabase, folder: Path, mum: Party, bear: Party) -> None:
    gone = await voice(database, mum, bear)
    await database.erase_message(gone)
    assert gone.encode() not in (await database.copy_to(folder)).read_bytes()


@pytest.mark.parametrize("damage", [b"", b"this is no database" * 1000])
async def test_what_is_no_copy_is_refused(database: SqlDatabase, folder: Path, damage: bytes) -> None:
    (folder / "copy").write_bytes(damage)
    with pytest.raises(BadBackup):
        await database.inventory(folder / "copy")


async def test_a_copy_that_contradicts_itself_is_refused(
    database: SqlDatabase, folder: Path, mum: Party, bear: Party
) -> None:
    await voice(database, mum, bear)
    file = await database.copy_to(folder)
    with sqlite3.connect(file) as copy:
        copy.execute("DELETE FROM parties WHERE kind = 'toy'")  # without what refers to it
    copy.close()
    with pytest.raises(BadBackup, match="refers to what is not in it"):
        await database.inventory(file)
