"""What must be true after any number of crashes: promises made to phones, against what toys have and disks hold."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import pairwise
from pathlib import Path

from bench.server import Family
from toybackend.transcoder.loudness import RATE
from toybackend.transcoder.mpeg_audio import check_our_mp3

MP3_TOLERANCE_MS = 100
MUST_BE_ZERO = ("lost", "doubled", "misdelivered", "misordered", "mixed_up", "stray_files", "broken_files")


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording, and how long the MP3 of it plays."""

    blob: bytes
    duration_ms: int


@dataclass(slots=True)
class Conversation:
    """What one phone was promised, and what its toy has."""

    family: Family
    accepted: dict[str, str] = field(default_factory=dict)
    """Message id by `ref`, in the order of acceptance: a phone sends one clip at a time."""
    durations: dict[str, int] = field(default_factory=dict)
    """Milliseconds of the clip that was sent, by message id."""
    changed: int = 0
    """Times that the same `ref` came back under another id."""
    sent: int = 0
    """Blobs handed to the network, repetitions included."""
    shown: dict[str, int] = field(default_factory=dict)
    """Milliseconds by id, as the toy shows messages: each when it comes for the first time."""
    redelivered: int = 0
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    def promise(self, ref: str, message_id: str, clip: Clip) -> None:
        if self.accepted.setdefault(ref, message_id) != message_id:
            self.changed += 1
        self.durations[message_id] = clip.duration_ms

    def show(self, message_id: str, duration_ms: int) -> None:
        if message_id in self.shown:
            self.redelivered += 1
        else:
            self.shown[message_id] = duration_ms
            self._more.set()

    async def caught_up(self, most: int) -> None:
        """Returns when at most so many accepted messages are still to come."""
        while self.under_way > most:
            self._more.clear()
            await self._more.wait()

    @property
    def under_way(self) -> int:
        return len(self.accepted.values() - self.shown.keys())


@dataclass(frozen=True, slots=True)
class Verdict:
    """Counts; those in `MUST_BE_ZERO` must be 0."""

    kills: int
    seconds: float
    sent: int
    accepted: int
    received: int
    redelivered: int
    lost: int
    """Accepted, and never at its toy."""
    doubled: int
    """One `ref` under two ids, in an answer, at a toy or in the database: the client cannot know them for the same."""
    misdelivered: int
    """At another family's toy."""
    misordered: int
    """Shown before a message that was accepted earlier."""
    mixed_up: int
    """Shown with the length of another clip than the one that was sent."""
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


def judge(conversations: Sequence[Conversation], data: Path, *, kills: int, seconds: float) -> Verdict:
    """The verdict on a run whose server has stopped; `data` is its data folder."""
    accepted = sum(len(one.accepted) for one in conversations)
    rows, kept = _rows(data), {path.name: path for path in (data / "audio" / "kept").glob("*/*")}
    strangers = [set(one.shown) - set(one.accepted.values()) for one in conversations]
    known = {message_id for one in conversations for message_id in one.accepted.values()}
    return Verdict(
        kills=kills,
        seconds=seconds,
        sent=sum(one.sent for one in conversations),
        accepted=accepted,
        received=sum(len(one.shown) for one in conversations),
        redelivered=sum(one.redelivered for one in conversations),
        lost=sum(one.under_way for one in conversations),
        doubled=sum(one.changed for one in conversations) + abs(len(rows) - accepted),
        misdelivered=sum(len(ids & known) for ids in strangers),
        misordered=sum(_misordered(one) for one in conversations),
        mixed_up=sum(one.durations.get(m, ms) != ms for one in conversations for m, ms in one.shown.items()),
        stray_files=_unfinished(data / "audio") + len(kept.keys() - {name for row in rows for name in row.files}),
        broken_files=sum(not _is_whole(row, kept) for row in rows),
    )


def _misordered(conversation: Conversation) -> int:
    place = {message_id: number for number, message_id in enumerate(conversation.accepted.values())}
    places = [place[message_id] for message_id in conversation.shown if message_id in place]
    return sum(later < earlier for earlier, later in pairwise(places))


# ── the disk ──


@dataclass(frozen=True, slots=True)
class Row:
    """A voice message as the database has it."""

    id: str
    state: str
    duration_ms: int | None

    @property
    def files(self) -> tuple[str, str]:
        """Names of its original and its MP3."""
        return f"{self.id}.original", f"{self.id}.mp3"


def _rows(data: Path) -> list[Row]:
    connection = sqlite3.connect(data / "toybackend.sqlite3")
    try:
        return [Row(*found) for found in connection.execute("SELECT id, state, duration_ms FROM messages")]
    finally:
        connection.close()


def _unfinished(audio: Path) -> int:
    """What uploads and conversions left behind."""
    return sum(1 for folder in ("incoming", "work") for _ in (audio / folder).iterdir())


def _is_whole(row: Row, kept: Mapping[str, Path]) -> bool:
    """Whether a message is published, and both its files are there and complete."""
    if row.state != "published" or row.duration_ms is None or not all(name in kept for name in row.files):
        return False
    checked = check_our_mp3(kept[row.files[1]].read_bytes())
    return checked is not None and 0 <= checked.samples * 1000 / RATE - row.duration_ms <= MP3_TOLERANCE_MS
