"""What a house is when it is opened on what a power cut left.

Each state of the disk is opened twice: first by SQLite alone, which recovers the database; then, where anything is
new, by the house itself, as a server does before it listens. The house knows its database only through SQLite. So where
the recovered database is the same, byte for byte, and the files are the same, one opening by the house stands for all
states that recover to it. What was under way, in `incoming` and `work`, is thrown away at every start; each such
leftover is tried once by its name, not once with every database.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import sqlite3
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from toybackend.foundations import only_server_on, prepare
from toybackend.house import House, examine, open_house, pick_up
from toybackend.models import DeliveryState, MessageState
from toybackend.settings import Conversion, Keeping, Settings, Storage
from toybackend.transcoder.loudness import RATE
from toybackend.transcoder.mpeg_audio import check_our_mp3
from trials.powercut.disk import State
from trials.powercut.promises import Found, Row, Sent
from trials.powercut.stage import DATA, DATABASE, KEPT, Stage

DATABASE_FILES = (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-journal")
UNFINISHED = (f"{DATA}/audio/incoming/", f"{DATA}/audio/work/")

FINISHED_EVERY = 25
"""Of so many houses that were opened one may go on, until everything that waits is converted."""
FINISH_SECONDS = 20.0

Database = tuple[int | None, ...]
Sounds = tuple[frozenset[str], frozenset[tuple[str, int]]]

_ROWS = "SELECT id, conversation, ref, sender_id, text, state, duration_ms, has_original FROM messages ORDER BY seq"


class Restarts:
    """Opens states, and remembers what came of them."""

    def __init__(self, place: Path, sent: Iterable[Sent], keeping: Keeping) -> None:
        self._databases = _Databases(place / "database")
        self._stage = Stage(place / "house")
        self._keeping = keeping
        self._texts = {one.ref: one.text.encode() for one in sent if one.text is not None}
        self._found: dict[tuple[str, Sounds, bool], Found] = {}
        self._leftovers: set[frozenset[str]] = set()
        self._states: set[tuple[Database, Sounds, frozenset[str]]] = set()
        self._lengths: dict[bytes, int | None] = {}
        self.restarts = 0
        """Times that the house was opened."""

    @property
    def recoveries(self) -> int:
        """Times that SQLite alone opened a database."""
        return self._databases.recoveries

    @property
    def states(self) -> int:
        """How many different ones there were."""
        return len(self._states)

    async def open(self, state: State, *, is_erased: bool) -> Found:
        """What is found there. With `is_erased`, a text was erased by then: its remains are looked for."""
        database, sounds, leftovers = _parts(state)
        self._states.add((database, sounds, leftovers))
        key = (self._databases.recover(state, database), sounds, is_erased)
        if key not in self._found or leftovers not in self._leftovers:
            self._leftovers.add(leftovers)
            self._found[key] = await self._open_house(state, is_erased)
        return self._found[key]

    async def _open_house(self, state: State, is_erased: bool) -> Found:
        self.restarts += 1
        self._stage.put(state)
        storage = Storage(data_dir=self._stage.data, min_free_bytes=0)
        conversion = Conversion(retry_seconds=1)  # a clip over which power cuts came twice waits as long
        settings = Settings(storage=storage, keeping=self._keeping, conversion=conversion)
        try:
            async with _woken(settings) as house:
                found = self._look()
                if self.restarts % FINISHED_EVERY == 0:
                    found = await self._finish(house)
                if is_erased:
                    await house.retention.look()
            return self._with_remains(found) if is_erased else found
        except Exception as error:
            return Found(trouble=f"{type(error).__name__}: {error}")

    async def _finish(self, house: House) -> Found:
        """What is found once everything that waited was converted. Raises TimeoutError."""
        async with house.conversion.running(stop_seconds=FINISH_SECONDS), asyncio.timeout(FINISH_SECONDS):
            while await house.database.unconverted():  # noqa: ASYNC110  # nobody is told when all is done
                await asyncio.sleep(FINISH_SECONDS / 1000)
        return replace(self._look(), is_finished=True)

    def _look(self) -> Found:
        with closing(sqlite3.connect(self._stage.folder / DATABASE)) as connection:
            rows = [_row(*one) for one in connection.execute(_ROWS)]
            copies = connection.execute("SELECT message_id, recipient_id, state FROM deliveries").fetchall()
            parties = connection.execute("SELECT id FROM parties").fetchall()
            (verdict,) = connection.execute("PRAGMA integrity_check").fetchone()
        kept = {file: file.read_bytes() for file in self._stage.sounds()}
        unfinished = [file.name for folder in UNFINISHED for file in (self._stage.folder / folder).iterdir()]
        return Found(
            trouble=None if verdict == "ok" else f"the database is damaged: {verdict}",
            rows={row.id: row for row in rows},
            copies={(message, recipient): DeliveryState(state) for message, recipient, state in copies},
            parties=frozenset(one for (one,) in parties),
            originals={file.stem: digest(data) for file, data in kept.items() if file.suffix == ".original"},
            mp3s={file.stem: self._milliseconds(data) for file, data in kept.items() if file.suffix == ".mp3"},
            unfinished=unfinished,
        )

    def _milliseconds(self, data: bytes) -> int | None:
        key = digest(data)
        if key not in self._lengths:
            checked = check_our_mp3(data)
            self._lengths[key] = checked.samples * 1000 // RATE if checked else None
        return self._lengths[key]

    def _with_remains(self, found: Found) -> Found:
        """After the house was closed again."""
        data = b"".join(file.read_bytes() for file in self._stage.data.iterdir() if file.is_file())
        return replace(found, remains=frozenset(ref for ref, text in self._texts.items() if text in data))


class _Databases:
    """SQLite alone, on the files of a database."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / Path(DATABASE).name
        self._images: dict[Database, str] = {}
        """What came of which files."""
        self._whole: set[str] = set()
        """Databases that were checked."""
        self.recoveries = 0

    def recover(self, state: State, files: Database) -> str:
        """A fingerprint of the database that SQLite makes of these files, or what is wrong with it."""
        if files not in self._images:
            self._images[files] = self._recover(state) if DATABASE in state.files else "none"
        return self._images[files]

    def _recover(self, state: State) -> str:
        self.recoveries += 1
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir()
        for name in DATABASE_FILES:
            if name in state.files:
                (self._folder / os.path.basename(name)).write_bytes(state.files[name][1])
        try:
            with closing(sqlite3.connect(self._file)) as connection:
                connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            # Whoever closes it last has put everything into the one file.
            image = f"{hash(self._file.read_bytes()):x}"
            return image if image in self._whole else self._check(image)
        except sqlite3.DatabaseError as error:
            return f"broken: {error}"

    def _check(self, image: str) -> str:
        with closing(sqlite3.connect(self._file)) as connection:
            (verdict,) = connection.execute("PRAGMA integrity_check").fetchone()
        if verdict != "ok":
            return f"broken: {verdict}"
        self._whole.add(image)
        return image


def _parts(state: State) -> tuple[Database, Sounds, frozenset[str]]:
    """The fingerprints of a state's database, and of what is kept; the names of what is thrown away."""
    found = (state.files.get(name) for name in DATABASE_FILES)
    sounds = frozenset((name, one[0]) for name, one in state.files.items() if _is_kept(name))
    leftovers = frozenset(name for name in (*state.folders, *state.files) if name.startswith(UNFINISHED))
    # Of the hundreds of folders for sounds, those that are empty are made again like those that are missing.
    folders = frozenset(one for one in state.folders - leftovers if not one.startswith(f"{KEPT}/"))
    return tuple(one and one[0] for one in found), (folders, sounds), leftovers


@cache
def _is_kept(name: str) -> bool:
    return not name.startswith((*UNFINISHED, DATABASE))


def digest(data: bytes | bytearray) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()


@asynccontextmanager
async def _woken(settings: Settings) -> AsyncIterator[House]:
    """A house as its server has it before anybody comes."""
    await asyncio.to_thread(prepare, settings)
    with only_server_on(settings.storage.data_dir):
        await examine(settings)
        async with open_house(settings) as house:
            await pick_up(house)
            yield house


def _row(*columns: Any) -> Row:
    message_id, conversation, ref, sender_id, text, state, duration_ms, has_original = columns
    return Row(
        message_id,
        conversation,
        ref,
        sender_id,
        text,
        MessageState(state),
        duration_ms,
        has_original=bool(has_original),
    )
