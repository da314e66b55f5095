"""Making things go for good."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from toybackend.models import Erased, ItemId, MessageId, PartyId


@dataclass(frozen=True, slots=True)
class Expiry:
    """Times before which something has to go."""

    heard: int
    """Messages that everybody heard by then."""
    unheard: int
    """Messages accepted by then."""
    originals: int
    """Recordings converted by then."""


@dataclass(frozen=True, slots=True)
class Looks:
    """When we looked for what is over, by a clock that may have been wrong; see `services/retention.py`."""

    trusted_at: int | None = None
    """The last time at which we believed the clock."""
    doubted_at: int | None = None
    """Since when it is too far from that to be believed."""
    scrubbed_at: int | None = None
    """When the database was last scrubbed as a whole."""


class Erasing(Protocol):
    """Every method is one transaction; what it names in `Erased.sounds` is to be deleted from the audio store then."""

    async def erase_message(self, message_id: MessageId) -> Erased: ...

    async def erase_item(self, item_id: ItemId) -> Erased: ...

    async def erase_group(self, group_id: str) -> Erased:
        """And everything that was said in it."""

    async def erase_sayings(self, toy_id: PartyId) -> Erased:
        """What the toy said, what was said to it and what it played; the toy stays."""

    async def erase_toy(self, toy_id: PartyId) -> Erased:
        """The toy and everything that refers to it; its device is nobody until it is switched on again."""

    async def erase_account(self, account_id: PartyId) -> Erased:
        """The person, what they said, their recordings, and the toys that nobody else guards. Custom groups and toys
        that others guard pass to whoever is there longest; a group without a person goes. Messages of others go where
        nobody else has a copy. A toy without any guardian's consent keeps no child's name."""

    async def erase_family(self, account_id: PartyId) -> Erased:
        """This person, everybody who guards a toy together with one of these, and all their toys."""

    async def erase_expired(self, expiry: Expiry, limit: int) -> Erased:
        """Up to `limit` messages that have to go."""

    async def expired_originals(self, expiry: Expiry, limit: int) -> Sequence[MessageId]:
        """Up to `limit` messages whose recording has to go."""

    async def originals_gone(self, message_ids: Sequence[MessageId]) -> None:
        """Note that the recordings of these were deleted."""

    async def forget_expired(self, now: int, played: int) -> None:
        """Tokens, claims, nonces and invitations that are over, and what was played by the time `played`."""

    async def scrub(self, *, whole: bool = False) -> bool:
        """Take what was deleted out of every file of the database. In a large one, traces that only writing it anew
        takes away stay until somebody asks for the `whole`. False where something may still be there."""

    async def looks(self) -> Looks:
        """As noted last."""

    async def note_looks(self, looks: Looks) -> None: ...

    async def everything_of(self, account_id: PartyId) -> dict[str, Any]:
        """All that is kept about this person and the toys they guard, by subject, ready for JSON."""
