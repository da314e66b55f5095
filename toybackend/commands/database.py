"""`toybackend db …`: the schema of the database."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from toybackend.commands.options import DataDir, settings_for
from toybackend.house import upgrade_schema

app = typer.Typer(help="The database.", no_args_is_help=True)


@app.callback()
def database() -> None:
    """The database."""


@app.command("upgrade")
def upgrade(
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing where there is nothing to do.")] = False,
    data: DataDir = None,
) -> None:
    """Bring the database to the newest schema, and say from which to which. A server does so at its start; make a
    backup before."""
    before, after = asyncio.run(upgrade_schema(settings_for(data)))
    if before is None:
        typer.echo(f"the database is new: revision {after}")
    elif before != after:
        typer.echo(f"the database went from revision {before} to {after}")
    elif not quiet:
        typer.echo(f"the database is at revision {after}, the newest, already")
