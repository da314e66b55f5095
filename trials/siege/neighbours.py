"""Families who talk, download, look at their chats and come in, and how long each of these takes them."""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum

import aiohttp
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import WebSocketException

from bench.server import CLIPS, Family, ServerProcess, acknowledge, open_socket, send_voice
from trials.figures import percentile

PATIENCE = 20.0
"""Seconds after which something has failed."""
PAUSE_SECONDS = 0.2
"""Of one family, between two things that it does."""
FAILURES = (OSError, WebSocketException, TimeoutError, RuntimeError, aiohttp.ClientError)


class Doing(StrEnum):
    """What is measured."""

    TEXT = "text"
    """From sending it to the toy's `text`."""
    VOICE = "voice"
    """Three seconds of it, from its last byte to the toy's `voice`."""
    DOWNLOAD = "download"
    """All of that voice."""
    CHATS = "chats"
    """The list of conversations."""
    COMING_IN = "coming in"
    """Another socket, from its handshake to its `welcome`."""


@dataclass(slots=True)
class Times:
    """Seconds that everything took, and what failed."""

    took: dict[Doing, list[float]] = field(default_factory=lambda: defaultdict(list))
    failures: list[str] = field(default_factory=list)

    def p95(self, doing: Doing) -> float:
        return percentile(self.took[doing], 0.95)


class Neighbour:
    """One family, with a phone and a toy."""

    def __init__(self, server: ServerProcess, family: Family, http: aiohttp.ClientSession, voice: bytes) -> None:
        self._server = server
        self._family = family
        self._http = http
        self._voice = voice
        self._number = 0
        self._expected: dict[str, asyncio.Future[float]] = {}
        """By what comes next at the toy: its kind, and of texts the words."""
        self._url = ""
        """Of the last voice."""
        self.times = Times()

    @asynccontextmanager
    async def at_home(self) -> AsyncIterator[Neighbour]:
        """While the context is open, its sockets are."""
        async with AsyncExitStack() as stack:
            url, family = self._server.ws_url, self._family
            self._phone = await stack.enter_async_context(open_socket(f"{url}/app", family.person_token))
            toy = await stack.enter_async_context(open_socket(f"{url}/toy", family.toy_token))
            tasks = [asyncio.create_task(self._listen(toy)), asyncio.create_task(self._skip(self._phone))]
            try:
                yield self
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def live(self, until: float) -> None:
        """Do one thing after another, until this moment (`time.monotonic`)."""
        deeds: Sequence[tuple[Doing, Callable[[], Awaitable[float]]]] = (
            (Doing.TEXT, self._write),
            (Doing.VOICE, self._talk),
            (Doing.DOWNLOAD, self._download),
            (Doing.TEXT, self._write),
            (Doing.CHATS, self._look),
            (Doing.COMING_IN, self._come_in),
        )
        while True:
            for doing, deed in deeds:
                if time.monotonic() >= until:
                    return
                await self._measure(doing, deed)
                await asyncio.sleep(PAUSE_SECONDS)

    async def _measure(self, doing: Doing, deed: Callable[[], Awaitable[float]]) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                seconds = await deed()
        except FAILURES as error:
            self.times.failures.append(f"{doing}: {type(error).__name__} {error}")
            seconds = PATIENCE
        self.times.took[doing].append(seconds)

    # ── what is done ──

    async def _write(self) -> float:
        self._number += 1
        words = f"number {self._number}"
        arrives = self._expect(words)
        began = time.perf_counter()
        await self._phone.send(json.dumps({"to_user": self._family.toy_id, "msg": words}))
        return await arrives - began

    async def _talk(self) -> float:
        self._number += 1
        arrives = self._expect("voice")
        sent = await send_voice(self._phone, self._family.toy_id, f"voice {self._number}", self._voice)
        return await arrives - sent

    def _expect(self, what: str) -> asyncio.Future[float]:
        self._expected[what] = asyncio.get_running_loop().create_future()
        return self._expected[what]

    async def _download(self) -> float:
        return await self._get(self._url) if self._url else 0.0

    async def _look(self) -> float:
        return await self._get(f"{self._server.http_url}/api/v1/conversations")

    async def _get(self, url: str) -> float:
        began = time.perf_counter()
        header = {"Authorization": f"Bearer {self._family.person_token}"} if "sig=" not in url else {}
        async with self._http.get(url, headers=header) as response:
            response.raise_for_status()
            await response.read()
        return time.perf_counter() - began

    async def _come_in(self) -> float:
        began = time.perf_counter()
        async with open_socket(f"{self._server.ws_url}/app", self._family.person_token):
            return time.perf_counter() - began

    # ── what comes ──

    async def _listen(self, toy: ClientConnection) -> None:
        async for message in toy:
            frame = json.loads(message)
            if frame["type"] in ("voice", "text"):
                arrived = self._expected.pop(frame.get("msg", "voice"), None)
                if arrived is not None and not arrived.done():
                    arrived.set_result(time.perf_counter())
                self._url = frame.get("url", self._url)
                await acknowledge(toy, frame["id"])

    async def _skip(self, phone: ClientConnection) -> None:
        async for message in phone:
            if json.loads(message)["type"] == "error":
                self.times.failures.append(f"refused: {message!r}")


class Neighbourhood:
    """All of them."""

    def __init__(self, neighbours: Sequence[Neighbour]) -> None:
        self._neighbours = neighbours

    @classmethod
    @asynccontextmanager
    async def talking(cls, server: ServerProcess, families: Sequence[Family]) -> AsyncIterator[Neighbourhood]:
        """While the context is open, their sockets are."""
        voice = await asyncio.to_thread((CLIPS / "hello_nb.amr").read_bytes)
        async with AsyncExitStack() as stack:
            http = await stack.enter_async_context(aiohttp.ClientSession())
            homes = [Neighbour(server, family, http, voice).at_home() for family in families]
            yield cls([await stack.enter_async_context(home) for home in homes])

    async def live(self, seconds: float) -> Times:
        """What everything took in this time."""
        until = time.monotonic() + seconds
        for one in self._neighbours:
            one.times = Times()
        await asyncio.gather(*(one.live(until) for one in self._neighbours))
        together = Times()
        for one in self._neighbours:
            together.failures += one.times.failures
            for doing, took in one.times.took.items():
                together.took[doing] += took
        return together
