"""A socket that ended is gone from memory by itself: the garbage collector stops everybody while it looks for it."""

from __future__ import annotations

import asyncio
import gc
import secrets
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace

import pytest
from websockets.server import ServerProtocol

from tests.end_to_end.conftest import settings_in
from tests.end_to_end.family import Family
from tests.end_to_end.line import bare, until
from tests.end_to_end.peer import Peer
from toybackend.gateway.sockets import Socket
from toybackend.settings import Settings, Sockets

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("calm_log", "cheap_hashes")]

SEVERAL = 3


@pytest.fixture(scope="module")
def server_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return replace(settings_in(tmp_path_factory.mktemp("brief")), sockets=Sockets(hello_seconds=0.5, max_handshakes=3))


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def sockets() -> int:
    return sum(type(one) in (Socket, ServerProtocol) for one in gc.get_objects())


async def no_hello(family: Family) -> None:
    async with bare(family.mum.url) as made:
        await made.end()


async def vanishes_before_hello(family: Family) -> None:
    _, writer = await _raw(family)
    writer.transport.abort()


async def never_asks(family: Family) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", family.house.listeners.ws_port)
    await reader.read()
    writer.close()


async def wrong_token(family: Family) -> None:
    async with Peer.connected(family.mum.url, secrets.token_urlsafe(32)) as peer:
        await peer.read()


async def turned_away(family: Family) -> None:
    opened = [await _raw(family) for _ in range(6)]  # more than may be before their welcome
    for reader, writer in opened:
        await reader.read()
        writer.close()


async def says_goodbye(family: Family) -> None:
    async with family.mum.line() as mum:
        await mum.text(family.bear.id, "hello")


async def vanishes(family: Family) -> None:
    async with Peer.connected(family.bear.url, family.bear.token) as peer:
        await peer.read()


async def breaks_the_protocol(family: Family) -> None:
    reader, writer = await _raw(family)
    writer.write(b"\xff\xff\xff\xff\xff")
    await reader.read()
    writer.close()


async def _raw(family: Family) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    port = family.house.listeners.ws_port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"GET /app HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    writer.write(f"{head}Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
    await reader.readuntil(b"\r\n\r\n")
    return reader, writer


ENDS: tuple[Callable[[Family], Awaitable[None]], ...] = (
    no_hello,
    vanishes_before_hello,
    never_asks,
    wrong_token,
    turned_away,
    says_goodbye,
    vanishes,
    breaks_the_protocol,
)


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
async def test_nothing_waits_for_the_collector(end: Callable[[Family], Awaitable[None]], family: Family) -> None:
    await end(family)
    await until(lambda: not [*family.house.hub])
    before = sockets()
    for _ in range(SEVERAL):
        await end(family)
    # One may be held by something that happened meanwhile; without `Socket._let_go` all of them are.
    await until(lambda: sockets() < before + SEVERAL)
