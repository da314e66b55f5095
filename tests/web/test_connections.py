from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

import pytest

from tests.web.conftest import OpenHouse
from tests.web.fakes import ANNA, MESSAGE, House
from toybackend.settings import Http, Settings
from toybackend.web import connections
from toybackend.web.application import CONNECTIONS
from toybackend.web.connections import AT_ONCE, MOST_AHEAD, MOST_FIELD, MOST_FIELDS, MOST_HEAD, MOST_LINE, Connection
from toybackend.web.pages import PAGES

GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
SOON = 0.4
"""Seconds: a limit that a test waits for."""
PATIENCE = 10.0
BIG = 3 << 20
"""Bytes of a file that no buffer on the way takes as a whole."""


@pytest.fixture(autouse=True)
def calm(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whoever is cut, no line is above INFO."""
    with caplog.at_level(logging.INFO):
        yield
    assert [one.getMessage() for one in caplog.get_records("call") if one.levelno > logging.INFO or one.exc_info] == []


class Wire:
    """A client that says and reads what the test wants, and has little room for what it does not read."""

    def __init__(self, wire: socket.socket) -> None:
        self._wire = wire
        self._loop = asyncio.get_running_loop()

    async def say(self, data: bytes) -> None:
        await self._loop.sock_sendall(self._wire, data)

    async def read(self, most: int = 65_536) -> bytes:
        """What came; nothing at the end."""
        async with asyncio.timeout(PATIENCE):
            return await self._loop.sock_recv(self._wire, most)

    async def answer(self) -> tuple[int, bytes]:
        """Status and body, which says how long it is."""
        data = b""
        while b"\r\n\r\n" not in data:
            data += await self._more()
        head, _, body = data.partition(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        while len(body) < int(fields[b"content-length"]):
            body += await self._more()
        return int(head.split()[1]), body

    async def _more(self) -> bytes:
        data = await self.read()
        assert data, "it ended before the answer did"
        return data

    async def problem(self) -> tuple[int, str]:
        """Status and code of an answer after which it ends."""
        status, body = await self.answer()
        assert await self.end() == b""
        return status, json.loads(body)["code"]

    async def end(self) -> bytes:
        """All that still comes until it ends, or is cut."""
        data = b""
        try:
            while more := await self.read():
                data += more
        except ConnectionResetError:
            pass
        return data


@asynccontextmanager
async def connected(house: House) -> AsyncIterator[Wire]:
    with socket.socket() as wire:
        wire.setblocking(False)
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await asyncio.get_running_loop().sock_connect(wire, ("127.0.0.1", house.port))
        yield Wire(wire)


def count(house: House) -> int:
    return len(house.client.app[CONNECTIONS]) if house.client.app else 0


async def until_alone(house: House) -> None:
    async with asyncio.timeout(PATIENCE):
        while count(house):
            await asyncio.sleep(0.02)


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.fixture
async def strict(open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch) -> House:
    """A server that waits for nothing long."""
    monkeypatch.setattr(connections, "GRACE_SECONDS", SOON)
    return await open_house(Settings(http=Http(header_seconds=SOON, keep_alive_seconds=3 * SOON)))


# ── waiting for a request ──


async def test_headers_that_come_too_slowly(strict: House) -> None:
    async with connected(strict) as wire:
        began = monotonic()

        async def drip() -> None:
            for byte in GET[:-1]:
                await wire.say(bytes([byte]))
                await asyncio.sleep(0.05)

        dripping = asyncio.create_task(drip())
        try:
            assert await wire.problem() == (408, "request_timeout")
        finally:
            dripping.cancel()
            await asyncio.gather(dripping, return_exceptions=True)
        assert monotonic() - began < 3 * SOON
    await until_alone(strict)


async def test_who_says_nothing_is_cut_without_a_word(strict: House) -> None:
    async with connected(strict) as wire:
        assert await wire.end() == b""
    await until_alone(strict)


async def test_between_two_requests_there_is_more_time_and_then_it_ends(strict: House) -> None:
    async with connected(strict) as wire:
        for pause in (0.0, 2 * SOON, 2 * SOON):
            await asyncio.sleep(pause)
            await wire.say(GET)
            assert (await wire.answer())[0] == 200
        await wire.say(GET[:20])  # from here on it is a request, with the time that one has
        assert await wire.problem() == (408, "request_timeout")
    async with connected(strict) as wire:
        await wire.say(GET)
        assert (await wire.answer())[0] == 200
        began = monotonic()
        assert await wire.end() == b""
        assert 2 * SOON < monotonic() - began < 6 * SOON
    await until_alone(strict)


async def test_a_head_that_is_too_long_as_a_whole(house: House) -> None:
    async with connected(house) as wire:
        await wire.say(GET[:-2])
        field = b"X-%d: " + b"x" * 4000 + b"\r\n"
        for number in range(MOST_HEAD // 4000 + 1):
            await wire.say(field % number)
        await asyncio.sleep(0.1)
        await wire.say(field % 99)
        assert await wire.problem() == (431, "too_long")


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /%b HTTP/1.1\r\nHost: x\r\n\r\n" % (b"x" * MOST_LINE), 414),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: %b\r\n\r\n" % (b"x" * (MOST_FIELD + 1)), 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\n%b: x\r\n\r\n" % (b"x" * (MOST_FIELD + 1)), 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\n%b\r\n" % (b"X: x\r\n" * MOST_FIELDS), 431),
    ],
)
async def test_a_head_with_something_too_long_in_it(house: House, head: bytes, status: int) -> None:
    async with connected(house) as wire:
        await wire.say(head)
        assert await wire.problem() == (status, "too_long")


async def test_who_is_refused_before_the_body_hears_it_while_the_body_comes(house: House) -> None:
    async with connected(house) as wire:
        await wire.say(b"POST /api/v1/library HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % BIG)
        for _ in range(4):
            await wire.say(bytes(MOST_HEAD))
            await asyncio.sleep(0.02)
        assert (await wire.answer())[0] == 401


async def test_some_requests_may_come_ahead_of_their_turn(house: House) -> None:
    async with connected(house) as wire:
        await wire.say(GET * MOST_AHEAD)
        await wire.say(GET[:20])
        got = b""
        while got.count(b"HTTP/1.1 200 OK") < MOST_AHEAD:
            got += await wire.read()
        await wire.say(GET[20:])
        while got.count(b"HTTP/1.1 200 OK") <= MOST_AHEAD:
            got += await wire.read()


@pytest.mark.parametrize("ahead", [GET * (MOST_AHEAD + 2), GET[:-2] + b"X: x\r\n" + b"x" * 2 * MOST_HEAD])
async def test_too_much_ahead_of_its_turn_ends_it(house: House, ahead: bytes) -> None:
    request = await page(house)
    async with connected(house) as wire:
        await wire.say(request)
        await asyncio.sleep(0.1)
        await wire.say(ahead)
        await asyncio.sleep(0.1)
        with contextlib.suppress(ConnectionError):
            await wire.say(GET)
        await until_alone(house)
        assert len(await wire.end()) < 200_000


# ── one too many ──


async def test_one_more_closes_the_one_that_waits_longest(open_house: OpenHouse) -> None:
    house = await open_house(Settings(http=Http(max_connections=3)))
    async with connected(house) as used, connected(house) as silent, connected(house) as halfway:
        await halfway.say(GET[:20])
        await used.say(GET)
        assert (await used.answer())[0] == 200  # it waits since now; the others since they came
        async with connected(house) as fourth:
            assert await silent.end() == b""
            await fourth.say(GET)
            assert (await fourth.answer())[0] == 200
            async with connected(house) as fifth:
                assert await halfway.end() == b""
                for wire in (used, fourth, fifth):
                    await wire.say(GET)
                    assert (await wire.answer())[0] == 200
        assert count(house) <= 3
    await until_alone(house)


async def test_where_all_are_busy_the_new_one_is_told_to_come_later(open_house: OpenHouse, sound: bytes) -> None:
    house = await open_house(Settings(http=Http(max_connections=2)))
    file, get = await big_file(house)
    async with connected(house) as reads, connected(house) as sends:
        await reads.say(get)
        await sends.say(b"POST /api/v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
        await asyncio.sleep(0.1)
        async with connected(house) as third:
            assert await third.problem() == (503, "overloaded")
        assert (await reads.answer())[1] == await asyncio.to_thread(file.read_bytes)
        async with connected(house) as fourth:  # it waits for a request now, and goes for this one
            await fourth.say(GET)
            assert (await fourth.answer())[0] == 200
    await until_alone(house)


async def test_who_still_reads_what_it_got_does_not_go_for_a_new_one(open_house: OpenHouse) -> None:
    house = await open_house(Settings(http=Http(max_connections=2)))
    async with connected(house) as reads, connected(house) as waits:
        await reads.say(await page(house))  # small enough to be all in the hands of the system
        await asyncio.sleep(0.1)
        async with connected(house) as third:
            assert await waits.end() == b""
            await third.say(GET)
            assert (await third.answer())[0] == 200
        assert (await reads.answer())[0] == 200


# ── reading an answer ──


async def big_file(house: House) -> tuple[Path, bytes]:
    """An MP3 that takes a while, and the request for it."""
    file = house.store.keep(MESSAGE, os.urandom(BIG))
    return file, b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n" % house.link().encode()


async def page(house: House) -> bytes:
    """A request for an answer that the server writes at once, and no small window takes."""
    assert house.client.app is not None
    return (
        b"GET /assets/%b/web_app/vendor/jsQR.js HTTP/1.1\r\nHost: x\r\n\r\n" % house.client.app[PAGES].digest.encode()
    )


async def export(house: House) -> bytes:
    """A request for a ZIP that is written piece by piece."""
    await big_file(house)
    return b"GET /api/v1/me/export HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %b\r\n\r\n" % (
        (await house.token(ANNA)).encode()
    )


async def sound_file(house: House) -> bytes:
    return (await big_file(house))[1]


async def test_a_long_answer_is_whole_and_goes_on_with_the_next(house: House) -> None:
    request = await page(house)
    assert house.client.app is not None
    whole = house.client.app[PAGES].assets["web_app/vendor/jsQR.js"].plain
    async with connected(house) as wire:
        for _ in range(2):
            await wire.say(request)
            assert await wire.answer() == (200, whole)
        await wire.say(request.replace(b"GET", b"HEAD", 1) + GET)
        head = b""
        while b'"alive"' not in head:
            head += await wire.read()
    assert b"Content-Length: %d\r\n" % len(whole) in head and len(head) < 2000


@pytest.mark.parametrize("what", [sound_file, page, export])
async def test_who_reads_too_slowly_is_cut_and_nothing_is_left_of_it(strict: House, what: object) -> None:
    assert callable(what)
    request = await what(strict)
    async with connected(strict) as other:  # opened now, so that all that is opened once is open
        await other.say(request)
        assert (await other.answer())[0] == 200
    await until_alone(strict)
    before, tasks = descriptors(), len(asyncio.all_tasks())
    async with connected(strict) as wire:
        await wire.say(request)
        began = monotonic()
        await asyncio.sleep(0.1)
        while count(strict):
            assert monotonic() - began < PATIENCE
            assert await wire.read(100)
            await asyncio.sleep(0.2)  # 500 bytes a second
        assert monotonic() - began > SOON
        assert len(await wire.end()) < BIG / 2
    async with asyncio.timeout(PATIENCE):
        while descriptors() > before or len(asyncio.all_tasks()) > tasks:
            await asyncio.sleep(0.02)
    # The numbers of its descriptors are given to others, who must not meet anything that was meant for it.
    for _ in range(5):
        async with connected(strict) as next_one:
            await next_one.say(GET)
            assert (await next_one.answer())[0] == 200


async def test_a_toy_that_plays_as_it_reads_is_never_cut(
    open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "GRACE_SECONDS", SOON)
    # A hundredth of what it reads: this machine may be busy with something else.
    house = await open_house(
        Settings(http=Http(header_seconds=SOON, keep_alive_seconds=SOON, least_bytes_per_second=80))
    )
    file, request = await big_file(house)
    file.write_bytes(song := os.urandom(30_000))
    async with connected(house) as wire:
        await wire.say(request)
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += await wire.read(1)
        got, began = b"", monotonic()
        while len(got) < len(song):
            await asyncio.sleep(0.05)
            got += await wire.read(400)
        assert got == song
        assert monotonic() - began > 5 * SOON  # long after the server was through with it, and longer than it may wait


async def test_who_reads_nothing_of_a_small_answer_is_cut_as_well(strict: House) -> None:
    request = await page(strict)
    async with connected(strict) as wire:
        await wire.say(request)
        await asyncio.sleep(0.1)
        await until_alone(strict)
        assert len(await wire.end()) < 200_000


async def test_where_it_is_not_asked_for_nobody_reads_too_slowly(
    open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "GRACE_SECONDS", 0.0)
    limits = Http(header_seconds=0.2, keep_alive_seconds=0.2, least_bytes_per_second=0)
    house = await open_house(Settings(http=limits))
    file, request = await big_file(house)
    async with connected(house) as wire:
        await wire.say(request)
        await asyncio.sleep(1.0)
        assert (await wire.answer())[1] == await asyncio.to_thread(file.read_bytes)


async def test_when_we_stop_who_does_not_read_is_cut(open_house: OpenHouse) -> None:
    house = await open_house()
    _, request = await big_file(house)
    async with connected(house) as wire:
        await wire.say(request)
        await asyncio.sleep(0.1)
        assert house.client.app is not None
        watched = house.client.app[CONNECTIONS]
        ending = watched.watched(house.client.app)
        await anext(ending)
        await anext(ending, None)
        await until_alone(house)


async def test_one_odd_connection_does_not_keep_us_from_looking_at_others(
    strict: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(wire: asyncio.Transport) -> tuple[int, bool]:
        raise struct.error("nobody knows")

    async with connected(strict) as wire:
        with monkeypatch.context() as patch:
            patch.setattr(connections, "_taken", broken)
            await asyncio.sleep(SOON / 2)
        assert "a connection could not be looked at" in caplog.text
        caplog.clear()
        assert await wire.end() == b""


async def test_many_are_looked_at_a_few_at_a_time_and_who_went_meanwhile_is_not(
    strict: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn, looks = 0, Counter[int]()
    looked: set[Connection] = set()
    gone: set[Connection] = set()

    async def count_turns() -> None:
        nonlocal turn
        while True:
            await asyncio.sleep(0)
            turn += 1

    def look_at(all_of_them: connections.Connections, one: Connection, now: float) -> None:
        looks[turn] += 1
        looked.add(one)
        if not gone:
            gone.update([*all_of_them._all - looked][:1])
            for other in gone:
                other.cut()
        assert one not in gone

    monkeypatch.setattr(connections.Connections, "_look_at", look_at)
    turns = asyncio.create_task(count_turns())
    try:
        async with contextlib.AsyncExitStack() as stack, asyncio.timeout(PATIENCE):
            for _ in range(2 * AT_ONCE + 1):
                await stack.enter_async_context(connected(strict))
            looked.clear()
            while len(looked) + len(gone) <= 2 * AT_ONCE:
                await asyncio.sleep(0.01)
    finally:
        turns.cancel()
        await asyncio.gather(turns, return_exceptions=True)
    assert gone
    assert max(looks.values()) <= AT_ONCE
