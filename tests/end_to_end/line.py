"""A raw WebSocket to the server: what a test writes goes out as it is, and what came is there to be looked at."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

PATIENCE = 10.0
"""Seconds after which a test that waits has failed; nothing here takes a tenth of that."""
Frame = dict[str, Any]


class Line:
    """One end of a socket."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.welcome: Frame = {}
        self._put_aside: list[Frame] = []

    async def write(self, message: str | bytes | Sequence[bytes]) -> None:
        """Text, a blob, or a blob in fragments."""
        await self.socket.send(message)

    async def say(self, **frame: Any) -> None:
        await self.write(json.dumps(frame, ensure_ascii=False))

    async def next(self) -> Frame:
        """The very next frame. Raises ConnectionClosed."""
        async with asyncio.timeout(PATIENCE):
            return self._put_aside.pop(0) if self._put_aside else await self._read()

    async def hear(self, kind: str, **fields: Any) -> Frame:
        """The next frame of this type and with these fields; what came before it is kept for later."""
        async with asyncio.timeout(PATIENCE):
            for position, frame in enumerate(self._put_aside):
                if _is_like(frame, kind, fields):
                    return self._put_aside.pop(position)
            while not _is_like(frame := await self._read(), kind, fields):
                self._put_aside.append(frame)
            return frame

    async def refusal(self) -> str:
        """The code of the very next frame, which is an error."""
        frame = await self.next()
        assert frame["type"] == "error", frame
        assert frame["message"]
        return str(frame["code"])

    async def end(self) -> int:
        """Read until the server closes; the close code (RFC 6455, section 7.4)."""
        async with asyncio.timeout(PATIENCE):
            try:
                while True:
                    self._put_aside.append(await self._read())
            except ConnectionClosed:
                return self.socket.close_code or 0

    async def _read(self) -> Frame:
        text = await self.socket.recv()
        assert isinstance(text, str), "the server never sends audio"
        frame = json.loads(text)
        assert isinstance(frame, dict)
        return frame

    # ── what clients do all the time ──

    async def voice(self, to: str, audio: bytes | Sequence[bytes], **header: Any) -> str:
        """Send a voice message to a party; the id under which it was accepted."""
        await self.say(to_user=to, **header)
        await self.write(audio)
        return str((await self.hear("accepted"))["id"])

    async def text(self, to: str, msg: str, **header: Any) -> str:
        await self.say(to_user=to, msg=msg, **header)
        return str((await self.hear("accepted"))["id"])

    async def ack(self, message_id: str) -> None:
        await self.say(type="ack", id=message_id)


def _is_like(frame: Frame, kind: str, fields: Frame) -> bool:
    return bool(frame["type"] == kind and fields.items() <= frame.items())


@asynccontextmanager
async def bare(url: str, **options: Any) -> AsyncIterator[Line]:
    """A socket that has said nothing yet. `options` are those of `websockets.connect`."""
    async with connect(url, proxy=None, compression=None, ping_interval=None, close_timeout=2, **options) as socket:
        yield Line(socket)


@asynccontextmanager
async def line(url: str, token: str, **options: Any) -> AsyncIterator[Line]:
    """A socket whose token went with the handshake, and which was welcomed."""
    async with bare(url, additional_headers={"Authorization": f"Bearer {token}"}, **options) as made:
        made.welcome = await made.next()
        assert made.welcome["type"] == "welcome"
        yield made


@asynccontextmanager
async def hello(url: str, token: str, **fields: Any) -> AsyncIterator[Line]:
    """A socket of a client that cannot set headers."""
    async with bare(url) as made:
        await made.say(type="hello", token=token, **fields)
        made.welcome = await made.next()
        assert made.welcome["type"] == "welcome"
        yield made


async def until(happened: Callable[[], bool]) -> None:
    """For what nobody tells us of, such as files."""
    async with asyncio.timeout(PATIENCE):
        while not happened():
            await asyncio.sleep(0.01)
