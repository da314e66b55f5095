"""What the tests of faults have in common: a family at home, a server that can die, and ways of writing to a disk."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.end_to_end.family import Family, add_family
from tests.end_to_end.line import Line, line
from tests.end_to_end.observing import everything, sound_of
from toybackend.house import House, open_house
from toybackend.settings import Settings


@asynccontextmanager
async def at_home(house: House, family: Family | None = None) -> AsyncIterator[tuple[Family, Line, Line]]:
    """A family, a new one unless it is named, and the sockets of phone and toy."""
    family = family.at(house) if family else await add_family(house)
    async with family.mum.line() as mum, family.bear.line() as bear:
        yield family, mum, bear


async def is_refused(mum: Line, family: Family, ref: str, clip: bytes | None = None) -> None:
    """A voice, or a text, is `overloaded`; the socket stays."""
    await mum.say(to_user=family.bear.id, ref=ref, **({} if clip else {"msg": "hello"}))
    if clip:
        await mum.write(clip)
    refused = await mum.hear("error", ref=ref)
    assert refused["code"] == "overloaded" and refused["retry_after"] > 0


async def goes_through(mum: Line, bear: Line, family: Family, clip: bytes) -> None:
    """What was refused before, as `is_refused` sent it, is sent again and arrives: each once, in order."""
    voice = await mum.voice(family.bear.id, clip, ref="voice")
    text = await mum.text(family.bear.id, "hello", ref="text")
    arrived = []
    for _ in range(2):
        arrived.append((await bear.next())["id"])
        await bear.ack(arrived[-1])
    assert arrived == [voice, text]
    assert await everything(bear, 0.1) == []


# ── a server that can die ──


@dataclass(frozen=True, slots=True)
class Server:
    """A process, and where it listens."""

    process: Process
    http_url: str
    ws_url: str

    async def killed(self) -> None:
        self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def server_process(settings: Settings, **more: object) -> AsyncIterator[Server]:
    """`toybackend serve` as operators run it. `more` are settings without their prefix."""
    process = await start_server(settings, more)
    try:
        assert process.stdout is not None
        _, _, http, ws = (await process.stdout.readline()).decode().split()
        yield Server(process, http.removeprefix("http="), ws.removeprefix("ws="))
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def start_server(settings: Settings, more: Mapping[str, object]) -> Process:
    """It may not be ready yet, nor ever be."""
    environment = {
        **os.environ,
        "TOYBACKEND_FFMPEG": settings.conversion.ffmpeg,
        **{f"TOYBACKEND_{name}": str(value) for name, value in more.items()},
    }
    arguments = ["--data", str(settings.storage.data_dir), "--http-port", "0", "--ws-port", "0"]
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "toybackend", "serve", *arguments, stdout=PIPE, env=environment
    )


async def settle(settings: Settings) -> Family:
    """A family in a data folder, before its server runs."""
    async with open_house(settings) as house:
        return await add_family(house)


async def arrives_once(ws_url: str, family: Family, sent: str) -> None:
    async with line(f"{ws_url}/toy", family.bear.token) as bear:
        assert len(await sound_of(await bear.hear("voice", id=sent))) > 4000
        await bear.ack(sent)
        assert await everything(bear, 0.3) == []
    async with line(f"{ws_url}/toy", family.bear.token) as bear:
        assert await everything(bear, 0.2) == []


# ── the disk ──


@contextmanager
def nothing_is_written(*files: Path) -> Iterator[None]:
    """While the context is open nobody writes to these, not even whoever has them open: what a file system becomes
    that met an error. Skips where this user or this file system cannot do that."""
    names = [str(file) for file in files]
    made = subprocess.run(["chattr", "+i", *names], capture_output=True, check=False)
    try:
        if made.returncode:
            pytest.skip(f"no file can be made immutable here: {made.stderr.decode().strip()}")
        yield
    finally:
        subprocess.run(["chattr", "-i", *names], capture_output=True, check=not made.returncode)
