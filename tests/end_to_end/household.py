"""A mother with a phone, her child's toy, and their sockets, frame by frame: for tests that look at the wire."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self

import aiohttp
from websockets.asyncio.client import ClientConnection, connect

from toybackend.app import House, open_house
from toybackend.settings import Settings

PATIENCE_SECONDS = 15.0

Frame = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Household:
    """Ids and tokens, good for every server on the same data folder."""

    mum: str
    mum_token: str
    bear: str
    bear_token: str


async def settle(house: House, name: str = "mum") -> Household:
    """A person who is registered and logged in, and a toy that is switched on and hers."""
    password = secrets.token_hex(8)
    await house.accounts.add(name, password)
    account, token = await house.accounts.log_in(name, password)
    [(toy_id, licence)] = await house.devices.issue(1)
    claim = (await house.devices.power_on(licence)).claim
    assert claim is not None
    await house.devices.bind(name, claim.code, "Bear")
    bear_token = (await house.devices.power_on(licence)).token
    assert bear_token is not None
    return Household(account.id, token, toy_id, bear_token)


async def settle_in_folder(settings: Settings) -> Household:
    """The same before there is a server."""
    async with open_house(settings) as house:
        return await settle(house)


class Line:
    """One socket, and everything that came over it."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self.seen: list[Frame] = []

    async def wait_for(self, kind: str, **fields: object) -> Frame:
        """The first frame of this type with these fields, which may have come already."""
        wanted = {"type": kind, **fields}
        looked_at = 0
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while True:
                    for frame in self.seen[looked_at:]:
                        if wanted.items() <= frame.items():
                            return frame
                    looked_at = len(self.seen)
                    await self._receive()
        except TimeoutError:
            raise AssertionError(f"no {wanted} within {PATIENCE_SECONDS} s; there came {self.seen}") from None

    async def listen(self, seconds: float) -> Self:
        """Take whatever comes within this time."""
        try:
            async with asyncio.timeout(seconds):
                while True:
                    await self._receive()
        except TimeoutError:
            return self

    def ids(self, kind: str) -> list[str]:
        """Of all frames of this type, in order of arrival."""
        return [frame["id"] for frame in self.seen if frame["type"] == kind]

    async def send(self, **frame: object) -> None:
        await self._socket.send(json.dumps(frame))

    async def send_voice(self, to: str, clip: bytes, ref: str) -> None:
        await self.send(to_user=to, ref=ref)
        await self._socket.send(clip)

    async def voice_accepted(self, to: str, clip: bytes, ref: str) -> str:
        """Send a voice; its id once the server has it."""
        await self.send_voice(to, clip, ref)
        return str((await self.wait_for("accepted", ref=ref))["id"])

    async def text_accepted(self, to: str, msg: str, ref: str) -> str:
        await self.send(to_user=to, msg=msg, ref=ref)
        return str((await self.wait_for("accepted", ref=ref))["id"])

    async def close(self) -> None:
        await self._socket.close()

    async def _receive(self) -> None:
        self.seen.append(json.loads(await self._socket.recv()))


@asynccontextmanager
async def line(ws_url: str, path: str, token: str) -> AsyncIterator[Line]:
    """A socket that was welcomed."""
    async with connect(ws_url + path, additional_headers={"Authorization": f"Bearer {token}"}) as socket:
        one = Line(socket)
        await one.wait_for("welcome")
        yield one


async def get(url: str) -> tuple[int, bytes]:
    """(status, body)"""
    async with aiohttp.ClientSession() as http, http.get(url) as response:
        return response.status, await response.read()


async def sound_of(voice: Frame) -> bytes:
    """The MP3 that a `voice` frame links to."""
    status, body = await get(voice["url"])
    assert status == 200
    return body


async def parts_not_well(http_url: str) -> list[str]:
    """What `/readyz` names; empty when all is well."""
    status, body = await get(f"{http_url}/readyz")
    answer = json.loads(body)
    assert (status == 200) == ("not_well" not in answer)
    return list(answer.get("not_well", []))
