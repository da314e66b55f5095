from __future__ import annotations

from typing import Any

import pytest

from tests.web.conftest import OpenHouse
from tests.web.fakes import ANNA, BEAR, BELA, LOST, House
from tests.web.test_toys import ask
from tests.world import add_guardian
from toybackend.models import PartyKind
from toybackend.services.toys import CLAIM_LENGTH
from toybackend.settings import Access, Families, Settings
from toybackend.web.qr import qr_rows

TOYS = "/api/v1/toys"
CLAIMS = "/api/v1/claims"
GUARDIANS = f"{TOYS}/{BEAR.id}/guardians"


async def code_of(house: House) -> str:
    """Of the toy that waits."""
    return (await house.whole.toys.new_claim(LOST.id)).code


async def bind(house: House, claim: Any, name: Any = "Ape", *, who: Any = BELA) -> tuple[int, Any]:
    return await ask(house, who, "POST", TOYS, {"claim": claim, "name": name})


async def test_whoever_types_the_code_gets_the_toy(house: House) -> None:
    status, view = await bind(house, await code_of(house))
    assert (status, view["id"], view["name"]) == (201, LOST.id, "Ape")
    assert [(one["id"], one["role"]) for one in view["guardians"]] == [(BELA.id, "owner")]
    assert await ask(house, BELA, "GET", TOYS) == (200, {"toys": [view]})


async def test_the_answer_was_lost_and_the_app_asks_again(house: House) -> None:
    code = await code_of(house)
    first = await bind(house, code)
    assert await bind(house, f" {code[:4].lower()}-{code[4:]} ") == first


async def test_a_name_can_come_later(house: House) -> None:
    status, view = await ask(house, BELA, "POST", TOYS, {"claim": await code_of(house)})
    assert (status, view["name"]) == (201, "toy")
    assert (await bind(house, "WRONG", None))[1]["code"] == "claim_wrong"


async def test_every_other_outcome_has_a_name_and_says_what_to_do(open_house: OpenHouse) -> None:
    house = await open_house(Settings(access=Access(claim_tries=3, claim_seconds=60), families=Families(toys=1)))
    code = await code_of(house)
    outcomes = [await bind(house, code, who=ANNA), await bind(house, "WRONG")]
    house.clock.pass_seconds(60)
    outcomes.append(await bind(house, code))
    code = await code_of(house)
    await bind(house, code)
    outcomes.append(await bind(house, code, who=ANNA))
    outcomes += [await bind(house, "WRONG") for _ in range(3)]
    assert [(status, problem["code"]) for status, problem in outcomes] == [
        (409, "too_many"),
        (404, "claim_wrong"),
        (410, "claim_expired"),
        (409, "already_bound"),
        (404, "claim_wrong"),
        (404, "claim_wrong"),
        (429, "rate_limited"),
    ]
    details = {problem["code"]: problem["detail"] for _, problem in outcomes}
    for name, advice in [
        ("too_many", "let one go first"),
        ("claim_wrong", "read it from the toy again"),
        ("claim_expired", "use the new one"),
        ("already_bound", "invite you"),
        ("rate_limited", "wait, then read the code"),
    ]:
        assert advice in details[name]
        assert code not in details[name]


async def test_how_long_to_wait_after_too_many_wrong_codes(open_house: OpenHouse) -> None:
    house = await open_house(Settings(access=Access(claim_tries=1)))
    await bind(house, "WRONG")
    reply = await house.client.post(TOYS, json={"claim": "X", "name": "x"}, headers=await house.bearer(BELA))
    assert (reply.status, reply.headers["Retry-After"]) == (429, "601")


@pytest.mark.parametrize("claim", ["", "x" * 33, "a\x00b", "ü", None, 7])
async def test_what_is_no_code_at_all(house: House, claim: Any) -> None:
    status, problem = await bind(house, claim)
    assert (status, problem["code"]) == (400, "missing_field")


@pytest.mark.parametrize("name", ["", "  ", "x" * 65, "a\x00b", 7])
async def test_what_is_no_name(house: House, name: Any) -> None:
    status, problem = await bind(house, await code_of(house), name)
    assert (status, problem["code"]) == (400, "missing_field")
    assert await ask(house, BELA, "GET", TOYS) == (200, {"toys": []})


# ── the waiting toy ──


async def test_a_waiting_toy_renews_its_code_and_keeps_its_token(house: House) -> None:
    old, bearer = await code_of(house), await house.bearer(LOST)
    replies = [await house.client.post(CLAIMS, headers=bearer) for _ in range(2)]
    shown = [await reply.json() for reply in replies]
    assert [reply.status for reply in replies] == [201, 201]
    assert len({old, shown[0]["code"], shown[1]["code"]}) == 3
    code = shown[1]["code"]
    assert len(code) == CLAIM_LENGTH
    assert shown[1] == {
        "code": code,
        "qr_url": f"http://toys.test/?claim={code}",
        "qr": list(await qr_rows(f"http://toys.test/?claim={code}")),
        "expires_at": "2026-11-21T08:10:00.000Z",
    }
    assert [(await bind(house, one))[0] for one in (old, shown[0]["code"], code)] == [404, 404, 201]
    reply = await house.client.post(CLAIMS, headers=bearer)  # its token is that of a toy with an owner now
    assert (reply.status, (await reply.json(content_type=None))["code"]) == (403, "not_allowed")


async def test_nobody_else_asks_for_a_waiting_toys_code(house: House) -> None:
    for party in (ANNA, BEAR):
        assert (await ask(house, party, "POST", CLAIMS))[0] == 403
    assert (await house.client.post(CLAIMS)).status == 401


# ── a guardian's company ──


async def test_another_guardian_joins_by_the_owners_code(house: House) -> None:
    status, shown = await ask(house, ANNA, "POST", GUARDIANS)
    assert status == 201
    assert shown["qr_url"] == f"http://toys.test/?claim={shown['code']}"
    assert shown["qr"] == list(await qr_rows(shown["qr_url"]))
    assert shown["expires_at"] == "2026-11-21T08:10:00.000Z"
    status, view = await bind(house, shown["code"], "Mine")
    assert (status, view["id"], view["name"]) == (201, BEAR.id, "Bear")
    assert [(one["name"], one["role"]) for one in view["guardians"]] == [("Anna", "owner"), ("Bela", "co_guardian")]


async def test_only_the_owner_lets_others_in(house: House) -> None:
    for path in (GUARDIANS, f"{TOYS}/t_none/guardians"):
        assert (await ask(house, BELA, "POST", path))[0] == 404
    await add_guardian(house.database, BEAR, ANNA, BELA)
    status, problem = await ask(house, BELA, "POST", GUARDIANS)
    assert (status, problem["code"]) == (403, "not_allowed")


async def test_the_token_of_a_waiting_toy_becomes_good_for_everything(house: House) -> None:
    token = await house.token(LOST)
    await bind(house, await code_of(house))
    assert (await house.tokens.bearer(token)).kind is PartyKind.TOY
