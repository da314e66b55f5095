"""A page of ours cannot read its own token: the cookie that its browser sends along says who it is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from websockets.exceptions import InvalidStatus

from tests.end_to_end.family import Family, Somebody, add_somebody
from tests.end_to_end.line import Line, bare
from toybackend.house import House
from toybackend.services.tokens import COOKIE

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("calm_log", "cheap_hashes")]

PASSWORD = "a wet Tuesday in Ghent"


def our_page(house: House) -> str:
    return house.listeners.public().http_url


@asynccontextmanager
async def page(somebody: Somebody, url: str = "", cookie: str = "", **options: Any) -> AsyncIterator[Line]:
    """A socket as a browser opens it, from a page of ours unless `options` say another `origin`."""
    headers = {"Cookie": cookie or f"{COOKIE}={somebody.token}"}
    origin = {"origin": our_page(somebody.house)} | options
    async with bare(url or somebody.url, additional_headers=headers, **origin) as made:
        yield made


async def welcomed(made: Line, **fields: Any) -> str:
    """The id of whoever is welcome."""
    await made.say(type="hello", **fields)
    frame = await made.next()
    assert frame["type"] == "welcome", frame
    return str(frame["id"])


async def is_not_authenticated(made: Line, **fields: Any) -> None:
    await made.say(type="hello", **fields)
    assert await made.end() == 4401


async def test_a_page_says_hello_without_a_token_and_talks(family: Family, clip: bytes) -> None:
    async with page(family.mum) as mum, family.bear.line() as bear:
        assert await welcomed(mum) == family.mum.id
        sent = await mum.voice(family.bear.id, clip)  # more than an unknown peer may send
        await bear.hear("voice", id=sent)


@pytest.mark.parametrize("fields", [{"token": None}, {"acks": False}])
async def test_other_ways_to_say_no_token(fields: dict[str, Any], family: Family) -> None:
    async with page(family.mum) as mum:
        assert await welcomed(mum, **fields) == family.mum.id


async def test_cookies_of_other_servers_on_this_machine_do_no_harm(family: Family) -> None:
    cookie = f'theme[x]={{"a":1, b}}; x{COOKIE}=no; {COOKIE}={family.mum.token} ; ü=1;'
    async with page(family.mum, cookie=cookie.encode().decode("latin-1")) as mum:
        assert await welcomed(mum) == family.mum.id


async def test_the_cookie_is_not_kept_on_the_socket(family: Family) -> None:
    async with page(family.mum) as mum:
        await welcomed(mum)
        [connection] = family.house.hub.of(family.mum.party.id)
        request = getattr(connection.socket, "request")  # noqa: B009  # the hub's sockets promise less than they have
        assert {"Cookie", "Authorization"}.isdisjoint(request.headers)
        assert family.mum.token not in str(request.headers)


# ── when it does not count ──


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1"])
async def test_pages_of_others_are_refused_cookie_or_not(origin: str, family: Family) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with page(family.mum, origin=origin):
            pass
    assert refused.value.response.status_code == 403


async def test_without_an_origin_there_is_no_cookie(family: Family) -> None:
    async with page(family.mum, origin=None) as made:
        await is_not_authenticated(made)


async def test_the_cookie_of_a_session_that_is_over(family: Family) -> None:
    await family.house.tokens.end(family.mum.token)
    async with page(family.mum) as made:
        await is_not_authenticated(made)


@pytest.mark.parametrize(
    "cookie", ["", "{name}=", "{name}", "{name}=wrong", "other={token}", "{name}={token}; {name}=x"]
)
async def test_what_is_no_session(cookie: str, family: Family) -> None:
    cookie = cookie.format(name=COOKIE, token=family.mum.token) or "a=b"
    async with page(family.mum, cookie=cookie) as made:
        await is_not_authenticated(made)


async def test_a_token_that_is_said_goes_before_the_cookie(family: Family) -> None:
    dad = await add_somebody(family.house, "Dad")
    async with page(family.mum) as made:
        assert await welcomed(made, token=dad.token) == dad.id
    for wrong in ("", "wrong"):
        async with page(family.mum) as made:
            await is_not_authenticated(made, token=wrong)


async def test_a_token_in_the_header_goes_before_the_cookie(family: Family) -> None:
    dad = await add_somebody(family.house, "Dad")
    for token, answer in ((dad.token, "welcome"), ("wrong", "")):
        headers = {"Authorization": f"Bearer {token}", "Cookie": f"{COOKIE}={family.mum.token}"}
        async with bare(family.mum.url, additional_headers=headers, origin=our_page(family.house)) as made:
            if answer:
                assert (await made.next())["id"] == dad.id
            else:
                assert await made.end() == 4401


async def test_a_person_is_no_toy(family: Family) -> None:
    async with page(family.mum, url=family.bear.url) as made:
        await is_not_authenticated(made)


# ── log in, look, log out ──


async def test_from_log_in_to_log_out_as_a_browser_does_it(server: House) -> None:
    account = await server.accounts.add("Xenia", PASSWORD)
    url = server.listeners.bound().http_url
    jar = aiohttp.CookieJar(unsafe=True)  # which takes cookies of an IP address, as browsers do
    async with aiohttp.ClientSession(url, cookie_jar=jar, headers={"Origin": url}) as browser:
        async with browser.post("/api/v1/sessions", json={"name": "Xenia", "password": PASSWORD}) as answer:
            assert answer.status == 200
        async with browser.get("/api/v1/config") as answer:
            ws_url = (await answer.json())["ws_url"]
        cookie = jar.filter_cookies(answer.url).output(header="", sep=";").strip()
        async with bare(f"{ws_url}/app", additional_headers={"Cookie": cookie}, origin=url) as made:
            assert await welcomed(made) == account.id
            async with browser.delete("/api/v1/sessions/current") as answer:
                assert answer.status == 204
            assert await made.end() == 4403
        async with bare(f"{ws_url}/app", additional_headers={"Cookie": cookie}, origin=url) as again:
            await is_not_authenticated(again)


# ── by any name that leads here ──


def by_name(house: House, name: str) -> dict[str, Any]:
    """Options of a socket that is opened by a name, wherever the name leads."""
    return {
        "host": "127.0.0.1",
        "port": house.listeners.ws_port,
        "origin": f"http://{name}:{house.listeners.http_port}",
    }


@pytest.mark.parametrize("name", ["toys.lan", "192.168.1.20", "[fe80::1]"])
async def test_a_page_comes_by_the_name_that_its_browser_was_given(name: str, family: Family) -> None:
    url = f"ws://{name}:{family.house.listeners.ws_port}/app"
    async with page(family.mum, url=url, **by_name(family.house, name)) as made:
        assert await welcomed(made) == family.mum.id


@pytest.mark.parametrize(
    "origin", ["http://toys.lan", "http://toys.lan:1", "https://toys.lan:{port}", "http://lan:{port}"]
)
async def test_and_by_no_other_name_or_port(origin: str, family: Family) -> None:
    listeners = family.house.listeners
    options = by_name(family.house, "toys.lan") | {"origin": origin.format(port=listeners.http_port)}
    with pytest.raises(InvalidStatus) as refused:
        async with page(family.mum, url=f"ws://toys.lan:{listeners.ws_port}/app", **options):
            pass
    assert refused.value.response.status_code == 403
