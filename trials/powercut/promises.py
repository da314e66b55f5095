"""What clients were promised until some moment, and whether a house that was opened after it keeps it.

Promises are read from what the server wrote to its sockets: whoever could read `accepted` relies on it. What a client
asked to be erased may be gone from the moment its request was read, and has to be from the moment it was answered.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from toybackend.models import DeliveryState, MessageState
from trials.powercut.operations import Heard, Said

MP3_TOLERANCE_MS = 100
REACHED = {DeliveryState.WAITING: 0, DeliveryState.DELIVERED: 1, DeliveryState.HEARD: 2}
SETTLED = (MessageState.CONVERTED, MessageState.PUBLISHED)

_FRAME = re.compile(rb'\{"type":"(?:accepted|voice|text|delivered|heard|failed)"[^{}]*\}')
_FAMILIES = re.compile(rb'\[\{"person_id".*\]')
_DELETE = re.compile(rb"DELETE /api/v1/(?:messages/(m_\w+)|me) HTTP/1\.1\r\n.*?Bearer (\S+)", re.DOTALL)
_DONE = b"HTTP/1.1 200 "


# ── what clients did ──


@dataclass(frozen=True, slots=True)
class Sent:
    """One message that a client offered, however often."""

    ref: str
    sender_id: str
    text: str | None = None
    digest: bytes | None = None
    """Of the bytes of a voice."""
    is_sound: bool = True
    """Whether there is anything to hear in it."""
    is_refused: bool = False
    """Offered in a way that nothing may come of."""


# ── what is there afterwards ──


@dataclass(frozen=True, slots=True)
class Row:
    """A message as the database has it."""

    id: str
    conversation: str
    ref: str
    sender_id: str
    text: str | None
    state: MessageState
    duration_ms: int | None
    has_original: bool


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What a house is, once it was opened after a power cut and before anybody came."""

    trouble: str | None = None
    """Why it did not open."""
    rows: Mapping[str, Row] = field(default_factory=dict)
    """By id, in the order of acceptance."""
    copies: Mapping[tuple[str, str], DeliveryState] = field(default_factory=dict)
    """By message and recipient."""
    parties: frozenset[str] = frozenset()
    originals: Mapping[str, bytes] = field(default_factory=dict)
    """Digests of the recordings that are kept, by message."""
    mp3s: Mapping[str, int | None] = field(default_factory=dict)
    """Milliseconds of each MP3, by message; None for one that is not whole."""
    unfinished: Sequence[str] = ()
    """Files of uploads and conversions that were under way."""
    is_finished: bool = False
    """Everything that waited had its turn in conversion first."""
    remains: frozenset[str] = frozenset()
    """Refs of texts whose bytes are anywhere on the disk after the first look at what is over."""


@dataclass(frozen=True, slots=True)
class Violation:
    kind: str
    what: str


# ── the promises ──


class Promises:
    """Grows with what is said and heard; `judge` holds a house to it at any moment."""

    def __init__(self, sent: Sequence[Sent] = ()) -> None:
        self._sent: dict[str, Sent] = {}
        self._accepted: dict[str, str] = {}
        """Ids by ref."""
        self._twice: set[str] = set()
        """Refs that came back under a second id."""
        self._published: set[str] = set()
        self._failed: set[str] = set()
        self._reached: dict[tuple[str, str], DeliveryState] = {}
        self._families: list[dict[str, str]] = []
        self._asking: dict[str, tuple[str, str]] = {}
        """By socket: the message whose erasure was asked for, empty for the whole family, and the token."""
        self._leaving: set[str] = set()
        """Messages and parties whose erasure was asked for."""
        self._gone: set[str] = set()
        """And answered."""
        self.expect(sent)

    def expect(self, sent: Sequence[Sent]) -> None:
        """In an era that begins: this may be sent in it, or was before; whoever still waited for an answer is gone."""
        self._sent = {one.ref: one for one in sent}
        self._asking.clear()

    def is_leaving(self, one: str) -> bool:
        """Whether anybody asked for the erasure of this message or party."""
        return one in self._leaving

    @property
    def accepted(self) -> Mapping[str, str]:
        return self._accepted

    @property
    def is_settled(self) -> bool:
        """Whether the families have moved in."""
        return bool(self._families)

    @property
    def is_erased(self) -> bool:
        """Whether any text was erased yet."""
        return any(one in self._gone and self._sent[ref].text is not None for ref, one in self._accepted.items())

    def cover(self, accepted: Mapping[str, str], erased: Sequence[str]) -> bool:
        """Whether all that clients know is among what was promised."""
        return accepted.items() <= self._accepted.items() and self._gone.issuperset(erased)

    def note(self, event: Said | Heard) -> bool:
        """Whether anything was promised with it, or taken back."""
        return self._hear(event) if isinstance(event, Heard) else self._say(event)

    def _hear(self, heard: Heard) -> bool:
        asked = _DELETE.search(heard.data)
        if asked is None:
            return False
        message_id, token = (asked[1] or b"").decode(), asked[2].decode()
        self._asking[heard.peer] = (message_id, token)
        self._leaving.update(self._what_goes(message_id, token))
        return True

    def _say(self, said: Said) -> bool:
        if said.peer in self._asking and said.data.startswith(_DONE):
            self._gone.update(self._what_goes(*self._asking.pop(said.peer)))
            return True
        families = _FAMILIES.search(said.data)
        if families is not None:
            self._families = json.loads(families[0])
            return True
        frames = [json.loads(one) for one in _FRAME.findall(said.data)]
        for frame in frames:
            self._promise(frame)
        return bool(frames)

    def _promise(self, frame: Mapping[str, str]) -> None:
        match frame["type"]:
            case "accepted":
                if self._accepted.setdefault(frame["ref"], frame["id"]) != frame["id"]:
                    self._twice.add(frame["ref"])
            case "voice" | "text":
                self._published.add(frame["id"])
            case "failed":
                self._failed.add(frame["id"])
            case kind:
                copy, state = (frame["id"], frame["to_user"]), DeliveryState(kind)
                if REACHED[state] >= REACHED[self._reached.get(copy, state)]:
                    self._reached[copy] = state

    def _what_goes(self, message_id: str, token: str) -> Iterator[str]:
        if message_id:
            yield message_id
            return
        for family in self._families:
            if token == family["person_token"]:
                parties = {family["person_id"], family["toy_id"]}
                yield from parties
                yield from (one for ref, one in self._accepted.items() if self._sent[ref].sender_id in parties)

    # ── held to them ──

    def __len__(self) -> int:
        return len(self._accepted) + len(self._published) + len(self._reached) + len(self._gone) + len(self._families)

    def judge(self, found: Found) -> Iterator[Violation]:
        """What this house does not keep."""
        if found.trouble is not None:
            yield Violation("not opened", found.trouble)
            return
        yield from self._lost(found)
        yield from self._returned(found)
        yield from self._strange(found)
        yield from self._unready(found)
        yield from _disordered(found)
        yield from _stray(found)

    def _lost(self, found: Found) -> Iterator[Violation]:
        for ref, message_id in self._accepted.items():
            if message_id not in found.rows and message_id not in self._leaving:
                yield Violation("lost", f"{ref} was accepted as {message_id} and is not known")
        for family in self._families:
            for party_id in (family["person_id"], family["toy_id"]):
                if party_id not in found.parties and party_id not in self._leaving:
                    yield Violation("lost", f"{party_id} moved in and is not known")

    def _returned(self, found: Found) -> Iterator[Violation]:
        for one in self._gone:
            if one in found.rows or one in found.parties or one in found.originals or one in found.mp3s:
                yield Violation("came back", f"{one} was erased and is there")
        for ref, message_id in self._accepted.items():
            if message_id in self._gone and ref in found.remains:
                yield Violation("came back", f"what {ref} said was erased and its bytes are there")

    def _strange(self, found: Found) -> Iterator[Violation]:
        for ref in self._twice:
            yield Violation("doubled", f"{ref} was accepted under two ids")
        seen: set[str] = set()
        for row in found.rows.values():
            sent = self._sent.get(row.ref)
            if sent is None or sent.is_refused:
                yield Violation("never accepted", f"{row.ref} is there as {row.id}")
            elif (row.sender_id, row.text) != (sent.sender_id, sent.text):
                yield Violation("mixed up", f"{row.ref} is not what was sent")
            if row.ref in seen or self._accepted.get(row.ref, row.id) != row.id:
                yield Violation("doubled", f"{row.ref} is there as {row.id} also")
            seen.add(row.ref)

    def _unready(self, found: Found) -> Iterator[Violation]:
        for row in found.rows.values():
            sent = self._sent.get(row.ref)
            if sent is not None:
                yield from _unplayable(row, sent, found)
            if row.id in self._published and row.state is not MessageState.PUBLISHED:
                yield Violation("taken back", f"{row.ref} was delivered and is {row.state}")
            if row.id in self._failed and row.state is not MessageState.FAILED:
                yield Violation("taken back", f"{row.ref} had failed and is {row.state}")
        for (message_id, recipient_id), state in self._reached.items():
            copy = found.copies.get((message_id, recipient_id), DeliveryState.WAITING)
            if message_id in found.rows and REACHED[copy] < REACHED[state]:
                yield Violation("taken back", f"{message_id} was {state} and is {copy}")


def _unplayable(row: Row, sent: Sent, found: Found) -> Iterator[Violation]:
    """A voice that nobody can hear, or can hear no more than a part of."""
    if row.text is not None:
        return
    original, mp3 = found.originals.get(row.id), found.mp3s.get(row.id)
    if original is not None and original != sent.digest:
        yield Violation("torn", f"{row.ref} has a recording that is not what was sent")
    if row.id in found.mp3s and mp3 is None:
        yield Violation("torn", f"{row.ref} has an MP3 that is not whole")
    if row.state is MessageState.ACCEPTED and original is None:
        yield Violation("silent", f"{row.ref} waits for its conversion and has no recording")
    if found.is_finished and row.state not in (MessageState.PUBLISHED, MessageState.FAILED):
        yield Violation("silent", f"{row.ref} had its turn and is {row.state}")
    if row.state in SETTLED and not _is_as_long(row, mp3):
        yield Violation("silent", f"{row.ref} is {row.state} and its MP3 is {mp3} ms, not {row.duration_ms}")
    if row.state is MessageState.FAILED and sent.is_sound:
        yield Violation("silent", f"{row.ref} has sound and failed")
    if not row.has_original and original is not None:
        yield Violation("came back", f"the recording of {row.ref} was over and is there")


def _is_as_long(row: Row, mp3: int | None) -> bool:
    return mp3 is not None and row.duration_ms is not None and 0 <= mp3 - row.duration_ms <= MP3_TOLERANCE_MS


def _disordered(found: Found) -> Iterator[Violation]:
    """In a conversation nothing is published before what was accepted before it."""
    conversations: dict[str, list[Row]] = {}
    for row in found.rows.values():
        conversations.setdefault(row.conversation, []).append(row)
    for rows in conversations.values():
        for earlier, later in pairwise(one for one in rows if one.state is not MessageState.FAILED):
            if later.state is MessageState.PUBLISHED and earlier.state is not MessageState.PUBLISHED:
                yield Violation("misordered", f"{later.ref} is published and {earlier.ref} is {earlier.state}")


def _stray(found: Found) -> Iterator[Violation]:
    for name in found.unfinished:
        yield Violation("stray", f"{name} was left")
    for message_id in found.originals.keys() | found.mp3s.keys():
        if message_id not in found.rows:
            yield Violation("stray", f"nobody knows the sound of {message_id}")
