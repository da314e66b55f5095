"""Sound on disk, and what makes it playable."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol

from toybackend.models import Sound, SoundId

Progress = Callable[[float], None]
"""Told from 0 to 1 how far a conversion is."""


class Incoming(Protocol):
    """A blob on its way in. Leaving its context without `keep` leaves nothing behind."""

    async def write(self, data: bytes) -> None: ...

    async def keep(self, sound_id: SoundId) -> None:
        """Make it durable as the original of this sound."""

    @property
    def size(self) -> int: ...

    @property
    def sha256(self) -> str: ...


class AudioStore(Protocol):
    """Sound on disk, of messages and of items. Raises Overloaded when there is no room."""

    async def begun(self) -> list[SoundId]:
        """The sounds that were being converted when an earlier life of the server ended."""

    async def discard_unfinished(self, *, but: Sequence[SoundId] = ()) -> None:
        """Throw away what an earlier life left half done; only for the server itself, at its start. `but` what it left
        says that these were begun."""

    def receive(self) -> AbstractAsyncContextManager[Incoming]: ...

    def workshop(self, sound_id: SoundId, size: int = 0) -> AbstractAsyncContextManager[tuple[Path, Path]]:
        """(file of the original, empty folder to convert in); the folder is gone afterwards. Raises Gone, also where
        the original is empty, or not as large as this in bytes, if that is known: what a power cut left of a recording
        must not pass for it; and instead of ConverterUnavailable, where the original went while it was converted."""

    def desk(self) -> AbstractAsyncContextManager[Path]:
        """An empty folder to put something together in, such as an export; it is gone afterwards."""

    async def keep_mp3(self, sound_id: SoundId, file: Path) -> int:
        """Make the file, from the workshop, durable as the MP3 of this sound; its size in bytes."""

    async def mp3(self, sound_id: SoundId) -> Path | None:
        """Where the MP3 can be read; None when there is none."""

    async def has_original(self, sound_id: SoundId) -> bool:
        """Is the recording itself still kept?"""

    async def delete(self, sound_id: SoundId) -> int:
        """Every file of this sound; how many they were. Deleting what is not there is fine."""

    async def delete_original(self, sound_id: SoundId) -> None:
        """Of a converted one; its MP3 stays."""

    def sound_ids(self, *, before: int | None = None) -> AsyncIterator[list[SoundId]]:
        """Every sound of which there is a file, in batches: for the sweep that finds orphans. With a time, in
        milliseconds since the epoch, only those of which every file was written by then: what comes in now has a
        file before anybody knows of it."""

    async def copy_to(self, folder: Path, sound_id: SoundId) -> list[Path]:
        """Copy every file of this sound into the folder, durably; which they are there. None if it has none."""

    async def copy_from(self, folder: Path, sound_id: SoundId) -> int:
        """And back: keep what `copy_to` left there; how many files that were."""

    async def ping(self) -> None:
        """Raises when the store does not answer or is full."""


class Transcoder(Protocol):
    """Turns what a phone recorded into what a toy plays."""

    async def convert(self, original: Path, folder: Path, progress: Progress | None = None) -> Sound:
        """Raises BadAudio, AudioTooLong, or ConverterUnavailable when the tool is sick and not the clip."""

    async def check(self) -> str:
        """Converts a clip known to be good; says which tool it is. Raises ConverterUnavailable."""
