"""`toybackend backup DIR` and `toybackend restore DIR`."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from toybackend.commands.options import DataDir, settings_for
from toybackend.commands.reporting import progress_bar
from toybackend.durable import make_folder, sync
from toybackend.errors import BadBackup, BadSettings
from toybackend.foundations import RESTORING, is_settled, only_server_on
from toybackend.house import open_house
from toybackend.services.backups import Manifest, read_backup
from toybackend.settings import Settings

MAY_BE_THERE = frozenset({"secret.key", "server.lock"})
"""What a data folder may have in it and still count as empty."""


def backup(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="New or empty; it becomes readable by you only.")],
    data: DataDir = None,
) -> None:
    """Copy everything, consistently, while the server runs: database, audio, and a manifest with hashes.

    The key that signs links is not in it. Whoever has the copy has every family's messages: keep it as safe as the
    server, and no longer than you promised to keep them."""
    manifest = asyncio.run(_backup(settings_for(data), folder))
    typer.echo(
        f"{len(manifest.sounds)} sounds and the database are in {folder}"
        + (f"; {len(manifest.gone)} were deleted meanwhile" if manifest.gone else "")
    )


async def _backup(settings: Settings, folder: Path) -> Manifest:
    if not await asyncio.to_thread(is_settled, settings):
        raise BadSettings(f"there is nothing in {settings.storage.data_dir}; see --data and TOYBACKEND_DATA_DIR")
    async with open_house(settings) as house:
        return await house.backups.write(folder, progress_bar)


def restore(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What `backup` wrote.")],
    data: DataDir = None,
) -> None:
    """Check a backup and move it into an empty data folder. Nothing is there before everything is.

    Signed links from before do not work any more; people and toys stay logged in."""
    settings = settings_for(data)
    manifest = asyncio.run(_restore(settings, folder))
    typer.echo(f"{len(manifest.sounds)} sounds and the database of {manifest.made_at} are in place")


async def _restore(settings: Settings, folder: Path) -> Manifest:
    if settings.storage.database_url:
        raise BadSettings("restore puts the database into the data folder: leave TOYBACKEND_DATABASE_URL empty")
    place = settings.storage.data_dir
    await asyncio.to_thread(make_folder, place)
    with only_server_on(place):
        await asyncio.to_thread(_refuse_unless_empty, place)
        manifest = await read_backup(folder, progress_bar)
        await _build(settings, folder, manifest)
        await asyncio.to_thread(_move_in, place, manifest.database)
    return manifest


def _refuse_unless_empty(place: Path) -> None:
    found = {entry.name for entry in place.iterdir()}
    if RESTORING in found:
        raise BadBackup(f"an earlier restore into {place} was not finished: empty that folder, and try again")
    if found - MAY_BE_THERE:
        raise BadBackup(f"{place} is not empty: restore needs a data folder of its own")


async def _build(settings: Settings, folder: Path, manifest: Manifest) -> None:
    """The whole house, in a folder beside its place. While that folder is there, no house opens."""
    storage = settings.storage
    aside = storage.data_dir / RESTORING
    key = storage.secret_key_file or str(storage.data_dir / "secret.key")
    there = replace(settings, storage=replace(storage, data_dir=aside, secret_key_file=key))
    await asyncio.to_thread(aside.mkdir, mode=0o700)
    try:
        database = aside / manifest.database
        await asyncio.to_thread(shutil.copyfile, folder / manifest.database, database)
        async with open_house(there) as house:  # brings it to the newest schema
            await house.backups.move_in(folder, manifest, database, progress_bar)
    except BaseException:
        await asyncio.to_thread(shutil.rmtree, aside)
        raise


def _move_in(place: Path, database: str) -> None:
    """The database last: without it there is no house."""
    aside = place / RESTORING
    for entry in sorted(aside.iterdir(), key=lambda entry: entry.name == database):
        sync(entry)
        entry.rename(place / entry.name)
    sync(place)
    aside.rmdir()
    sync(place)
