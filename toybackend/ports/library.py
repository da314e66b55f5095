"""Songs and stories, and where they are playing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from toybackend.models import Item, ItemId, PartyId, PlayId, ShelfKind, Sound
from toybackend.ports.messages import Unconverted


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which items somebody looks for; what is empty or None chooses everything."""

    search: str = ""
    """Part of the title, in any case."""
    category: str = ""
    shelf: ShelfKind | None = None


class Library(Protocol):
    """The operator's shelf, and people's own recordings."""

    async def add_item(
        self, item: Item, cover: bytes | None, *, most: int, size: int = 0, most_bytes: float = math.inf
    ) -> None:
        """With a recording of `size` bytes. Raises TooMany when its owner would keep more than `most`, or their family
        more than `most_bytes` of sound; the shelf has no end."""

    async def kept_bytes(self, party_id: PartyId) -> int:
        """Of sound, for the family of this person or toy; see `Relation.kept_bytes`."""

    async def item(self, item_id: ItemId) -> Item | None: ...

    async def items(
        self, reader_id: PartyId, wanted: Wanted, *, after: ItemId | None = None, limit: int
    ) -> Sequence[Item]:
        """The shelf, the reader's own recordings, and those of whoever guards a toy together with the reader: by title,
        the next `limit` after that item."""

    async def change_item(self, item_id: ItemId, *, title: str | None = None, category: str | None = None) -> Item:
        """None leaves it as it is. Raises NotFound."""

    async def settle_item(
        self, item_id: ItemId, *, sound: Sound | None = None, mp3_bytes: int = 0, failure: str | None = None
    ) -> bool:
        """It is converted, or failed: of it there is the MP3 now, or nothing. False where there is no such item any
        more; settling a settled one changes nothing."""

    async def unconverted_items(self) -> Sequence[Unconverted]:
        """Every item that is not settled, oldest first."""

    async def cover(self, item_id: ItemId) -> bytes | None: ...

    async def start_plays(self, item_id: ItemId, plays: Mapping[PartyId, PlayId], now: int) -> set[PartyId]:
        """It begins on these toys, and whatever each of them played before ends. Returns those that are still there.
        Raises NotFound where the item is not."""

    async def stop_plays(self, toy_ids: Sequence[PartyId], now: int, play_id: PlayId | None = None) -> None:
        """What these toys play, or this play only, ends now."""

    async def playing(self, now: int) -> Sequence[PartyId]:
        """The toys on which something should still be playing."""

    async def was_started(self, toy_id: PartyId, item_id: ItemId, since: int) -> bool:
        """Was this item started on this toy, since then, and not stopped?"""

    async def listened_ms(self, since: Mapping[PartyId, int], now: int) -> Mapping[PartyId, int]:
        """How long each of these toys played songs and stories, each since its own moment."""
