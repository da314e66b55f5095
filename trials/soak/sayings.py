"""What is remembered of one message, and of what one socket has heard."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

Frame = dict[str, Any]
Key = tuple[Hashable, ...]


@dataclass(frozen=True, slots=True)
class Words:
    """What a message says: a text, or a recording with what the toy is to hear of it."""

    text: str | None = None
    blob: bytes = b""
    duration_ms: int | None = None
    """None where there is no sound in it: it is accepted, and fails."""
    mp3: bytes = b""

    @property
    def must_fail(self) -> bool:
        return self.text is None and self.duration_ms is None


@dataclass(slots=True)
class Copy:
    """How far one recipient is with a message; each the moment that it was first so."""

    arrived_at: float | None = None
    acknowledged_at: float | None = None
    """Handed to the network: whether it came there is known by `told_at`."""
    heard_at: float | None = None
    told_at: float | None = None
    """The sender has a receipt."""
    is_void: bool = False
    """Nobody can say whether it still comes."""
    gone_at: float | None = None
    """It must not come any more."""


@dataclass(slots=True, eq=False)
class Saying:
    """One message."""

    sender: str
    ref: str
    words: Words
    conversation: str
    to_user: str | None
    to_group: str | None
    copies: dict[str, Copy]
    """By recipient."""
    lives_by: frozenset[str]
    """Parties with each of which it goes."""
    is_urgent: bool
    may: bool | None
    """Must it be accepted, or refused? None while that is changing."""
    offered_at: float
    tries: int = 0
    id: str | None = None
    accepted_at: float | None = None
    refused: str | None = None
    failed: bool = False
    erased_at: float | None = None
    """Nobody has it any more, not even its sender."""

    @property
    def is_void(self) -> bool:
        """Nobody can say of any copy whether it still comes."""
        return all(copy.is_void for copy in self.copies.values())

    def was_before(self, other: Saying) -> bool:
        """Was it surely accepted before the other was sent?"""
        return self.accepted_at is not None and self.accepted_at < other.offered_at

    def __str__(self) -> str:
        return f"{self.ref} ({self.id}) from {self.sender} in {self.conversation}"


@dataclass(frozen=True, slots=True)
class Debt:
    """What a socket has to be told."""

    due: float
    because: Ear | None
    """The socket on which the cause of it was sent: should that one break, the cause may not have come."""


@dataclass(slots=True, eq=False)
class Ear:
    """What one socket has heard. It is made before the socket is opened."""

    party: str
    opening_at: float
    opened_at: float = 0.0
    is_open: bool = False
    is_deaf: bool = False
    """It does not read, and is owed nothing."""
    rests: bool = False
    """As the socket was told."""
    seen: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    """Messages that it was told are deleted."""
    left: set[str] = field(default_factory=set)
    """Toys that it was told have gone to others."""
    told: Counter[Key] = field(default_factory=Counter)
    offered: set[str] = field(default_factory=set)
    """Refs that were sent on it, until they are answered."""
    owed: dict[Key, Debt] = field(default_factory=dict)
    stops: int = 0
    """Asked for, and not told yet."""

    def forget(self, what: str) -> None:
        """It need not be told of this any more: something newer comes."""
        for key in [key for key in self.owed if key[0] == what]:
            del self.owed[key]


@dataclass(frozen=True, slots=True)
class Rest:
    """What is known of a toy's rest."""

    is_resting: bool | None
    """None while it is being changed."""
    since: float


AWAKE = Rest(False, 0.0)


def keys(frame: Frame) -> list[Key]:
    """What a socket was owed and is told with this frame."""
    match frame["type"]:
        case "delivered" | "heard" as kind:
            # Whoever heard it has it, too: the lesser receipt may be skipped.
            return [(kind, frame["id"], frame["to_user"]), ("delivered", frame["id"], frame["to_user"])]
        case "failed":
            return [("failed", frame["id"])]
        case "play":
            return [("play", frame["item_id"])]
        case "stop":
            return [("stop",)]
        case "notice" if frame["event"] == "held":
            return [("held", frame["id"], frame["to_user"])]
        case "notice" if frame["event"] == "settings" and "settings" in frame:
            return [("volume", frame["settings"]["volume_cap"]), ("rests", bool(frame["settings"]["quiet_until"]))]
        case "notice":
            return [(frame["event"], frame.get("id", ""))]
    return []
