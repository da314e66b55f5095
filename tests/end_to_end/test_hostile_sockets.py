"""Clients that mean no good, byte by byte. Whatever they send: the right goodbye, nothing in the log, and nobody else
notices. What the protocol refuses is in `test_bad_input.py`, handshakes are in `test_hostile_handshakes.py`."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from tests.end_to_end.conftest import settings_in
from tests.end_to_end.family import Family
from tests.end_to_end.line import bare, until
from tests.end_to_end.peer import Peer
from toybackend.gateway import sockets
from toybackend.settings import Settings, Sockets

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.usefixtures("calm_log", "cheap_hashes", "nobody_else_notices"),
]

FRAMES_PER_MINUTE = 400
FRAGMENTS_PER_MINUTE = 1000
UPLOAD_SECONDS = 0.5


@pytest.fixture(scope="module")
def server_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    limits = Sockets(
        frames_per_minute=FRAMES_PER_MINUTE,
        fragments_per_minute=FRAGMENTS_PER_MINUTE,
        messages_per_minute=10_000,
        upload_seconds=UPLOAD_SECONDS,
        ping_seconds=1.0,
    )
    return replace(settings_in(tmp_path_factory.mktemp("attacked")), sockets=limits)


# ── frames ──

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def frame(
    opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, mask: bytes | None = b"\0\0\0\0"
) -> bytes:
    """One frame, right or wrong (RFC 6455, section 5.2)."""
    size = len(payload)
    length = bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2, "big")
    if mask is None:
        return bytes([fin << 7 | rsv << 4 | opcode]) + length + payload
    head = bytes([fin << 7 | rsv << 4 | opcode, length[0] | 0x80]) + length[1:] + mask
    return head + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


def beginning(opcode: int, declared: int, payload: bytes = b"") -> bytes:
    """The start of a frame that says it has so many bytes."""
    return bytes([0x80 | opcode, 0x80 | 127]) + declared.to_bytes(8, "big") + bytes(4) + payload


def goodbye(code: int, reason: bytes = b"") -> bytes:
    return frame(CLOSE, code.to_bytes(2, "big") + reason)


CUT_SMILE = "☺".encode()[:2]
WRONG: dict[str, tuple[int, bytes]] = {
    "not masked": (1002, frame(TEXT, b"{}", mask=None)),
    "a ping that is not masked": (1002, frame(PING, mask=None)),
    **{f"reserved bit {bit}": (1002, frame(TEXT, b"{}", rsv=bit)) for bit in (4, 2, 1)},
    "a reserved bit of a ping": (1002, frame(PING, rsv=4)),
    **{f"reserved opcode {opcode}": (1002, frame(opcode)) for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)},
    "a ping too long": (1002, frame(PING, bytes(126))),
    "a goodbye too long": (1002, goodbye(1000, bytes(124))),
    "a ping in fragments": (1002, frame(PING, fin=False)),
    "a goodbye in fragments": (1002, frame(CLOSE, fin=False)),
    "a fragment of nothing": (1002, frame(0, b"x")),
    "a last fragment of nothing": (1002, frame(0, b"x", fin=False)),
    "a text within a blob": (1002, frame(BINARY, b"x", fin=False) + frame(TEXT, b"{}")),
    "a blob within a text": (1002, frame(TEXT, b"{", fin=False) + frame(BINARY, b"x")),
    "a goodbye within a blob": (1002, frame(BINARY, b"x", fin=False) + frame(CLOSE)),
    "no UTF-8": (1007, frame(TEXT, b"\xff")),
    "half a surrogate pair": (1007, frame(TEXT, b"\xed\xa0\x80")),
    "no UTF-8 in a later fragment": (1007, frame(TEXT, b"{", fin=False) + frame(0, b"\xff")),
    "cut off within a character": (1007, frame(TEXT, CUT_SMILE)),
    "cut off within a character, in fragments": (1007, frame(TEXT, b"{", fin=False) + frame(0, CUT_SMILE)),
    "half a close code": (1002, frame(CLOSE, b"\x03")),
    **{f"close code {code}": (1002, goodbye(code)) for code in (0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65_535)},
    "a reason that is no UTF-8": (1007, goodbye(1000, b"\xff")),
    "a frame of 2 GiB": (1009, beginning(BINARY, 2 << 30)),
    "a text of 2 GiB": (1009, beginning(TEXT, 2 << 30)),
    "a length with its high bit": (1009, beginning(BINARY, 1 << 63)),
    "the greatest length": (1009, beginning(BINARY, (1 << 64) - 1)),
    "a ping of 2 GiB": (1009, beginning(PING, 2 << 30)),
    "many fragments of a message too large": (
        1009,
        frame(BINARY, bytes(60_000), fin=False) + frame(0, bytes(60_000), fin=False) * 140,
    ),
}


@asynccontextmanager
async def welcome(family: Family) -> AsyncIterator[Peer]:
    """A phone of mum's that says what it likes."""
    async with Peer.connected(family.mum.url, family.mum.token) as peer:
        await peer.welcomed()
        yield peer


@pytest.mark.parametrize("name", WRONG)
async def test_what_breaks_the_protocol_ends_the_socket(name: str, family: Family) -> None:
    code, data = WRONG[name]
    async with welcome(family) as peer:
        await peer.write(data)
        assert await peer.end() == code


async def test_before_hello_it_is_the_same(family: Family) -> None:
    for name in ("not masked", "no UTF-8", "close code 1005", "a text within a blob", "a frame of 2 GiB"):
        code, data = WRONG[name]
        async with bare(family.mum.url) as made:
            made.socket.transport.write(data)
            assert await made.end() == code


@pytest.mark.parametrize("mask", [bytes(4), b"\xff" * 4, b"\0\0\0\1"])
async def test_any_mask_will_do(mask: bytes, family: Family) -> None:
    async with family.bear.line() as bear, welcome(family) as peer:
        await peer.write(frame(TEXT, b'{"to_user":"%b","msg":"masked"}' % family.bear.id.encode(), mask=mask))
        await bear.hear("text", msg="masked")


async def test_a_goodbye_within_a_frame_is_only_bytes(family: Family, clip: bytes) -> None:
    async with family.mum.line() as mum, family.bear.line() as bear:
        await mum.hear("failed", id=await mum.voice(family.bear.id, goodbye(1000) + clip), code="bad_audio")
        await bear.hear("text", id=await mum.text(family.bear.id, "and on it goes"))


async def test_messages_in_fragments_with_pings_between_them(family: Family, clip: bytes) -> None:
    """As they may come by the protocol; a fragment may be empty, too."""
    header = b'{"to_user":"%b"}' % family.bear.id.encode()
    half = len(clip) // 2
    pieces = [
        *(frame(TEXT, header[:5], fin=False), frame(PING, b"1"), frame(0, b"", fin=False), frame(0, header[5:])),
        *(frame(BINARY, clip[:half], fin=False), frame(PONG), frame(0, b"", fin=False), frame(0, clip[half:])),
    ]
    async with family.bear.line() as bear, welcome(family) as peer:
        await peer.write(b"".join(pieces))
        await bear.hear("voice")


# ── too many, too slow ──

ENDLESS: dict[str, Callable[[], bytes]] = {
    "pings": lambda: frame(PING) * 5000,
    "long pings": lambda: frame(PING, bytes(125)) * 5000,
    "pongs": lambda: frame(PONG) * 5000,
    "empty texts": lambda: frame(TEXT) * 5000,
    "empty blobs": lambda: frame(BINARY) * 5000,
    "empty fragments of a blob": lambda: frame(BINARY, fin=False) + frame(0, fin=False) * 5000,
    "fragments of a byte": lambda: frame(BINARY, fin=False) + frame(0, b"x", fin=False) * 5000,
    "empty fragments of a text": lambda: frame(TEXT, fin=False) + frame(0, fin=False) * 5000,
}


@pytest.mark.parametrize("name", ENDLESS)
@pytest.mark.parametrize("has_header", [True, False], ids=["with a header", "without one"])
async def test_a_flood_of_whatever_ends_with_4429(name: str, has_header: bool, family: Family) -> None:
    async with welcome(family) as peer:
        if has_header:
            await peer.write(frame(TEXT, b'{"to_user":"%b"}' % family.bear.id.encode()))
        try:
            await peer.write(ENDLESS[name]())
        except ConnectionError:
            return  # it was cut off before it had said all that
        assert await peer.end() in (4429, 4400)


async def test_a_flood_before_hello_ends_as_well(family: Family) -> None:
    for data in (frame(PING) * 1000, frame(TEXT, fin=False) + frame(0, fin=False) * 5000):
        async with bare(family.mum.url) as made:
            made.socket.transport.write(data)
            assert await made.end() == 4429


async def test_a_fair_number_of_fragments_is_fine(family: Family, clip: bytes) -> None:
    """As of a toy that sends each frame of its recorder as soon as it has it."""
    async with family.mum.line() as mum, family.bear.line() as bear:
        await bear.hear("voice", id=await mum.voice(family.bear.id, [clip[:6], *pieces(clip[6:], 32)]))


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


TRICKLES = {
    "a blob in fragments": (frame(BINARY, b"x", fin=False), frame(0, b"x", fin=False)),
    "a text in fragments": (frame(TEXT, b"{", fin=False), frame(0, b" ", fin=False)),
    "a blob in one frame": (beginning(BINARY, 100_000), b"x"),
}


@pytest.mark.parametrize("name", TRICKLES)
async def test_a_message_that_never_ends_ends_the_socket(name: str, family: Family) -> None:
    """However alive its sender shows itself."""
    first, more = TRICKLES[name]
    async with welcome(family) as peer:
        await peer.write(frame(TEXT, b'{"to_user":"%b"}' % family.bear.id.encode()) + first)
        trickling = asyncio.create_task(trickle(peer, more))
        try:
            assert await peer.end() == 1013
        finally:
            trickling.cancel()
            await asyncio.gather(trickling, return_exceptions=True)
    async with family.mum.line() as mum, family.bear.line() as bear:
        await bear.hear("text", id=await mum.text(family.bear.id, "the next socket is as good as any"))


async def trickle(peer: Peer, data: bytes) -> None:
    while True:
        await peer.write(data)
        await asyncio.sleep(0.02)


async def test_who_sends_pings_and_reads_nothing_takes_no_memory(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "UNREAD_BYTES", 2000)
    async with welcome(family) as peer:
        [connection] = family.house.hub.of(family.mum.party.id)
        wire = connection.socket.transport.get_extra_info("socket")
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)  # as little as the kernel lets us
        with contextlib.suppress(ConnectionError):
            for _ in range(FRAMES_PER_MINUTE - 10):
                await peer.write(frame(PING, bytes(125)))
                await asyncio.sleep(0)
        await until(lambda: not family.house.hub.is_online(family.mum.party.id))


async def test_nobody_stays_after_goodbye(family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the heart that beats for all waits for none of them."""
    monkeypatch.setattr(sockets, "CLOSE_SECONDS", 0.3)
    for data in (frame(TEXT, b"{}", mask=None), frame(CLOSE)):
        async with welcome(family) as peer:
            await until(lambda: family.house.hub.is_online(family.mum.party.id))
            await peer.write(data)
            await peer.dropped()
        await until(lambda: not family.house.hub.is_online(family.mum.party.id))
