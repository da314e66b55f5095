"""What is over goes: messages that were heard, or never, recordings behind their MP3, old secrets, stray files.

The clock decides, and a clock may be wrong: one that jumps far ahead would have everything erased at once. So when
it is further ahead of the last look than `MOST_AHEAD`, nothing is erased until it has been there for `PATIENCE`;
that is said in the log, and there is time to set it right. A house that was switched off for long waits as long.
A clock that goes back erases nothing too early.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from toybackend.errors import ToybackendError
from toybackend.ports import AudioStore, Clock, Database, Expiry, Looks
from toybackend.services.erasing import Erasing
from toybackend.settings import Keeping

log = logging.getLogger(__name__)

DAY = 86_400_000
HOUR = 3_600_000
MOST_AHEAD = 7 * DAY
PATIENCE = DAY
FIRST_LOOK_SECONDS = 60.0
"""After the start, which has enough to do."""
ORPHAN_AGE = HOUR
"""A file comes before its row: one that is older than this has none to come."""
BATCH = 100
"""Messages erased in one transaction: voices wait no longer than that takes."""


class Retention:
    """Looks every now and then, and logs how much went; never what."""

    def __init__(
        self, database: Database, audio: AudioStore, erasing: Erasing, *, keeping: Keeping, clock: Clock
    ) -> None:
        self._database = database
        self._audio = audio
        self._erasing = erasing
        self._keeping = keeping
        self._clock = clock

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        seconds = self._keeping.sweep_minutes * 60
        await asyncio.sleep(min(seconds, FIRST_LOOK_SECONDS))
        while True:
            try:
                await self.look()
            except ToybackendError as error:
                log.warning("what is over stays until the next look: %s", error)
            except Exception:  # a mistake of ours must not end retention for good
                log.exception("the look at what is over failed")
            await asyncio.sleep(seconds)

    async def look(self) -> Counter[str]:
        """Everything that is over goes. Returns how much went, by kind; nothing while the clock is not believed."""
        now = self._clock()
        before = await self._database.looks()
        looks = judge(before, now)
        await self._database.note_looks(looks)
        if looks.doubted_at is not None:
            log.error(
                "the clock is %d days ahead of the last look at what is over; is it right? Nothing is erased for a day",
                (now - (looks.trusted_at or 0)) // DAY,
            )
            return Counter()
        went = Counter(
            messages=await self._expired_messages(now),
            recordings=await self._expired_originals(now),
            orphans=await self._orphans(now),
        )
        await self._database.forget_expired(now, now - self._keeping.heard_days * DAY)
        await self._scrub(looks, now)
        log.info("looked at what is over", extra=dict(went))
        return went

    def _expiry(self, now: int) -> Expiry:
        keeping = self._keeping
        return Expiry(
            heard=now - keeping.heard_days * DAY,
            unheard=now - keeping.unheard_days * DAY,
            originals=now - keeping.original_days * DAY,
        )

    async def _expired_messages(self, now: int) -> int:
        count = 0
        while went := (await self._erasing.erase_expired(self._expiry(now), BATCH)).rows.get("messages", 0):
            count += went
        return count

    async def _expired_originals(self, now: int) -> int:
        count = 0
        while ids := await self._database.expired_originals(self._expiry(now), BATCH):
            for message_id in ids:
                await self._audio.delete_original(message_id)
            await self._database.originals_gone(ids)
            count += len(ids)
        return count

    async def _orphans(self, now: int) -> int:
        """Files that nobody knows, and that are not on their way in."""
        count = 0
        async for batch in self._audio.sound_ids(before=now - ORPHAN_AGE):
            for orphan in set(batch) - await self._database.known(batch):
                count += await self._audio.delete(orphan)
        return count

    async def _scrub(self, looks: Looks, now: int) -> None:
        whole = looks.scrubbed_at is None or not 0 <= now - looks.scrubbed_at < DAY
        await self._database.scrub(whole=whole)
        if whole:  # it was written anew today, whatever was erased behind it
            await self._database.note_looks(replace(looks, scrubbed_at=now))


def judge(looks: Looks, now: int) -> Looks:
    """What we think of the clock now: it is believed where `doubted_at` is None."""
    believed = replace(looks, trusted_at=now, doubted_at=None)
    if looks.trusted_at is None or now - looks.trusted_at <= MOST_AHEAD:
        return believed
    if looks.doubted_at is not None and PATIENCE <= now - looks.doubted_at <= PATIENCE + MOST_AHEAD:
        return believed
    if looks.doubted_at is not None and 0 <= now - looks.doubted_at < PATIENCE:
        return looks
    return replace(looks, doubted_at=now)
