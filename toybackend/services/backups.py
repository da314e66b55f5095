"""A copy of the whole house in a folder, and back.

    DIR/toybackend.sqlite3     the database, as of one moment
    DIR/audio/<id>.original    what phones sent, as far as it is kept
    DIR/audio/<id>.mp3         what toys play
    DIR/manifest.json          every file with its size and SHA-256; written last: without it a backup is unfinished

The database comes first, and sound after it: whatever was accepted by then is on disk already, and does not change.
What was deleted meanwhile is named in the manifest as gone, and a restored house erases it: nobody gets back what
they had deleted. The key that signs links is not in it; a restored house makes itself a new one.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Literal

import msgspec

from toybackend import __version__
from toybackend.durable import make_folder, sync
from toybackend.errors import BadBackup
from toybackend.models import ItemId, MessageId, SoundId
from toybackend.ports import AudioStore, Clock, Database, Inventory
from toybackend.protocol import rfc3339

MANIFEST = "manifest.json"
AUDIO = "audio"
ORIGINAL, MP3 = ".original", ".mp3"
CHUNK_BYTES = 1 << 20

Bar = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
"""Shows how far something is: what, and how many there are; what it gives is told how many more are done."""

_SOUND_FILE = re.compile(rf"{AUDIO}/([a-z]_[a-z0-9]{{1,40}})\.(mp3|original)")


class Measured(msgspec.Struct, frozen=True):
    """What a file has to be."""

    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """What a backup is made of."""

    format: Literal[1]
    toybackend: str
    made_at: str
    database: str
    """Which of the files it is."""
    revision: str
    """Of its schema."""
    files: Mapping[str, Measured]
    """By path below the folder."""
    gone: Sequence[str]
    """Sounds that are in the database and were deleted before they could be copied."""

    @property
    def sounds(self) -> list[SoundId]:
        found = (_SOUND_FILE.fullmatch(name) for name in self.files)
        return sorted({SoundId(one[1]) for one in found if one})


@contextmanager
def no_bar(what: str, total: int) -> Iterator[Callable[[int], None]]:
    yield lambda more: None


class Backups:
    """Writes backups, and moves them into a new house."""

    def __init__(self, database: Database, audio: AudioStore, *, clock: Clock) -> None:
        self._database = database
        self._audio = audio
        self._clock = clock

    # ── there ──

    async def write(self, folder: Path, bar: Bar = no_bar) -> Manifest:
        """Into a folder that is new or empty. Others may go on meanwhile. Raises BadBackup or OSError."""
        await asyncio.to_thread(_make_ready, folder)
        made_at = rfc3339(self._clock())
        with bar("database", 1) as done:
            copy = await self._database.copy_to(folder)
            inventory = await self._database.inventory(copy)
            files = {copy.name: await asyncio.to_thread(_measure, copy)}
            done(1)
        gone = await self._copy_sounds(folder, inventory, files, bar)
        manifest = Manifest(1, __version__, made_at, copy.name, inventory.revision, files, gone)
        await asyncio.to_thread(_write_manifest, folder, manifest)
        return manifest

    async def _copy_sounds(
        self, folder: Path, inventory: Inventory, files: dict[str, Measured], bar: Bar
    ) -> list[SoundId]:
        """Adds to `files`; returns what is gone."""
        gone = []
        with bar("sounds", len(inventory.sounds)) as done:
            for sound_id, is_converted in inventory.sounds:
                copied = await self._audio.copy_to(folder / AUDIO, sound_id)
                if copied and not is_converted and all(one.suffix == MP3 for one in copied):
                    # Converted since the database was copied, its original gone: what there is can be converted again.
                    copied = [await asyncio.to_thread(copied[0].rename, copied[0].with_suffix(ORIGINAL))]
                if any((one.suffix == MP3) is is_converted for one in copied):
                    for one in copied:
                        files[f"{AUDIO}/{one.name}"] = await asyncio.to_thread(_measure, one)
                else:
                    gone.append(sound_id)
                    await asyncio.to_thread(_unlink, copied)
                done(1)
        return gone

    # ── and back ──

    async def move_in(self, folder: Path, manifest: Manifest, database: Path, bar: Bar = no_bar) -> None:
        """Fetch the sounds of a backup into this house, whose database, at this place, is the backup's already.
        Raises BadBackup where something is missing."""
        with bar("sounds", len(manifest.sounds)) as done:
            for sound_id in manifest.sounds:
                await self._audio.copy_from(folder / AUDIO, sound_id)
                done(1)
        inventory = await self._database.inventory(database)
        missing = [sound for sound in inventory.sounds if not _is_in(manifest, *sound)]
        if missing:
            raise BadBackup(f"{len(missing)} sounds of messages or songs are not in this backup")
        for sound_id in manifest.gone:
            await self._database.erase_message(MessageId(sound_id))
            await self._database.erase_item(ItemId(sound_id))
            await self._audio.delete(sound_id)
        await self._database.scrub(whole=True)


async def read_backup(folder: Path, bar: Bar = no_bar) -> Manifest:
    """The manifest, once every file was held to it. Raises BadBackup."""
    manifest = await asyncio.to_thread(_read_manifest, folder)
    with bar("checking", len(manifest.files)) as done:
        for name, measured in manifest.files.items():
            if await asyncio.to_thread(_measure_if_there, folder / name) != measured:
                raise BadBackup(f"{name} is not what it was when the backup was made")
            done(1)
    return manifest


def _is_in(manifest: Manifest, sound_id: SoundId, is_converted: bool) -> bool:
    suffix = MP3 if is_converted else ORIGINAL
    return f"{AUDIO}/{sound_id}{suffix}" in manifest.files or sound_id in manifest.gone


# ── on disk ──


def _make_ready(folder: Path) -> None:
    make_folder(folder)
    if any(folder.iterdir()):
        raise BadBackup(f"{folder} is not empty: a backup needs a folder of its own")
    folder.chmod(0o700)  # children's voices
    (folder / AUDIO).mkdir(mode=0o700)


def _measure(file: Path) -> Measured:
    with file.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
        return Measured(os.fstat(opened.fileno()).st_size, digest)


def _measure_if_there(file: Path) -> Measured | None:
    try:
        return _measure(file)
    except FileNotFoundError:
        return None


def _unlink(files: Sequence[Path]) -> None:
    for file in files:
        file.unlink()


def _write_manifest(folder: Path, manifest: Manifest) -> None:
    """Under another name first: it is there whole, or not at all."""
    unfinished = folder / f"{MANIFEST}.unfinished"
    with unfinished.open("w") as file:
        json.dump(msgspec.to_builtins(manifest), file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    for names in (folder / AUDIO, folder):
        sync(names)
    unfinished.replace(folder / MANIFEST)
    sync(folder)


def _read_manifest(folder: Path) -> Manifest:
    try:
        manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    except FileNotFoundError:
        raise BadBackup(f"{folder} is no backup, or an unfinished one: it has no {MANIFEST}") from None
    except msgspec.DecodeError as error:
        raise BadBackup(f"{MANIFEST} cannot be read: {error}") from None
    for name in manifest.files:
        # A manifest may come from anywhere: no path in it leads out of the folder.
        if name != manifest.database and not _SOUND_FILE.fullmatch(name):
            raise BadBackup(f"{MANIFEST} names a file that does not belong to a backup")
    if manifest.database not in manifest.files or "/" in manifest.database:
        raise BadBackup(f"{MANIFEST} names no database")
    return manifest
