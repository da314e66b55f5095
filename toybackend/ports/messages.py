"""Messages on their way, and the mailboxes they arrive in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from toybackend.models import Delivery, DeliveryState, Message, MessageId, PartyId, Sound, SoundId
from toybackend.ports.relations import Relation


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What became of a message that was offered."""

    message: Message
    """The stored one: with the id given to it the first time its `ref` was used."""
    is_new: bool
    relation: Relation
    """What stood between the two sides at that moment."""
    woken: Sequence[PartyId] = ()
    """The parties whose mailboxes grew at once."""


@dataclass(frozen=True, slots=True)
class Unconverted:
    """A sound that still waits for its conversion."""

    id: SoundId
    owner_id: PartyId
    """Who is told how it came out."""
    family: str
    size: int = 0
    """Bytes of the original; 0 where nobody counted them."""
    crashes: int = 0
    """Lives of the server that ended, not in order, while it was being converted."""


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
    """From «accepted» to the mailboxes."""

    async def accept(
        self, message: Message, may: Callable[[Relation], None], fits: Callable[[Relation], None] = lambda _: None
    ) -> Acceptance:
        """Look once more at what stands between the two sides, and if `may` raises nothing, store a message and one
        delivery per recipient, all in one transaction: whoever blocks, ends or leaves is not reached from then on.
        Where this sender used this `ref` before, find the message stored then; only of a new one is asked whether
        it `fits`. A text is settled at once."""

    async def was_accepted(self, sender_id: PartyId, ref: str) -> bool:
        """Did this sender use this `ref` before?"""

    async def settle(
        self,
        message_id: MessageId,
        now: int,
        *,
        sound: Sound | None = None,
        mp3_bytes: int = 0,
        failure: str | None = None,
    ) -> Sequence[PartyId] | None:
        """Record how a voice message came out: its `sound` and the size of its MP3, or its `failure`.
        Publishes, in the order of acceptance, every message of its conversation that waits for no earlier one.
        Returns the parties whose mailboxes grew; None where there is no such message any more, because it was
        deleted meanwhile. Settling a settled message changes nothing."""

    async def unconverted(self) -> Sequence[Unconverted]:
        """Every accepted voice message that is not settled, oldest first."""

    async def note_crash(self, sound_ids: Sequence[SoundId]) -> None:
        """The server died while these, messages and items, were being converted."""

    async def outcome(self, message_id: MessageId) -> tuple[Message, Sequence[Receipt]] | None:
        """A message and how far each delivery of it came."""

    async def mp3_bytes(self, sound_id: SoundId) -> int:
        """Size of the MP3 of this message or item; 0 where there is none, or nobody counted."""

    async def known(self, sound_ids: Sequence[SoundId]) -> set[SoundId]:
        """Those of the ids, of messages and of items, that exist and did not fail: whose audio must be kept."""


class Mailboxes(Protocol):
    """From the mailboxes to «heard»."""

    async def waiting(self, recipient_id: PartyId, after: int, seen: int, limit: int) -> Sequence[Delivery]:
        """The next deliveries of a mailbox beyond position `after`, oldest first: those not yet delivered, and
        beyond `seen` all of them (so that every socket of a person gets what another one took already)."""

    async def urgent(self, recipient_id: PartyId, limit: int) -> Sequence[Delivery]:
        """What may not wait for the end of the quiet hours, oldest first: urgent deliveries that wait, and what
        waits before them in their conversations, because a conversation keeps its order."""

    async def mailbox(self, recipient_id: PartyId) -> Mailbox:
        """How full a mailbox is."""

    async def advance(
        self, message_id: MessageId, recipient_id: PartyId, to: DeliveryState, now: int
    ) -> Receipt | None:
        """Move one delivery on. None where there is no such published delivery or it is that far already."""
