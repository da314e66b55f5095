"""`toybackend user …`: accounts, made and looked after by whoever runs the server."""

from __future__ import annotations

import asyncio
import getpass
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from toybackend.commands.options import DataDir, Json, settings_for
from toybackend.commands.reporting import printable
from toybackend.house import open_house
from toybackend.models import Account, Erased
from toybackend.protocol import rfc3339

MOST_INVITATIONS = 10_000

app = typer.Typer(help="Accounts of grown-ups.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Log-in name.")]


@app.callback()
def user() -> None:
    """Accounts of grown-ups."""


@app.command("add")
def add(
    name: Name,
    operator: Annotated[
        bool, typer.Option("--operator", help="May issue licences and curate the shared shelf.")
    ] = False,
    data: DataDir = None,
    as_json: Json = False,
) -> None:
    """Make an account. The password comes from a prompt, or from standard input; never from an argument."""
    account = asyncio.run(_add(data, name, read_new_password(), operator))
    if as_json:
        typer.echo(json.dumps({"id": account.id, "name": account.name}))
    else:
        typer.echo(f"{account.name} may log in now (id {account.id})")


async def _add(data: Path | None, name: str, password: str, is_operator: bool) -> Account:
    async with open_house(settings_for(data)) as house:
        return await house.accounts.add(name, password, is_operator=is_operator)


@app.command("list")
def list_users(data: DataDir = None, as_json: Json = False) -> None:
    """Say who has an account, by name."""
    accounts = asyncio.run(_everybody(data))
    if as_json:
        typer.echo(json.dumps([_facts(one) for one in accounts], ensure_ascii=False))
        return
    for one in accounts:
        role = "operator" if one.is_operator else "person"
        typer.echo(f"{one.id}  {rfc3339(one.created_at)}  {role:8}  {printable(one.name)}")


async def _everybody(data: Path | None) -> Sequence[Account]:
    async with open_house(settings_for(data)) as house:
        return await house.accounts.everybody()


def _facts(account: Account) -> dict[str, object]:
    return {
        "id": account.id,
        "name": account.name,
        "is_operator": account.is_operator,
        "created_at": rfc3339(account.created_at),
    }


@app.command("password")
def password(name: Name, data: DataDir = None) -> None:
    """Set a new password for somebody who forgot it, and log them out everywhere."""
    account = asyncio.run(_set_password(data, name, read_new_password()))
    typer.echo(f"{account.name} has a new password, and is logged out everywhere")


async def _set_password(data: Path | None, name: str, new: str) -> Account:
    async with open_house(settings_for(data)) as house:
        return await house.accounts.reset_password(name, new)


@app.command("operator")
def operator(
    name: Name,
    on: Annotated[bool, typer.Option("--on/--off", help="Whether they are one from now on.")] = True,
    data: DataDir = None,
) -> None:
    """Make somebody an operator, who may issue licences and curate the shared shelf; or no longer."""
    account = asyncio.run(_set_operator(data, name, on))
    typer.echo(f"{account.name} is {'an operator now' if account.is_operator else 'no operator any more'}")


async def _set_operator(data: Path | None, name: str, is_operator: bool) -> Account:
    async with open_house(settings_for(data)) as house:
        return await house.accounts.set_operator(name, is_operator)


@app.command("remove")
def remove(
    name: Name,
    family: Annotated[
        bool, typer.Option("--family", help="Also everybody who guards a toy together with them, and all their toys.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    data: DataDir = None,
    as_json: Json = False,
) -> None:
    """Erase somebody for good: the account, what they said, and the toys that nobody else guards. Says what went."""
    if not yes:
        typer.confirm(f"Erase {name}{' and the whole family' if family else ''}? There is no way back.", abort=True)
    erased = asyncio.run(_remove(data, name, family))
    if as_json:
        typer.echo(json.dumps({"rows": erased.rows, "files": erased.files}))
        return
    people = erased.rows.get("accounts", 0)
    toys, messages = (erased.rows.get(table, 0) for table in ("toys", "messages"))
    typer.echo(f"erased: people {people}, toys {toys}, messages {messages}, files {erased.files}")


async def _remove(data: Path | None, name: str, family: bool) -> Erased:
    async with open_house(settings_for(data)) as house:
        account = await house.accounts.find(name)
        erase = house.erasing.erase_family if family else house.erasing.erase_account
        return await erase(account.id)


@app.command("invite")
def invite(
    count: Annotated[int, typer.Option("--count", min=1, max=MOST_INVITATIONS, help="How many.")] = 1,
    data: DataDir = None,
    as_json: Json = False,
) -> None:
    """Make invitations to register. They are shown this once; each works once."""
    codes, expires_at = asyncio.run(_invite(data, count))
    if as_json:
        typer.echo(json.dumps({"codes": codes, "expires_at": rfc3339(expires_at)}))
        return
    typer.echo("\n".join(codes))
    typer.echo(f"good until {rfc3339(expires_at)}", err=True)


async def _invite(data: Path | None, count: int) -> tuple[Sequence[str], int]:
    async with open_house(settings_for(data)) as house:
        return await house.accounts.invite(count)


def read_new_password() -> str:
    """Asked for twice on a terminal, one line of standard input elsewhere."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Once more: ") != password:
        raise typer.BadParameter("the two passwords differ")
    return password
