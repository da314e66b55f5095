"""Handshakes that are none, tokens that are none, and those who only hold a place. Each is answered and over, nothing
is in the log, and nobody else notices. What follows a good handshake is in `test_hostile_sockets.py`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import pytest

from tests.end_to_end.conftest import settings_in
from tests.end_to_end.family import Family, add_family, add_somebody, issue_licence, waiting_toy
from tests.end_to_end.line import PATIENCE, bare
from tests.end_to_end.test_hostile_sockets import WRONG
from toybackend.app import serving
from toybackend.gateway import server
from toybackend.house import House
from toybackend.models import PartyKind
from toybackend.settings import Settings, Sockets

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.usefixtures("calm_log", "cheap_hashes", "nobody_else_notices"),
]

HELLO_SECONDS = 2.0


@pytest.fixture(scope="module")
def server_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    limits = Sockets(hello_seconds=HELLO_SECONDS, messages_per_minute=10_000)
    return replace(settings_in(tmp_path_factory.mktemp("attacked")), sockets=limits)


# ── what is no handshake of ours ──

KEY = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
UPGRADE = b"Upgrade: websocket\r\nConnection: Upgrade\r\n" + KEY


def ask(path: bytes = b"/app", *lines: bytes, method: bytes = b"GET", version: bytes = b"1.1") -> bytes:
    """A handshake with these lines as well."""
    request = method + b" " + path + b" HTTP/" + version + b"\r\nHost: 127.0.0.1\r\n" + UPGRADE
    return request + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


REFUSED: dict[str, tuple[int, bytes]] = {
    "a path too long": (414, ask(b"/app?" + b"x" * 9000)),
    "a path without end": (414, b"GET /" + b"x" * 20_000),
    "a line too long": (431, ask(b"/app", b"X: " + b"x" * 9000)),
    "a line without end": (431, ask(b"/app")[:-2] + b"X: " + b"x" * 20_000),
    "too many lines": (431, ask(b"/app", *[b"X: y"] * 130)),
    "too much in all": (431, ask(b"/app", *[b"X: " + b"y" * 1000] * 25)),
    "lines without end": (431, ask(b"/app")[:-2] + (b"X: " + b"y" * 8000 + b"\r\n") * 4),
    "no HTTP": (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\n"),
    "a line that is none": (400, ask(b"/app", b"no colon here")),
    "a name with a space": (400, ask(b"/app", b"Authorization : Bearer x")),
    "a line that goes on": (400, ask(b"/app", b"X: y", b" folded")),
    "a NUL": (400, ask(b"/app", b"X: \0")),
    "a bare line feed": (400, b"GET /app HTTP/1.1\nHost: 127.0.0.1\n\n"),
    "a path that is not ASCII": (400, ask("/ä".encode())),
    "HTTP/2": (400, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "HTTP/1.0": (505, ask(version=b"1.0")),
    "a body": (400, ask(b"/app", b"Content-Length: 5")),
    "a body in chunks": (400, ask(b"/app", b"Transfer-Encoding: chunked")),
    "both": (400, ask(b"/app", b"Content-Length: 0", b"Transfer-Encoding: chunked")),
    "POST": (405, ask(method=b"POST")),
    "no upgrade": (426, b"GET /app HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"),
    "no key": (400, ask().replace(KEY, b"Sec-WebSocket-Version: 13\r\n")),
    "two keys": (400, ask(b"/app", b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")),
    "a key too short": (400, ask().replace(b"dGhlIHNhbXBsZSBub25jZQ==", b"eA==")),
    "another version": (400, ask().replace(b"Version: 13", b"Version: 8")),
    "a page of somebody else": (403, ask(b"/app", b"Origin: https://evil.example")),
    "a page of nobody": (403, ask(b"/app", b"Origin: null")),
    "two pages": (403, ask(b"/app", b"Origin: http://localhost:1", b"Origin: https://evil.example")),
    "two names, and a page of one": (403, ask(b"/app", b"Host: evil.example", b"Origin: http://evil.example:80")),
    "a path of no socket": (404, ask(b"/application")),
    "a path up": (404, ask(b"/../app")),
    "a whole address": (404, ask(b"http://127.0.0.1/app")),
    "a path with a line feed": (404, ask(b"/app%0d%0aX:y")),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_is_no_handshake_of_ours_is_answered_and_over(name: str, server: House) -> None:
    status, request = REFUSED[name]
    answer = await answer_to(server, request)
    assert answer.startswith(b"HTTP/1.1 %d " % status), answer[:200]
    assert b"\r\nConnection: close\r\n" in answer


async def answer_to(house: House, request: bytes) -> bytes:
    """Everything until the server hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", house.listeners.ws_port)
    try:
        async with asyncio.timeout(PATIENCE):
            writer.write(request)
            return await reader.read()
    finally:
        writer.close()


async def test_what_breaks_the_protocol_right_behind_the_handshake_ends_the_connection(family: Family) -> None:
    """There is no socket yet that could say why."""
    handshake = ask(b"/app", f"Authorization: Bearer {family.mum.token}".encode())
    for name in ("not masked", "no UTF-8", "close code 1005", "a frame of 2 GiB"):
        assert b"welcome" not in await answer_to(family.house, handshake + WRONG[name][1])


async def test_a_handshake_that_does_not_end_is_cut_off(server: House) -> None:
    requests = (b"", b"GET /app HTTP/1.1\r\n", ask()[:-2])
    assert await asyncio.gather(*(answer_to(server, request) for request in requests)) == [b""] * 3


async def test_a_handshake_by_drops_is_cut_off(server: House) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.listeners.ws_port)
    with pytest.raises(ConnectionError):
        async with asyncio.timeout(PATIENCE):
            while not reader.at_eof():
                writer.write(b"X")
                await writer.drain()
                await asyncio.sleep(0.02)
            raise ConnectionResetError  # an orderly end is as good
    writer.close()


async def test_a_token_in_the_address_is_no_token_and_not_in_the_log(
    family: Family, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "toybackend.gateway")
    token = family.mum.token.encode()
    for request in (ask(b"/app?token=" + token), ask(b"/app/" + token), ask(b"/" + token + b"x" * 9000)):
        assert (await answer_to(family.house, request))[9:12] in (b"404", b"414")
    assert family.mum.token not in caplog.text


async def test_two_tokens_are_none(family: Family) -> None:
    mum = f"Bearer {family.mum.token}"
    for lines in ([mum, mum], [mum, "Bearer x"], ["Bearer x", mum]):
        async with bare(family.mum.url, additional_headers=[("Authorization", line) for line in lines]) as made:
            assert await made.end() == 4401


# ── what is not a token, or not of this kind ──


async def claim_code(family: Family) -> str:
    return (await waiting_toy(family.house))[1]


async def invitation(family: Family) -> str:
    codes, _ = await family.house.accounts.invite(1)
    return codes[0]


async def licence(family: Family) -> str:
    return await issue_licence(family.house)


async def own_id(family: Family) -> str:
    return family.mum.id


async def of_a_waiting_toy(family: Family) -> str:
    return (await waiting_toy(family.house))[0].token


async def of_somebody_who_left(family: Family) -> str:
    gone = await add_somebody(family.house, "Gone")
    await family.house.erasing.erase_account(gone.party.id)
    return gone.token


async def of_a_toy_that_was_handed_on(family: Family) -> str:
    await family.house.erasing.erase_toy(family.bear.party.id)
    return family.bear.token


async def of_a_closed_session(family: Family) -> str:
    token = await family.house.tokens.give(family.mum.party.id, PartyKind.PERSON)
    await family.house.tokens.end(token)
    return token


@pytest.mark.parametrize(
    "make",
    [
        claim_code,
        invitation,
        licence,
        own_id,
        of_a_waiting_toy,
        of_somebody_who_left,
        of_a_toy_that_was_handed_on,
        of_a_closed_session,
    ],
    ids=lambda make: make.__name__,
)
async def test_what_is_no_token_here_is_4401(make: Callable[[Family], Awaitable[str]], family: Family) -> None:
    shown = await make(family)
    for url in {family.mum.url, family.bear.url} - ({family.bear.url} if make is of_a_waiting_toy else set()):
        async with bare(url, additional_headers={"Authorization": f"Bearer {shown}"}) as made:
            assert await made.end() == 4401
        async with bare(url) as made:
            await made.say(type="hello", token=shown)
            assert await made.end() == 4401


# ── those who only hold on ──


@asynccontextmanager
async def connections(house: House, count: int) -> AsyncIterator[list[asyncio.StreamReader]]:
    """As many that say nothing."""
    opened = [await asyncio.open_connection("127.0.0.1", house.listeners.ws_port) for _ in range(count)]
    try:
        yield [reader for reader, _ in opened]
    finally:
        for _, writer in opened:
            writer.close()


async def test_whoever_holds_every_place_in_the_lobby_keeps_nobody_out(settings: Settings) -> None:
    limits = Sockets(max_handshakes=5, hello_seconds=60)
    async with serving(replace(settings, sockets=limits)) as house:
        family = await add_family(house)
        async with connections(house, 20) as silent, bare(family.mum.url) as sly:
            async with family.mum.line() as mum, family.bear.hello() as bear:
                await bear.hear("text", id=await mum.text(family.bear.id, "here we are"))
                async with connections(house, 20):
                    assert await sly.end() == 1013
                await bear.hear("text", id=await mum.text(family.bear.id, "and here we stay"))
            ended = await asyncio.gather(*(ends(reader) for reader in silent[:15]))
        assert all(ended)


async def test_who_shows_a_token_does_not_wait_behind_those_who_show_none(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "PAUSE_SECONDS", 3600.0)
    async with serving(settings) as house:
        family = await add_family(house)
        async with bare(family.mum.url):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3), bare(family.mum.url):
                    pass
            async with family.mum.line() as mum, family.bear.line() as bear:
                await bear.hear("text", id=await mum.text(family.bear.id, "here we are"))


async def ends(reader: asyncio.StreamReader) -> bool:
    try:
        async with asyncio.timeout(PATIENCE):
            return await reader.read() == b""
    except ConnectionError:
        return True


async def test_stopping_waits_for_nobody_who_only_holds_on(settings: Settings) -> None:
    async with asyncio.timeout(PATIENCE), AsyncExitStack() as outside:
        async with serving(replace(settings, sockets=Sockets(hello_seconds=3600))) as house:
            (mute,) = await outside.enter_async_context(connections(house, 1))
            # Who came later is in: so is the first.
            await outside.enter_async_context(bare(f"{house.listeners.public().ws_url}/app"))
        assert await ends(mute)
