"""Everything a family has, in one ZIP: `index.json` for programs, `index.html` for people, `audio/<id>.mp3`.

A person gets what is kept about them and about the toys they guard, and what was said by and to these since then; of
others only the names under which they know them.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

from toybackend.errors import Overloaded, RateLimited
from toybackend.models import ItemState, PartyId, SoundId
from toybackend.ports import AudioStore, Clock, Database
from toybackend.protocol import rfc3339
from toybackend.services.export_page import export_page

RETRY_SECONDS = 30
NAME = "toybackend.zip"

Record = dict[str, Any]


class Exporting:
    """Puts exports together, one at a time; each person has one under way."""

    def __init__(self, database: Database, audio: AudioStore, *, clock: Clock) -> None:
        self._database = database
        self._audio = audio
        self._clock = clock
        self._under_way: set[PartyId] = set()
        self._one_at_a_time = asyncio.Lock()

    @asynccontextmanager
    async def export(self, person_id: PartyId) -> AsyncIterator[Path]:
        """The ZIP, which is gone when the context is left. Raises RateLimited while this person has another one
        under way, and Overloaded where the disk has no room."""
        if person_id in self._under_way:
            raise RateLimited("your export is under way", retry_after=RETRY_SECONDS)
        self._under_way.add(person_id)
        try:
            async with self._audio.desk() as folder:
                async with self._one_at_a_time:
                    file = await self._put_together(person_id, folder / NAME)
                yield file
        finally:
            self._under_way.discard(person_id)

    async def _put_together(self, person_id: PartyId, file: Path) -> Path:
        record = await self._database.everything_of(person_id)
        record = {"exported_at": self._clock(), **record}
        sounds = {sound_id: await self._audio.mp3(sound_id) for sound_id in _sounds(record)}
        is_over = threading.Event()
        packing = asyncio.ensure_future(asyncio.to_thread(_pack, file, record, sounds, is_over))
        try:
            await asyncio.shield(packing)
        except OSError as error:
            raise Overloaded("there is no room for the export now", retry_after=RETRY_SECONDS) from error
        finally:
            # Whoever waits here may be cancelled, the thread may not: it must not write to a folder that goes.
            is_over.set()
            await asyncio.wait([packing])
        return file


def _everything_with_sound(record: Record) -> Iterator[Record]:
    for conversation in record["conversations"]:
        yield from (message for message in conversation["messages"] if message.pop("has_sound"))
    yield from (item for item in record["library"] if item["state"] == ItemState.READY)


def _sounds(record: Record) -> Iterator[SoundId]:
    for one in _everything_with_sound(record):
        one["file"] = f"audio/{one['id']}.mp3"
        yield SoundId(one["id"])


def _pack(file: Path, record: Record, sounds: dict[SoundId, Path | None], is_over: threading.Event) -> None:
    """Comes to an end soon when nobody waits for it any more: a server that stops would wait. Raises OSError."""
    missing = []
    with ZipFile(file, "x", ZIP_DEFLATED) as archive:
        for sound_id, path in sounds.items():
            if is_over.is_set():
                return
            try:
                if path is None:
                    raise FileNotFoundError
                archive.write(path, f"audio/{sound_id}.mp3", ZIP_STORED)  # an MP3 does not get any smaller
            except FileNotFoundError:  # deleted since we looked
                missing.append(sound_id)
        readable = _readable({**record, "missing": missing})
        archive.writestr("index.json", json.dumps(readable, indent=1, ensure_ascii=False))
        archive.writestr("index.html", export_page(readable))


def _readable(value: Any, name: str = "") -> Any:
    """Times as RFC 3339, as everywhere in our answers; states as their words."""
    if isinstance(value, dict):
        return {key: _readable(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [_readable(inner) for inner in value]
    if name.endswith("_at") and isinstance(value, int):
        return rfc3339(value)
    return value
