"""The nouns. Frozen, without behaviour, the same for every adapter.

Times are milliseconds since the Unix epoch (UTC) in fields named `…_at`; durations are milliseconds in
fields named `…_ms`. Ids are random and say nothing but what kind of thing they name: `p_` a person,
`t_` a toy, `g_` a group, `m_` a message, `c_` a contact, `i_` an item of the library, `y_` one play of an item,
`s_` a session. Only `d_`, a device, is not random: it is the fingerprint of the licence on the board.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import NewType
from zoneinfo import ZoneInfo

PartyId = NewType("PartyId", str)
"""Whoever can send or receive: a person or a toy."""
GroupId = NewType("GroupId", str)
MessageId = NewType("MessageId", str)
ItemId = NewType("ItemId", str)
SoundId = str
"""Whatever has sound on disk: a MessageId or an ItemId."""
DeviceId = NewType("DeviceId", str)
ContactId = NewType("ContactId", str)
PlayId = NewType("PlayId", str)

WAVEFORM_BARS = 48

NOBODY = PartyId("")
"""No party has this id. What there is not is asked about as if it were nobody's, so that it takes as long."""


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
    is_operator: bool = False


# ── Grown-ups ────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Account:
    """A grown-up who can log in."""

    id: PartyId
    name: str
    """Log-in and display name, unique without regard to case."""
    password_hash: str
    """argon2id, in PHC string format."""
    created_at: int
    is_operator: bool = False
    """May issue licences and curate the shared shelf; may hear nobody."""


@dataclass(frozen=True, slots=True)
class Session:
    """One place where somebody is logged in."""

    id: str
    label: str
    """What the client called itself, such as its `User-Agent`."""
    since: int
    is_current: bool


# ── Devices and toys ─────────────────────────────────────────────────────────────────────────────────────


class BootState(StrEnum):
    """What a toy is when it is switched on, by name; each has its spoken prompt."""

    UNLICENSED = "unlicensed"
    UNBOUND = "unbound"
    READY = "ready"


@dataclass(frozen=True, slots=True)
class Device:
    """A board with a licence, as its maker knows it. The toy that it is for a family has an id of its own, and a new
    one with each family."""

    id: DeviceId
    issued_at: int
    revoked_at: int | None = None
    is_bound: bool = False


class Weekday(StrEnum):
    """In the order of ISO 8601."""

    MONDAY = "mon"
    TUESDAY = "tue"
    WEDNESDAY = "wed"
    THURSDAY = "thu"
    FRIDAY = "fri"
    SATURDAY = "sat"
    SUNDAY = "sun"


@dataclass(frozen=True, slots=True)
class QuietWindow:
    """A time of rest, by the clock on the wall; one that ends at or before its start ends on the next day."""

    days: frozenset[Weekday]
    """On which it begins."""
    start: int
    """Minutes since midnight."""
    end: int


@dataclass(frozen=True, slots=True)
class QuietHours:
    """When a toy is silent, where the child lives."""

    zone: ZoneInfo
    windows: tuple[QuietWindow, ...] = ()


@dataclass(frozen=True, slots=True)
class ToySettings:
    """What the guardians set, and the toy obeys."""

    quiet_hours: QuietHours
    volume_cap: int = 80
    """Loudest volume the toy may play at, in percent of its own maximum."""
    daily_limit_minutes: int | None = None
    """Songs and stories a day; None for as many as they like."""
    autoplay: bool = True
    """Whether new messages play by themselves, or wait for a press."""


@dataclass(frozen=True, slots=True)
class Toy:
    """A device in a family, or waiting for one: `bound_at` is None until somebody takes it home."""

    id: PartyId
    name: str
    child_name: str
    settings: ToySettings
    bound_at: int | None
    picture: str = ""
    """What the app shows it as: a word of the app's own, such as `bear`."""
    colour: str = ""
    paused_at: int | None = None
    """Since when the consent is withdrawn: nobody talks with it."""
    heard_at: int | None = None
    """When it was last heard from, as far as it is written down; while it is online, see `gateway/hub.py`."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The short-lived right to become a guardian: the first one of a toy that is switched on and has no owner, or
    one more of a toy whose guardian `opened_by` asked for company."""

    code: str
    toy_id: PartyId
    expires_at: int
    opened_by: PartyId | None = None


class GuardianRole(StrEnum):
    OWNER = "owner"
    """Bound the toy, or follows the one who did. May unbind it."""
    CO_GUARDIAN = "co_guardian"


@dataclass(frozen=True, slots=True)
class Guardian:
    """A grown-up who answers for a toy."""

    id: PartyId
    name: str
    role: GuardianRole
    since: int


@dataclass(frozen=True, slots=True)
class Consent:
    """That a guardian agreed to what we keep about the child: who, to which text, when."""

    toy_id: PartyId
    given_by: PartyId
    version: str
    """Of the text that was shown."""
    given_at: int
    withdrawn_at: int | None = None


# ── Who stands where ─────────────────────────────────────────────────────────────────────────────────────


class Standing(StrEnum):
    """What one party is to another, to a group, or to the house. `services/policy.py` says what each may do."""

    SELF = "self"
    OWNER = "owner"
    """Of the toy."""
    CO_GUARDIAN = "co_guardian"
    WARD = "ward"
    """A toy, to its guardian."""
    FAMILY = "family"
    """Grown-ups who guard the same toy."""
    CONTACT = "contact"
    """The guardians of both sides agreed."""
    BLOCKED = "blocked"
    """They had agreed, and one of them blocks the other."""
    MEMBER = "member"
    """Of the group."""
    GROUP_OWNER = "group_owner"
    OPERATOR = "operator"
    """Of this server, to its licences and its shelf. To families an operator is a stranger."""
    STRANGER = "stranger"


class ContactState(StrEnum):
    ASKED = "asked"
    AGREED = "agreed"


@dataclass(frozen=True, slots=True)
class Contact:
    """What stands between two families' parties, seen from one side of it."""

    id: ContactId
    side: Party
    """The person or toy of ours."""
    other: Party
    state: ContactState
    asked_by: PartyId
    """Of the two."""
    nickname: str
    """What our side calls the other; the other never sees it."""
    is_blocked: bool
    """By our side."""
    since: int


class GroupKind(StrEnum):
    FAMILY = "family"
    """A toy and its guardians; comes with the toy and follows its guardians by itself."""
    CUSTOM = "custom"


@dataclass(frozen=True, slots=True)
class Group:
    """Several who hear what any of them says."""

    id: GroupId
    kind: GroupKind
    name: str
    owner_id: PartyId | None
    """Who made a custom group; a family's has none."""
    members: tuple[Party, ...]


# ── Sound ────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Sound:
    """A converted clip: mono MP3, 16 kHz, 32 kbit/s, constant bit rate, no tags."""

    file: Path
    """Inside the folder given to the transcoder; the caller moves it to safety."""
    duration_ms: int
    """Counted from the samples that came out of the decoder."""
    waveform: tuple[int, ...]
    """48 bars of 0…100, loudest bar 100; all 0 for silence."""


# ── Messages ─────────────────────────────────────────────────────────────────────────────────────────────


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
    is_urgent: bool = False
    """A guardian wants it heard now, quiet hours or not."""
    size: int = 0
    """Bytes of the recording as it came; 0 for a text."""

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


@dataclass(frozen=True, slots=True)
class Copy:
    """How far one recipient is with a message, as its sender sees it."""

    recipient_id: PartyId
    recipient_name: str
    state: DeliveryState
    delivered_at: int | None
    heard_at: int | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One message of a conversation's history, as one of its parties sees it."""

    message: Message
    state: DeliveryState | None
    """Of the reader's own copy; None for what the reader sent."""
    copies: tuple[Copy, ...]
    """Everybody's, for what the reader sent; else empty."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """What was said with one party or in one group."""

    id: PartyId | GroupId
    """What goes into `to_user` or `to_group`."""
    name: str
    """As the reader calls it: a nickname goes before a name."""
    kind: PartyKind | GroupKind
    unread: int
    """Messages for the reader that were not heard, or read, yet; counted from their rows."""
    last: Entry | None
    may_send: bool
    is_over: bool
    """They may not talk with each other any more; what was said stays with whoever said or got it."""
    heard_at: int | None
    """When a toy was last heard from; None where it is over."""


# ── Songs and stories ────────────────────────────────────────────────────────────────────────────────────


class ItemState(StrEnum):
    CONVERTING = "converting"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Item:
    """A song or a story."""

    id: ItemId
    owner_id: PartyId | None
    """Whose own recording it is; None for the operator's shelf, which is for everybody."""
    title: str
    category: str
    state: ItemState
    added_at: int
    duration_ms: int | None = None
    failure: str | None = None
    has_cover: bool = False


class ShelfKind(StrEnum):
    """Where an item stands."""

    OWN = "own"
    """A person's own recording: for that person and their family."""
    SHARED = "shared"
    """The operator's, for everybody."""


class PlayResult(StrEnum):
    """What became of playing an item on one toy."""

    PLAYING = "playing"
    """Handed to the toy's socket."""
    OFFLINE = "offline"
    """It will not start by itself when the toy comes back."""
    QUIET_HOURS = "quiet_hours"
    PAUSED = "paused"
    """The consent was withdrawn."""
    DAILY_LIMIT = "daily_limit"
    NOT_FOUND = "not_found"
    """No such toy, or not yours."""


class StopResult(StrEnum):
    """What became of ending what a toy plays."""

    STOPPED = "stopped"
    """Its socket was told, whether anything played or not."""
    OFFLINE = "offline"
    NOT_FOUND = "not_found"
    """No such toy, or not yours."""


# ── Going ────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Erased:
    """What went from the database in one transaction, and what must go from the disk."""

    rows: Mapping[str, int]
    """By table."""
    sounds: tuple[SoundId, ...]
    parties: tuple[PartyId, ...] = ()
    """Whose sockets end."""
    woken: tuple[PartyId, ...] = ()
    """For whom something waits that was held up by what went."""
    files: int = 0
    """How many files went, once they did."""
