"""Looking at the server from outside: what came over a line, what a link gives, what `/readyz` says."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import aiohttp

from tests.end_to_end.line import PATIENCE, Frame, Line
from toybackend.house import House


async def everything(line: Line, seconds: float) -> list[Frame]:
    """Every frame that came and nobody heard yet, and those of the next seconds."""
    frames: list[Frame] = []
    try:
        async with asyncio.timeout(seconds):
            while True:
                frames.append(await line.next())
    except TimeoutError:
        return frames


def ids(frames: Iterable[Frame], kind: str) -> list[str]:
    """Of the frames of this type."""
    return [frame["id"] for frame in frames if frame["type"] == kind]


async def sound_of(voice: Frame) -> bytes:
    """The MP3 that a `voice` frame links to."""
    async with aiohttp.ClientSession() as http, http.get(voice["url"]) as response:
        assert response.status == 200
        return await response.read()


async def until_not_well(house: House, part: str) -> None:
    """Return when `/readyz` names this part; for a second it may give the answer that it gave before."""
    async with asyncio.timeout(PATIENCE):
        while part not in await parts_not_well(house):
            await asyncio.sleep(0.1)


async def until_well(house: House) -> None:
    """The same until it names none."""
    async with asyncio.timeout(PATIENCE):
        while await parts_not_well(house):
            await asyncio.sleep(0.1)


async def parts_not_well(house: House) -> list[str]:
    """What `/readyz` names; empty when all is well."""
    url = f"{house.listeners.bound().http_url}/readyz"
    async with aiohttp.ClientSession() as http, http.get(url) as response:
        answer = await response.json(content_type=None)
        assert (response.status == 200) == ("not_well" not in answer)
        return list(answer.get("not_well", []))
