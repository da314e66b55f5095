"""Bringing a database to the newest schema. Where there is nothing to do, as at nearly every start, Alembic is not even
loaded: that takes a seventh of the time that a start takes."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from sqlalchemy import Connection, inspect, text

SCRIPTS = Path(__file__).parent / "migrations"


def migrate(connection: Connection, to: str = "head") -> None:
    """Run, within the caller's transaction, every migration up to this one that this database has not had yet. Raises
    BadSettings."""
    if to == "head" and revision_of(connection) == newest():
        return
    from toybackend.databases.upgrade import upgrade

    upgrade(connection, to)


@cache
def newest() -> str:
    """The revision of the last migration; their files' names begin with it."""
    return max(file.name.partition("_")[0] for file in (SCRIPTS / "versions").glob("[0-9]*.py"))


def revision_of(connection: Connection) -> str | None:
    """Which migration a database had last; None for one that had none yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
