"""Does the time of an answer tell what its words do not?

For whoever has nothing to do with something it does not exist: the same status, the same body. Here somebody asks again
and again, in turn, for what is another family's and for what there is not, and looks at the clock; and tries to log in
as somebody, with a wrong password, and as nobody. One client on this machine, over connections that stay open, so that
nothing is measured but the server. Goal: the medians of the two differ by a factor of at most 1.25, either way.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from bench.server import (
    CLIPS,
    PASSWORD,
    Family,
    ServerProcess,
    acknowledge,
    next_frame,
    open_socket,
    running,
    send_voice,
    settle,
)

GOAL = 1.25
WARM_UP = 10
LONGER = 50.0
"""Milliseconds: what takes longer, as passwords do, is asked for a tenth as often."""
ROOM = {
    "LOG_LEVEL": "WARNING",
    "LOGIN_TRIES": "1000000",
    "LOGIN_TRIES_PER_ADDRESS": "1000000",
    "BAD_FRAMES": "1000000",
    "FRAMES_PER_MINUTE": "1000000",
    "MESSAGES_PER_MINUTE": "1000000",
}
"""Whoever measures asks more often than anybody may."""
UNKNOWN = "a" * 20

Ask = Callable[[], Awaitable[object]]
"""One question; what it returns is the answer as a client sees it."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two questions that must not be told apart."""

    what: str
    theirs: Ask
    nobodys: Ask


@dataclass(frozen=True, slots=True)
class Result:
    """Medians in milliseconds."""

    theirs: float
    nobodys: float

    @property
    def ratio(self) -> float:
        return self.theirs / self.nobodys

    @property
    def is_good(self) -> bool:
        return 1 / GOAL <= self.ratio <= GOAL


# ── asking ──


class Http:
    """A connection that stays open."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    @asynccontextmanager
    async def connected(cls, url: str) -> AsyncIterator[Http]:
        where = urlsplit(url)
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
        try:
            yield cls(reader, writer)
        finally:
            writer.close()
            await writer.wait_closed()

    async def ask(self, method: str, path: str, token: str = "", body: object = None) -> tuple[int, bytes]:
        """Status and body."""
        sent = b"" if body is None else json.dumps(body).encode()
        shown = f"Authorization: Bearer {token}\r\n" if token else ""
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{shown}Content-Length: {len(sent)}\r\n\r\n"
        self._writer.write(head.encode() + sent)
        answer = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        length = int(answer.partition(b"content-length: ")[2].split(b"\r\n")[0])
        return int(answer.split()[1]), await self._reader.readexactly(length)


@asynccontextmanager
async def questions(
    server: ServerProcess, asker: Family, other: Family, message_id: str, item_id: str
) -> AsyncIterator[list[Pair]]:
    """All of them, asked by somebody who has nothing to do with the other family."""
    async with (
        Http.connected(server.http_url) as http,
        open_socket(f"{server.ws_url}/app", asker.person_token) as socket,
    ):

        def over_http(what: str, method: str, path: str, theirs: str) -> Pair:
            def asking(one: str) -> Ask:
                return lambda: http.ask(method, path.format(one), asker.person_token)

            return Pair(what, asking(theirs), asking(theirs[:2] + UNKNOWN))

        def log_in(name: str) -> Ask:
            return lambda: http.ask("POST", "/api/v1/sessions", body={"name": name, "password": "wrong " + PASSWORD})

        def text_to(party_id: str) -> Ask:
            async def ask() -> object:
                await socket.send(json.dumps({"to_user": party_id, "msg": "hello"}))
                return await socket.recv()

            return ask

        yield [
            over_http("audio", "GET", "/api/v1/audio/{}.mp3", message_id),
            over_http("a conversation", "GET", "/api/v1/conversations/{}/messages", other.toy_id),
            over_http("deleting a message", "DELETE", "/api/v1/messages/{}", message_id),
            over_http("a toy", "GET", "/api/v1/toys/{}", other.toy_id),
            over_http("a claim for a toy", "POST", "/api/v1/toys/{}/guardians", other.toy_id),
            over_http("a recording", "GET", "/api/v1/library/{}", item_id),
            over_http("its cover", "GET", "/api/v1/library/{}/cover", item_id),
            over_http("its sound", "GET", "/api/v1/audio/{}.mp3", item_id),
            Pair("to_user: a grown-up", text_to(other.person_id), text_to("p_" + UNKNOWN)),
            Pair("to_user: a toy", text_to(other.toy_id), text_to("t_" + UNKNOWN)),
            Pair("logging in", log_in("person1"), log_in("nobody1")),
        ]


# ── measuring ──


async def timed(ask: Ask) -> tuple[float, object]:
    """Milliseconds, and the answer."""
    began = time.perf_counter()
    answer = await ask()
    return (time.perf_counter() - began) * 1000, answer


async def measure(pair: Pair, samples: int) -> Result:
    """Raises RuntimeError when the answers themselves differ."""
    for _ in range(WARM_UP):
        (last, one), (_, other) = await timed(pair.theirs), await timed(pair.nobodys)
        if one != other:
            raise RuntimeError(f"{pair.what}: {one!r} is not {other!r}")
    times: dict[Ask, list[float]] = {pair.theirs: [], pair.nobodys: []}
    for _ in range(samples if last < LONGER else samples // 10):
        for ask in random.sample([*times], 2):  # whoever goes first may pay for what both need
            times[ask].append((await timed(ask))[0])
    return Result(*map(statistics.median, times.values()))


async def keep_something(server: ServerProcess, family: Family) -> tuple[str, str]:
    """A message and a recording, both with sound, that are this family's alone."""
    async with (
        open_socket(f"{server.ws_url}/app", family.person_token) as phone,
        open_socket(f"{server.ws_url}/toy", family.toy_token) as toy,
    ):
        await send_voice(phone, family.toy_id, "1", await asyncio.to_thread((CLIPS / "hello_nb.amr").read_bytes))
        message_id = (await next_frame(toy, "voice"))["id"]
        await acknowledge(toy, message_id)
    form = aiohttp.FormData({"title": "Lullaby"})
    form.add_field("audio", await asyncio.to_thread((CLIPS / "hello.mp3").read_bytes), filename="song.mp3")
    headers = {"Authorization": f"Bearer {family.person_token}"}
    async with aiohttp.ClientSession(server.http_url, headers=headers) as http:
        async with http.post("/api/v1/library", data=form) as answer:
            item_id = (await answer.json())["id"]
        while True:
            async with http.get(f"/api/v1/library/{item_id}") as answer:
                if (await answer.json())["state"] == "ready":
                    return message_id, item_id
            await asyncio.sleep(0.1)


async def compare(folder: Path, samples: int) -> bool:
    asker, other = await settle(folder / "data", 2)
    server = ServerProcess(folder / "data", ROOM)
    print(f"{'median of the answer':24}{'theirs':>12}{'nobodys':>12}{'ratio':>8}   goal: {1 / GOAL:.2f} to {GOAL:.2f}")
    is_good = True
    async with running(server):
        kept = await keep_something(server, other)
        async with questions(server, asker, other, *kept) as pairs:
            for pair in pairs:
                result = await measure(pair, samples)
                print(f"{pair.what:24}{result.theirs:9.3f} ms{result.nobodys:9.3f} ms{result.ratio:8.2f}")
                is_good &= result.is_good
    return is_good


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=500, help="questions of each kind (default 500)")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="toybackend-timing-"))
    try:
        sys.exit(0 if asyncio.run(compare(folder, given.samples)) else 1)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
