"""What the services need from the world, in our words. Adapters live in `databases/`, `audio_stores/`, `buses/`
and `transcoder/`; every one of them is held to the contract suite of its port in `tests/contracts/`.

Whatever a port promises to have stored is durable when the call returns: it survives a power cut.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from toybackend.models import (
    Account,
    Claim,
    Delivery,
    DeliveryState,
    GroupId,
    Message,
    MessageId,
    Party,
    PartyId,
    PartyKind,
    Sound,
    Toy,
)

Clock = Callable[[], int]
"""Milliseconds since the Unix epoch."""

NewId = Callable[[str], str]
"""A fresh random id with the given prefix, e.g. `new_id("m")` → `m_…`."""


# ── Database ─────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Relation:
    """What the policy has to know about a sender and whom they want to reach."""

    sender_id: PartyId
    recipients: tuple[PartyId, ...]
    """Whom it would reach: the one party, or every other member of the group. Empty if there is nobody."""
    is_guardian: bool = False
    """One of the two is a guardian of the other."""
    is_contact: bool = False
    """Both sides agreed to talk."""
    is_blocked: bool = False
    is_member: bool = False
    """The sender is a member of the group."""
    family: str = ""
    """Key of the sender's family, by which conversion is shared out fairly."""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What became of a message that was offered."""

    message: Message
    """The stored one: with the id given to it the first time its `ref` was used."""
    is_new: bool
    woken: Sequence[PartyId] = ()
    """The parties whose mailboxes grew at once."""


@dataclass(frozen=True, slots=True)
class Unconverted:
    """A voice message that still waits for its conversion."""

    message_id: MessageId
    sender_id: PartyId
    family: str


@dataclass(frozen=True, slots=True)
class Mailbox:
    """How full a party's mailbox is."""

    last_position: int
    """Of the newest message; 0 when there never was one."""
    first_waiting: int
    """Of the oldest message not yet delivered; one beyond `last_position` when there is none."""
    unread: int
    """Messages not yet delivered."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A step that the sender of a message is told about."""

    message_id: MessageId
    sender_id: PartyId
    recipient_id: PartyId
    state: DeliveryState


class Messages(Protocol):
    """Messages on their way, and the mailboxes they arrive in."""

    async def accept(self, message: Message, relation: Relation) -> Acceptance:
        """Store a message and one delivery per recipient; or, where this sender used this `ref` before, find
        the message stored then. A text is settled in the same transaction."""

    async def settle(
        self, message_id: MessageId, *, sound: Sound | None = None, failure: str | None = None
    ) -> Sequence[PartyId]:
        """Record how a voice message came out: its `sound` or its `failure`.
        Publishes, in the order of acceptance, every message of its conversation that waits for no earlier one.
        Returns the parties whose mailboxes grew. Settling a settled message changes nothing."""

    async def waiting(self, recipient_id: PartyId, after: int, seen: int, limit: int) -> Sequence[Delivery]:
        """The next deliveries of a mailbox beyond position `after`, oldest first: those not yet delivered, and
        beyond `seen` all of them (so that every socket of a person gets what another one took already)."""

    async def mailbox(self, recipient_id: PartyId) -> Mailbox:
        """How full a mailbox is."""

    async def advance(
        self, message_id: MessageId, recipient_id: PartyId, to: DeliveryState, now: int
    ) -> Receipt | None:
        """Move one delivery on. None where there is no such published delivery or it is that far already."""

    async def unconverted(self) -> Sequence[Unconverted]:
        """Every accepted voice message that is not settled, oldest first."""

    async def outcome(self, message_id: MessageId) -> tuple[Message, Sequence[Receipt]] | None:
        """A message and how far each delivery of it came."""

    async def known(self, message_ids: Sequence[MessageId]) -> set[MessageId]:
        """Those of the ids that exist and did not fail: whose audio must be kept."""


class Parties(Protocol):
    """Who there is, and what stands between them."""

    async def add_account(self, account: Account) -> None:
        """Raises NameTaken."""

    async def account(self, name: str) -> Account | None:
        """By log-in name, in any case."""

    async def relation(self, sender_id: PartyId, *, to_user: PartyId | None, to_group: GroupId | None) -> Relation:
        """What stands between a sender and an addressee, in one look."""


class Tokens(Protocol):
    """Bearer tokens, kept as SHA-256 and never as themselves."""

    async def add_token(self, digest: str, party_id: PartyId, kind: PartyKind, now: int, expires_at: int) -> None:
        """For a toy this ends every token it had: it has one life at a time."""

    async def bearer(self, digest: str, now: int) -> Party | None:
        """Whom a token speaks for; None when it is unknown or expired."""

    async def remove_token(self, digest: str) -> None: ...


class Devices(Protocol):
    """Licences, toys and their claims."""

    async def add_licences(self, toys: Iterable[tuple[str, PartyId]], now: int) -> None:
        """Store new licences as (SHA-256 hex digest, id of their toy)."""

    async def licensed_toy(self, licence_digest: str) -> Toy | None:
        """The toy of a licence; None when it is unknown or revoked."""

    async def set_claim(self, claim: Claim) -> None:
        """Give a waiting toy its code, in place of an older one. Raises ClaimWrong when the code is in use."""

    async def bind(self, code: str, guardian_id: PartyId, name: str, now: int) -> Toy:
        """In one transaction use the claim up and make the toy this person's. Raises ClaimWrong, ClaimExpired
        or AlreadyBound."""

    async def toy(self, toy_id: PartyId) -> Toy | None: ...


class Database(Messages, Parties, Tokens, Devices, Protocol):
    """All of it, as one adapter provides it."""

    async def ping(self) -> None:
        """Raises when the database does not answer."""


# ── Audio store ──────────────────────────────────────────────────────────────────────────────────────────


class Incoming(Protocol):
    """A blob on its way in. Leaving its context without `keep` leaves nothing behind."""

    async def write(self, data: bytes) -> None: ...

    async def keep(self, message_id: MessageId) -> None:
        """Make it durable as the original of this message."""

    @property
    def size(self) -> int: ...

    @property
    def sha256(self) -> str: ...


class AudioStore(Protocol):
    """Sound on disk, by message and kind. Raises Overloaded when there is no room."""

    async def discard_unfinished(self) -> None:
        """Throw away what an earlier life of the server left half done; only for the server itself, at its start."""

    def receive(self) -> AbstractAsyncContextManager[Incoming]: ...

    def workshop(self, message_id: MessageId) -> AbstractAsyncContextManager[tuple[Path, Path]]:
        """(file of the original, empty folder to convert in); the folder is gone afterwards. Raises Gone."""

    async def keep_mp3(self, message_id: MessageId, file: Path) -> None:
        """Make the file, from the workshop, durable as the MP3 of this message."""

    async def mp3(self, message_id: MessageId) -> Path | None:
        """Where the MP3 can be read; None when there is none."""

    async def delete(self, message_id: MessageId) -> None:
        """Every byte of this message. Deleting what is not there is fine."""

    def message_ids(self) -> AsyncIterator[list[MessageId]]:
        """Every message of which there is a file, in batches: for the sweep that finds orphans."""

    async def ping(self) -> None:
        """Raises when the store does not answer or is full."""


# ── Bus ──────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Wake:
    """Something waits for this party: look into the mailbox. Losing one costs latency, never a message."""

    party_id: PartyId


@dataclass(frozen=True, slots=True)
class Tell:
    """A frame, as it goes over the wire, for every socket of this party that is open now."""

    party_id: PartyId
    frame: str


Event = Wake | Tell


class Bus(Protocol):
    """Carries events to whoever serves the party now, on this node or another."""

    async def publish(self, event: Event) -> None: ...

    def subscribe(self, receive: Callable[[Event], None]) -> AbstractAsyncContextManager[None]:
        """Call `receive`, which must not block, for every event while the context is open."""

    async def ping(self) -> None: ...


# ── Transcoder ───────────────────────────────────────────────────────────────────────────────────────────


class Transcoder(Protocol):
    """Turns what a phone recorded into what a toy plays."""

    async def convert(self, original: Path, folder: Path) -> Sound:
        """Raises BadAudio, AudioTooLong, or ConverterUnavailable when the tool is sick and not the clip."""

    async def check(self) -> str:
        """Converts a clip known to be good; says which tool it is. Raises ConverterUnavailable."""
