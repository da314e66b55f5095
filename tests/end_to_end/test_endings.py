"""How sockets end, or never begin; and that the next one of the same client works."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from websockets.exceptions import InvalidStatus

from tests.end_to_end.conftest import settings_in
from tests.end_to_end.family import Family, Somebody, add_family, files, socket_url, waiting_toy
from tests.end_to_end.line import Line, bare, line, until
from tests.end_to_end.peer import Peer
from toybackend.app import serving
from toybackend.models import PartyKind
from toybackend.services.tokens import digest
from toybackend.settings import Audio, Settings, Sockets

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("calm_log", "cheap_hashes")]

MAX_BYTES = 200_000
BAD_FRAMES = 10
FRAMES_PER_MINUTE = 100


@pytest.fixture(scope="module")
def server_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return replace(
        settings_in(tmp_path_factory.mktemp("strict")),
        audio=Audio(max_bytes=MAX_BYTES),
        sockets=Sockets(hello_seconds=1.0, bad_frames=BAD_FRAMES, frames_per_minute=FRAMES_PER_MINUTE, per_person=2),
    )


async def works(family: Family) -> None:
    """A message goes through on new sockets."""
    async with family.mum.line() as mum, family.bear.line() as bear:
        await bear.hear("text", id=await mum.text(family.bear.id, "still here?"))


# ── before the upgrade ──


@pytest.mark.parametrize("path", ["/", "/ap", "/app/", "/toys", "/app?token=x", "/../app", "/ws/app"])
async def test_no_other_path_becomes_a_socket(path: str, family: Family) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with line(socket_url(family.house, path), family.mum.token):
            pass
    assert refused.value.response.status_code == 404
    await works(family)


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:1", "http://127.0.0.1"])
async def test_foreign_pages_open_no_sockets(origin: str, family: Family) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with family.mum.line(origin=origin):
            pass
    assert refused.value.response.status_code == 403
    await works(family)


async def test_our_own_pages_open_sockets(family: Family) -> None:
    port = family.house.listeners.http_port
    for origin in (family.house.listeners.public().http_url, f"http://localhost:{port}", f"http://127.0.0.1:{port}"):
        async with family.mum.line(origin=origin) as mum:
            assert mum.welcome["id"] == family.mum.id


# ── 4401: not authenticated ──


async def wrong(family: Family) -> tuple[str, str]:
    return family.mum.url, secrets.token_urlsafe(32)


async def empty(family: Family) -> tuple[str, str]:
    return family.mum.url, ""


async def expired(family: Family) -> tuple[str, str]:
    token = secrets.token_urlsafe(32)
    await family.house.database.add_token(digest(token), family.mum.party.id, PartyKind.PERSON, 0, 1)
    return family.mum.url, token


async def ended(family: Family) -> tuple[str, str]:
    token = await family.house.tokens.give(family.mum.party.id, PartyKind.PERSON)
    await family.house.tokens.end(token)
    return family.mum.url, token


async def of_an_earlier_boot(family: Family) -> tuple[str, str]:
    older = await family.house.tokens.give(family.bear.party.id, PartyKind.TOY)
    await family.house.database.add_token(digest(family.bear.token), family.bear.party.id, PartyKind.TOY, 0, 1 << 60)
    return family.bear.url, older


async def of_a_toy_on_app(family: Family) -> tuple[str, str]:
    return family.mum.url, family.bear.token


async def of_a_person_on_toy(family: Family) -> tuple[str, str]:
    return family.bear.url, family.mum.token


async def of_a_waiting_toy_on_app(family: Family) -> tuple[str, str]:
    toy, _ = await waiting_toy(family.house)
    return family.mum.url, toy.token


TOKENS: list[Callable[[Family], Awaitable[tuple[str, str]]]] = [
    wrong,
    empty,
    expired,
    ended,
    of_an_earlier_boot,
    of_a_toy_on_app,
    of_a_person_on_toy,
    of_a_waiting_toy_on_app,
]


@pytest.mark.parametrize("make", TOKENS, ids=lambda make: make.__name__)
async def test_a_token_that_is_not_good_here(
    make: Callable[[Family], Awaitable[tuple[str, str]]], family: Family
) -> None:
    url, token = await make(family)
    async with bare(url, additional_headers={"Authorization": f"Bearer {token}"}) as by_header:
        assert await by_header.end() == 4401
    async with bare(url) as by_hello:
        await by_hello.say(type="hello", token=token)
        assert await by_hello.end() == 4401
    await works(family)


@pytest.mark.parametrize("header", ["Basic bXVtOnBhc3N3b3Jk", "Bearer", "", "Bearer a b"])
async def test_a_header_without_a_good_token(header: str, family: Family) -> None:
    async with bare(family.mum.url, additional_headers={"Authorization": header}) as made:
        assert await made.end() == 4401
    await works(family)


async def test_a_header_that_is_not_ascii(family: Family) -> None:
    async with Peer.connected(family.mum.url, "\xff\xfe") as peer:
        assert await peer.end() == 4401
    await works(family)


FIRST_FRAMES: dict[str, Callable[[Somebody], str | bytes]] = {
    "a blob": lambda mum: b"#!AMR\n",
    "hello as a blob": lambda mum: f'{{"type":"hello","token":"{mum.token}"}}'.encode(),
    "no JSON": lambda mum: "hello",
    "another frame": lambda mum: '{"type":"ack","id":"m_1"}',
    "a text": lambda mum: '{"to_user":"p_1","msg":"hi"}',
    "hello without a token": lambda mum: '{"type":"hello"}',
    "a token that is no text": lambda mum: '{"type":"hello","token":5}',
    "half a surrogate pair": lambda mum: '{"type":"hello","token":"\\ud800"}',
}


@pytest.mark.parametrize("name", FIRST_FRAMES)
async def test_hello_comes_first(name: str, family: Family) -> None:
    async with bare(family.mum.url) as made:
        await made.write(FIRST_FRAMES[name](family.mum))
        assert await made.end() == 4401
    await works(family)


# ── the other ways to end ──


async def test_who_says_no_hello_is_closed(family: Family) -> None:
    async with bare(family.mum.url) as made:
        assert await made.end() == 4408
    await works(family)


async def test_before_hello_nobody_sends_much(family: Family) -> None:
    async with bare(family.mum.url) as made:
        await made.write(bytes(MAX_BYTES + 1))
        assert await made.end() == 1009
    await works(family)


async def test_far_too_many_bytes_are_not_even_read(family: Family) -> None:
    before = files(family.house)
    for blob in (bytes(4 * MAX_BYTES + 1), [bytes(MAX_BYTES)] * 5):
        async with family.mum.line() as mum:
            await mum.say(to_user=family.bear.id)
            try:
                await mum.write(blob)
            finally:
                assert await mum.end() == 1009
    await until(lambda: files(family.house) == before)
    await works(family)


async def test_text_that_is_not_utf_8_fails_the_connection(family: Family) -> None:
    async with family.mum.line() as mum:
        await mum.socket.send(b'{"to_user":"\xff\xfe"}', text=True)
        assert await mum.end() == 1007
    await works(family)


async def test_too_many_bad_frames_end_the_socket(family: Family) -> None:
    async with family.mum.line() as mum:
        for _ in range(BAD_FRAMES):
            await mum.write("[]")
        assert await mum.end() == 4400
    await works(family)


async def test_a_good_frame_makes_up_for_bad_ones(family: Family) -> None:
    async with family.mum.line() as mum:
        for _ in range(3):
            for _ in range(BAD_FRAMES - 1):
                await mum.write("[]")
                assert await mum.refusal() == "bad_json"
            await mum.text(family.bear.id, "sorry")


async def test_blobs_that_are_thrown_away_make_up_for_nothing(family: Family) -> None:
    """A client that tries id after id, voice and all, gets nothing right."""
    async with family.mum.line() as mum:
        for n in range(BAD_FRAMES):
            await mum.say(to_user=f"p_{n}")
            await mum.write(b"voice")
        await mum.say(type="no such")
        assert await mum.end() == 4400
    await works(family)


async def test_a_flood_ends_the_socket(family: Family) -> None:
    async with family.mum.line() as mum:
        await send_all(mum, 2 * FRAMES_PER_MINUTE + 2)  # a minute may begin in between
        assert await mum.end() == 4429
    await works(family)


async def send_all(made: Line, count: int) -> None:
    for _ in range(count):
        await made.say(type="cancel")


async def test_a_person_has_so_many_sockets(family: Family) -> None:
    async with family.mum.line() as first, family.mum.line() as second, family.mum.line() as third:
        assert await first.end() == 4409
        for one in (second, third):
            await one.text(family.bear.id, "still here")


async def test_a_toy_has_one_socket(family: Family) -> None:
    async with family.bear.line() as older, family.bear.line() as newer:
        assert await older.end() == 4409
        await newer.text(family.mum.id, "still here")


async def test_one_socket_too_many_is_to_come_later(settings: Settings) -> None:
    async with serving(replace(settings, sockets=Sockets(max_sockets=2))) as house:
        family = await add_family(house)
        async with family.mum.line() as mum, bare(family.bear.url) as early:
            async with family.bear.line() as bear:
                for options in ({}, {"additional_headers": {"Authorization": f"Bearer {family.mum.token}"}}):
                    with pytest.raises(InvalidStatus) as refused:
                        async with bare(family.mum.url, **options):
                            pass
                    assert refused.value.response.status_code == 503
                    assert int(refused.value.response.headers["Retry-After"]) > 0
                await bear.hear("text", id=await mum.text(family.bear.id, "we are enough"))
                await early.say(type="hello", token=family.bear.token)
                assert await early.end() == 1013  # it came before there were too many
            async with family.bear.line() as again:
                assert again.welcome["unread"] == 1
