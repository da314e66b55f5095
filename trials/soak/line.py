"""One party's socket. What comes goes into the book; and now and then the line breaks, goes deaf or is slow."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from toybackend.protocol import CloseCode
from trials.soak.book import Book
from trials.soak.findings import Findings, Wrong
from trials.soak.sayings import Ear, Frame, Saying, Words
from trials.soak.town import Town
from trials.soak.web import Power, Web

ANSWER_SECONDS = 60.0
"""In which what was sent has to be accepted or refused."""
RECONNECT_SECONDS = 0.2
LOOK_SECONDS = 0.05
"""Between two looks for what nobody tells us of."""
WELCOME_SECONDS = 30.0
MISCHIEF_SECONDS = 60.0
"""Between two misfortunes of a line, on average."""
SLOW_SECONDS = 4.0
FORGOTTEN_SECONDS = 30.0
"""How long a half-open socket stays with the server, which has to find out by itself."""
TOKEN_ENDED = {CloseCode.NOT_AUTHENTICATED, CloseCode.REVOKED}
CONNECTION_LOST = (OSError, ConnectionClosed, InvalidHandshake, TimeoutError)


class Mischief(StrEnum):
    """What befalls a line."""

    ABORT = "abort"
    """It is torn down without a goodbye."""
    GOODBYE = "goodbye"
    HALF_OPEN = "half-open"
    """Nobody reads it or answers pings any more, and it stays open; a new one is opened."""
    SLOW = "slow"
    """Nobody reads it for a while."""


@dataclass(slots=True)
class Street:
    """What everybody shares."""

    ws_url: str
    town: Town
    book: Book
    web: Web
    power: Power
    dice: random.Random
    voices: Sequence[Words]
    song: bytes
    """A file that people upload."""
    group: asyncio.TaskGroup
    """Everything runs in it: a mistake of ours ends the run."""
    haste: float = 1.0
    """By how many times everybody is quicker than usual."""
    moving: asyncio.Event = field(default_factory=asyncio.Event)
    """While it is set, people do things."""
    is_ending: bool = False
    """Nothing new is begun, and lines hold."""
    endless: set[asyncio.Task[None]] = field(default_factory=set)
    """What goes on until it is cancelled."""
    promises: set[asyncio.Task[None]] = field(default_factory=set)
    """What must be done before it ends."""

    @property
    def findings(self) -> Findings:
        return self.book.findings

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    async def pause(self, most: float) -> None:
        """A moment of idleness, and then until things move."""
        await asyncio.sleep(self.dice.uniform(0, most) / self.haste)
        await self.moving.wait()

    async def until(self, happened: Callable[[], bool], seconds: float) -> bool:
        """Whether it did, in this time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while True:
                    if happened():
                        return True
                    await asyncio.sleep(LOOK_SECONDS)
        return False

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Something that goes on until the end of the run."""
        task = self.group.create_task(work)
        self.endless.add(task)
        task.add_done_callback(self.endless.discard)
        return task

    def later(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        """Do this after a while, before the run ends."""

        async def do() -> None:
            await asyncio.sleep(seconds / self.haste)
            await work()

        task = self.group.create_task(do())
        self.promises.add(task)
        task.add_done_callback(self.promises.discard)


class Line:
    """A socket that is opened again whenever it ends, until it is cancelled."""

    def __init__(self, street: Street, party: str, path: str, token: str, take: Callable[[Line, Frame], None]) -> None:
        self._street = street
        self._party = party
        self._path = path
        self.token = token
        self._take = take
        """Is shown every frame, after the book."""
        self._up = asyncio.Event()
        self._answers: dict[str, asyncio.Future[Frame | None]] = {}
        """By ref; None comes where none comes any more."""
        self._forgotten: list[ClientConnection] = []
        self.ear = Ear(party, 0.0)
        self.socket: ClientConnection | None = None
        self.excused: set[int] = set()
        """Codes with which the server may end the socket that is open now."""
        self.is_ending = False
        """Its token is being given back: it may be refused."""
        self.holds = False
        """No mischief befalls it."""
        self.sent_at = 0.0
        """When the last byte of what was said last was handed to the system."""

    async def run(self) -> None:
        try:
            while True:
                with contextlib.suppress(*CONNECTION_LOST):
                    await self._live(self._street.power.starts)
                await asyncio.sleep(self._street.dice.uniform(0.2, 1) * RECONNECT_SECONDS)
        finally:
            for socket in self._forgotten:
                socket.transport.abort()

    async def is_up(self) -> None:
        await self._up.wait()

    # ── one socket ──

    async def _live(self, starts: int) -> None:
        ear, token = Ear(self._party, self._street.now()), self.token
        self.excused = set()
        try:
            async with asyncio.timeout(WELCOME_SECONDS):
                socket, welcome = await self._open(token)
        except CONNECTION_LOST as error:
            if token == self.token:
                self._judge_refusal(starts, error)
            raise
        self.socket, self.ear = socket, ear
        self._street.book.open(ear, welcome, self._street.now())
        self._up.set()
        try:
            await self._listen(socket)
        except ConnectionClosed:
            self._judge_end(starts, socket, token)
        finally:
            self._up.clear()
            self._street.book.close(ear)
            self._give_up_waiting()
            if socket not in self._forgotten:
                socket.transport.abort()

    async def _open(self, token: str) -> tuple[ClientConnection, Frame]:
        header = {"Authorization": f"Bearer {token}"}
        socket = await connect(
            self._street.ws_url + self._path,
            additional_headers=header,
            proxy=None,
            compression=None,
            ping_interval=None,
            close_timeout=2,
        )
        try:
            return socket, json.loads(await socket.recv())
        except BaseException:
            socket.transport.abort()
            raise

    async def _listen(self, socket: ClientConnection) -> None:
        """Until the socket ends, by itself or by misfortune."""
        fate = asyncio.get_running_loop().time() + self._street.dice.expovariate(self._street.haste / MISCHIEF_SECONDS)
        while True:
            try:
                async with asyncio.timeout_at(None if self.holds else fate):
                    frame = json.loads(await socket.recv())
            except TimeoutError:
                if self._street.is_ending or not self._street.moving.is_set():
                    fate += 1
                    continue
                if await self._suffer(socket):
                    return
                fate += self._street.dice.expovariate(self._street.haste / MISCHIEF_SECONDS)
                continue
            if not self._is_refusal(frame):
                self._street.book.hear(self.ear, frame, self._street.now())
                self._take(self, frame)
            self._answer(frame)

    async def _suffer(self, socket: ClientConnection) -> bool:
        """Some misfortune. Is it the end of this socket?"""
        match self._street.dice.choice(tuple(Mischief)):
            case Mischief.ABORT:
                socket.transport.abort()
                return True
            case Mischief.GOODBYE:
                await socket.close()
                return True
            case Mischief.HALF_OPEN:
                self.ear.is_deaf = True
                socket.transport.pause_reading()
                self._forget_later(socket)
                return True
        self.ear.is_deaf = True
        self.excused.add(CloseCode.TRY_AGAIN_LATER)
        socket.transport.pause_reading()
        await asyncio.sleep(SLOW_SECONDS / self._street.haste)
        socket.transport.resume_reading()
        self.ear.is_deaf = False
        return False

    def _forget_later(self, socket: ClientConnection) -> None:
        self._forgotten.append(socket)

        def forget() -> None:
            socket.transport.abort()
            self._forgotten.remove(socket)

        asyncio.get_running_loop().call_later(FORGOTTEN_SECONDS / self._street.haste, forget)

    # ── was that right? ──

    def _judge_refusal(self, starts: int, error: BaseException) -> None:
        """It could not be opened."""
        if not self._street.power.was_away_since(starts) and not self.is_ending:
            self._street.findings.note(Wrong.CUT_OFF, f"{self._party} was not let in: {error!r}")

    def _judge_end(self, starts: int, socket: ClientConnection, token: str) -> None:
        """The server ended it. Whoever was deaf for a while may have another token by now."""
        excused = self.excused | (TOKEN_ENDED if self.is_ending or token != self.token else set())
        if not self._street.power.was_away_since(starts) and socket.close_code not in excused:
            self._street.findings.note(Wrong.CUT_OFF, f"{self._party}: {socket.close_code} {socket.close_reason}")

    # ── saying something ──

    async def say(self, saying: Saying) -> str | None:
        """One try. Returns None, or why it was refused. Raises one of CONNECTION_LOST when nobody knows."""
        socket, ear = self._open_socket(), self.ear
        answer = self._answers[saying.ref] = asyncio.get_running_loop().create_future()
        self._street.book.send(ear, saying)
        try:
            await socket.send(json.dumps(_header(saying)))
            if saying.words.text is None:
                await socket.send(saying.words.blob)
            self.sent_at = self._street.now()
            async with asyncio.timeout(ANSWER_SECONDS):
                frame = await answer
        except TimeoutError:
            self._street.findings.note(Wrong.MISSING, f"no answer to {saying}")
            raise
        finally:
            self._answers.pop(saying.ref, None)
        if frame is None:
            raise ConnectionAbortedError
        if frame["type"] == "accepted":
            return None
        self._street.book.refused(ear, saying, frame["code"])
        return str(frame["code"])

    async def acknowledge(self, message_id: str, *, heard: bool = False) -> None:
        """Raises one of CONNECTION_LOST."""
        socket = self._open_socket()
        self._street.book.acknowledge(self.ear, message_id, self._street.now(), heard=heard)
        await socket.send(json.dumps({"type": "heard" if heard else "ack", "id": message_id}))

    async def finish(self, play_id: str) -> None:
        """What was played has come to its end. Raises one of CONNECTION_LOST."""
        await self._open_socket().send(json.dumps({"type": "heard", "id": play_id}))

    def _open_socket(self) -> ClientConnection:
        if self.socket is None or not self._up.is_set():
            raise ConnectionAbortedError
        return self.socket

    def _is_refusal(self, frame: Frame) -> bool:
        return frame["type"] == "error" and frame.get("ref") in self._answers

    def _answer(self, frame: Frame) -> None:
        if frame["type"] in ("accepted", "error"):
            waiting = self._answers.get(frame.get("ref") or "")
            if waiting is not None and not waiting.done():
                waiting.set_result(frame)

    def _give_up_waiting(self) -> None:
        for waiting in self._answers.values():
            if not waiting.done():
                waiting.set_result(None)


def _header(saying: Saying) -> Frame:
    header = {
        "to_user": saying.to_user,
        "to_group": saying.to_group,
        "ref": saying.ref,
        "msg": saying.words.text,
        "now": saying.is_urgent or None,
    }
    return {name: value for name, value in header.items() if value is not None}
