"""Sound as files in a folder of this machine.

    <root>/incoming/<random>        blobs on their way in; emptied at start
    <root>/work/<random>/           one folder per conversion; emptied at start
    <root>/work/<random>.<id>       says of what, for the life after one that ended in the middle of it
    <root>/kept/<xx>/<id>.original  what the phone sent; <xx> keeps folders small
    <root>/kept/<xx>/<id>.mp3       what the toy plays

A file is written under a name of its own, synced, renamed into `kept`, and the folder synced: after a power cut it
is there whole or not at all. All of that is one hop to a thread; small blobs stay in memory until then.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import os
import secrets
import shutil
import sys
import tempfile
import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from toybackend.durable import sync
from toybackend.errors import ConverterUnavailable, Gone, Overloaded
from toybackend.models import SoundId

log = logging.getLogger(__name__)

BUFFER_BYTES = 64 << 10
"""What one incoming blob may hold in memory before it goes to disk."""
RETRY_SECONDS = 30
BATCH = 500
FOLDERS = 256

ORIGINAL, MP3 = ".original", ".mp3"


class LocalFiles:
    """Satisfies `ports.AudioStore`."""

    def __init__(self, root: Path, *, min_free_bytes: int) -> None:
        self._root = root
        self._min_free_bytes = min_free_bytes
        self._in_the_way: set[Path] = set()
        """Folders that are done with, and could not be removed: without a file descriptor, for example."""

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[LocalFiles]:
        """Makes what is missing. Raises OSError where that is not possible."""
        await asyncio.to_thread(self._prepare)
        yield self

    async def was_opened_before(self) -> bool:
        """Ever, by anybody: then there may be sound in it."""
        return await asyncio.to_thread((self._root / "kept").exists)

    async def begun(self) -> list[SoundId]:
        return await asyncio.to_thread(self._begun)

    async def discard_unfinished(self, *, but: Sequence[SoundId] = ()) -> None:
        await asyncio.to_thread(self._discard_unfinished, but)

    def _prepare(self) -> None:
        folders = [f"kept/{number:02x}" for number in range(FOLDERS)]
        for folder in ("incoming", "work", "kept", *folders):
            (self._root / folder).mkdir(parents=True, exist_ok=True, mode=0o700)
        for holder in (self._root / "kept", self._root, self._root.parent):
            sync(holder)

    def _begun(self) -> list[SoundId]:
        return [SoundId(name.partition(".")[2]) for name in os.listdir(self._root / "work") if "." in name]

    def _discard_unfinished(self, but: Sequence[SoundId]) -> None:
        for leftovers in (self._root / "incoming", self._root / "work"):
            shutil.rmtree(leftovers, ignore_errors=True)
            leftovers.mkdir(exist_ok=True, mode=0o700)
        for sound_id in but:
            (self._root / "work" / f"{secrets.token_hex(16)}.{sound_id}").touch(0o600)

    @asynccontextmanager
    async def receive(self) -> AsyncIterator[IncomingFile]:
        incoming = IncomingFile(self, self._root / "incoming" / secrets.token_hex(16))
        try:
            yield incoming
        finally:
            await incoming.forget()

    @asynccontextmanager
    async def workshop(self, sound_id: SoundId, size: int = 0) -> AsyncIterator[tuple[Path, Path]]:
        original = self.path(sound_id, ORIGINAL)
        folder = self._root / "work" / secrets.token_hex(16)
        mark = folder.with_name(f"{folder.name}.{sound_id}")
        try:
            await asyncio.to_thread(self._set_up, original, size, folder, mark)
            yield original, folder
        except ConverterUnavailable as error:
            # Deleted meanwhile: then nothing was there to be read, and the tool is not sick.
            if await asyncio.to_thread(_is_deleted, original):
                raise Gone from error
            raise
        finally:
            await asyncio.to_thread(self._clear, folder, mark)

    def _set_up(self, original: Path, size: int, folder: Path, mark: Path) -> None:
        with _room_is_needed():
            self.make_room("work")
            mark.touch(0o600)
            folder.mkdir(mode=0o700)
            os.stat(original.parent)  # a folder that is away may come back; what is not in it is gone
            found = original.stat().st_size if original.exists() else 0
        if size and found not in (0, size):
            log.error("a recording has %d bytes and had %d: it is not played as if it were whole", found, size)
        if not found or (size and found != size):
            raise Gone

    @asynccontextmanager
    async def desk(self) -> AsyncIterator[Path]:
        folder = self._root / "work" / secrets.token_hex(16)
        try:
            with _room_is_needed():
                await asyncio.to_thread(self.make_room, "work")
                await asyncio.to_thread(folder.mkdir, mode=0o700)
            yield folder
        finally:
            await asyncio.to_thread(self._clear, folder)

    def _clear(self, folder: Path, mark: Path | None = None) -> None:
        """Remove it, and what could not be removed before; its mark last."""
        self._in_the_way.add(folder)
        for one in [*self._in_the_way]:
            shutil.rmtree(one, ignore_errors=True)
            if not one.exists():
                self._in_the_way.discard(one)
        if mark is not None:
            with contextlib.suppress(OSError):
                mark.unlink(missing_ok=True)

    async def copy_to(self, folder: Path, sound_id: SoundId) -> list[Path]:
        with _room_is_needed():
            return await asyncio.to_thread(self._copy_to, folder, sound_id)

    def _copy_to(self, folder: Path, sound_id: SoundId) -> list[Path]:
        copied = []
        for file in (self.path(sound_id, suffix) for suffix in (ORIGINAL, MP3)):
            with contextlib.suppress(FileNotFoundError):
                copied.append(Path(shutil.copyfile(file, folder / file.name)))
                sync(copied[-1])
        return copied

    async def copy_from(self, folder: Path, sound_id: SoundId) -> int:
        with _room_is_needed():
            return await asyncio.to_thread(self._copy_from, folder, sound_id)

    def _copy_from(self, folder: Path, sound_id: SoundId) -> int:
        found = 0
        for suffix in (ORIGINAL, MP3):
            stray = self._root / "incoming" / secrets.token_hex(16)
            with contextlib.suppress(FileNotFoundError):
                shutil.copyfile(folder / f"{sound_id}{suffix}", stray)
                _keep(stray, self.path(sound_id, suffix))
                found += 1
        return found

    async def keep_mp3(self, sound_id: SoundId, file: Path) -> int:
        with _room_is_needed():
            return await asyncio.to_thread(_keep, file, self.path(sound_id, MP3))

    async def mp3(self, sound_id: SoundId) -> Path | None:
        file = self.path(sound_id, MP3)
        return file if await asyncio.to_thread(file.exists) else None

    async def has_original(self, sound_id: SoundId) -> bool:
        return await asyncio.to_thread(self.path(sound_id, ORIGINAL).exists)

    async def delete(self, sound_id: SoundId) -> int:
        with _room_is_needed():
            return await asyncio.to_thread(self._delete, sound_id, ORIGINAL, MP3)

    async def delete_original(self, sound_id: SoundId) -> None:
        with _room_is_needed():
            await asyncio.to_thread(self._delete, sound_id, ORIGINAL)

    def _delete(self, sound_id: SoundId, *suffixes: str) -> int:
        files = [file for suffix in suffixes if (file := self.path(sound_id, suffix)).exists()]
        for file in files:
            file.unlink(missing_ok=True)
        if files:
            sync(files[0].parent)  # what was deleted must not come back with the power
        return len(files)

    async def sound_ids(self, *, before: int | None = None) -> AsyncIterator[list[SoundId]]:
        with _room_is_needed():
            folders = await asyncio.to_thread(lambda: iter(sorted((self._root / "kept").iterdir())))
        while True:
            with _room_is_needed():
                found = await asyncio.to_thread(_some_sounds, folders, before)
            if not found:
                return
            for start in range(0, len(found), BATCH):
                yield found[start : start + BATCH]

    async def ping(self) -> None:
        with _room_is_needed():
            await asyncio.to_thread(self._check)

    def _check(self) -> None:
        os.stat(self._root / "kept")
        self.check_room(0)
        self.make_room("incoming")
        with tempfile.TemporaryFile(dir=self._root / "incoming"):
            pass

    def path(self, sound_id: SoundId, suffix: str) -> Path:
        return self._root / "kept" / f"{zlib.crc32(sound_id.encode()) % FOLDERS:02x}" / f"{sound_id}{suffix}"

    def make_room(self, name: str) -> None:
        """Somebody may have removed what holds nothing of worth; the folder above is not ours to make."""
        (self._root / name).mkdir(exist_ok=True, mode=0o700)

    def check_room(self, size: int) -> None:
        """Raises Overloaded when storing this much would leave less than the reserve."""
        found = os.statvfs(self._root)
        if found.f_bavail * found.f_frsize < self._min_free_bytes + size:
            raise Overloaded("the disk is full", retry_after=RETRY_SECONDS)


class IncomingFile:
    """One blob on its way in."""

    def __init__(self, store: LocalFiles, path: Path) -> None:
        self._store = store
        self._path = path
        self._buffer = bytearray()
        self._digest = hashlib.sha256()
        self._stray: Path | None = None
        self._thread: asyncio.Future[None] | None = None
        self.size = 0

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    async def write(self, data: bytes) -> None:
        """Raises Overloaded."""
        self.size += len(data)
        self._digest.update(data)
        self._buffer += data
        if len(self._buffer) > BUFFER_BYTES:
            await self._in_thread(self._spool)

    async def keep(self, sound_id: SoundId) -> None:
        """Raises Overloaded."""
        target = self._store.path(sound_id, ORIGINAL)
        await self._in_thread(lambda: self._keep(target))
        self._stray = None

    async def forget(self) -> None:
        """Remove what is not kept, after the thread that may still be writing it."""
        if self._thread is not None:
            await asyncio.gather(self._thread, return_exceptions=True)
        self._buffer.clear()
        if self._stray is not None:
            await asyncio.to_thread(self._stray.unlink, missing_ok=True)

    async def _in_thread(self, work: Callable[[], None]) -> None:
        # Whoever waits here may be cancelled; the thread may not, so it is remembered.
        self._thread = asyncio.ensure_future(asyncio.to_thread(work))
        with _room_is_needed():
            await asyncio.shield(self._thread)

    def _spool(self) -> None:
        self._store.check_room(len(self._buffer))
        self._store.make_room("incoming")
        self._stray = self._path
        with self._path.open("ab") as file:
            file.write(self._buffer)
        self._buffer.clear()

    def _keep(self, target: Path) -> None:
        self._spool()
        try:
            _keep(self._path, target)
        except OSError:
            target.unlink(missing_ok=True)  # it may have been renamed and not synced
            raise
        self._stray = target


def _some_sounds(folders: Iterator[Path], before: int | None) -> list[SoundId]:
    """At least a batch, or all that is left: most folders hold few, and each hop to a thread takes its time."""
    found: list[SoundId] = []
    for folder in folders:
        found += _sounds_in(folder, before)
        if len(found) >= BATCH:
            break
    return found


def _is_deleted(file: Path) -> bool:
    """A file whose folder is there; one whose folder is away may come back."""
    return file.parent.exists() and not file.exists()


def _sounds_in(folder: Path, before: int | None) -> list[SoundId]:
    """The sounds of one folder, in order; those with a file that was written after `before` left out."""
    found: set[SoundId] = set()
    fresh: set[SoundId] = set()
    with os.scandir(folder) as files:
        for file in files:
            sound_id = SoundId(file.name.partition(".")[0])
            found.add(sound_id)
            if before is not None and _written_at(file) > before:
                fresh.add(sound_id)
    return sorted(found - fresh)


def _written_at(file: os.DirEntry[str]) -> int:
    """Milliseconds since the epoch; the end of time for a file that went meanwhile."""
    try:
        return file.stat().st_mtime_ns // 1_000_000
    except FileNotFoundError:
        return sys.maxsize


def _keep(file: Path, target: Path) -> int:
    """Move a file to its place so that it survives a power cut. Its size in bytes."""
    size = file.stat().st_size
    sync(file)
    file.replace(target)
    sync(target.parent)
    return size


@contextlib.contextmanager
def _room_is_needed() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Overloaded("the audio store cannot take this now", retry_after=RETRY_SECONDS) from error
