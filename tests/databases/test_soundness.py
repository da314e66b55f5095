"""A database that is not whole, or not where it was, is noticed; one that is well is left in peace."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.world import add_person
from toybackend.databases.engine import open_sqlite, sqlite_url
from toybackend.databases.soundness import check_is_there, examine
from toybackend.databases.sql import SqlDatabase, examine_database, open_database, upgrade_database
from toybackend.errors import BadSettings, Overloaded
from toybackend.models import PartyId

NAME = "toybackend.sqlite3"


def log_of(file: Path) -> Path:
    return file.with_name(f"{file.name}-wal")


@pytest.fixture
async def database(migrated_folder: Path) -> AsyncIterator[SqlDatabase]:
    async with open_database("", migrated_folder) as opened:
        yield opened


@pytest.fixture
async def image(migrated_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a database as a crash leaves it, with a log of more than one transaction."""
    place = tmp_path_factory.mktemp("image")
    async with open_database("", migrated_folder):
        pass  # an earlier life, which ended in order
    async with open_database("", migrated_folder) as opened:
        for name in ("Mum", "Dad"):
            await add_person(opened, name)
        for suffix in ("", "-wal", "-shm"):
            shutil.copy(migrated_folder / f"{NAME}{suffix}", place)
    return place / NAME


# ── while it is open ──


async def test_a_database_that_is_left_alone_is_well(database: SqlDatabase) -> None:
    for _ in range(3):
        await database.ping()
    await add_person(database, "Mum")


async def test_one_that_was_moved_away_keeps_nothing_until_it_is_back(
    database: SqlDatabase, migrated_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file, away = migrated_folder / NAME, migrated_folder / "away"
    file.rename(away)
    for _ in range(3):
        with pytest.raises(Overloaded) as refused:
            await add_person(database, "Mum")
    assert refused.value.retry_after
    with pytest.raises(Overloaded):
        await database.ping()
    with pytest.raises(Overloaded):
        await database.scrub()
    assert [one.levelno for one in caplog.records] == [logging.ERROR]  # said once
    away.rename(file)
    await add_person(database, "Mum")
    await database.ping()


async def test_once_damage_was_met_nothing_is_written_and_the_rest_is_still_read(
    migrated_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = migrated_folder / NAME
    with closing(sqlite3.connect(file)) as connection:
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        roots = connection.execute("SELECT rootpage FROM sqlite_master WHERE tbl_name = 'consents'").fetchall()
    async with open_database("", migrated_folder) as opened:
        with file.open("r+b") as pages:
            for (root,) in roots:
                pages.seek((root - 1) * size)
                pages.write(os.urandom(size))
        await add_person(opened, "Mum")
        with pytest.raises(Overloaded):
            await opened.consents(PartyId("t_1"))
        assert "the database is damaged" in caplog.text
        for write in (lambda: add_person(opened, "Dad"), opened.ping, opened.scrub):
            with pytest.raises(Overloaded):
                await write()
        assert await opened.account("mum") is not None


# ── before it is opened ──


def test_what_was_closed_in_order_is_not_looked_into(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"whatever")
    examine(tmp_path / NAME)
    examine(tmp_path / "none")


async def test_a_crash_is_no_damage_and_looking_changes_nothing(image: Path) -> None:
    before = {file.name: file.read_bytes() for file in (image, log_of(image))}
    await examine_database("", image.parent)
    assert {name: (image.parent / name).read_bytes() for name in before} == before
    async with open_database("", image.parent) as opened:
        assert await opened.account("dad") is not None


async def test_a_log_of_another_database_is_told_by_the_number_of_each(image: Path, tmp_path: Path) -> None:
    """Everything of a small one may still be in its log: played in, it would take the place of ours without a trace."""
    other = tmp_path / "other.sqlite3"
    async with open_sqlite(sqlite_url(other)):
        shutil.copy(log_of(other), log_of(image))
    with pytest.raises(BadSettings, match="their numbers differ"):
        examine(image)


async def test_every_database_has_a_number_of_its_own_and_keeps_it(tmp_path: Path) -> None:
    def number(file: Path) -> int:
        with closing(sqlite3.connect(file)) as connection:
            return int(connection.execute("PRAGMA user_version").fetchone()[0])

    files = [tmp_path / "one", tmp_path / "other"]
    for file in files:
        async with open_sqlite(sqlite_url(file)):
            pass
    numbers = [number(file) for file in files]
    assert 0 not in numbers and len(set(numbers)) == 2
    async with open_sqlite(sqlite_url(files[0])) as engine:
        await SqlDatabase(engine).scrub(whole=True)
    assert number(files[0]) == numbers[0]


def test_damage_behind_a_crash_is_said(image: Path) -> None:
    with image.open("r+b") as pages:
        pages.seek(4096)
        pages.write(os.urandom(image.stat().st_size - 4096))
    with pytest.raises(BadSettings, match="is damaged"):
        examine(image)


def test_what_is_no_database_at_all_is_said(image: Path) -> None:
    image.write_bytes(os.urandom(8192))
    with pytest.raises(BadSettings, match="is damaged"):
        examine(image)


@pytest.mark.parametrize("is_empty", [False, True])
async def test_a_house_that_had_a_database_gets_no_new_one(is_empty: bool, tmp_path: Path) -> None:
    if is_empty:
        (tmp_path / NAME).touch()
    with pytest.raises(BadSettings, match="missing or empty"):
        check_is_there(tmp_path / NAME)
    with pytest.raises(BadSettings, match="missing or empty"):
        async with open_database("", tmp_path, may_be_new=False):
            pytest.fail("it was opened")
    with pytest.raises(BadSettings, match="missing or empty"):
        await upgrade_database("", tmp_path, may_be_new=False)
    assert os.listdir(tmp_path) == [NAME] * is_empty
