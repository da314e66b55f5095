"""The story of a song: it is taken in, converted, and kept until somebody removes it.

    a file comes in ─► original on disk, synced ─► row ─► converted, one at a time ─► MP3 on disk ─► row ─► ready

As with voices, the power may be cut at each arrow: before the row nothing was promised, and the file is swept away;
after it, the item is found as `converting` at the next start. The original goes once there is an MP3: unlike a voice, a
song exists elsewhere.

An item without an owner stands on the operator's shelf, for everybody. Any other is somebody's own recording: for
that person, and for those who guard a toy together with that person. A toy hears of both what plays on it now.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from toybackend.covers import make_cover
from toybackend.errors import (
    AudioTooLarge,
    AudioTooLong,
    BadAudio,
    EmptyAudio,
    Gone,
    Internal,
    NotFound,
    RateLimited,
    Refused,
    TooLong,
    TooMany,
)
from toybackend.models import NOBODY, Item, ItemId, ItemState, Party, PartyId, ShelfKind, Standing
from toybackend.ports import AudioStore, Clock, Database, Incoming, NewId, Progress, Transcoder, Unconverted, Wanted
from toybackend.services.erasing import Erasing
from toybackend.services.listening import Links
from toybackend.services.policy import Action, Decision, check, decide
from toybackend.settings import Shelf

UPLOADS_AT_ONCE = 2
"""Of one person; one more is `rate_limited`."""
AGAIN_SECONDS = 10
CHUNK = 256 << 10
"""Of a file of this machine, read at once."""
PAGE = 500
"""Items read from the database at once."""


@dataclass(frozen=True, slots=True)
class Offered:
    """What an item is called, and where it shall stand."""

    title: str
    category: str = ""
    shelf: ShelfKind = ShelfKind.OWN
    cover: bytes | None = None
    """A picture as it came."""


class Library:
    """Songs and stories."""

    def __init__(
        self,
        database: Database,
        audio: AudioStore,
        transcoder: Transcoder,
        erasing: Erasing,
        links: Links,
        enqueue: Callable[[Unconverted], None],
        *,
        limits: Shelf,
        kept_bytes: int,
        link_seconds: int,
        clock: Clock,
        new_id: NewId,
    ) -> None:
        self._database = database
        self._audio = audio
        self._transcoder = transcoder
        self._erasing = erasing
        self._links = links
        self._enqueue = enqueue
        self._limits = limits
        self._kept_bytes = kept_bytes
        self._link_seconds = link_seconds
        self._clock = clock
        self._new_id = new_id
        self._uploads: Counter[PartyId] = Counter()
        self._progress: dict[str, float] = {}
        """From 0 to 1, of what is being converted here and now."""
        self._one_picture = asyncio.Lock()

    # ── in ──

    @asynccontextmanager
    async def receive(self, person: Party) -> AsyncIterator[Incoming]:
        """A place for a file while it comes in; nothing of it stays unless it is added. Raises RateLimited, or TooMany
        where their family keeps as much as it may already."""
        if not person.is_operator and await self._database.kept_bytes(person.id) >= self._kept_bytes:
            raise TooMany("your family keeps as much sound as it may; delete something first")
        if self._uploads[person.id] >= UPLOADS_AT_ONCE:
            raise RateLimited("finish what you are sending first", retry_after=AGAIN_SECONDS)
        self._uploads[person.id] += 1
        try:
            async with self._audio.receive() as blob:
                yield blob
        finally:
            self._uploads -= Counter({person.id: 1})

    async def take(self, blob: Incoming, data: bytes) -> None:
        """The next piece of a file. Raises AudioTooLarge or Overloaded."""
        if blob.size + len(data) > self._limits.max_bytes:
            raise AudioTooLarge(f"a song or story has at most {self._limits.max_bytes} bytes")
        await blob.write(data)

    def check_cover(self, size: int) -> None:
        """Raises TooLong for a picture of this many bytes."""
        if size > self._limits.max_cover_bytes:
            raise TooLong(f"a cover has at most {self._limits.max_cover_bytes} bytes")

    async def add(self, person: Party, offered: Offered, blob: Incoming) -> Item:
        """Keep a file that came in whole; it is converted in its turn. Raises EmptyAudio, BadImage, TooMany,
        Overloaded, or NotAllowed for whoever may not fill the shelf, and has then kept nothing."""
        if offered.shelf is ShelfKind.SHARED:
            _check_curates(person)
        item = await self._store(None if offered.shelf is ShelfKind.SHARED else person.id, offered, blob)
        self._enqueue(_job(item, blob.size))
        return item

    async def stock(self, file: Path, offered: Offered, progress: Progress) -> Item:
        """Put a file of this machine on the shelf, and convert it here and now. Raises OSError, what `add` raises, and
        BadAudio, AudioTooLong or ConverterUnavailable, and has then kept nothing."""
        async with self._audio.receive() as blob:
            with await asyncio.to_thread(file.open, "rb") as source:
                while data := await asyncio.to_thread(source.read, CHUNK):
                    await self.take(blob, data)
            item = await self._store(None, offered, blob)
        try:
            refused = await self._convert(_job(item, blob.size), progress)
            if refused is not None:
                raise refused
            return await self._found(item.id)
        except BaseException:  # also whoever lost patience
            await self._erasing.erase_item(item.id)
            raise

    async def _store(self, owner_id: PartyId | None, offered: Offered, blob: Incoming) -> Item:
        if not blob.size:
            raise EmptyAudio
        cover = await self._paint(offered.cover)
        item = Item(
            id=ItemId(self._new_id("i")),
            owner_id=owner_id,
            title=offered.title,
            category=offered.category,
            state=ItemState.CONVERTING,
            added_at=self._clock(),
            has_cover=cover is not None,
        )
        await blob.keep(item.id)
        try:
            await self._database.add_item(
                item, cover, most=self._limits.items, size=blob.size, most_bytes=self._kept_bytes
            )
        except Exception:
            # A failed commit may have happened all the same: only what is surely unknown is thrown away.
            if await self._database.known([item.id]):
                self._enqueue(_job(item, blob.size))
            else:
                await self._audio.delete(item.id)
            raise
        return item

    async def _paint(self, picture: bytes | None) -> bytes | None:
        if picture is None:
            return None
        self.check_cover(len(picture))
        async with self._one_picture:  # unpacked they are large
            return await asyncio.to_thread(make_cover, picture)

    # ── conversion ──

    async def pick_up(self) -> int:
        """At start: queue what was added and not converted. Returns how many that are."""
        waiting = await self._database.unconverted_items()
        for job in waiting:
            self._enqueue(job)
        return len(waiting)

    async def convert(self, job: Unconverted) -> None:
        """From original to ready, or to failed. Raises ConverterUnavailable, and has then changed nothing."""
        try:
            await self._convert(job, lambda part: self._progress.__setitem__(job.id, part))
        finally:
            self._progress.pop(job.id, None)

    async def delayed(self, job: Unconverted) -> None:
        """It waits for a converter that is not well; whoever looks sees that it is converting still."""

    async def _convert(self, job: Unconverted, progress: Progress) -> Refused | None:
        """What was wrong with it, if anything was."""
        try:
            async with self._audio.workshop(job.id, job.size) as (original, folder):
                sound = await self._transcoder.convert(original, folder, progress)
                size = await self._audio.keep_mp3(job.id, sound.file)
        except (BadAudio, AudioTooLong, AudioTooLarge) as refused:
            return await self._give_up(job, refused)
        except Gone:
            return await self._give_up(job, Internal())
        if await self._database.settle_item(ItemId(job.id), sound=sound, mp3_bytes=size):
            await self._audio.delete_original(job.id)
        else:  # removed while it was converted: what was made of it goes as well
            await self._audio.delete(job.id)
        return None

    async def abandon(self, job: Unconverted) -> None:
        """It cannot be converted, and that is our fault."""
        await self._give_up(job, Internal())

    async def _give_up(self, job: Unconverted, refused: Refused) -> Refused:
        await self._database.settle_item(ItemId(job.id), failure=refused.code)
        if not await self._database.known([job.id]):  # or another process had converted it before this one failed
            await self._audio.delete(job.id)
        return refused

    def progress(self, item: Item) -> int:
        """How far its conversion is, in percent."""
        if item.state is ItemState.CONVERTING:
            return int(100 * self._progress.get(item.id, 0.0))
        return 100 if item.state is ItemState.READY else 0

    # ── looking and listening ──

    async def items(self, person: Party, wanted: Wanted, *, after: ItemId | None, limit: int) -> Sequence[Item]:
        """What this person may see, by title: the next `limit` after that item."""
        return await self._database.items(person.id, wanted, after=after, limit=limit)

    async def shelf(self) -> AsyncIterator[Item]:
        """Everything on the operator's shelf, by title."""
        after = None
        while found := await self._database.items(PartyId(""), Wanted(shelf=ShelfKind.SHARED), after=after, limit=PAGE):
            for item in found:
                yield item
            after = found[-1].id

    async def item(self, listener: Party, item_id: ItemId) -> Item:
        """Raises NotFound (also: not for this listener)."""
        item = await self._database.item(item_id)
        is_for = await self._is_for(listener.id, item_id, item)
        if item is None or not is_for:
            raise NotFound
        return item

    async def cover(self, listener: Party, item_id: ItemId) -> bytes:
        """A JPEG. Raises NotFound."""
        item = await self.item(listener, item_id)
        cover = await self._database.cover(item.id)
        if cover is None:
            raise NotFound
        return cover

    async def may_hear(self, listener_id: PartyId, item_id: ItemId) -> bool | None:
        """None where there is no such item."""
        item = await self._database.item(item_id)
        is_for = await self._is_for(listener_id, item_id, item)
        return None if item is None else is_for and item.state is ItemState.READY

    def link(self, listener: Party, item: Item) -> str | None:
        """Where this listener can hear it, once it is ready."""
        return self._links.audio(item.id, listener.id) if item.state is ItemState.READY else None

    async def _is_for(self, listener_id: PartyId, item_id: ItemId, item: Item | None) -> bool:
        """It is asked of an item that there is not as well: how long the answer takes tells nobody so."""
        if listener_id.startswith("t_"):
            since = self._clock() - self._link_seconds * 1000
            return await self._database.was_started(listener_id, item_id, since)
        owner_id = item.owner_id if item else NOBODY
        if owner_id is None:  # for everybody who is still there
            return await self._database.standing(listener_id, listener_id) is Standing.SELF
        standing = await self._database.standing(listener_id, owner_id)
        return decide(standing, Action.HEAR_RECORDING) is Decision.ALLOWED

    async def _found(self, item_id: ItemId) -> Item:
        item = await self._database.item(item_id)
        if item is None:
            raise NotFound
        return item

    # ── changing ──

    async def change(self, person: Party, item_id: ItemId, *, title: str | None, category: str | None) -> Item:
        """None leaves it as it is. Raises NotFound, or NotAllowed for somebody else's."""
        await self._check_may_change(person, item_id)
        return await self._database.change_item(item_id, title=title, category=category)

    async def remove(self, person: Party, item_id: ItemId) -> None:
        """For everybody, sound and cover included. Raises NotFound, or NotAllowed for somebody else's."""
        await self._check_may_change(person, item_id)
        await self._erasing.erase_item(item_id)

    async def clear(self, item_id: ItemId) -> Item:
        """Take an item off the shelf; for whoever runs the server. Raises NotFound, also for somebody's own."""
        item = await self._found(item_id)
        if item.owner_id is not None:
            raise NotFound
        await self._erasing.erase_item(item_id)
        return item

    async def _check_may_change(self, person: Party, item_id: ItemId) -> None:
        item = await self.item(person, item_id)
        if item.owner_id is None:
            _check_curates(person)
        else:
            check(await self._database.standing(person.id, item.owner_id), Action.CHANGE_RECORDING)


def _check_curates(person: Party) -> None:
    check(Standing.OPERATOR if person.is_operator else Standing.STRANGER, Action.CURATE_SHELF)


def _job(item: Item, size: int) -> Unconverted:
    owner_id = item.owner_id or PartyId("")
    return Unconverted(item.id, owner_id, owner_id, size)
