"""What is remembered of a peer, and what it may not cost; `end_to_end/test_hostile_sockets.py` has the rest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from toybackend.gateway import sockets as module
from toybackend.gateway.crowd import Crowd
from toybackend.gateway.sockets import MOUTHFUL, Socket
from toybackend.settings import Sockets

PATIENCE = 10.0
LIMITS = Sockets(frames_per_minute=5, fragments_per_minute=10)


@dataclass
class Door:
    """A listener that welcomes nobody and reads everything."""

    max_handshakes: int = 100
    unfinished_bytes: int = 1 << 20
    inside: list[Socket] = field(default_factory=list)
    url: str = ""

    def __post_init__(self) -> None:
        self.lobby = Crowd(self.max_handshakes, Socket.turn_away)
        self.unfinished = Crowd(self.unfinished_bytes, Socket.give_way)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Door]:
        make: Any = partial(Socket, self.lobby, self.unfinished, LIMITS)
        options: dict[str, Any] = {"compression": None, "ping_interval": None, "max_queue": 4}
        async with serve(self._listen, "127.0.0.1", 0, create_connection=make, max_size=1 << 22, **options) as server:
            self.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            yield self

    async def _listen(self, connection: ServerConnection) -> None:
        assert isinstance(connection, Socket)
        self.inside.append(connection)
        try:
            while True:
                await connection.send(str(len(await connection.recv())))
        except ConnectionClosed:
            pass

    @asynccontextmanager
    async def visited(self) -> AsyncIterator[ClientConnection]:
        async with connect(self.url, compression=None, ping_interval=None, proxy=None, close_timeout=1) as peer:
            yield peer


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async with Door().open() as opened:
        yield opened


async def end(peer: ClientConnection) -> int | None:
    """The code that the server closes with."""
    async with asyncio.timeout(PATIENCE):
        await peer.wait_closed()
    return peer.close_code


async def until_empty(crowd: Crowd[Socket]) -> None:
    async with asyncio.timeout(PATIENCE):
        while len(crowd):
            await asyncio.sleep(0.005)


async def test_every_byte_is_a_sign_of_life(door: Door) -> None:
    started = asyncio.get_running_loop().time()
    async with door.visited() as peer:
        await peer.send("hello")
        assert await peer.recv() == "5"
        [socket] = door.inside
        assert socket.heard_at >= socket.framed_at >= started
        assert socket.bearer is None


# ── the lobby ──


async def test_a_socket_is_in_the_lobby_from_its_first_moment_to_its_last(door: Door) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", int(door.url.rpartition(":")[2]))
    async with door.visited():
        assert len(door.lobby) == 2
    writer.close()
    await until_empty(door.lobby)


async def test_who_came_first_goes_first(door: Door) -> None:
    """Cut off where there was no handshake yet, with a word of goodbye where there was."""
    async with Door(max_handshakes=2).open() as small:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(small.url.rpartition(":")[2]))
        async with small.visited() as first, small.visited() as second:
            with pytest.raises(ConnectionError):
                assert await reader.read() == b""
                raise ConnectionResetError  # an orderly end is as good
            async with small.visited() as third:
                assert await end(first) == 1013
                for one in (second, third):
                    await one.send("still here")
                    assert await one.recv() == "10"
        writer.close()


# ── too many frames ──


async def test_one_frame_too_many_in_a_minute_is_a_flood(door: Door) -> None:
    async with door.visited() as peer:
        for _ in range(LIMITS.frames_per_minute):
            await peer.send("x")
            await peer.recv()
        await peer.send("x")
        assert await end(peer) == 4429


async def test_pings_and_pongs_are_frames(door: Door) -> None:
    for send in (ClientConnection.ping, ClientConnection.pong):
        async with door.visited() as peer:
            for _ in range(LIMITS.frames_per_minute + 1):
                await send(peer)
            assert await end(peer) == 4429


async def test_fragments_are_counted_by_themselves(door: Door) -> None:
    async with door.visited() as peer:
        await peer.send([b"x"] * LIMITS.fragments_per_minute)  # the library adds an empty one, and the first is a frame
        assert await peer.recv() == str(LIMITS.fragments_per_minute)
        await peer.send([b"x"] * 2)
        assert await end(peer) == 4429


async def test_every_minute_the_count_starts_anew(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MINUTE", 0.05)
    async with door.visited() as peer:
        for _ in range(4):
            for _ in range(LIMITS.frames_per_minute - 1):
                await peer.send("x")
                await peer.recv()
            await asyncio.sleep(0.06)


async def test_what_comes_behind_a_flood_is_not_looked_at(door: Door) -> None:
    """However much came in one go."""
    async with door.visited() as peer:
        ping = bytes([0x89, 0x80, 0, 0, 0, 0])
        peer.transport.write(ping * 20_000)
        assert await end(peer) == 4429
        [socket] = door.inside
        assert socket._frames <= LIMITS.frames_per_minute + MOUTHFUL / len(ping) + 1


# ── memory ──


def half_a_frame(size: int, declared: int) -> bytes:
    return bytes([0x82, 0x80 | 127]) + declared.to_bytes(8, "big") + bytes(4) + bytes(size)


async def test_frames_that_are_not_whole_may_take_so_much_memory(door: Door) -> None:
    """The one that began first gives way, and its bytes with it."""
    size = 400_000
    async with door.visited() as first, door.visited() as second, door.visited() as third:
        for number, peer in enumerate((first, second), start=1):
            peer.transport.write(half_a_frame(size, 1_000_000))
            await until_held(door, number * size)
        third.transport.write(half_a_frame(size, size))
        assert await third.recv() == str(size)
        assert await end(first) == 1013
        assert len(door.unfinished) == 1
        second.transport.write(bytes(1_000_000 - size))
        assert await second.recv() == "1000000"
        assert door.unfinished.total == 0


async def until_held(door: Door, size: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while door.unfinished.total < size:
            await asyncio.sleep(0.005)


async def test_who_goes_in_the_middle_of_a_frame_leaves_nothing_behind(door: Door) -> None:
    async with door.visited() as peer:
        peer.transport.write(half_a_frame(100_000, 1_000_000))
        await until_held(door, 100_000)
        peer.transport.abort()
        await until_empty(door.unfinished)


async def test_answers_that_nobody_reads_are_bounded(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "UNREAD_BYTES", 10)
    async with door.visited() as peer:
        await peer.send("x")
        await peer.recv()
        [socket] = door.inside
        monkeypatch.setattr(socket.transport, "get_write_buffer_size", lambda: 11)
        await peer.ping()
        assert await end(peer) == 1006


# ── goodbye ──


@pytest.mark.parametrize("last", [b"\xff\xff", b"\x88\x80\0\0\0\0", b"\x88\x82\0\0\0\0\x03\xe8"], ids=str)
async def test_nobody_stays_after_goodbye(door: Door, monkeypatch: pytest.MonkeyPatch, last: bytes) -> None:
    """Whoever said it, and whatever still comes."""
    monkeypatch.setattr(module, "CLOSE_SECONDS", 0.1)
    host, port = "127.0.0.1", int(door.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(
        b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    await reader.readuntil(b"\r\n\r\n")
    writer.write(last)
    with pytest.raises(ConnectionError):
        async with asyncio.timeout(PATIENCE):
            while True:  # not even whoever goes on talking
                writer.write(bytes(10))
                await writer.drain()
                await asyncio.sleep(0.01)
    await until_empty(door.lobby)
    writer.close()
