"""A connection that ended is gone from memory by itself: the garbage collector stops everybody while it looks."""

from __future__ import annotations

import asyncio
import gc
import secrets
from asyncio.selector_events import _SelectorSocketTransport  # type: ignore[attr-defined]
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from functools import partial

import pytest
from websockets.server import ServerProtocol

from tests.end_to_end.conftest import settings_in
from tests.end_to_end.family import Family
from tests.end_to_end.line import bare, until
from tests.end_to_end.peer import Peer
from toybackend.gateway.sockets import Socket
from toybackend.house import House
from toybackend.models import PartyId
from toybackend.ports import Changed
from toybackend.settings import Http, Settings, Sockets
from toybackend.web.connections import Connection

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("calm_log", "cheap_hashes")]

SEVERAL = 3
BRIEF = Sockets(hello_seconds=0.5, ping_seconds=1.0, max_handshakes=3)
"""Its heart beats eight times a second."""


@pytest.fixture(scope="module")
def server_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = settings_in(tmp_path_factory.mktemp("brief"))
    return replace(settings, sockets=BRIEF, http=Http(header_seconds=0.5, keep_alive_seconds=0.5))


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def left(house: House) -> int:
    """What there is of connections to the server, at its end of them."""
    ports = (house.listeners.ws_port, house.listeners.http_port)
    everything = gc.get_objects()
    ends = (one.get_extra_info("sockname") for one in everything if type(one) is _SelectorSocketTransport)
    return sum(type(one) in (Socket, ServerProtocol, Connection) for one in everything) + sum(
        end[1] in ports for end in ends
    )


# ── ends of sockets ──


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


async def is_looked_at(family: Family) -> None:
    """By the heart, and because something changed."""
    async with family.mum.line():
        await family.house.bus.publish(Changed(PartyId(family.mum.id)))
        await asyncio.sleep(0.3)


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


# ── ends of HTTP connections ──

ANSWERED = b"GET /api/v1/config HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = b"GET /api/v1/config HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
NOT_FOUND = b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n"
REFUSED = b"POST /api/v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
HALF_A_BODY = REFUSED.replace(b"Length: 2", b"Length: 99")
HALF_A_HEAD = b"GET /api"
NO_HTTP = b"\xff\xff\xff\r\n\r\n"
LONG_HEAD = b"GET / HTTP/1.1\r\nHost: x\r\nA: " + bytes(40_000)


async def http(head: bytes, family: Family, *, is_patient: bool = False) -> None:
    """Who is patient waits until the server hangs up, others go as soon as they have an answer, or not even then."""
    reader, writer = await asyncio.open_connection("127.0.0.1", family.house.listeners.http_port)
    writer.write(head)
    await reader.read(-1 if is_patient else 1)
    writer.close()


async def http_vanishes(head: bytes, family: Family) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", family.house.listeners.http_port)
    writer.write(head)
    await asyncio.sleep(0.05)
    writer.transport.abort()


ENDS: dict[str, Callable[[Family], Awaitable[None]]] = {
    "no hello": no_hello,
    "vanishes before hello": vanishes_before_hello,
    "never asks": never_asks,
    "wrong token": wrong_token,
    "turned away": turned_away,
    "says goodbye": says_goodbye,
    "is looked at": is_looked_at,
    "vanishes": vanishes,
    "breaks the protocol": breaks_the_protocol,
    "answered": partial(http, ANSWERED),
    "answered for the last time": partial(http, LAST, is_patient=True),
    "not found": partial(http, NOT_FOUND),
    "refused": partial(http, REFUSED),
    "kept alive long enough": partial(http, ANSWERED, is_patient=True),
    "half a head": partial(http, HALF_A_HEAD, is_patient=True),
    "no HTTP": partial(http, NO_HTTP, is_patient=True),
    "a long head": partial(http, LONG_HEAD, is_patient=True),
    "half a body": partial(http_vanishes, HALF_A_BODY),
    "nothing": partial(http_vanishes, b""),
}


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
async def test_nothing_waits_for_the_collector(end: Callable[[Family], Awaitable[None]], family: Family) -> None:
    for _ in range(SEVERAL):
        await end(family)
    await until(lambda: not left(family.house))
