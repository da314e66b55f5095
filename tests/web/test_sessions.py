from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from tests.web.conftest import OpenHouse
from tests.web.fakes import ANNA, BEAR, PASSWORD, House
from tests.web.test_access_log import raw
from toybackend.services.tokens import COOKIE
from toybackend.settings import Access, Settings
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
    clara = await home.accounts.find("Clara")
    assert body["account"] == {"id": clara.id, "name": "Clara"}
    assert (await home.tokens.bearer(body["token"])).id == clara.id


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


async def test_one_wrong_password_too_many(open_house: OpenHouse) -> None:
    home = await open_house(Settings(access=Access(login_tries=3)))
    await home.accounts.add("Clara", PASSWORD)
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
        {"name": "Cla\nra", "password": PASSWORD},
        {"name": "   ", "password": PASSWORD},
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


async def test_one_address_cannot_try_many_names(open_house: OpenHouse) -> None:
    home = await open_house(Settings(access=Access(login_tries_per_address=3)))
    await home.accounts.add("Clara", PASSWORD)
    assert [(await log_in(home, name=f"name {number}"))[0] for number in range(4)] == [401, 401, 401, 429]
    assert (await log_in(home))[0] == 429


async def test_neither_password_nor_token_is_logged(home: House, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        _, body = await log_in(home)
        await log_in(home, password="wrong horse")
    assert PASSWORD not in caplog.text and "wrong horse" not in caplog.text and body["token"] not in caplog.text


# ── where else ──


async def sessions(house: House, token: str) -> list[dict[str, Any]]:
    reply = await house.client.get(ROUTE, headers={"Authorization": f"Bearer {token}"})
    assert reply.status == 200
    listed: list[dict[str, Any]] = (await reply.json())["sessions"]
    return listed


async def test_where_one_is_logged_in_is_listed_newest_first(home: House) -> None:
    (_, phone), _ = await log_in(home, **{"User-Agent": "a phone"}), await log_in(home, name="Clara")
    home.clock.pass_seconds(1)
    _, tablet = await log_in(home, **{"User-Agent": "a tablet"})
    listed = await sessions(home, tablet["token"])
    assert {one["id"][:2] for one in listed} == {"s_"} and len({one["id"] for one in listed}) == 3
    newest = listed[0]
    assert newest == {"id": newest["id"], "label": "a tablet", "since": "2026-11-21T08:00:01.000Z", "is_current": True}
    assert [one["is_current"] for one in listed] == [True, False, False]
    [asking] = [one for one in await sessions(home, phone["token"]) if one["is_current"]]
    assert asking["label"] == "a phone"


@pytest.mark.parametrize(
    ("agent", "label"),
    [
        (b"x" * 201, "x" * 200),
        ("Bärenbude/1 (你好)".encode(), "Bärenbude/1 (你好)"),
        (b"not \xff utf-8 \xed\xa0\x80", "not  utf-8 "),
        (b"a\xc2\x9b31mred", "a31mred"),
        (b"", ""),
    ],
)
async def test_what_a_client_calls_itself_is_kept_short_and_plain(home: House, agent: bytes, label: str) -> None:
    body = f'{{"name":"Clara","password":"{PASSWORD}"}}'.encode()
    answer = await raw(
        home,
        b"POST /api/v1/sessions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        b"Content-Length: %d\r\nUser-Agent: %s\r\n\r\n%s" % (len(body), agent, body),
    )
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    [session] = await sessions(home, json.loads(body)["token"])
    assert session["label"] == label


async def test_a_session_ends_from_elsewhere(home: House) -> None:
    (_, phone), (_, tablet) = await log_in(home), await log_in(home)
    [other] = [one["id"] for one in await sessions(home, phone["token"]) if not one["is_current"]]
    mine = {"Authorization": f"Bearer {phone['token']}"}
    assert (await home.client.delete(f"{ROUTE}/{other}", headers=mine)).status == 204
    assert [one["is_current"] for one in await sessions(home, phone["token"])] == [True]
    gone = await home.client.get(ROUTE, headers={"Authorization": f"Bearer {tablet['token']}"})
    assert gone.status == 401


async def test_the_session_of_another_looks_like_none(home: House) -> None:
    _, clara = await log_in(home)
    [session] = await sessions(home, clara["token"])
    anna = await home.bearer(ANNA)
    replies = [await home.client.delete(f"{ROUTE}/{one}", headers=anna) for one in (session["id"], "s_none", "x_none")]
    assert {reply.status for reply in replies} == {404}
    assert len({await reply.read() for reply in replies}) == 1
    assert len(await sessions(home, clara["token"])) == 1


async def test_sessions_are_for_people(home: House) -> None:
    assert (await home.client.get(ROUTE)).status == 401
    assert (await home.client.get(ROUTE, headers=await home.bearer(BEAR))).status == 403
