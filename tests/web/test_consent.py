from __future__ import annotations

from typing import Any

import pytest

from tests.web.fakes import ANNA, BEAR, BELA, MESSAGE, House
from tests.web.test_toys import ask
from tests.world import add_guardian

TEXT = "/api/v1/consent"
BEARS = f"/api/v1/toys/{BEAR.id}"
CONSENT = f"{BEARS}/consent"


async def version(house: House) -> str:
    return str((await (await house.client.get(TEXT)).json())["version"])


async def agree(house: House, given: Any) -> tuple[int, Any]:
    return await ask(house, ANNA, "POST", CONSENT, {"version": given})


async def test_anybody_may_read_what_is_kept(house: House) -> None:
    reply = await house.client.get(TEXT)
    shown = await reply.json()
    assert reply.status == 200
    assert set(shown["texts"]) == {"en", "zh"}
    assert "erased 30 days after everybody heard it" in shown["texts"]["en"]
    assert "30 天" in shown["texts"]["zh"]


async def test_a_guardian_agrees_and_may_name_the_child(house: House) -> None:
    given = await version(house)
    record = {"version": given, "given_by": ANNA.id, "given_at": "2026-11-21T08:00:00.000Z"}
    assert await agree(house, given) == (201, record)
    house.clock.pass_seconds(5)
    assert await agree(house, given) == (201, record)
    status, view = await ask(house, ANNA, "PATCH", BEARS, {"child_name": "Mia Sophie"})
    assert (status, view["child_name"], view["consent"]) == (200, "Mia Sophie", record)


async def test_whoever_withdraws_is_told_what_went(house: House) -> None:
    await agree(house, await version(house))
    status, went = await ask(house, ANNA, "DELETE", CONSENT)
    assert (status, went["rows"]["messages"]) == (200, 1)
    assert await house.database.outcome(MESSAGE) is None
    _, view = await ask(house, ANNA, "GET", BEARS)
    assert (view["paused"], view["child_name"], view["consent"]) == (True, "", None)
    assert (await ask(house, ANNA, "PATCH", BEARS, {"child_name": "Mia"}))[1]["code"] == "consent_needed"
    await agree(house, await version(house))
    assert (await ask(house, ANNA, "GET", BEARS))[1]["paused"] is False


@pytest.mark.parametrize("given", ["", "x", None, 1, "a" * 65])
async def test_what_is_no_version_is_refused(house: House, given: Any) -> None:
    status, problem = await agree(house, given)
    assert (status, problem["code"]) == (400, "missing_field")
    assert await house.database.consents(BEAR.id) == []


async def test_only_the_text_that_counts_now_can_be_agreed_to(house: House) -> None:
    status, problem = await agree(house, "0123456789abcdef")
    assert (status, problem["code"]) == (422, "invalid_value")
    assert await house.database.consents(BEAR.id) == []


async def test_every_guardian_answers_for_the_child_and_nobody_else(house: House) -> None:
    given = await version(house)
    for method in ("POST", "DELETE"):
        for path in (CONSENT, "/api/v1/toys/t_none/consent"):
            status, problem = await ask(house, BELA, method, path, {"version": given})
            assert (status, problem["code"]) == (404, "not_found")
    await add_guardian(house.database, BEAR, ANNA, BELA)
    assert (await ask(house, BELA, "POST", CONSENT, {"version": given}))[0] == 201
