"""What must be true after any number of crashes: promises to senders, against what everybody has and disks hold."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import pairwise
from pathlib import Path

from toybackend.transcoder.loudness import RATE
from toybackend.transcoder.mpeg_audio import check_our_mp3

MP3_TOLERANCE_MS = 100
MUST_BE_ZERO = ("lost", "doubled", "misdelivered", "misordered", "mixed_up", "stray_files", "broken_files")

Words = str | int
"""What was said: a text, or of a voice the milliseconds that its MP3 plays."""


@dataclass(frozen=True, slots=True)
class Promise:
    """A message that was accepted."""

    id: str
    recipients: frozenset[str]
    words: Words


@dataclass(frozen=True, slots=True)
class Shown:
    """A message as somebody got it."""

    sender: str
    words: Words


@dataclass(slots=True)
class Member:
    """What one person or toy was promised, and what they have."""

    id: str
    promises: dict[str, Promise] = field(default_factory=dict)
    """By `ref`, in the order of acceptance: everybody sends one message at a time."""
    changed: int = 0
    """Times that the same `ref` came back under another id."""
    sent: int = 0
    """Messages handed to the network, repetitions included."""
    refused: int = 0
    """Of these, those that the server had no room for."""
    shown: dict[str, Shown] = field(default_factory=dict)
    """By id, each when it came for the first time."""
    redelivered: int = 0
    under_way: set[tuple[str, str]] = field(default_factory=set)
    """Id and recipient of what was promised and is not there yet."""


class Book:
    """Everybody, and what is still to come."""

    def __init__(self, ids: Iterable[str]) -> None:
        self.members = {member_id: Member(member_id) for member_id in ids}
        self.accepted = 0
        self._news = asyncio.Event()

    def promise(self, sender: str, ref: str, promise: Promise) -> None:
        member = self.members[sender]
        if member.promises.setdefault(ref, promise).id != promise.id:
            member.changed += 1
        elif member.promises[ref] is promise:
            self.accepted += 1
            absent = (one for one in promise.recipients if promise.id not in self.members[one].shown)
            member.under_way.update((promise.id, one) for one in absent)
        self._tell()

    def show(self, recipient: str, message_id: str, shown: Shown) -> None:
        member = self.members[recipient]
        if message_id in member.shown:
            member.redelivered += 1
        else:
            member.shown[message_id] = shown
            if shown.sender in self.members:
                self.members[shown.sender].under_way.discard((message_id, recipient))
        self._tell()

    async def caught_up(self, sender: str, most: int) -> None:
        """Returns when at most so many copies of what they were promised are still to come."""
        await self._until(lambda: len(self.members[sender].under_way) <= most)

    async def reached(self, count: int) -> None:
        """Returns when so many messages were accepted."""
        await self._until(lambda: self.accepted >= count)

    async def _until(self, happened: Callable[[], bool]) -> None:
        while not happened():
            await self._news.wait()

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


@dataclass(frozen=True, slots=True)
class Verdict:
    """Counts; those in `MUST_BE_ZERO` must be 0."""

    kills: int
    fills: int
    seconds: float
    sent: int
    refused: int
    accepted: int
    voices: int
    """Of those accepted."""
    received: int
    """Copies: what is said in a group has several."""
    redelivered: int
    lost: int
    """Copies of something accepted that never came."""
    doubled: int
    """One `ref` under two ids, in an answer, at a recipient or in the database: nobody can know them for the same."""
    misdelivered: int
    """At somebody it was not for, or as if somebody else had said it."""
    misordered: int
    """Shown before a message of its conversation that was accepted earlier."""
    mixed_up: int
    """Shown with other words, or the length of another clip, than were sent."""
    stray_files: int
    """No message knows them."""
    broken_files: int
    """An MP3 or original of a published message that is missing, torn or of the wrong length."""

    @property
    def is_good(self) -> bool:
        return self.accepted > 0 and not any(getattr(self, name) for name in MUST_BE_ZERO)

    def __str__(self) -> str:
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        marks = {name: "  must be 0" if name in MUST_BE_ZERO else "" for name in values}
        return "\n".join(f"{name:14}{value:8.0f}{marks[name]}" for name, value in values.items())


def judge(book: Book, data: Path, *, kills: int, fills: int, seconds: float) -> Verdict:
    """The verdict on a run whose server has stopped; `data` is its data folder."""
    members = list(book.members.values())
    promised = {one.id: (member.id, one) for member in members for one in member.promises.values()}
    rows, kept = _rows(data), {path.name: path for path in (data / "audio" / "kept").glob("*/*")}
    voices = [row for row in rows if row.is_voice]
    return Verdict(
        kills=kills,
        fills=fills,
        seconds=seconds,
        sent=sum(one.sent for one in members),
        refused=sum(one.refused for one in members),
        accepted=book.accepted,
        voices=sum(isinstance(promise.words, int) for _, promise in promised.values()),
        received=sum(len(one.shown) for one in members),
        redelivered=sum(one.redelivered for one in members),
        lost=sum(len(one.under_way) for one in members),
        doubled=sum(one.changed for one in members) + abs(len(rows) - book.accepted),
        misdelivered=sum(_is_misdelivered(one.id, *got, promised) for one in members for got in one.shown.items()),
        misordered=_misordered(members, {row.id: row for row in rows}),
        mixed_up=sum(_is_mixed_up(*got, promised) for one in members for got in one.shown.items()),
        stray_files=_unfinished(data / "audio") + len(kept.keys() - {name for row in voices for name in row.files}),
        broken_files=sum(not _is_whole(row, kept) for row in voices)
        + sum(row.state != "published" for row in rows if not row.is_voice),
    )


Promised = Mapping[str, tuple[str, Promise]]
"""Sender and promise by id."""


def _is_misdelivered(recipient: str, message_id: str, shown: Shown, promised: Promised) -> bool:
    if message_id not in promised:
        return False  # a second one of something: counted as doubled
    sender, promise = promised[message_id]
    return recipient not in promise.recipients or shown.sender != sender


def _is_mixed_up(message_id: str, shown: Shown, promised: Promised) -> bool:
    return message_id in promised and promised[message_id][1].words != shown.words


def _misordered(members: Sequence[Member], rows: Mapping[str, Row]) -> int:
    """What everybody was shown, against the order of acceptance as the database has it; and that one against the order
    in which everybody was told."""
    wrong = 0
    for member in members:
        places: dict[str, list[int]] = defaultdict(list)
        for message_id in member.shown:
            if message_id in rows:
                places[rows[message_id].conversation].append(rows[message_id].seq)
        told = [rows[one.id].seq for one in member.promises.values() if one.id in rows]
        wrong += sum(later < earlier for order in (told, *places.values()) for earlier, later in pairwise(order))
    return wrong


# ── the disk ──


@dataclass(frozen=True, slots=True)
class Row:
    """A message as the database has it."""

    id: str
    seq: int
    conversation: str
    state: str
    is_voice: bool
    duration_ms: int | None

    @property
    def files(self) -> tuple[str, str]:
        """Names of its original and its MP3."""
        return f"{self.id}.original", f"{self.id}.mp3"


def _rows(data: Path) -> list[Row]:
    connection = sqlite3.connect(data / "toybackend.sqlite3")
    try:
        found = connection.execute("SELECT id, seq, conversation, state, text IS NULL, duration_ms FROM messages")
        return [Row(*one) for one in found]
    finally:
        connection.close()


def _unfinished(audio: Path) -> int:
    """What uploads and conversions left behind."""
    return sum(1 for folder in ("incoming", "work") for _ in (audio / folder).iterdir())


def _is_whole(row: Row, kept: Mapping[str, Path]) -> bool:
    """Whether a voice is published, and both its files are there and complete."""
    if row.state != "published" or row.duration_ms is None or not all(name in kept for name in row.files):
        return False
    checked = check_our_mp3(kept[row.files[1]].read_bytes())
    return checked is not None and 0 <= checked.samples * 1000 / RATE - row.duration_ms <= MP3_TOLERANCE_MS
