"""Families whose members talk with one another over sockets that break, and say everything until it was accepted."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import WebSocketException

from bench.server import acknowledge, open_socket
from toybackend.house import House
from toybackend.models import Party, PartyKind
from trials.verdict import Book, Promise, Shown, Words

VOICES = 0.2
"""Share of the messages that are no texts."""
DROPPED = 0.03
"""Share of the frames after which a client's connection is torn down, without a goodbye."""
REPEATED = 0.05
"""Share of the accepted messages that are sent once more all the same."""
MOST_UNDER_WAY = 6
"""Copies that a sender sees undelivered before it waits: enough to keep the converter busy at every crash."""
PAUSE_SECONDS = 0.01
"""Between two messages, at most."""
RECONNECT_SECONDS = 0.1
NO_ROOM_SECONDS = 0.3
"""After which a message is offered again that there was no room for."""
ANSWER_SECONDS = 10.0
DRAIN_SECONDS = 120.0
CONNECTION_LOST = (OSError, WebSocketException, TimeoutError)
PASSING = ("overloaded", "rate_limited")


@dataclass(frozen=True, slots=True)
class Somebody:
    """Who talks, and to whom."""

    id: str
    path: str
    token: str
    others: tuple[str, ...]
    """Of the family."""
    group_id: str


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording, and how long the MP3 of it plays."""

    blob: bytes
    duration_ms: int


@dataclass(frozen=True, slots=True)
class Street:
    """Where the server is, what is said and written down, and the dice."""

    ws_url: str
    clips: Sequence[Clip]
    book: Book
    dice: random.Random
    calm: asyncio.Event = field(default_factory=asyncio.Event)
    """Set after the last crash: nobody says anything new, and connections hold."""

    def shake(self, socket: ClientConnection) -> None:
        """Tear the connection down, now and then. Raises ConnectionAbortedError."""
        if not self.calm.is_set() and self.dice.random() < DROPPED:
            socket.transport.abort()
            raise ConnectionAbortedError


@dataclass(frozen=True, slots=True)
class Saying:
    """A message that is on its way until it was accepted."""

    ref: str
    header: dict[str, str]
    recipients: frozenset[str]
    words: Words
    blob: bytes | None


class NoRoomError(Exception):
    """The server cannot take this now."""


class Neighbour:
    """Talks and listens over one socket after another."""

    def __init__(self, street: Street, somebody: Somebody) -> None:
        self._street = street
        self._self = somebody
        self._member = street.book.members[somebody.id]
        self._saying: Saying | None = None
        self._count = 0
        self._answer: asyncio.Future[dict[str, Any]] | None = None
        self.has_finished = asyncio.Event()
        """There is calm, and everything was accepted."""

    async def run(self) -> None:
        """Until it is cancelled. Raises RuntimeError when it is refused something for good."""
        url = self._street.ws_url + self._self.path
        while True:
            with contextlib.suppress(*CONNECTION_LOST):
                async with open_socket(url, self._self.token) as socket:
                    await self._live(socket)
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _live(self, socket: ClientConnection) -> None:
        tasks = [asyncio.create_task(one) for one in (self._listen(socket), self._talk(socket))]
        try:
            ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            for task in ended:
                await task
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    # ── listening ──

    async def _listen(self, socket: ClientConnection) -> None:
        while True:
            frame = json.loads(await socket.recv())
            if frame["type"] in ("voice", "text"):
                words = frame["duration_ms"] if frame["type"] == "voice" else frame["msg"]
                self._street.book.show(self._self.id, frame["id"], Shown(frame["from_user"], words))
                self._street.shake(socket)
                await acknowledge(socket, frame["id"])
                self._street.shake(socket)
            elif frame["type"] in ("accepted", "error"):
                self._hear_answer(frame)

    def _hear_answer(self, frame: dict[str, Any]) -> None:
        is_ours = self._saying is not None and frame.get("ref") == self._saying.ref
        if is_ours and self._answer is not None and not self._answer.done():
            self._answer.set_result(frame)

    # ── talking ──

    async def _talk(self, socket: ClientConnection) -> None:
        street = self._street
        while self._saying is not None or not street.calm.is_set():
            saying = self._saying = self._saying or self._next()
            try:
                message_id = await self._send(socket, saying)
            except NoRoomError:
                self._member.refused += 1
                await asyncio.sleep(NO_ROOM_SECONDS)
                continue
            street.book.promise(self._self.id, saying.ref, Promise(message_id, saying.recipients, saying.words))
            if street.dice.random() >= REPEATED:
                self._saying = None
            await self._breathe()
        self.has_finished.set()

    def _next(self) -> Saying:
        """Something new, to one of the family or to all of it."""
        dice, others = self._street.dice, self._self.others
        self._count += 1
        ref, other = f"{self._self.id}-{self._count}", dice.choice([*others, self._self.group_id])
        to_group = other == self._self.group_id
        header = {"to_group" if to_group else "to_user": other, "ref": ref}
        recipients = frozenset(others if to_group else [other])
        if dice.random() >= VOICES:
            words = f"this is {ref} for {other}"
            return Saying(ref, {**header, "msg": words}, recipients, words, None)
        clip = dice.choice(self._street.clips)
        return Saying(ref, header, recipients, clip.duration_ms, clip.blob)

    async def _send(self, socket: ClientConnection, saying: Saying) -> str:
        """The id under which it was accepted. Raises NoRoom."""
        self._member.sent += 1
        answer = self._answer = asyncio.get_running_loop().create_future()
        async with asyncio.timeout(ANSWER_SECONDS):
            await socket.send(json.dumps(saying.header))
            if saying.blob is not None:
                self._street.shake(socket)
                await socket.send(saying.blob)
            self._street.shake(socket)
            frame = await answer
        if frame["type"] == "accepted":
            return str(frame["id"])
        if frame["code"] in PASSING:
            raise NoRoomError
        raise RuntimeError(f"refused: {frame}")

    async def _breathe(self) -> None:
        await asyncio.sleep(self._street.dice.uniform(0, PAUSE_SECONDS))
        async with asyncio.timeout(DRAIN_SECONDS):
            await self._street.book.caught_up(self._self.id, MOST_UNDER_WAY)


# ── moving in ──


async def move_in(house: House, number: int) -> list[Somebody]:
    """A mother and a father, and the toy that both of them guard."""
    mum, dad = [await house.accounts.add(f"{name}{number}", "correct horse") for name in ("mum", "dad")]
    [(_, licence)] = [one async for batch in house.devices.issue(1) for one in batch]
    boot = await house.devices.power_on(licence)
    assert boot.claim is not None, "a new toy waits for its owner"
    toy = await house.toys.bind(mum.id, boot.claim.code)
    await house.toys.bind(dad.id, (await house.toys.open_window(mum.id, toy.id)).code)
    (group,) = await house.groups.groups(Party(mum.id, PartyKind.PERSON, mum.name))
    ids = (mum.id, dad.id, toy.id)
    return [
        Somebody(
            one,
            "/toy" if one == toy.id else "/app",
            await house.tokens.give(one, PartyKind.TOY if one == toy.id else PartyKind.PERSON),
            tuple(other for other in ids if other != one),
            str(group.id),
        )
        for one in ids
    ]
