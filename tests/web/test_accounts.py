from __future__ import annotations

import logging
from typing import Any

import pytest

from tests.web.conftest import OpenHouse
from tests.web.fakes import ANNA, BEAR, LOST, MESSAGE, PASSWORD, House
from toybackend.models import Party, PartyKind
from toybackend.services.tokens import COOKIE
from toybackend.settings import Access, Network, Registration, Settings
from toybackend.web.rooms import Addresses

ROUTE = "/api/v1/accounts"
ME = "/api/v1/me"
INVITATIONS = "/api/v1/invitations"
NEW = "another horse"

Reply = tuple[int, Any]


async def register(house: House, name: str = "Clara", password: str = PASSWORD, **more: Any) -> Reply:
    return await ask(house, "POST", ROUTE, {"name": name, "password": password, **more})


async def ask(
    house: House, method: str, path: str, body: dict[str, Any] | None = None, token: str = "", **headers: str
) -> Reply:
    bearer = {"Authorization": f"Bearer {token}"} if token else {}
    reply = await house.client.request(method, path, json=body, headers=bearer | headers)
    return reply.status, await reply.json(content_type=None) if reply.content_length else None


async def new_account(house: House, name: str = "Clara") -> str:
    """The token of somebody who registered."""
    status, body = await register(house, name)
    assert status == 201
    return str(body["token"])


async def operators_token(house: House) -> str:
    olga = await house.accounts.add("Olga", PASSWORD, is_operator=True)
    return await house.token(Party(olga.id, PartyKind.PERSON, olga.name))


# ── registering ──


async def test_whoever_registers_is_logged_in(house: House) -> None:
    reply = await house.client.post(ROUTE, json={"name": " Clara ", "password": PASSWORD})
    assert reply.status == 201
    body = await reply.json()
    clara = await house.accounts.find("clara")
    assert body == {"token": body["token"], "account": {"id": clara.id, "name": "Clara"}}
    assert (await house.tokens.bearer(body["token"])).id == clara.id
    cookie = reply.cookies[COOKIE]
    assert (cookie.value, cookie["httponly"], cookie["samesite"]) == (body["token"], True, "Strict")
    assert (await house.client.get(ME)).status == 200  # by the cookie in the client's jar


async def test_behind_tls_the_cookie_is_secure(open_house: OpenHouse) -> None:
    house = await open_house(addresses=Addresses("https://toys.test", "wss://toys.test"))
    reply = await house.client.post(ROUTE, json={"name": "Clara", "password": PASSWORD})
    assert reply.cookies[COOKIE]["secure"]


async def test_a_name_is_taken_once(house: House) -> None:
    assert (await register(house))[0] == 201
    status, body = await register(house, "CLARA")
    assert (status, body["code"]) == (409, "name_taken")


@pytest.mark.parametrize("password", ["short", "password1", "christabel", "Christabel1"])
async def test_a_poor_password_is_refused(house: House, password: str) -> None:
    status, body = await register(house, "Christabel", password)
    assert (status, body["code"]) == (422, "weak_password")
    assert password not in body["detail"]
    assert (await register(house, "Christabel"))[0] == 201


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "Clara"},
        {"name": " ", "password": PASSWORD},
        {"name": "Cla\u2028ra", "password": PASSWORD},
        {"name": "C" * 65, "password": PASSWORD},
        {"name": "Clara", "password": PASSWORD * 100},
        {"name": "Clara", "password": PASSWORD, "invitation": "x" * 65},
        {"name": "Clara", "password": PASSWORD, "invitation": 7},
    ],
)
async def test_what_is_no_name_no_password_or_no_invitation(house: House, body: dict[str, Any]) -> None:
    status, answer = await ask(house, "POST", ROUTE, body)
    assert (status, answer["code"]) == (400, "missing_field")


async def test_a_closed_house(open_house: OpenHouse) -> None:
    house = await open_house(Settings(access=Access(registration=Registration.CLOSED)))
    status, body = await register(house, invitation="whatever")
    assert (status, body["code"], body["detail"]) == (403, "not_allowed", "registration is closed")


async def test_by_invitation(open_house: OpenHouse) -> None:
    house = await open_house(Settings(access=Access(registration=Registration.INVITATION)))
    operator = await operators_token(house)
    status, body = await ask(house, "POST", INVITATIONS, {"count": 2}, operator)
    assert (status, len(body["codes"]), body["expires_at"]) == (201, 2, "2026-12-05T08:00:00.000Z")
    outcomes = [await register(house, invitation=code) for code in (None, "nonsense", body["codes"][0])]
    assert [status for status, _ in outcomes] == [403, 403, 201]
    assert [answer["code"] for _, answer in outcomes[:2]] == ["invitation_wrong"] * 2
    status, answer = await register(house, "Dora", invitation=body["codes"][0])
    assert (status, answer["code"]) == (403, "invitation_wrong")
    assert (await register(house, "Dora", invitation=body["codes"][1].lower()))[0] == 201


async def test_one_address_registers_so_often_in_an_hour(open_house: OpenHouse) -> None:
    house = await open_house(Settings(access=Access(registrations_per_hour=2)))
    assert [(await register(house, name))[0] for name in ("Clara", "Dora", "Emma")] == [201, 201, 429]
    reply = await house.client.post(ROUTE, json={"name": "Emma", "password": PASSWORD})
    house.clock.pass_seconds(int(reply.headers["Retry-After"]))
    assert (await register(house, "Emma"))[0] == 201


async def test_behind_our_proxy_everybody_has_an_address_of_their_own(open_house: OpenHouse) -> None:
    network = Network(trusted_proxies=("127.0.0.1",))
    house = await open_house(Settings(network=network, access=Access(registrations_per_hour=1)))
    for number, status in [(1, 201), (2, 201), (1, 429)]:
        reply = await house.client.post(
            ROUTE,
            json={"name": f"Clara {number}", "password": PASSWORD},
            headers={"X-Forwarded-For": f"198.51.100.7, 192.0.2.{number}"},
        )
        assert reply.status == status


async def test_a_page_of_somebody_else_registers_nobody(house: House) -> None:
    body = {"name": "Clara", "password": PASSWORD}
    status, answer = await ask(house, "POST", ROUTE, body, Origin="http://evil.test")
    assert (status, answer["code"]) == (403, "not_allowed")
    assert await house.database.account("Clara") is None


async def test_neither_password_nor_invitation_is_logged(house: House, caplog: pytest.LogCaptureFixture) -> None:
    code = "KK22-LL33-MM44-NN55"
    with caplog.at_level(logging.DEBUG):
        token = await new_account(house)
        await register(house, "Dora", "password1", invitation=code)
        await ask(house, "PUT", f"{ME}/password", {"old": PASSWORD, "new": NEW}, token)
    for secret in (PASSWORD, NEW, "password1", code, token):
        assert secret not in caplog.text


# ── one's own ──


async def test_what_one_is(house: House) -> None:
    token = await new_account(house)
    clara = await house.accounts.find("Clara")
    status, body = await ask(house, "GET", ME, token=token)
    assert status == 200
    assert body == {
        "id": clara.id,
        "name": "Clara",
        "is_operator": False,
        "created_at": "2026-11-21T08:00:00.000Z",
    }
    assert (await ask(house, "GET", ME, token=await operators_token(house)))[1]["is_operator"] is True


async def test_being_called_something_else(house: House) -> None:
    token = await new_account(house)
    status, body = await ask(house, "PATCH", ME, {"name": "Claire"}, token)
    assert (status, body["name"]) == (200, "Claire")
    assert (await ask(house, "GET", ME, token=token))[1] == body
    status, body = await ask(house, "PATCH", ME, {"name": "ANNA"}, token)
    assert (status, body["code"]) == (409, "name_taken")
    for nothing in ({}, {"name": ""}, {"name": "\t"}):
        assert (await ask(house, "PATCH", ME, nothing, token))[0] == 400


async def test_a_new_password_logs_out_everywhere_else(house: House) -> None:
    here = await new_account(house)
    _, there = await ask(house, "POST", "/api/v1/sessions", {"name": "Clara", "password": PASSWORD})
    assert (await ask(house, "PUT", f"{ME}/password", {"old": PASSWORD, "new": NEW}, here))[0] == 204
    assert (await ask(house, "GET", ME, token=here))[0] == 200
    assert (await ask(house, "GET", ME, token=there["token"]))[0] == 401
    log_ins = [{"name": "Clara", "password": password} for password in (PASSWORD, NEW)]
    assert [(await ask(house, "POST", "/api/v1/sessions", one))[0] for one in log_ins] == [401, 200]


async def test_the_old_password_is_needed_and_may_be_tried_so_often(open_house: OpenHouse) -> None:
    house = await open_house(Settings(access=Access(login_tries=2)))
    token = await new_account(house)
    change = {"old": "wrong horse", "new": NEW}
    answers = [await ask(house, "PUT", f"{ME}/password", change, token) for _ in range(3)]
    assert [(status, body["code"]) for status, body in answers] == [
        (401, "not_authenticated"),
        (401, "not_authenticated"),
        (429, "rate_limited"),
    ]


async def test_a_poor_new_password_changes_nothing(house: House) -> None:
    token = await new_account(house)
    status, body = await ask(house, "PUT", f"{ME}/password", {"old": PASSWORD, "new": "iloveyou"}, token)
    assert (status, body["code"]) == (422, "weak_password")
    assert (await ask(house, "POST", "/api/v1/sessions", {"name": "Clara", "password": PASSWORD}))[0] == 200


async def test_a_page_of_somebody_else_changes_no_password(house: House) -> None:
    cookie = {"Cookie": f"{COOKIE}={await new_account(house)}", "Origin": "http://evil.test"}
    house.client.session.cookie_jar.clear()
    status, _ = await ask(house, "PUT", f"{ME}/password", {"old": PASSWORD, "new": NEW}, **cookie)
    assert status == 403
    assert (await ask(house, "POST", "/api/v1/sessions", {"name": "Clara", "password": PASSWORD}))[0] == 200


@pytest.mark.parametrize("party", [BEAR, LOST])
async def test_a_toy_has_no_account(house: House, party: Party) -> None:
    token = await house.token(party)
    for method, path, body in (("GET", ME, None), ("PATCH", ME, {"name": "Bear"})):
        assert (await ask(house, method, path, body, token))[0] == 403


# ── operators ──


async def test_only_operators_invite(house: House) -> None:
    assert (await ask(house, "POST", INVITATIONS, {}))[0] == 401
    for party in (ANNA, BEAR):
        assert (await ask(house, "POST", INVITATIONS, {}, await house.token(party)))[0] == 403
    status, body = await ask(house, "POST", INVITATIONS, {}, await operators_token(house))
    assert (status, len(body["codes"])) == (201, 1)


async def test_a_whole_number_is_whole_however_it_is_written(house: House) -> None:
    status, body = await ask(house, "POST", INVITATIONS, {"count": 2.0}, await operators_token(house))
    assert (status, len(body["codes"])) == (201, 2)


@pytest.mark.parametrize("count", [0, -1, 101, "1", 1.5, 1e300, float(2**53)])
async def test_so_many_invitations_at_a_time(house: House, count: Any) -> None:
    assert (await ask(house, "POST", INVITATIONS, {"count": count}, await operators_token(house)))[0] == 400


async def test_an_operator_hears_nobody_and_sees_no_toy(house: House, sound: bytes) -> None:
    house.store.keep(MESSAGE, sound)
    operator = await operators_token(house)
    assert (await house.client.get(f"/api/v1/audio/{MESSAGE}.mp3", headers=await house.bearer(ANNA))).status == 200
    for path in (
        f"/api/v1/audio/{MESSAGE}.mp3",
        f"/api/v1/conversations/{BEAR.id}/messages",
        f"/api/v1/toys/{BEAR.id}",
    ):
        strangers = await ask(house, "GET", path, token=await new_account(house, f"Stranger to {path[-9:]}"))
        assert (await ask(house, "GET", path, token=operator)) == strangers
        assert strangers[0] == 404
