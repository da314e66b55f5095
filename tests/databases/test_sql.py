"""Opening the database that the settings name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.world import add_person
from toybackend.databases.sql import open_database
from toybackend.errors import BadSettings


async def test_an_empty_address_means_a_file_in_the_data_folder(tmp_path: Path) -> None:
    async with open_database("", tmp_path) as database:
        await add_person(database, "Mum")
    assert os.listdir(tmp_path) == ["toybackend.sqlite3"]


async def test_an_address_names_another_file(tmp_path: Path) -> None:
    async with open_database(f"sqlite:///{tmp_path}/other.db", tmp_path / "none"):
        assert (tmp_path / "other.db").is_file()


@pytest.mark.parametrize("url", ["postgresql://localhost/toys", "toys.db", "sqlite://"])
async def test_another_kind_of_address_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(BadSettings, match="TOYBACKEND_DATABASE_URL"):
        async with open_database(url, tmp_path):
            pytest.fail("it was opened")


async def test_a_folder_that_is_not_there_is_a_bad_setting(tmp_path: Path) -> None:
    with pytest.raises(BadSettings):
        async with open_database(f"sqlite:///{tmp_path}/none/toys.db", tmp_path):
            pytest.fail("it was opened")


async def test_a_file_that_is_no_database_is_a_bad_setting(tmp_path: Path) -> None:
    (tmp_path / "toybackend.sqlite3").write_bytes(b"these are not the toys you are looking for " * 100)
    with pytest.raises(BadSettings):
        async with open_database("", tmp_path):
            pytest.fail("it was opened")
