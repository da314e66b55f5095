"""Migrations make what `tables.py` says, once, and know what they do not know."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import OperationalError

from toybackend.databases.migrate import migrate
from toybackend.databases.sql import open_database
from toybackend.databases.tables import metadata
from toybackend.errors import BadSettings

T = TypeVar("T")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "toybackend.sqlite3"


def run(file: Path, query: Callable[[Connection], T]) -> T:
    engine = create_engine(f"sqlite:///{file}")
    try:
        with engine.begin() as connection:
            return query(connection)
    finally:
        engine.dispose()


def schema(file: Path) -> list[str]:
    query = "SELECT sql FROM sqlite_master ORDER BY name"
    return [str(row.sql) for row in run(file, lambda connection: connection.exec_driver_sql(query).all())]


def set_revision(file: Path, revision: str) -> None:
    run(file, lambda connection: connection.exec_driver_sql(f"UPDATE alembic_version SET version_num='{revision}'"))


def test_migrations_make_the_tables(file: Path) -> None:
    run(file, migrate)
    found = run(file, lambda connection: compare_metadata(MigrationContext.configure(connection), metadata))
    assert found == []


def test_migrations_make_the_same_constraints_and_indexes(file: Path, tmp_path: Path) -> None:
    """Alembic compares no defaults, actions of foreign keys or conditions of indexes; SQLite's own words do."""
    run(file, migrate)
    run(tmp_path / "other", metadata.create_all)

    def words(name: Path) -> list[list[str]]:
        """Each definition as its parts in any order; spaces and line breaks mean nothing."""
        definitions = [" ".join(one.split()) for one in schema(name) if one != "None" and "alembic" not in one]
        return sorted(sorted(part.strip(" ()") for part in one.split(",")) for one in definitions)

    assert words(file) == words(tmp_path / "other")


def test_migrating_twice_changes_nothing(file: Path) -> None:
    run(file, migrate)
    before = schema(file)
    run(file, migrate)
    assert schema(file) == before


async def test_a_database_of_a_newer_version_is_not_touched(file: Path, tmp_path: Path) -> None:
    async with open_database("", tmp_path):
        pass
    set_revision(file, "9999")
    before = schema(file)
    with pytest.raises(BadSettings, match="newer version"):
        async with open_database("", tmp_path):
            pytest.fail("it was opened")
    assert schema(file) == before
    set_revision(file, "0001")
    async with open_database("", tmp_path) as database:
        await database.ping()


def test_a_migration_that_fails_leaves_the_database_as_it_was(file: Path) -> None:
    run(file, lambda connection: connection.exec_driver_sql("CREATE TABLE accounts (id)"))
    before = schema(file)

    def in_one_transaction(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")
        migrate(connection)

    with pytest.raises(OperationalError, match="already exists"):
        run(file, in_one_transaction)
    assert schema(file) == before
