"""`toybackend library …`: the shelf of songs and stories that everybody may play.

A file is converted here and now, in the command's own process: the server need not run.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from toybackend.commands.options import DataDir, Json, settings_for
from toybackend.commands.reporting import printable, progress_bar
from toybackend.errors import ToybackendError
from toybackend.house import open_house
from toybackend.models import Item, ItemId, ShelfKind
from toybackend.protocol import rfc3339
from toybackend.services.library import Library, Offered

app = typer.Typer(help="Songs and stories on the shared shelf.", no_args_is_help=True)

WHOLE = 100
"""Steps of the bar for one file."""


@app.command("add")
def add(
    files: Annotated[list[Path], typer.Argument(help="Any common audio.", exists=True, dir_okay=False)],
    title: Annotated[str, typer.Option(help="What it is called; by default the name of the file.")] = "",
    category: Annotated[str, typer.Option(help="Such as `songs` or `stories`.")] = "",
    cover: Annotated[
        Path | None, typer.Option(help="A picture: JPEG, PNG or WebP.", exists=True, dir_okay=False)
    ] = None,
    data: DataDir = None,
    as_json: Json = False,
) -> None:
    """Put songs or stories on the shelf. A file that cannot be converted is named, and the others go on."""
    if title and len(files) > 1:
        raise typer.BadParameter("--title goes with one file; several are called what their files are called")
    picture = cover.read_bytes() if cover is not None else None
    wanted = [(file, Offered(title or printable(file.stem), category, ShelfKind.SHARED, picture)) for file in files]
    with progress_bar("converting", WHOLE * len(files)) as advance:
        added, refused = asyncio.run(_add(data, wanted, advance))
    _show(added, as_json=as_json)
    for file, error in refused:
        typer.echo(f"toybackend: {printable(str(file))}: {error.code}: {error}", err=True)
    if refused:
        raise typer.Exit(1)


async def _add(
    data: Path | None, wanted: Sequence[tuple[Path, Offered]], advance: Callable[[int], None]
) -> tuple[list[Item], list[tuple[Path, ToybackendError]]]:
    added, refused = [], []
    async with open_house(settings_for(data)) as house:
        for file, offered in wanted:
            try:
                added.append(await _add_one(house.library, file, offered, advance))
            except ToybackendError as error:
                refused.append((file, error))
    return added, refused


async def _add_one(library: Library, file: Path, offered: Offered, advance: Callable[[int], None]) -> Item:
    done = 0

    def progress(part: float) -> None:
        nonlocal done
        ahead = max(0, int(WHOLE * part) - done)
        done += ahead
        advance(ahead)

    try:
        return await library.stock(file, offered, progress)
    finally:
        progress(1.0)


@app.command("list")
def show_all(data: DataDir = None, as_json: Json = False) -> None:
    """Everything on the shelf, by title."""
    _show(asyncio.run(_list(data)), as_json=as_json)


async def _list(data: Path | None) -> list[Item]:
    async with open_house(settings_for(data)) as house:
        return [item async for item in house.library.shelf()]


@app.command("remove")
def remove(
    item_id: Annotated[str, typer.Argument(help="Its id, as `library list` shows it.")],
    data: DataDir = None,
    as_json: Json = False,
) -> None:
    """Take a song or a story off the shelf, for good."""
    gone = asyncio.run(_remove(data, ItemId(item_id)))
    if as_json:
        typer.echo(json.dumps({"id": gone.id, "title": gone.title}, ensure_ascii=False))
    else:
        typer.echo(f"{printable(gone.title)} ({gone.id}) is gone")


async def _remove(data: Path | None, item_id: ItemId) -> Item:
    async with open_house(settings_for(data)) as house:
        return await house.library.clear(item_id)


def _show(items: Sequence[Item], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([_facts(item) for item in items], ensure_ascii=False))
        return
    for item in items:
        length = f"{item.duration_ms / 1000:7.1f} s" if item.duration_ms is not None else item.state.value.rjust(9)
        typer.echo(f"{item.id}  {length}  {printable(item.category) or '-':12}  {printable(item.title)}")


def _facts(item: Item) -> dict[str, Any]:
    return {
        "id": item.id,
        "title": item.title,
        "category": item.category,
        "state": item.state,
        "duration_ms": item.duration_ms,
        "failure": item.failure,
        "has_cover": item.has_cover,
        "added_at": rfc3339(item.added_at),
    }
