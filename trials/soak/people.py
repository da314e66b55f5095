"""Grown-ups. Each has a phone or two, and does one thing after another as the dice fall."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial

import aiohttp

from bench.server import PASSWORD
from trials.soak.deeds import API, GONE, Deeds
from trials.soak.findings import Wrong
from trials.soak.line import Line, Street
from trials.soak.sayings import Frame
from trials.soak.talking import Inbox, Speaker
from trials.soak.town import Household, Resident
from trials.soak.web import Unanswered

PAUSE_SECONDS = 2.5
"""Between two deeds of one person, at most."""
REST_SECONDS = 12.0
QUARREL_SECONDS = 4.0
SONG_SECONDS = 4.0
OURS = "Ours"
"""The title of what people upload."""
MOST_UNDER_WAY = 60
"""Messages on their way in the whole town; with more, people wait."""
BUSY_SECONDS = 60.0
LOG_OUT_SECONDS = 30.0
URGENT = 0.1
"""Part of what grown-ups say that goes through quiet hours."""

Deed = Callable[[], Awaitable[None]]


class GrownUp:
    """A person with their phones."""

    def __init__(self, street: Street, household: Household, it: Resident, tokens: Sequence[str]) -> None:
        self._street = street
        self._household = household
        self._it = it
        self._inbox = Inbox(street, self._hear)
        self.lines = [Line(street, it.id, "/app", token, self._inbox.take) for token in tokens]
        self._speaker = Speaker(street, it.id, self.lines[0])
        self._deeds = Deeds(street, it)
        self._songs: list[str] = []
        self.toys = [toy.id for toy in household.toys]

    async def run(self) -> None:
        """Until there is calm."""
        for line in self.lines:
            self._street.spawn(line.run())
        self._street.spawn(self._inbox.run())
        await self._street.pause(PAUSE_SECONDS)
        while not self._street.is_ending:
            await self._choose()()
            await self._street.pause(PAUSE_SECONDS)

    def _choose(self) -> Deed:
        deeds: dict[Deed, int] = {
            self._talk: 60,
            self._speaker.repeat: 4,
            self._delete: 5,
            self._read: 9,
            self._listen: 7,
            self._pry: 4,
        }
        if self._it is self._household.mum:
            deeds |= {
                self._volume: 4,
                self._rest: 2,
                self._play: 4,
                self._quarrel: 1,
                self._own_song: 1,
                self._log_out: 1,
            }
        return self._street.dice.choices(list(deeds), list(deeds.values()))[0]

    async def _hear(self, line: Line, frame: Frame) -> None:
        """Nothing more than it is acknowledged."""

    # ── talking ──

    async def _talk(self) -> None:
        await self._street.until(lambda: len(self._street.book.under_way()) < MOST_UNDER_WAY, BUSY_SECONDS)
        town, dice = self._street.town, self._street.dice
        to = dice.choice([*town.peers(self._it.id), *town.groups_of(self._it.id)])
        await self._speaker.say(to, is_urgent=to in self.toys and dice.random() < URGENT)

    async def _delete(self) -> None:
        old = [saying for saying in self._speaker.said if not saying.is_void]
        if old:
            await self._deeds.delete(self._street.dice.choice(old))

    async def _read(self) -> None:
        town = self._street.town
        to = self._street.dice.choice([*town.peers(self._it.id), *town.groups_of(self._it.id)])
        await self._deeds.read(to)

    async def _listen(self) -> None:
        if self._speaker.said:
            await self._deeds.listen(self._street.dice.choice(self._speaker.said))

    async def _pry(self) -> None:
        """Into what another household said among themselves."""
        others = [one for one in self._street.town.households if one is not self._household]
        other = self._street.dice.choice(others)
        toy = other.toys[1].id
        private = [one for one in self._street.book.between(other.mum.id, toy) if one.id is not None]
        if private:
            await self._deeds.pry(self._street.dice.choice(private), toy)

    # ── setting ──

    async def _volume(self) -> None:
        await self._deeds.set_volume(self._street.dice.choice(self.toys))

    async def _rest(self) -> None:
        """For a while; it is woken by somebody else's hand than this one, which goes on."""
        toy = self._street.dice.choice(self.toys)
        if self._street.book.rest_of(toy).is_resting is False:
            await self._deeds.set_rest(toy, rests=True)
            self._street.later(REST_SECONDS, partial(self._deeds.set_rest, toy, rests=False))

    async def _quarrel(self) -> None:
        pacts = [one for one in self._street.town.pacts if one.toys[0] in self.toys and one.is_blocked is False]
        for pact in pacts:
            await self._deeds.block(pact)
            self._street.later(QUARREL_SECONDS, partial(self._deeds.unblock, pact))

    # ── songs ──

    async def _play(self) -> None:
        dice = self._street.dice
        stranger = dice.choice([one for one in self._street.town.households if one is not self._household]).toys[1].id
        await self._deeds.play(self.toys, dice.choice([*self._street.town.songs, *self._songs]), stranger)
        await asyncio.sleep(dice.uniform(0, SONG_SECONDS) / self._street.haste)
        await self._deeds.stop(self.toys)

    async def _own_song(self) -> None:
        """Upload one, play it, and take it away again."""
        web, token = self._street.web, self._it.token
        form = aiohttp.FormData()
        form.add_field("title", OURS)
        form.add_field("audio", self._street.song, filename="song.mp3")
        try:
            item = (await web.ask("POST", f"{API}/library", token, data=form, expect=(202,))).json()
            while item["state"] == "converting":
                await asyncio.sleep(0.5)
                item = (await web.surely("GET", f"{API}/library/{item['id']}", token)).json()
            if item["state"] != "ready":
                self._street.findings.note(Wrong.HTTP, f"a song could not be converted: {item}")
            self._songs.append(item["id"])
            with suppress(Unanswered):
                await self._play()
            self._songs.remove(item["id"])
            await self._take_away(item["id"])
        except Unanswered:  # whether it is there, the list says
            found = (await web.surely("GET", f"{API}/library?shelf=own&search={OURS}", token)).json()["items"]
            for one in (one for one in found if one["is_mine"]):
                await self._take_away(one["id"])

    async def _take_away(self, song: str) -> None:
        web, token = self._street.web, self._it.token
        await web.surely("DELETE", f"{API}/library/{song}", token, expect=(204,), again=(404,))
        with suppress(Unanswered):
            await web.ask("GET", f"{API}/audio/{song}.mp3", token, expect=GONE)

    # ── logging out ──

    async def _log_out(self) -> None:
        """With the second phone, and in again: the socket of before ends, and its token is over."""
        line = self.lines[1]
        ear, line.is_ending = line.ear, True
        await self._deeds.log_out(line.token)
        if not await self._street.until(lambda: ear.is_deaf or not ear.is_open, LOG_OUT_SECONDS):
            self._street.findings.note(Wrong.MISDELIVERED, f"{self._it.id} is logged out, and still connected")
        line.token = await self._deeds.log_in(PASSWORD)
        line.is_ending = False
