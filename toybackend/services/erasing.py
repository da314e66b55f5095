"""Making things go for good: rows, files, and the traces of both.

    one transaction deletes and counts ─► sockets of those who went close ─► files are deleted ─► traces are scrubbed

What the power may cut at each arrow: after the transaction nobody can hear or find anything any more; files that
are left then are known to nobody, and the sweep for orphans finds them at the next start (`delivery.py`) or the next
look (`retention.py`), which also scrubs again.

Whether somebody may is asked before, by whoever calls; only `unbind` asks itself.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

from toybackend.errors import Overloaded
from toybackend.models import Erased, GroupId, ItemId, MessageId, PartyId
from toybackend.ports import AudioStore, Bus, Changed, Database, Expiry, Tell, Wake
from toybackend.protocol import Notice, encode_server_frame
from toybackend.services.policy import Action, check

log = logging.getLogger(__name__)


class Erasing:
    """Each method returns what went: rows by table, and files."""

    def __init__(self, database: Database, audio: AudioStore, bus: Bus) -> None:
        self._database = database
        self._audio = audio
        self._bus = bus
        self._one_scrub = asyncio.Lock()

    async def erase_message(self, message_id: MessageId) -> Erased:
        """For everybody."""
        return await self._finish(await self._database.erase_message(message_id))

    async def erase_item(self, item_id: ItemId) -> Erased:
        return await self._finish(await self._database.erase_item(item_id))

    async def erase_group(self, group_id: GroupId) -> Erased:
        """And what was said in it."""
        return await self._finish(await self._database.erase_group(group_id))

    async def erase_sayings(self, toy_id: PartyId) -> Erased:
        """What the toy said, what was said to it and what it played; the toy stays."""
        return await self._finish(await self._database.erase_sayings(toy_id))

    async def erase_toy(self, toy_id: PartyId) -> Erased:
        """Everything of it. Its board is a new toy when it is switched on again."""
        return await self._finish(await self._database.erase_toy(toy_id))

    async def erase_account(self, account_id: PartyId) -> Erased:
        """The person, and the toys that nobody else guards."""
        return await self._finish(await self._database.erase_account(account_id))

    async def erase_family(self, account_id: PartyId) -> Erased:
        """Everybody who guards a toy together with this person, and all their toys."""
        return await self._finish(await self._database.erase_family(account_id))

    async def erase_expired(self, expiry: Expiry, limit: int) -> Erased:
        """Up to `limit` messages that have to go. Traces are left: `retention.py` scrubs once, after many of these."""
        return await self._delete_files(await self._database.erase_expired(expiry, limit))

    async def unbind(self, person_id: PartyId, toy_id: PartyId) -> Erased:
        """The owner gives the toy away: its board is switched on as new, and the next family starts empty.
        Raises NotFound or NotAllowed."""
        check(await self._database.standing(person_id, toy_id), Action.UNBIND_TOY)
        guardians = await self._database.guardians(toy_id)
        erased = await self._database.erase_toy(toy_id)
        notice = encode_server_frame(Notice(event="unbound", id=toy_id))
        # Before the sockets of the toy close.
        for party_id in (toy_id, *(guardian.id for guardian in guardians)):
            await self._bus.publish(Tell(party_id, notice))
        return await self._finish(erased)

    async def _finish(self, erased: Erased) -> Erased:
        finished = await self._delete_files(erased)
        if erased.rows:
            await self._scrub()
        return finished

    async def _delete_files(self, erased: Erased) -> Erased:
        for party_id in erased.parties:
            await self._bus.publish(Changed(party_id))
        for party_id in erased.woken:
            await self._bus.publish(Wake(party_id))
        files, left = 0, 0
        for sound_id in erased.sounds:
            try:
                files += await self._audio.delete(sound_id)
            except Overloaded:
                left += 1
        if left:
            log.warning("%d sounds could not be deleted now; the sweep for orphans will", left)
        return replace(erased, files=files)

    async def _scrub(self) -> None:
        """One at a time: whoever waited finds most of it done."""
        try:
            async with self._one_scrub:
                is_clean = await self._database.scrub()
        except Overloaded:
            is_clean = False
        if not is_clean:
            log.info("traces in the database wait for the next look at what is over")
