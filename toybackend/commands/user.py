"""`toybackend user …`: accounts, made by whoever runs the server."""

from __future__ import annotations

import asyncio
import getpass
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from toybackend.app import open_house
from toybackend.commands.options import DataDir, Json, settings_for
from toybackend.models import Account

app = typer.Typer(help="Accounts of grown-ups.", no_args_is_help=True)


@app.callback()
def user() -> None:
    """Accounts of grown-ups."""


@app.command("add")
def add(name: Annotated[str, typer.Argument(help="Log-in name.")], data: DataDir = None, as_json: Json = False) -> None:
    """Make an account. The password comes from a prompt, or from standard input; never from an argument."""
    account = asyncio.run(_add(data, name, read_new_password()))
    if as_json:
        typer.echo(json.dumps({"id": account.id, "name": account.name}))
    else:
        typer.echo(f"{account.name} may log in now (id {account.id})")


async def _add(data: Path | None, name: str, password: str) -> Account:
    async with open_house(settings_for(data)) as house:
        return await house.accounts.add(name, password)


def read_new_password() -> str:
    """Asked for twice on a terminal, one line of standard input elsewhere."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Once more: ") != password:
        raise typer.BadParameter("the two passwords differ")
    return password
