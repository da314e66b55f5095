"""Running migrations with Alembic and without its command line."""

from __future__ import annotations

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection

from toybackend.databases.migrate import SCRIPTS
from toybackend.errors import BadSettings


def upgrade(connection: Connection, to: str) -> None:
    """Run, within the caller's transaction, every migration up to this one that this database has not had yet."""
    scripts = ScriptDirectory(str(SCRIPTS))

    def steps(revision: tuple[str, ...] | str | None, context: MigrationContext) -> list[object]:
        try:
            return scripts._upgrade_revs(to, revision)  # type: ignore[arg-type, return-value]
        except CommandError as error:
            raise BadSettings("this database was made by a newer version of toybackend") from error

    context = MigrationContext.configure(connection, opts={"fn": steps, "script": scripts})
    with Operations.context(context):
        context.run_migrations()
