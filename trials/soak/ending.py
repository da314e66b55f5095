"""After the last frame: what is on the disk, in the database and in the log, and what the process still holds."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from toybackend.audio_stores.local_files import MP3, ORIGINAL
from trials.process import Look
from trials.soak.book import Book
from trials.soak.findings import Wrong
from trials.soak.sayings import Saying
from trials.soak.town import Town

DATABASE = "toybackend.sqlite3"
POOL_THREADS = min(32, (os.cpu_count() or 1) + 4)
"""Threads that an event loop keeps for what blocks; it starts them as they are needed, and never ends one."""


@dataclass(frozen=True, slots=True)
class Hold:
    """What the server holds while nobody is there."""

    look: Look
    tasks: int
    """Of the event loop."""


def compare_holds(book: Book, after: Hold, fresh: Hold) -> None:
    """What a server holds after it had work to do, beyond what a fresh one does."""
    note = book.findings.note
    for kind, count in (after.look.descriptors - fresh.look.descriptors).items():
        for _ in range(count):
            note(Wrong.DESCRIPTORS, kind)
    for number in range(fresh.look.threads + POOL_THREADS, after.look.threads):
        note(Wrong.THREADS, f"thread {number + 1}")
    for number in range(fresh.tasks, after.tasks):
        note(Wrong.TASKS, f"task {number + 1}")
    for number in range(after.look.children):
        note(Wrong.CHILDREN, f"child {number + 1}")


def compare_disk(book: Book, town: Town, data: Path) -> None:
    """Rows and files of a server that has stopped, against what was said in this town."""
    with _opened(data / DATABASE) as database:
        _check_rows(book, town, database)
    _check_files(book, town, data / "audio")


def compare_log(book: Book, log: Path) -> None:
    lines = log.read_text(errors="replace").splitlines()
    for line in lines:
        if " ERROR " in line or " CRITICAL " in line or line.startswith("Traceback"):
            book.findings.note(Wrong.LOG, line[:300])


@contextmanager
def _opened(file: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(file)
    try:
        yield connection
    finally:
        connection.close()


# ── rows ──


def _check_rows(book: Book, town: Town, database: sqlite3.Connection) -> None:
    note, kept = book.findings.note, _kept(book)
    for complaint in (*database.execute("PRAGMA foreign_key_check"), *database.execute("PRAGMA integrity_check")):
        if complaint != ("ok",):
            note(Wrong.ROWS, f"the database says: {complaint}")
    states = dict(database.execute("SELECT id, state FROM messages"))
    for message_id, state in states.items():
        saying = kept.get(message_id)
        if saying is None:
            note(Wrong.ROWS, f"message {message_id}: {book.by_id.get(message_id)}")
        elif state != ("failed" if saying.words.must_fail else "published"):
            note(Wrong.LOST, f"{saying} is {state}")
    for message_id in kept.keys() - states.keys():
        note(Wrong.LOST, f"no row of {kept[message_id]}")
    for message_id, recipient, state in database.execute("SELECT message_id, recipient_id, state FROM deliveries"):
        saying = kept.get(message_id)
        copy = saying.copies.get(recipient) if saying is not None else None
        if copy is None or copy.gone_at is not None:
            note(Wrong.ROWS, f"a copy for {recipient} of {saying or message_id}")
        elif state == "waiting" and not copy.is_void and saying is not None and not saying.words.must_fail:
            note(Wrong.LOST, f"{saying} still waits for {recipient}")
    _check_ids(book, database, "items", set(town.songs))
    _check_ids(book, database, "parties", {one.id for home in town.homes for one in home.members})


def _check_ids(book: Book, database: sqlite3.Connection, table: str, known: set[str]) -> None:
    there = {row[0] for row in database.execute(f"SELECT id FROM {table}")}
    for one in there - known:
        book.findings.note(Wrong.ROWS, f"{table}: {one}")
    for one in known - there:
        book.findings.note(Wrong.LOST, f"{table}: {one}")


def _kept(book: Book) -> Mapping[str, Saying]:
    """By id: what was accepted and never erased."""
    return {one.id: one for one in book.sayings.values() if one.id is not None and one.erased_at is None}


# ── files ──


def _check_files(book: Book, town: Town, audio: Path) -> None:
    there = {file.name: file for file in (audio / "kept").glob("*/*")}
    voices = {
        saying.id: saying for saying in _kept(book).values() if saying.words.text is None and not saying.words.must_fail
    }
    right = {f"{one}{suffix}" for one in voices for suffix in (ORIGINAL, MP3)} | {f"{one}{MP3}" for one in town.songs}
    for name in there.keys() - right:
        book.findings.note(Wrong.FILES, f"{name}: {book.by_id.get(name.partition('.')[0])}")
    for folder in ("incoming", "work"):
        for file in (audio / folder).iterdir():
            book.findings.note(Wrong.FILES, f"{folder}/{file.name}")
    for name in right - there.keys():
        book.findings.note(Wrong.LOST, f"the file {name}")
    for message_id, saying in voices.items():
        mp3 = there.get(f"{message_id}{MP3}")
        if mp3 is not None and mp3.read_bytes() != saying.words.mp3:
            book.findings.note(Wrong.MIXED_UP, f"the MP3 of {saying}")
