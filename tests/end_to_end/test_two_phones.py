"""Two phones claim one toy through real HTTP at the same moment, while the toy waits on a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from tests.end_to_end.family import Somebody, add_somebody, waiting_toy
from toybackend.house import House

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("calm_log")]

ROUNDS = 10


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def http(server: House) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(server.listeners.bound().http_url) as session:
        yield session


async def call(http: aiohttp.ClientSession, who: Somebody, method: str, path: str, **body: Any) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {who.token}"}
    async with http.request(method, f"/api/v1{path}", headers=headers, json=body) as response:
        text = await response.text()
        return response.status, await response.json(content_type=None) if text else None


async def bind(http: aiohttp.ClientSession, phone: Somebody, code: str) -> tuple[int, Any]:
    return await call(http, phone, "POST", "/toys", claim=code, name=f"Toy of {phone.party.name}")


@pytest.mark.parametrize("number", range(ROUNDS))
async def test_exactly_one_of_two_phones_gets_the_toy_and_the_toy_hears_whose_it_is(
    server: House, http: aiohttp.ClientSession, number: int
) -> None:
    phones = [await add_somebody(server, "Mum"), await add_somebody(server, "Dad")]
    toy, code = await waiting_toy(server)
    async with toy.line() as line:
        answers = await asyncio.gather(*(bind(http, phone, code) for phone in phones))
        assert sorted(status for status, _ in answers) == [201, 409]
        (winner, view), (loser, problem) = sorted(
            ((phone, answer) for phone, (_, answer) in zip(phones, answers, strict=True)),
            key=lambda one: "code" in one[1],
        )
        assert problem["code"] == "already_bound"
        notice = await line.hear("notice", event="bound")
        assert (notice["id"], notice["name"]) == (toy.id, view["name"])
        assert view["name"] == f"Toy of {winner.party.name}"

        # It is the winner's on this very socket; the loser is a stranger to it.
        async with winner.line() as phone:
            await phone.say(to_user=toy.id, msg="hello")
            assert (await line.hear("text"))["from_user"] == winner.id
        async with loser.line() as phone:
            await phone.say(to_user=toy.id, msg="hello")
            assert await phone.refusal() == "unknown_recipient"
    assert await call(http, loser, "GET", f"/toys/{toy.id}") == await call(http, loser, "GET", "/toys/t_none")


async def test_the_answer_was_lost_and_the_phone_asks_again(server: House, http: aiohttp.ClientSession) -> None:
    phone = await add_somebody(server, "Mum")
    _, code = await waiting_toy(server)
    first = await bind(http, phone, code)
    assert [await bind(http, phone, code) for _ in range(3)] == [first] * 3


async def test_a_renewed_code_binds_a_toy_that_waits_on_its_old_token(
    server: House, http: aiohttp.ClientSession
) -> None:
    phone = await add_somebody(server, "Mum")
    toy, old = await waiting_toy(server)
    async with toy.line() as line:
        status, shown = await call(http, toy, "POST", "/claims")
        assert status == 201
        assert (await bind(http, phone, old))[1]["code"] == "claim_wrong"
        assert (await bind(http, phone, shown["code"]))[0] == 201
        await line.hear("notice", event="bound")


async def test_what_guardians_set_reaches_the_toy_and_the_other_phone_at_once(
    server: House, http: aiohttp.ClientSession
) -> None:
    mum, dad = await add_somebody(server, "Mum"), await add_somebody(server, "Dad")
    toy, code = await waiting_toy(server)
    await bind(http, mum, code)
    _, window = await call(http, mum, "POST", f"/toys/{toy.id}/guardians")
    assert (await bind(http, dad, window["code"]))[0] == 201
    async with toy.line() as line, dad.line() as other_phone:
        always = [{"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "start": "00:00", "end": "00:00"}]
        status, view = await call(http, mum, "PATCH", f"/toys/{toy.id}", volume_cap=30, quiet_hours=always)
        assert (status, view["online"]) == (200, True)
        assert view["heard_at"] is not None
        notice = await line.hear("notice", event="settings")
        assert notice["settings"] == view["settings"] | {"quiet_until": notice["settings"]["quiet_until"]}
        assert notice["settings"]["quiet_until"] is not None
        await other_phone.hear("notice", event="settings", id=toy.id)

        # Whoever is sent away learns it, and is a stranger from then on.
        assert (await call(http, mum, "DELETE", f"/toys/{toy.id}/guardians/{dad.id}"))[0] == 204
        await other_phone.hear("notice", event="unbound", id=toy.id)
        await other_phone.say(to_user=toy.id, msg="hello")
        assert (await other_phone.hear("error"))["code"] == "unknown_recipient"


async def test_a_family_that_withdraws_its_consent_falls_silent(server: House, http: aiohttp.ClientSession) -> None:
    mum = await add_somebody(server, "Mum")
    toy, code = await waiting_toy(server)
    await bind(http, mum, code)
    async with http.get("/api/v1/consent") as response:
        version = (await response.json())["version"]
    consent = f"/toys/{toy.id}/consent"
    assert (await call(http, mum, "POST", consent, version=version))[0] == 201
    async with toy.line() as line, mum.line() as phone:
        await phone.text(toy.id, "good night")
        await line.hear("text")
        status, went = await call(http, mum, "DELETE", consent)
        assert (status, went["rows"]["messages"]) == (200, 1)
        await phone.say(to_user=toy.id, msg="hello")
        assert (await phone.hear("error"))["code"] == "not_allowed"
        await call(http, mum, "POST", consent, version=version)
        await phone.text(toy.id, "good morning")
        assert (await line.hear("text"))["msg"] == "good morning"
