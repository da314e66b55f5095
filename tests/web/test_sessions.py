from __future__ import annotations

import logging
from typing import Any

import pytest

from tests.web.conftest import OpenHouse
from tests.web.fakes import PASSWORD, House
from toybackend.settings import Access, Settings
from toybackend.web.authentication import COOKIE
from toybackend.web.rooms import Addresses

ROUTE = "/api/v1/sessions"


@pytest.fixture
async def home(house: House) -> House:
    await house.accounts.add("Clara", PASSWORD)
    return house


async def log_in(house: House, name: str = "Clara", password: str = PASSWORD, **headers: str) -> tuple[int, Any]:
    reply = await house.client.post(ROUTE, json={"name": name, "password": password}, headers=headers)
    return reply.status, await reply.json(content_type=None)


async def test_log_in_gives_a_token_that_works_and_the_account(home: House) -> None:
    status, body = await log_in(home, "clara")
    assert status == 200
    assert body["account"] == {"id": "p_newnewnew", "name": "Clara"}
    assert (await home.tokens.bearer(body["token"])).name == "Clara"


async def test_the_cookie_is_kept_from_scripts_and_from_other_sites(home: House) -> None:
    reply = await home.client.post(ROUTE, json={"name": "Clara", "password": PASSWORD})
    cookie = reply.cookies[COOKIE]
    assert cookie.value == (await reply.json())["token"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Strict", "/")
    assert cookie["max-age"] == str(30 * 86_400)
    assert not cookie["secure"]
    assert reply.headers["Cache-Control"] == "no-store"


async def test_behind_tls_the_cookie_is_secure_and_it_lives_as_long_as_the_token(open_house: OpenHouse) -> None:
    house = await open_house(Settings(access=Access(token_days=2)), Addresses("https://toys.test", "wss://toys.test"))
    await house.accounts.add("Clara", PASSWORD)
    reply = await house.client.post(ROUTE, json={"name": "Clara", "password": PASSWORD})
    assert reply.cookies[COOKIE]["secure"]
    assert reply.cookies[COOKIE]["max-age"] == str(2 * 86_400)


async def test_a_wrong_name_and_a_wrong_password_look_the_same(home: House) -> None:
    wrong_password = await log_in(home, password="wrong horse")
    assert wrong_password[0] == 401
    assert wrong_password == await log_in(home, name="Nobody")


async def test_one_wrong_password_too_many(home: House) -> None:
    assert [(await log_in(home, password="wrong horse"))[0] for _ in range(4)] == [401, 401, 401, 429]
    reply = await home.client.post(ROUTE, json={"name": "Clara", "password": PASSWORD})
    assert reply.status == 429
    assert int(reply.headers["Retry-After"]) == 301
    home.clock.now += 301_000
    assert (await log_in(home))[0] == 200


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "Clara"},
        {"name": "", "password": PASSWORD},
        {"name": "Clara", "password": ""},
        {"name": ["Clara"], "password": PASSWORD},
        {"name": "Cla\0ra", "password": PASSWORD},
        {"name": "C" * 65, "password": PASSWORD},
        {"name": "Clara", "password": "p" * 1025},
    ],
)
async def test_what_is_no_name_or_no_password(home: House, body: dict[str, Any]) -> None:
    reply = await home.client.post(ROUTE, json=body)
    assert (reply.status, (await reply.json(content_type=None))["code"]) == (400, "missing_field")


async def test_half_a_surrogate_is_no_text(home: House) -> None:
    reply = await home.client.post(ROUTE, data=b'{"name":"Clara","password":"\\ud800"}')
    assert (reply.status, (await reply.json(content_type=None))["code"]) == (400, "bad_json")


async def test_a_page_of_somebody_else_cannot_log_anybody_in(home: House) -> None:
    status, body = await log_in(home, Origin="http://evil.test")
    assert (status, body["code"]) == (403, "not_allowed")


async def test_log_out_ends_the_token_and_takes_the_cookie_back(home: House) -> None:
    _, body = await log_in(home)
    reply = await home.client.delete(f"{ROUTE}/current")  # by the cookie in the client's jar
    assert (reply.status, await reply.read()) == (204, b"")
    assert reply.cookies[COOKIE]["max-age"] == "0"
    again = await home.client.delete(f"{ROUTE}/current", headers={"Authorization": f"Bearer {body['token']}"})
    assert again.status == 401


async def test_log_out_ends_no_other_session(home: House) -> None:
    (_, one), (_, other) = await log_in(home), await log_in(home)
    await home.client.delete(f"{ROUTE}/current", headers={"Authorization": f"Bearer {one['token']}"})
    assert (await home.tokens.bearer(other["token"])).name == "Clara"


async def test_log_out_without_a_token(house: House) -> None:
    assert (await house.client.delete(f"{ROUTE}/current")).status == 401


async def test_neither_password_nor_token_is_logged(home: House, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        _, body = await log_in(home)
        await log_in(home, password="wrong horse")
    assert PASSWORD not in caplog.text and "wrong horse" not in caplog.text and body["token"] not in caplog.text
