"""A peer that does nothing by itself: it reads, and answers pings, only when the test says so."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri

from tests.end_to_end.line import PATIENCE

RECEIVE_BUFFER = 4096
"""Bytes that the kernel takes for a peer who does not read."""


class Peer:
    """A TCP socket and the WebSocket protocol on it."""

    def __init__(self, wire: socket.socket, protocol: ClientProtocol) -> None:
        self._wire = wire
        self._protocol = protocol
        self._loop = asyncio.get_running_loop()

    @classmethod
    @asynccontextmanager
    async def connected(cls, url: str, token: str) -> AsyncIterator[Peer]:
        """Asks for the upgrade and reads nothing yet."""
        uri = parse_uri(url)
        with socket.socket() as wire:
            wire.setblocking(False)
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            peer = cls(wire, ClientProtocol(uri))
            await peer._loop.sock_connect(wire, (uri.host, uri.port))
            request = peer._protocol.connect()
            peer._protocol.send_request(request)
            (asked,) = peer._protocol.data_to_send()
            # By hand, because the library refuses to send what is not ASCII.
            header = b"Authorization: Bearer " + token.encode("latin-1") + b"\r\n\r\n"
            await peer._loop.sock_sendall(wire, asked.removesuffix(b"\r\n") + header)
            yield peer

    async def read(self, *, answer: bool = True) -> list[Frame]:
        """The frames that came; with `answer`, pings among them are answered. Raises ConnectionError at the end."""
        async with asyncio.timeout(PATIENCE):
            data = await self._loop.sock_recv(self._wire, 65_536)
        if not data:
            raise ConnectionResetError
        self._protocol.receive_data(data)
        if answer:
            for reply in self._protocol.data_to_send():
                await self._loop.sock_sendall(self._wire, reply)
        return [event for event in self._protocol.events_received() if isinstance(event, Frame)]

    async def welcomed(self) -> None:
        """Returns once the server has said something: the handshake is over."""
        while not await self.read():
            pass

    async def write(self, data: bytes) -> None:
        """These bytes as they are, whatever the protocol says."""
        async with asyncio.timeout(PATIENCE):
            await self._loop.sock_sendall(self._wire, data)

    async def end(self) -> int:
        """Read until the server closes; the close code."""
        while self._protocol.close_rcvd is None:
            await self.read()
        return self._protocol.close_rcvd.code

    async def dropped(self) -> None:
        """Returns once the server has let go of the connection; reads nothing."""
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    await self._loop.sock_sendall(self._wire, EMPTY_PONG)
                except ConnectionError:
                    return
                await asyncio.sleep(0.02)


EMPTY_PONG = bytes([0x80 | Opcode.PONG, 0x80, 0, 0, 0, 0])
"""Unsolicited (RFC 6455, section 5.5.3), masked, no payload: whether it can be sent tells if anybody is there."""
