"""`toybackend db upgrade`"""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from tests.commands.running import call
from toybackend.databases.migrate import SCRIPTS

HEAD = ScriptDirectory(str(SCRIPTS)).get_current_head()


def made_at(data: Path, revision: str) -> None:
    """A database as an older version left it."""
    scripts = ScriptDirectory(str(SCRIPTS))
    data.mkdir(exist_ok=True)
    engine = create_engine(f"sqlite:///{data / 'toybackend.sqlite3'}")
    with engine.begin() as connection:
        steps = {"fn": lambda found, _: scripts._upgrade_revs(revision, found), "script": scripts}
        context = MigrationContext.configure(connection, opts=steps)
        with Operations.context(context):
            context.run_migrations()
    engine.dispose()


def test_an_old_database_is_brought_to_the_newest_schema(tmp_path: Path) -> None:
    made_at(tmp_path, "0001")
    done = call("db", "upgrade", "--data", tmp_path)
    assert (done.code, done.out) == (0, f"the database went from revision 0001 to {HEAD}\n")
    assert call("user", "list", "--data", tmp_path).code == 0


def test_a_new_one_says_so(tmp_path: Path) -> None:
    done = call("db", "upgrade", "--data", tmp_path)
    assert (done.code, done.out) == (0, f"the database is new: revision {HEAD}\n")


@pytest.mark.parametrize(("option", "says"), [((), f"is at revision {HEAD}"), (("--quiet",), "")])
def test_the_newest_stays_as_it_is(tmp_path: Path, option: tuple[str, ...], says: str) -> None:
    call("db", "upgrade", "--data", tmp_path)
    done = call("db", "upgrade", *option, "--data", tmp_path)
    assert done.code == 0
    assert says in done.out
    assert bool(done.out) is bool(says)


def test_one_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    call("db", "upgrade", "--data", tmp_path)
    with sqlite3.connect(tmp_path / "toybackend.sqlite3") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    done = call("db", "upgrade", "--data", tmp_path)
    assert done.code == 2
    assert "newer version" in done.err
