"""`toybackend device …`: licences, and giving a toy its owner."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TextIO

import typer

from toybackend.app import open_house
from toybackend.commands.options import DataDir, Json, settings_for
from toybackend.models import PartyId, Toy

app = typer.Typer(help="Toys and their licences.", no_args_is_help=True)

Licences = list[tuple[PartyId, str]]


@app.command("issue")
def issue(
    count: Annotated[int, typer.Option("--count", min=1, help="How many.")] = 1,
    out: Annotated[Path | None, typer.Option(help="Write them to this CSV file, readable by you only.")] = None,
    data: DataDir = None,
    as_json: Json = False,
) -> None:
    """Make licences. They are shown this once; the server keeps only their SHA-256."""
    if out is not None:
        # Before they are made, because they could not be shown again; and never over an older list.
        with _new_file(out) as file:
            _write_csv(file, asyncio.run(_issue(data, count)))
        typer.echo(f"{count} licences written to {out}", err=True)
        return
    made = asyncio.run(_issue(data, count))
    if as_json:
        typer.echo(json.dumps([{"toy_id": toy_id, "license": code} for toy_id, code in made]))
    else:
        _write_csv(sys.stdout, made)


@contextmanager
def _new_file(path: Path) -> Iterator[TextIO]:
    """A file readable by us only, which is gone again if nothing comes to stand in it. Raises OSError."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", newline="") as file:
        try:
            yield file
        except BaseException:
            path.unlink()
            raise


async def _issue(data: Path | None, count: int) -> Licences:
    async with open_house(settings_for(data)) as house:
        return await house.devices.issue(count)


def _write_csv(file: TextIO, made: Licences) -> None:
    rows = csv.writer(file)
    rows.writerow(["toy_id", "license"])
    rows.writerows(made)


@app.command("bind")
def bind(
    claim: Annotated[str, typer.Argument(help="The code that the waiting toy shows or says.")],
    user: Annotated[str, typer.Option("--user", help="Log-in name of the owner.")],
    name: Annotated[str, typer.Option(help="What the toy is called.")] = "",
    data: DataDir = None,
    as_json: Json = False,
) -> None:
    """Make a waiting toy somebody's. The toy learns of it within seconds, the server need not be told."""
    toy = asyncio.run(_bind(data, user, claim, name))
    if as_json:
        typer.echo(json.dumps({"id": toy.id, "name": toy.name}))
    else:
        typer.echo(f"{toy.name} ({toy.id}) is {user}'s now")


async def _bind(data: Path | None, user: str, claim: str, name: str) -> Toy:
    async with open_house(settings_for(data)) as house:
        return await house.devices.bind(user, claim, name)
