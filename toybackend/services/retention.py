"""What is over goes: messages that were heard, or never, recordings behind their MP3, old secrets, stray files.

The clock decides, and a clock may be wrong: one that jumps far ahead would have everything erased at once. So when it
is further from the last look than `MOST_APART`, nothing is erased, and the log, `/readyz` and `doctor` say so. It is
believed after `PATIENCE`, for a house may have been switched off; but not where a whole time of keeping would have
passed: then everything would be over at once, and somebody has to say that the clock is right
(`toybackend doctor --trust-clock`). A clock that goes back erases nothing too early, and is waited for like the others:
a machine that wakes up in 1970 and learns the time a minute later has not jumped.
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
MOST_APART = 7 * DAY
PATIENCE = DAY
FIRST_LOOK_SECONDS = 60.0
"""After the start, which has enough to do."""
ORPHAN_AGE = HOUR
"""A file comes before its row: one that is older than this has none to come."""
BATCH = 100
"""Messages erased in one query: voices wait little longer than that takes."""


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
        self._shortest = min(keeping.heard_days, keeping.unheard_days) * DAY
        self.doubts_clock = False
        """As of the last look."""

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
        looks = judge(await self._database.looks(), now, self._shortest)
        await self._database.note_looks(looks)
        self.doubts_clock = looks.doubted_at is not None
        if self.doubts_clock:
            log.error("nothing is erased now: %s", _doubt(looks, now, self._shortest))
            await self._scrub(looks, now)  # what somebody deleted has nothing to do with the clock
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

    async def doubt(self) -> str:
        """Why the clock is not believed; empty where it is."""
        now = self._clock()
        looks = judge(await self._database.looks(), now, self._shortest)
        return "" if looks.doubted_at is None else _doubt(looks, now, self._shortest)

    async def trust_clock(self) -> None:
        """Somebody says that it is right."""
        looks = await self._database.looks()
        await self._database.note_looks(replace(looks, trusted_at=self._clock(), doubted_at=None))

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


def judge(looks: Looks, now: int, shortest: int) -> Looks:
    """What we think of the clock now: it is believed where `doubted_at` is None. `shortest` is the time after which
    everything could be over that was there at the last look, in milliseconds."""
    believed = replace(looks, trusted_at=now, doubted_at=None)
    if looks.trusted_at is None or abs(now - looks.trusted_at) <= MOST_APART:
        return believed
    waited = None if looks.doubted_at is None else now - looks.doubted_at
    if waited is None or not 0 <= waited <= PATIENCE + MOST_APART:
        return replace(looks, doubted_at=now)  # it jumped, and not for the first time
    if waited < PATIENCE or now - looks.trusted_at >= shortest:
        return looks
    return believed


def _doubt(looks: Looks, now: int, shortest: int) -> str:
    days = (now - (looks.trusted_at or 0)) // DAY
    where = f"{days} days ahead of" if days > 0 else f"{-days} days behind"
    until = "somebody says that it is right" if days * DAY >= shortest else "a day has passed"
    return f"the clock is {where} the last look at what is over; nothing goes until it is set right, or {until}"
