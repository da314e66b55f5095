"""The nouns. Frozen, without behaviour, the same for every adapter.

Times are milliseconds since the Unix epoch (UTC) in fields named `…_at`; durations are milliseconds in
fields named `…_ms`. Ids are random and say nothing but what kind of thing they name: `p_` a person,
`t_` a toy, `g_` a group, `m_` a message.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import NewType

PartyId = NewType("PartyId", str)
"""Whoever can send or receive: a person or a toy."""
GroupId = NewType("GroupId", str)
MessageId = NewType("MessageId", str)

WAVEFORM_BARS = 48


class PartyKind(StrEnum):
    """What a token speaks for."""

    PERSON = "person"
    TOY = "toy"
    WAITING_TOY = "waiting_toy"
    """A licensed toy without an owner: its token is good for waiting on `/toy` and for nothing else."""


@dataclass(frozen=True, slots=True)
class Party:
    """A person or a toy as the other side sees it."""

    id: PartyId
    kind: PartyKind
    name: str


@dataclass(frozen=True, slots=True)
class Account:
    """A grown-up who can log in."""

    id: PartyId
    name: str
    """Log-in and display name, unique without regard to case."""
    password_hash: str
    """argon2id, in PHC string format."""
    created_at: int


class BootState(StrEnum):
    """What a toy is when it is switched on, by name; each has its spoken prompt."""

    UNLICENSED = "unlicensed"
    UNBOUND = "unbound"
    READY = "ready"


@dataclass(frozen=True, slots=True)
class Toy:
    """A toy with a licence; `bound_at` is None until a family takes it home."""

    id: PartyId
    name: str
    child_name: str
    volume_cap: int
    """Loudest volume the toy may play at, in percent of its own maximum."""
    bound_at: int | None


@dataclass(frozen=True, slots=True)
class Claim:
    """The short-lived right to bind a toy that is switched on and has no owner."""

    code: str
    toy_id: PartyId
    expires_at: int


@dataclass(frozen=True, slots=True)
class Sound:
    """A converted clip: mono MP3, 16 kHz, 32 kbit/s, constant bit rate, no tags."""

    file: Path
    """Inside the folder given to the transcoder; the caller moves it to safety."""
    duration_ms: int
    """Counted from the samples that came out of the decoder."""
    waveform: tuple[int, ...]
    """48 bars of 0…100, loudest bar 100; all 0 for silence."""


class MessageState(StrEnum):
    """Where a message is; `MESSAGE_STEPS` says where it can go."""

    ACCEPTED = "accepted"
    """On disk and in the database, synced. Cannot be lost from here on."""
    CONVERTED = "converted"
    """Ready to hear, waiting for an earlier message of its conversation."""
    PUBLISHED = "published"
    """In the mailbox of every recipient."""
    FAILED = "failed"
    """There was no sound in it. The sender was told."""


class DeliveryState(StrEnum):
    """Where one recipient's copy of a published message is; `DELIVERY_STEPS` says where it can go."""

    WAITING = "waiting"
    """In the mailbox."""
    DELIVERED = "delivered"
    """The recipient has it safely."""
    HEARD = "heard"
    """Played to its end."""


MESSAGE_STEPS: dict[MessageState, frozenset[MessageState]] = {
    MessageState.ACCEPTED: frozenset({MessageState.CONVERTED, MessageState.FAILED}),
    MessageState.CONVERTED: frozenset({MessageState.PUBLISHED}),
    MessageState.PUBLISHED: frozenset(),
    MessageState.FAILED: frozenset(),
}

DELIVERY_STEPS: dict[DeliveryState, frozenset[DeliveryState]] = {
    DeliveryState.WAITING: frozenset({DeliveryState.DELIVERED, DeliveryState.HEARD}),
    DeliveryState.DELIVERED: frozenset({DeliveryState.HEARD}),
    DeliveryState.HEARD: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Message:
    """One voice or text message, from one party to one other or to a group."""

    id: MessageId
    sender_id: PartyId
    sender_name: str
    conversation: str
    """Key of the order promise: both party ids sorted and joined, or the group's id."""
    to_user: PartyId | None
    to_group: GroupId | None
    ref: str | None
    """The sender's own key; unique for that sender."""
    text: str | None
    """None for a voice message."""
    state: MessageState
    accepted_at: int
    duration_ms: int | None = None
    waveform: tuple[int, ...] | None = None
    failure: str | None = None
    """Wire code of the reason when `state` is FAILED."""

    @property
    def is_voice(self) -> bool:
        return self.text is None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One recipient's copy of a message."""

    message: Message
    recipient_id: PartyId
    position: int
    """Place in the recipient's mailbox: 1, 2, 3 …, given when the message is published."""
    state: DeliveryState
