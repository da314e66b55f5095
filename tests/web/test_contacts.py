from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from yarl import URL

from tests.web.conftest import OpenHouse
from tests.web.fakes import ANNA, BEAR, BELA, LOST, House
from toybackend.models import Party
from toybackend.ports import Event, Tell
from toybackend.protocol import Notice, ServerFrame, parse_server_frame
from toybackend.settings import Families, Settings
from toybackend.web.qr import qr_rows

CONTACTS = "/api/v1/contacts"
ANNAS, BEARS, BELAS = (
    {"id": ANNA.id, "name": "Anna", "kind": "person"},
    {"id": BEAR.id, "name": "Bear", "kind": "toy"},
    {"id": BELA.id, "name": "Bela", "kind": "person"},
)


class Phone:
    """Somebody's app, as far as contacts go."""

    def __init__(self, house: House, headers: dict[str, str]) -> None:
        self._house = house
        self._headers = headers

    async def __call__(self, method: str, path: str = "", json: Any = None) -> tuple[int, Any]:
        reply = await self._house.client.request(method, CONTACTS + path, json=json, headers=self._headers)
        return reply.status, await reply.json(content_type=None)

    async def list(self, side: str = "") -> list[Any]:
        status, body = await self("GET", f"?for={side}" if side else "")
        assert status == 200, body
        return list(body["contacts"])

    async def ask(self, **given: Any) -> Any:
        status, body = await self("POST", json=given)
        assert status == 201, body
        return body


async def phone(house: House, party: Party) -> Phone:
    return Phone(house, await house.bearer(party))


@pytest.fixture
async def anna(house: House) -> Phone:
    return await phone(house, ANNA)


@pytest.fixture
async def bela(house: House) -> Phone:
    return await phone(house, BELA)


@pytest.fixture
async def told(house: House) -> AsyncIterator[list[tuple[str, ServerFrame | None]]]:
    """Whom the house tells what."""
    found: list[tuple[str, ServerFrame | None]] = []

    def receive(event: Event) -> None:
        if isinstance(event, Tell):
            found.append((event.party_id, parse_server_frame(event.frame)))

    async with house.whole.bus.subscribe(receive):
        yield found


async def test_two_families_agree(anna: Phone, bela: Phone, told: list[tuple[str, ServerFrame | None]]) -> None:
    asked = await bela.ask(**{"with": BEAR.id})
    expected = {
        "id": asked["id"],
        "for": BELAS,
        "with": BEARS | {"name": ""},  # until they agree
        "state": "asked",
        "asked_by_us": True,
        "nickname": "",
        "is_blocked": False,
        "since": "2026-11-21T08:00:00.000Z",
    }
    assert asked == expected
    assert await bela.list() == [expected]
    theirs = expected | {"for": BEARS, "with": BELAS, "asked_by_us": False}
    assert await anna.list() == [theirs]
    assert told == [(ANNA.id, Notice(event="contact_request", id=asked["id"]))]
    assert await anna("POST", f"/{asked['id']}/accept") == (200, theirs | {"state": "agreed"})
    assert await bela.list() == [expected | {"state": "agreed", "with": BEARS}]
    assert {party for party, frame in told[1:]} == {ANNA.id, BEAR.id, BELA.id}


async def test_for_a_toy_or_for_oneself(anna: Phone, bela: Phone) -> None:
    await anna.ask(**{"with": BELA.id, "for": BEAR.id})
    await anna.ask(**{"with": BELA.id})
    assert [one["for"] for one in await anna.list()] == [ANNAS, BEARS]
    assert [one["for"] for one in await anna.list(BEAR.id)] == [BEARS]
    assert [one["with"] for one in await bela.list()] == [ANNAS, BEARS]


async def test_naming_and_blocking(anna: Phone, bela: Phone) -> None:
    contact = await bela.ask(**{"with": BEAR.id})
    one = f"/{contact['id']}"
    await anna("POST", f"{one}/accept")
    status, changed = await anna("PATCH", one, {"nickname": "  Grandpa ", "blocked": True})
    assert (status, changed["nickname"], changed["is_blocked"]) == (200, "Grandpa", True)
    [theirs] = await bela.list()
    assert (theirs["nickname"], theirs["is_blocked"], theirs["state"]) == ("", False, "agreed")
    status, changed = await anna("PATCH", one, {"nickname": "", "blocked": False, "for": BEAR.id})
    assert (changed["nickname"], changed["is_blocked"]) == ("", False)


async def test_ending(anna: Phone, bela: Phone) -> None:
    contact = await bela.ask(**{"with": BEAR.id})
    assert await anna("DELETE", f"/{contact['id']}") == (204, None)
    assert await bela.list() == await anna.list() == []
    assert (await bela("DELETE", f"/{contact['id']}"))[0] == 404


async def test_who_asks_does_not_agree(bela: Phone) -> None:
    contact = await bela.ask(**{"with": BEAR.id})
    status, body = await bela("POST", f"/{contact['id']}/accept")
    assert (status, body["code"]) == (403, "not_allowed")


async def test_unknown_unbound_and_blocking_are_one_answer(anna: Phone, bela: Phone) -> None:
    contact = await bela.ask(**{"with": BEAR.id})
    await anna("PATCH", f"/{contact['id']}", {"blocked": True})
    answers = [await bela("POST", json={"with": other}) for other in (BEAR.id, LOST.id, "p_none", "t_none", "g_none")]
    assert answers[0][0] == 404
    assert answers[0][1]["code"] == "unknown_recipient"
    assert answers[1:] == answers[:1] * 4


async def test_not_ours_and_not_there_are_one_answer(anna: Phone, bela: Phone, house: House) -> None:
    contact = await anna.ask(**{"with": BELA.id, "for": BEAR.id})
    stranger = await phone(house, await other_person(house))
    calls: tuple[tuple[str, str, Any], ...] = (
        ("POST", "/accept", None),
        ("PATCH", "", {"blocked": True}),
        ("DELETE", "", None),
    )
    for method, rest, json in calls:
        answers = [await stranger(method, f"/{one}{rest}", json) for one in (contact["id"], "c_none", "m_none")]
        assert answers[0][0] == 404
        assert answers[1:] == answers[:1] * 2
    assert len(await anna.list()) == 1


async def other_person(house: House) -> Party:
    account = await house.accounts.add("Carl", "a long good pass phrase")
    return Party(account.id, ANNA.kind, account.name)


async def test_nobody_asks_or_looks_for_others(bela: Phone) -> None:
    for side in (BEAR.id, ANNA.id, "t_none"):
        answers = (await bela("POST", json={"with": "p_any", "for": side}), await bela("GET", f"?for={side}"))
        assert {(status, body["code"]) for status, body in answers} == {(404, "not_found")}


async def test_one_family_needs_no_contact(anna: Phone) -> None:
    for given in ({"with": BEAR.id}, {"with": ANNA.id}, {"with": ANNA.id, "for": BEAR.id}):
        status, body = await anna("POST", json=given)
        assert (status, body["code"]) == (400, "missing_field")


async def test_who_answers_for_both_sides_says_which(house: House, anna: Phone, bela: Phone) -> None:
    claim = await house.whole.toys.open_window(ANNA.id, BEAR.id)
    contact = await bela.ask(**{"with": BEAR.id})
    await anna("POST", f"/{contact['id']}/accept")
    await house.whole.toys.bind(BELA.id, claim.code)
    status, body = await bela("PATCH", f"/{contact['id']}", {"nickname": "Teddy"})
    assert (status, body["code"]) == (400, "missing_field")
    status, body = await bela("PATCH", f"/{contact['id']}", {"nickname": "Teddy", "for": BELA.id})
    assert (status, body["with"], body["nickname"]) == (200, BEARS, "Teddy")


# ── what to show another family ──


@pytest.mark.parametrize(
    ("path", "shown"), [("/card", ANNA), (f"/card?for={ANNA.id}", ANNA), (f"/card?for={BEAR.id}", BEAR)]
)
async def test_a_card_says_whom_to_ask_for(anna: Phone, path: str, shown: Party) -> None:
    url = f"http://toys.test/?contact={shown.id}"
    assert await anna("GET", path) == (
        200,
        {"id": shown.id, "name": shown.name, "url": url, "qr": list(await qr_rows(url))},
    )


async def test_whoever_scans_a_card_can_ask(anna: Phone, bela: Phone) -> None:
    _, card = await anna("GET", f"/card?for={BEAR.id}")
    asked = await bela.ask(**{"with": URL(card["url"]).query["contact"]})
    assert (asked["state"], asked["with"]["id"]) == ("asked", BEAR.id)


async def test_the_card_of_whoever_is_not_yours(anna: Phone, bela: Phone) -> None:
    answers = [
        await bela("GET", f"/card?for={one}") for one in (BEAR.id, LOST.id, ANNA.id, "t_none", "p_none", "g_none")
    ]
    assert answers == [answers[0]] * len(answers)
    assert (answers[0][0], answers[0][1]["code"]) == (404, "not_found")
    assert (await anna("GET", f"/card?for={LOST.id}"))[0] == 404


async def test_a_card_leads_to_the_name_by_which_it_was_asked_for(open_house: OpenHouse) -> None:
    house = await open_house(addresses=None)
    reply = await house.client.get(f"{CONTACTS}/card", headers={**await house.bearer(ANNA), "Host": "box:9527"})
    assert (await reply.json())["url"] == f"http://box:9527/?contact={ANNA.id}"


async def test_one_too_many(open_house: OpenHouse) -> None:
    house = await open_house(Settings(families=Families(contacts=1)))
    anna = await phone(house, ANNA)
    await anna.ask(**{"with": BELA.id})
    status, body = await anna("POST", json={"with": (await other_person(house)).id})
    assert (status, body["code"]) == (409, "too_many")


@pytest.mark.parametrize(
    ("method", "path", "json"),
    [
        ("POST", "", {}),
        ("POST", "", {"with": ""}),
        ("POST", "", {"with": "P_X"}),
        ("POST", "", {"with": "p_1\n"}),
        ("POST", "", {"with": 1}),
        ("POST", "", {"with": "p_1", "for": "x" * 100}),
        ("PATCH", "/c_1", {"nickname": "n" * 65}),
        ("PATCH", "/c_1", {"nickname": "a\x00b"}),
        ("PATCH", "/c_1", {"blocked": "yes"}),
        ("PATCH", "/c_1", {"for": "nobody"}),
        ("GET", "?for=nobody", None),
        ("GET", "/card?for=nobody", None),
    ],
)
async def test_what_cannot_be_meant(anna: Phone, method: str, path: str, json: Any) -> None:
    status, body = await anna(method, path, json)
    assert (status, body["code"]) == (400, "missing_field")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", ""), ("GET", "/card"), ("POST", ""), ("POST", "/c_1/accept"), ("DELETE", "/c_1")]
)
async def test_only_people_have_contacts(house: House, method: str, path: str) -> None:
    toy = await phone(house, BEAR)
    assert (await toy(method, path, {}))[0] == 403
    reply = await house.client.request(method, CONTACTS + path, json={})
    assert reply.status == 401
