"""Who may hear a message: its sender and its recipients; and an item: see `library.py`. By bearer token or by a signed
link.

A link is bound to one file and one listener and good for a while, as long as the listener has a token at all; there is
no secret in it. The signature is
HMAC-SHA256 (RFC 2104) over the sound's id, the listener's id and the time of expiry.

That time is told by our clock, as it is when somebody asks. When it is set back, a link that was over works again until
its time comes once more: what was deleted, taken back or logged out stays so, whatever the clock says. A link that was
made while the clock was far ahead does not work for years after: it is refused once its time is further away than
that of any link that we make now, twice over.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from urllib.parse import urlencode

from toybackend.errors import Gone, NotFound
from toybackend.models import (
    DeliveryState,
    ItemId,
    Message,
    MessageId,
    MessageState,
    Party,
    PartyId,
    PartyKind,
    SoundId,
)
from toybackend.ports import Clock, Database, Receipt, Toys
from toybackend.services.mending import Mending
from toybackend.services.quiet_hours import quiet_until

AUDIO_PATH = "/api/v1/audio"


class Links:
    """Makes and checks links. `base` gives the public HTTP address, known only once we listen."""

    def __init__(self, key: bytes, *, base: Callable[[], str], seconds: int, clock: Clock) -> None:
        self._key = key
        self._base = base
        self._seconds = seconds
        self._clock = clock

    def audio(self, sound_id: SoundId, listener_id: PartyId) -> str:
        until = self._clock() // 1000 + self._seconds
        query = urlencode({"for": listener_id, "until": until, "sig": self._sign(sound_id, listener_id, until)})
        return f"{self._base()}{AUDIO_PATH}/{sound_id}.mp3?{query}"

    def is_valid(self, sound_id: SoundId, listener_id: str, until: str, signature: str) -> bool:
        """Was this link made by us, and is it still good?"""
        if not (until.isascii() and until.isdigit() and len(until) <= 12):
            return False
        ours = self._sign(sound_id, listener_id, int(until))
        is_ours = hmac.compare_digest(ours.encode(), signature.encode("utf-8", "surrogatepass"))
        return is_ours and 0 < int(until) * 1000 - self._clock() <= 2 * self._seconds * 1000

    def _sign(self, sound_id: SoundId, listener_id: str, until: int) -> str:
        text = f"{sound_id}\n{listener_id}\n{until}".encode("utf-8", "surrogatepass")
        return hmac.new(self._key, text, hashlib.sha256).hexdigest()


class Listening:
    """Handing out sound. `may_hear_item` is `Library.may_hear`."""

    def __init__(
        self,
        database: Database,
        mending: Mending,
        links: Links,
        may_hear_item: Callable[[PartyId, ItemId], Awaitable[bool | None]],
        *,
        clock: Clock,
    ) -> None:
        self._database = database
        self._mending = mending
        self._links = links
        self._may_hear_item = may_hear_item
        self._clock = clock

    async def by_token(self, listener: Party, sound_id: SoundId) -> Path:
        """The MP3 for whoever was authenticated. Raises NotFound (also: not yours, or not before a rest is over), Gone,
        or Overloaded while it is made again."""
        if not await self._may_hear(listener.id, sound_id) or await self._waits(listener, sound_id):
            raise NotFound
        return await self._mending.mp3(sound_id)

    async def _waits(self, listener: Party, sound_id: SoundId) -> bool:
        """Is this for after the rest that the toy has now? What was pushed before came with a link."""
        if sound_id.startswith("i_") or not await is_resting(self._database, listener, self._clock()):
            return False
        outcome = await self._database.outcome(MessageId(sound_id))
        if outcome is None or outcome[0].is_urgent:
            return False
        return any(one.recipient_id == listener.id and one.state is DeliveryState.WAITING for one in outcome[1])

    async def by_link(self, sound_id: SoundId, listener_id: str, until: str, signature: str) -> Path:
        """The MP3 for whoever has a link. Raises NotFound (also: not a link of ours, or too old), Gone, or Overloaded
        while it is made again.

        A link proves who asks, not that they still may hear: a copy that was taken back is not played any more, and
        nothing is to whoever is logged out everywhere, or to a board whose licence is revoked."""
        if not self._links.is_valid(sound_id, listener_id, until, signature):
            raise NotFound
        if not await self._database.has_token(PartyId(listener_id), self._clock()):
            raise NotFound
        may_hear = await self._may_hear(PartyId(listener_id), sound_id)
        if may_hear is None:
            raise Gone  # it was theirs when we signed
        if not may_hear:
            raise NotFound
        return await self._mending.mp3(sound_id)

    async def _may_hear(self, listener_id: PartyId, sound_id: SoundId) -> bool | None:
        """None where there is no such sound."""
        if sound_id.startswith("i_"):
            return await self._may_hear_item(listener_id, ItemId(sound_id))
        outcome = await self._database.outcome(MessageId(sound_id))
        return None if outcome is None else listener_id in _listeners(*outcome)


async def is_resting(toys: Toys, party: Party, now: int) -> bool:
    """Is this a toy that has its quiet hours?"""
    if party.kind is not PartyKind.TOY:
        return False
    settings = (await toys.settings([party.id])).get(party.id)
    return settings is not None and quiet_until(settings.quiet_hours, now) is not None


def _listeners(message: Message, receipts: Sequence[Receipt]) -> set[PartyId]:
    """Who may hear this: nobody before there is a sound, then its sender, the recipients once it is published."""
    if not message.is_voice or message.state in (MessageState.ACCEPTED, MessageState.FAILED):
        return set()
    recipients = {receipt.recipient_id for receipt in receipts} if message.state is MessageState.PUBLISHED else set()
    return {message.sender_id} | recipients
