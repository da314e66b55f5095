"""Songs and stories on toys, now or not at all.

A toy that is not there does not start by itself when it comes back: nothing is queued, and a link to an item is good
only for a toy on which somebody started it. Rest and the daily limit hold for what plays already, too: every few
seconds we look at the toys that play, and stop those whose time it is.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from toybackend.errors import NotReady, ToybackendError
from toybackend.models import (
    Item,
    ItemId,
    ItemState,
    Party,
    PartyId,
    PlayId,
    PlayResult,
    StopResult,
    ToySettings,
)
from toybackend.ports import Bus, Clock, Database, NewId, Presence, Tell
from toybackend.protocol import Play, Stop, encode_server_frame
from toybackend.services.library import Library
from toybackend.services.listening import Links
from toybackend.services.policy import Action, Decision, decide
from toybackend.services.quiet_hours import quiet_until

log = logging.getLogger(__name__)

LOOK_SECONDS = 5.0
"""Between looks at what plays."""
BATCH = 500
"""Toys looked at with one query."""
MINUTE_MS = 60_000
STOP = encode_server_frame(Stop())


@dataclass(frozen=True, slots=True)
class Started:
    """What became of playing something on one toy."""

    toy_id: PartyId
    result: PlayResult
    until: int | None = None
    """When quiet hours, or the day whose limit is used up, are over."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """What became of stopping one toy."""

    toy_id: PartyId
    result: StopResult


class Playback:
    """What plays where."""

    def __init__(
        self,
        database: Database,
        library: Library,
        presence: Presence,
        links: Links,
        bus: Bus,
        *,
        clock: Clock,
        new_id: NewId,
    ) -> None:
        self._database = database
        self._library = library
        self._presence = presence
        self._links = links
        self._bus = bus
        self._clock = clock
        self._new_id = new_id
        self._playing: dict[PartyId, PlayId | None] = {}
        """Toys that may be playing something, to be looked at, and what, as far as we started it."""

    # ── starting and stopping ──

    async def play(self, person: Party, toy_ids: Iterable[PartyId], item_id: ItemId) -> Sequence[Started]:
        """The same on several toys: a result for each, in the order they were named. Raises NotFound for an item that
        is not for this person, or NotReady."""
        item = await self._library.item(person, item_id)
        if item.state is not ItemState.READY:
            raise NotReady
        wanted = list(dict.fromkeys(toy_ids))
        ours = await self._ours(person, wanted)
        held = await self._held(ours)
        started = await self._start(item, [toy_id for toy_id in ours if toy_id not in held])
        results = {**{toy_id: Started(toy_id, PlayResult.NOT_FOUND) for toy_id in wanted}, **held, **started}
        return list(results.values())

    async def stop(self, person: Party, toy_ids: Iterable[PartyId]) -> Sequence[Stopped]:
        """Whatever plays on these toys ends: a result for each, in the order they were named."""
        wanted = list(dict.fromkeys(toy_ids))
        ours = await self._ours(person, wanted)
        there = {toy_id for toy_id in ours if self._presence.is_online(toy_id)}
        await self._stop(ours)
        results = {toy_id: StopResult.STOPPED if toy_id in there else StopResult.OFFLINE for toy_id in ours}
        return [Stopped(toy_id, results.get(toy_id, StopResult.NOT_FOUND)) for toy_id in wanted]

    async def silence(self, toy_id: PartyId) -> None:
        """Whatever plays on this toy ends, whoever started it."""
        await self._stop([toy_id])

    async def finished(self, toy: Party, play_id: str) -> None:
        """The toy played it to its end."""
        await self._database.stop_plays([toy.id], self._clock(), PlayId(play_id))

    async def _ours(self, person: Party, toy_ids: Sequence[PartyId]) -> list[PartyId]:
        """Those on which this person may play."""
        standings = await self._database.standings(person.id, toy_ids)
        return [toy_id for toy_id in toy_ids if decide(standings[toy_id], Action.PLAY) is Decision.ALLOWED]

    async def _start(self, item: Item, toy_ids: Sequence[PartyId]) -> dict[PartyId, Started]:
        """Hand it to the sockets that are open. The row goes first: the toy asks for the sound at once."""
        results = {toy_id: Started(toy_id, PlayResult.OFFLINE) for toy_id in toy_ids}
        plays = {toy_id: PlayId(self._new_id("y")) for toy_id in toy_ids if self._presence.is_online(toy_id)}
        if not plays:
            return results
        begun = await self._database.start_plays(item.id, plays, self._clock())
        results |= {toy_id: Started(toy_id, PlayResult.PAUSED) for toy_id in plays.keys() - begun}
        for toy_id in begun:
            if self._presence.is_online(toy_id):
                self._playing[toy_id] = plays[toy_id]
                await self._bus.publish(Tell(toy_id, encode_server_frame(self._frame(plays[toy_id], toy_id, item))))
                results[toy_id] = Started(toy_id, PlayResult.PLAYING)
            else:  # it left just now
                await self._database.stop_plays([toy_id], self._clock(), plays[toy_id])
        return results

    def _frame(self, play_id: PlayId, toy_id: PartyId, item: Item) -> Play:
        return Play(
            id=play_id,
            item_id=item.id,
            title=item.title,
            url=self._links.audio(item.id, toy_id),
            duration_ms=item.duration_ms or 0,
        )

    async def _stop(self, toy_ids: Sequence[PartyId]) -> None:
        for toy_id in toy_ids:
            self._playing.pop(toy_id, None)
        if toy_ids:
            await self._database.stop_plays(toy_ids, self._clock())
        for toy_id in toy_ids:
            await self._bus.publish(Tell(toy_id, STOP))

    # ── rest, and the daily limit ──

    async def _held(self, toy_ids: Sequence[PartyId]) -> dict[PartyId, Started]:
        """Those that must not play now, and until when."""
        now = self._clock()
        settings = await self._database.settings(toy_ids)
        resting = {
            toy_id: Started(toy_id, PlayResult.QUIET_HOURS, until)
            for toy_id, one in settings.items()
            if (until := quiet_until(one.quiet_hours, now)) is not None
        }
        limited = {toy_id: one for toy_id, one in settings.items() if _limit_ms(one) and toy_id not in resting}
        return resting | await self._used_up(limited, now)

    async def _used_up(self, limited: Mapping[PartyId, ToySettings], now: int) -> dict[PartyId, Started]:
        """Those that heard today what they may hear in a day."""
        if not limited:
            return {}
        since = {toy_id: day_began(one, now) for toy_id, one in limited.items()}
        listened = await self._database.listened_ms(since, now)
        return {
            toy_id: Started(toy_id, PlayResult.DAILY_LIMIT, day_ends(one, now))
            for toy_id, one in limited.items()
            if listened[toy_id] >= _limit_ms(one)
        }

    @asynccontextmanager
    async def watching(self, every_seconds: float = LOOK_SECONDS) -> AsyncIterator[None]:
        """While the context is open, what plays ends when it must."""
        self._playing.update(dict.fromkeys(await self._database.playing(self._clock())))
        watch = asyncio.create_task(self._watch(every_seconds), name="playback")
        try:
            yield
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)

    async def _watch(self, every_seconds: float) -> None:
        while True:
            await asyncio.sleep(every_seconds)
            try:
                await self.look()
            except ToybackendError:  # the database is busy; there is a next look
                continue
            except Exception:
                log.exception("what plays could not be looked at")

    async def look(self) -> None:
        """Stop the toys whose rest began meanwhile, or whose day is used up."""
        if not self._playing:
            return
        looked_at = dict(self._playing)
        over = looked_at.keys() - set(await self._database.playing(self._clock()))
        for toy_id in over:
            if self._playing.get(toy_id) == looked_at[toy_id]:  # or something else was started meanwhile
                self._playing.pop(toy_id, None)
        for batch in _batches(self._playing):
            await self._stop(list(await self._held(batch)))


def _batches(toy_ids: Collection[PartyId]) -> list[list[PartyId]]:
    every = sorted(toy_ids)
    return [every[start : start + BATCH] for start in range(0, len(every), BATCH)]


def _limit_ms(settings: ToySettings) -> int:
    """0 where there is none."""
    return (settings.daily_limit_minutes or 0) * MINUTE_MS


def day_began(settings: ToySettings, now: int) -> int:
    """The midnight before, where the child lives; where it comes twice, the first; where it never came, the first
    moment of the day."""
    return _midnight(settings, now, days=0)


def day_ends(settings: ToySettings, now: int) -> int:
    return _midnight(settings, now, days=1)


def _midnight(settings: ToySettings, now: int, *, days: int) -> int:
    zone = settings.quiet_hours.zone
    today = datetime.fromtimestamp(now / 1000, zone).date()
    # `fold=0` names the first of two, and in a gap counts by the clock before the jump: that is the jump itself.
    midnight = datetime.combine(today + timedelta(days=days), datetime.min.time(), zone)
    return int(midnight.timestamp() * 1000)
