"""What people see when the server is told to stop, or dies, in the middle of everything. A process of its own.

                                 the mother's phone                           the toy
  told to stop while it          the voice's «delivered», or nothing yet      the voice once, sooner or later
  converts
  told to stop in the middle     1001 for every socket that is read;          what was accepted, once, after the next
  of everything                  half a voice was never accepted, the same    start; its download goes on with a range
                                 `ref` goes through at the next start
  told twice                     the line drops at once                       everything, once, after the next start
  killed while it converts       nothing; the line drops                      the voice once, after the restart
  killed by a clip, each time    the line drops; «failed» for that clip in    voices that are not that one, also those
  it is converted                the end                                      that were sent after it

It stops within `STOP_SECONDS` for conversions, three seconds for sockets and five for HTTP, with exit code 0.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from tests.end_to_end.breakable import BreakableFfmpeg
from tests.end_to_end.family import Family, add_family, database_of
from tests.end_to_end.faults import Server, arrives_once, server_process, settle
from tests.end_to_end.line import Line, line, until
from tests.end_to_end.observing import everything
from tests.end_to_end.peer import Peer
from tests.world import accept, message
from toybackend.house import open_house
from toybackend.models import MessageId
from toybackend.settings import Settings

pytestmark = [pytest.mark.timeout(90), pytest.mark.usefixtures("cheap_hashes")]

SOCKETS_SECONDS, HTTP_SECONDS = 3.0, 5.0
SLACK_SECONDS = 4.0
"""For a machine that has other things to do."""


async def send_until_it_is_converted(ws_url: str, family: Family, tool: BreakableFfmpeg, clip: bytes) -> str:
    async with line(f"{ws_url}/app", family.mum.token) as mum:
        sent = await mum.voice(family.bear.id, clip)
        await until(lambda: tool.has_started)
        return sent


def files_of(settings: Settings, message_id: str) -> list[str]:
    kept = settings.storage.data_dir / "audio" / "kept"
    return sorted(found.name.removeprefix(message_id) for found in kept.rglob(f"{message_id}*"))


# ── while it converts ──


@pytest.mark.parametrize(("stop_seconds", "slowness"), [(10.0, 0.5), (0.2, 60.0)], ids=["finishes", "hands over"])
async def test_told_to_stop_while_it_converts(
    stop_seconds: float, slowness: float, breakable: Settings, tool: BreakableFfmpeg, clip: bytes
) -> None:
    family = await settle(breakable)
    tool.slow_down(slowness)
    async with server_process(breakable, STOP_SECONDS=stop_seconds) as server:
        sent = await send_until_it_is_converted(server.ws_url, family, tool, clip)
        server.process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(server.process.wait(), 8) == 0
    is_finished = stop_seconds > slowness
    assert files_of(breakable, sent) == ([".mp3"] if is_finished else []) + [".original"]
    tool.repair()
    async with server_process(breakable) as server:
        await arrives_once(server.ws_url, family, sent)


async def test_told_twice(breakable: Settings, tool: BreakableFfmpeg, clip: bytes) -> None:
    family = await settle(breakable)
    tool.slow_down(60.0)
    async with server_process(breakable, STOP_SECONDS=60) as server:
        sent = await send_until_it_is_converted(server.ws_url, family, tool, clip)
        server.process.send_signal(signal.SIGTERM)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(server.process.wait(), 0.5)
        server.process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(server.process.wait(), 2) == -signal.SIGINT
    tool.repair()
    async with server_process(breakable) as server:
        await arrives_once(server.ws_url, family, sent)


async def test_killed_while_it_converts(breakable: Settings, tool: BreakableFfmpeg, clip: bytes) -> None:
    family = await settle(breakable)
    tool.slow_down(1.0)
    async with server_process(breakable) as server:
        sent = await send_until_it_is_converted(server.ws_url, family, tool, clip)
        await server.killed()
    tool.repair()
    async with server_process(breakable) as server:
        await arrives_once(server.ws_url, family, sent)
    assert files_of(breakable, sent) == [".mp3", ".original"]


# ── in the middle of everything ──


@dataclass(slots=True)
class Town:
    """What people do at one moment, none of it finished."""

    family: Family
    quiet: Family
    """Its toy never reads what it is sent."""
    server: Server
    under_way: list[asyncio.Task[object]] = field(default_factory=list)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.family.mum.token}"}

    def mum(self) -> AbstractAsyncContextManager[Line]:
        return line(f"{self.server.ws_url}/app", self.family.mum.token)

    def bear(self) -> AbstractAsyncContextManager[Line]:
        return line(f"{self.server.ws_url}/toy", self.family.bear.token)

    async def call(self, method: str, path: str, **options: Any) -> tuple[int, bytes]:
        async with (
            aiohttp.ClientSession(self.server.http_url, headers=self.headers) as http,
            http.request(method, f"/api/v1{path}", **options) as answer,
        ):
            return answer.status, await answer.read()

    async def upload(self, song: io.BytesIO | AsyncIterator[bytes]) -> dict[str, Any]:
        form = aiohttp.FormData({"title": "A song"})
        form.add_field("audio", song, filename="song", content_type="audio/wav")
        status, body = await self.call("POST", "/library", data=form)
        assert status == 202, body
        return dict(json.loads(body))

    async def send_half(self, ref: str, voice: bytes) -> None:
        async with self.mum() as mum:
            await mum.say(to_user=self.family.bear.id, ref=ref)
            await mum.socket.send(half(voice))

    @asynccontextmanager
    async def unread(self, path: str) -> AsyncIterator[None]:
        """Asked for; what comes stays where it is."""
        url, loop = urlsplit(self.server.http_url), asyncio.get_running_loop()
        with socket.socket() as wire:
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            wire.setblocking(False)
            await loop.sock_connect(wire, (url.hostname, url.port))
            lines = [f"GET /api/v1{path} HTTP/1.1", "Host: toys", *(f"{k}: {v}" for k, v in self.headers.items())]
            await loop.sock_sendall(wire, ("\r\n".join(lines) + "\r\n\r\n").encode())
            assert await loop.sock_recv(wire, 12) == b"HTTP/1.1 200"
            yield

    def begin(self, task: Coroutine[Any, Any, object]) -> None:
        self.under_way.append(asyncio.create_task(task))

    async def drop(self) -> None:
        """Whatever was not finished."""
        for task in self.under_way:
            task.cancel()
        await asyncio.gather(*self.under_way, return_exceptions=True)


async def half(data: bytes) -> AsyncIterator[bytes]:
    """And then nothing more."""
    yield data[: len(data) // 2]
    await asyncio.Event().wait()


async def move_in(settings: Settings) -> tuple[Family, Family]:
    async with open_house(settings) as house:
        return await add_family(house), await add_family(house)


async def write_letters(settings: Settings, family: Family) -> list[str]:
    """More for the toy than any buffer on the way holds."""
    async with open_house(settings) as house:
        letters = [message(family.mum.party, family.bear.party, text="x" * 1_000_000) for _ in range(8)]
        return [(await accept(database_of(house), letter)).message.id for letter in letters]


@pytest.fixture
def song(clips: Path) -> bytes:
    """A megabyte; what says how long it is, is wrong, as it often is."""
    wav = (clips / "hello.wav").read_bytes()
    return wav + wav[44:] * 9


async def test_told_to_stop_in_the_middle_of_everything(
    breakable: Settings, tool: BreakableFfmpeg, clip: bytes, song: bytes, tmp_path: Path
) -> None:
    family, quiet = await move_in(breakable)
    letters = await write_letters(breakable, quiet)
    voice = clip + clip[6:] * 30
    audio = breakable.storage.data_dir / "audio"
    async with server_process(breakable, CONVERT_SECONDS=60, STOP_SECONDS=0.5) as server, AsyncExitStack() as stack:
        town = Town(family, quiet, server)
        mum, bear = [await stack.enter_async_context(one()) for one in (town.mum, town.bear)]
        heard = await mum.voice(family.bear.id, voice)
        await bear.ack((await bear.hear("voice", id=heard))["id"])
        tool.slow_down(60.0)
        waiting = await mum.voice(family.bear.id, clip)
        added = await town.upload(io.BytesIO(song))
        await stack.enter_async_context(Peer.connected(f"{server.ws_url}/toy", quiet.bear.token))
        for path in (f"/audio/{heard}.mp3", "/me/export"):
            await stack.enter_async_context(town.unread(path))
        town.begin(town.send_half("half", voice))
        town.begin(town.upload(half(song)))
        await until(lambda: tool.has_started and len([*(audio / "incoming").iterdir()]) == 2)
        backup = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "toybackend", "backup", str(tmp_path / "copy")),
            *("--data", str(breakable.storage.data_dir)),
        )

        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert [await one.end() for one in (mum, bear)] == [1001, 1001]
        assert await asyncio.wait_for(server.process.wait(), 30) == 0
        assert time.monotonic() - began < 0.5 + SOCKETS_SECONDS + HTTP_SECONDS + SLACK_SECONDS
        await town.drop()
    assert [*(audio / "incoming").iterdir()] == [*(audio / "work").iterdir()] == []
    assert await backup.wait() == 0
    assert waiting in {one.partition(".")[0] for one in os.listdir(tmp_path / "copy" / "audio")}

    tool.repair()
    async with server_process(breakable) as town.server:
        await _everything_goes_on(town, waiting, heard, added["id"], voice)
        async with line(f"{town.server.ws_url}/toy", quiet.bear.token, max_size=None) as toy:
            assert [(await toy.next())["id"] for _ in letters] == letters


async def _everything_goes_on(town: Town, waiting: str, heard: str, song_id: str, voice: bytes) -> None:
    async with town.mum() as mum, town.bear() as bear:
        again = await mum.voice(town.family.bear.id, voice, ref="half")
        for message_id in (waiting, again):
            assert (await bear.next())["id"] == message_id
            await bear.ack(message_id)
        assert await everything(bear, 0.2) == []
    status, rest = await town.call("GET", f"/audio/{heard}.mp3", headers={"Range": "bytes=100000-"})
    assert status == 206 and (await town.call("GET", f"/audio/{heard}.mp3"))[1][100_000:] == rest
    assert (await town.call("GET", "/me/export"))[0] == 200
    while b'"converting"' in (found := (await town.call("GET", f"/library/{song_id}"))[1]):
        await asyncio.sleep(0.05)
    assert b'"ready"' in found
    assert len(json.loads((await town.call("GET", "/library"))[1])["items"]) == 1  # half a song was never one


# ── a clip that kills ──


async def test_a_clip_kills_the_server_each_time(
    breakable: Settings, tool: BreakableFfmpeg, clip: bytes, long_clip: bytes
) -> None:
    """Two deaths, a last try after a pause, and it is given up. Everybody else's voices come through."""
    family, other = await move_in(breakable)
    tool.kill_whoever_runs_it(over_bytes=len(clip) + 100)
    poison = await _dies_over(breakable, family, long_clip)
    for _ in range(2):
        async with server_process(breakable, CONVERT_TRIES=2) as server:
            assert await asyncio.wait_for(server.process.wait(), 10) == -signal.SIGKILL
    async with server_process(breakable, CONVERT_TRIES=2) as server:
        await _are_served(server, family, clip)
        await _are_served(server, other, clip)
    async with open_house(breakable) as house:
        found = await house.database.outcome(MessageId(poison))
        assert found is not None and found[0].failure == "internal"
    assert files_of(breakable, poison) == []


async def _dies_over(settings: Settings, family: Family, clip: bytes) -> str:
    """The id of the clip."""
    async with server_process(settings, CONVERT_TRIES=2) as server:
        async with line(f"{server.ws_url}/app", family.mum.token) as mum:
            sent = await mum.voice(family.bear.id, clip)
        assert await asyncio.wait_for(server.process.wait(), 10) == -signal.SIGKILL
        return sent


async def _are_served(server: Server, family: Family, clip: bytes) -> None:
    async with (
        line(f"{server.ws_url}/app", family.mum.token) as mum,
        line(f"{server.ws_url}/toy", family.bear.token) as bear,
    ):
        for message_id in (await mum.voice(family.bear.id, clip), await mum.text(family.bear.id, "did you hear me?")):
            assert (await bear.next())["id"] == message_id
