"""Toys: they acknowledge, download, play and answer; and one of them goes from family to family."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress

from websockets.asyncio.client import connect

from trials.soak.deeds import API, GONE, Deeds
from trials.soak.findings import Wrong
from trials.soak.line import CONNECTION_LOST, RECONNECT_SECONDS, Line, Street
from trials.soak.sayings import Ear, Frame
from trials.soak.talking import Inbox, Speaker
from trials.soak.town import Household, Resident
from trials.soak.web import Unanswered

ANSWERED = 0.3
"""Part of what grown-ups say to a toy that it answers."""
DOWNLOADED = 0.3
PAUSE_SECONDS = 12.0
"""Between two things that a toy says of its own accord, at most."""
READ_BY_TOYS = 0.2
HOME_SECONDS = 25.0
"""How long the traveller stays with a family."""
ENDING_SECONDS = 30.0
"""In which the socket of a toy that is nobody's any more has to end."""


class Board:
    """A toy of one family."""

    def __init__(self, street: Street, it: Resident) -> None:
        self.it = it
        self.line = Line(street, it.id, "/toy", it.token, self._take)
        self._street = street
        self._inbox = Inbox(street, self._hear)
        self._speaker = Speaker(street, it.id, self.line)
        self._deeds = Deeds(street, it)

    async def run(self) -> None:
        """Until there is calm; its line and its inbox go on."""
        self._street.spawn(self.line.run())
        self._street.spawn(self._inbox.run())
        await self.chat()

    async def answer(self) -> None:
        await self._inbox.run()

    async def chat(self) -> None:
        """Say something, or read what was said, now and then."""
        await self._street.pause(PAUSE_SECONDS)
        while not self._street.is_ending:
            town = self._street.town
            known = [*town.peers(self.it.id), *town.groups_of(self.it.id)]
            if known and self._street.dice.random() < READ_BY_TOYS:
                await self._deeds.read(self._street.dice.choice(known))
            elif known:
                await self._speaker.say(self._street.dice.choice(known))
            await self._street.pause(PAUSE_SECONDS)

    def _take(self, line: Line, frame: Frame) -> None:
        self._inbox.take(line, frame)

    async def _hear(self, line: Line, frame: Frame) -> None:
        dice = self._street.dice
        if frame["type"] == "play":
            await self._play(line, frame)
            return
        saying = self._street.book.by_id.get(frame["id"])
        if saying is not None and frame["type"] == "voice" and dice.random() < DOWNLOADED:
            await self._deeds.listen(saying, frame["url"], token="")
        if frame["from_user"].startswith("p_") and dice.random() < ANSWERED and not self._street.is_ending:
            await self._speaker.say(frame.get("to_group") or frame["from_user"])

    async def _play(self, line: Line, frame: Frame) -> None:
        """A song, the beginning of it."""
        with suppress(Unanswered):
            await self._street.web.ask("GET", frame["url"], headers={"Range": "bytes=0-999"}, expect=(206, *GONE))
        await line.finish(frame["id"])


class Traveller:
    """A board that two families hand on to each other: what one said with it, the other never hears."""

    def __init__(self, street: Street, licence: str, families: Sequence[Household]) -> None:
        self._street = street
        self._licence = licence
        self._families = families
        self.journeys = 0

    async def run(self) -> None:
        """Until there is calm; then it belongs to nobody."""
        while not self._street.is_ending:
            await self._live_with(self._families[self.journeys % len(self._families)].mum)
            self.journeys += 1

    async def _live_with(self, mum: Resident) -> None:
        toy, code = await self._switch_on()
        board = Board(self._street, toy)
        tasks = [self._street.spawn(board.line.run())]
        try:
            await board.line.is_up()
            await self._come_home(board, mum, code)
            tasks += [self._street.spawn(board.answer()), self._street.spawn(board.chat())]
            await self._street.until(lambda: self._street.is_ending, HOME_SECONDS / self._street.haste)
            await self._leave(board, mum)
        finally:
            for task in tasks:
                task.cancel()

    async def _switch_on(self) -> tuple[Resident, str]:
        """Who the board is now, and the code that it shows."""
        answer = await self._street.web.surely("POST", f"{API}/devices/authorize", json={"license": self._licence})
        boot = answer.json()
        if boot["state"] != "unbound":
            self._street.findings.note(Wrong.HTTP, f"the traveller is switched on: {boot['state']}")
        while True:
            with suppress(*CONNECTION_LOST):
                return Resident(await self._who_am_i(boot["token"]), "traveller", boot["token"]), boot["claim"]["code"]
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _who_am_i(self, token: str) -> str:
        header = {"Authorization": f"Bearer {token}"}
        async with connect(f"{self._street.ws_url}/toy", additional_headers=header, compression=None) as socket:
            welcome = json.loads(await socket.recv())
            if welcome["unread"]:
                self._street.findings.note(Wrong.AFTER_DELETION, f"a new toy has {welcome['unread']} messages")
            return str(welcome["id"])

    async def _come_home(self, board: Board, mum: Resident, code: str) -> None:
        street, toy = self._street, board.it
        for ear in (*street.book.ears[mum.id], board.line.ear):
            street.book.owe(ear, ("bound", toy.id), street.now())
        binding = {"claim": code, "name": "Traveller"}
        await street.web.surely("POST", f"{API}/toys", mum.token, json=binding, expect=(201,))
        groups = (await street.web.surely("GET", f"{API}/groups", mum.token)).json()["groups"]
        [family] = [one for one in groups if one["kind"] == "family" and toy.id in {it["id"] for it in one["members"]}]
        street.town.adopt(toy.id, mum.id, family["id"])

    async def _leave(self, board: Board, mum: Resident) -> None:
        street, toy = self._street, board.it
        street.town.part(toy.id)
        board.line.is_ending = True
        theirs = street.book.living_by(toy.id)
        for saying in theirs:
            street.book.taking_back(saying.copies.values())
        for ear in (*street.book.ears[mum.id], *street.book.ears[toy.id]):
            street.book.owe(ear, ("unbound", toy.id), street.now())
        ear = board.line.ear
        await street.web.surely("DELETE", f"{API}/toys/{toy.id}", mum.token, again=(404,))
        street.book.erased(theirs, street.now())
        await self._must_end(ear)
        with suppress(Unanswered):
            await street.web.ask("GET", f"{API}/conversations", toy.token, expect=(401,))

    async def _must_end(self, ear: Ear) -> None:
        """The socket of the toy that it was."""
        if not await self._street.until(lambda: ear.is_deaf or not ear.is_open, ENDING_SECONDS):
            self._street.findings.note(Wrong.MISDELIVERED, f"{ear.party} was handed on, and is still connected")
