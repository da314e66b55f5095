from __future__ import annotations

from typing import Any

import pytest

from tests.web.conftest import OpenHouse
from tests.web.fakes import ANNA, BEAR, BELA, LOST, House
from tests.world import add_contact
from toybackend.models import Party
from toybackend.settings import Families, Settings

GROUPS = "/api/v1/groups"
ANNAS, BEARS, BELAS = (
    {"id": ANNA.id, "name": "Anna", "kind": "person"},
    {"id": BEAR.id, "name": "Bear", "kind": "toy"},
    {"id": BELA.id, "name": "Bela", "kind": "person"},
)
FAMILY = f"g{BEAR.id.removeprefix('t')}"


class Phone:
    """Somebody's app, as far as groups go."""

    def __init__(self, house: House, headers: dict[str, str]) -> None:
        self._house = house
        self._headers = headers

    async def __call__(self, method: str, path: str = "", json: Any = None) -> tuple[int, Any]:
        reply = await self._house.client.request(method, GROUPS + path, json=json, headers=self._headers)
        return reply.status, await reply.json(content_type=None)

    async def list(self) -> list[Any]:
        status, body = await self("GET")
        assert status == 200, body
        return list(body["groups"])

    async def create(self, *members: Party) -> Any:
        status, body = await self("POST", json={"name": "Sunday", "members": [one.id for one in members]})
        assert status == 201, body
        return body


async def phone(house: House, party: Party) -> Phone:
    return Phone(house, await house.bearer(party))


@pytest.fixture
async def anna(house: House) -> Phone:
    return await phone(house, ANNA)


@pytest.fixture
async def bela(house: House) -> Phone:
    """By now a contact of Anna and of her bear."""
    for one in (ANNA, BEAR):
        await add_contact(house.database, one, BELA)
    return await phone(house, BELA)


async def test_the_group_of_a_family_is_there(house: House, anna: Phone) -> None:
    family = {"id": FAMILY, "kind": "family", "name": "Bear", "owner_id": None, "members": [ANNAS, BEARS]}
    assert await anna.list() == [family]
    assert await (await phone(house, BEAR)).list() == [family]


async def test_making_one(house: House, anna: Phone, bela: Phone) -> None:
    made = await anna.create(BEAR, BELA)
    expected = {
        "id": made["id"],
        "kind": "custom",
        "name": "Sunday",
        "owner_id": ANNA.id,
        "members": [ANNAS, BELAS, BEARS],
    }
    assert made == expected
    assert await bela.list() == [expected]
    assert expected in await anna.list()
    assert expected in await (await phone(house, BEAR)).list()


async def test_a_group_of_ones_own(anna: Phone) -> None:
    status, body = await anna("POST", json={"name": " Notes "})
    assert (status, body["name"], body["members"]) == (201, "Notes", [ANNAS])


async def test_renaming_and_deleting(anna: Phone, bela: Phone) -> None:
    one = f"/{(await anna.create(BELA))['id']}"
    status, body = await anna("PATCH", one, {"name": "Monday"})
    assert (status, body["name"]) == (200, "Monday")
    assert await anna("DELETE", one) == (204, None)
    assert await bela.list() == []
    assert (await anna("DELETE", one))[0] == 404


async def test_coming_and_going(anna: Phone, bela: Phone) -> None:
    one = f"/{(await anna.create())['id']}"
    status, body = await anna("POST", f"{one}/members", {"id": BELA.id})
    assert (status, body["members"]) == (200, [ANNAS, BELAS])
    assert await bela("DELETE", f"{one}/members/{BELA.id}") == (204, None)
    assert await bela.list() == []
    assert (await anna("DELETE", f"{one}/members/{BELA.id}"))[0] == 404


async def test_a_group_whose_owner_leaves_passes_on_and_ends_with_the_last(anna: Phone, bela: Phone) -> None:
    made = await anna.create(BELA)
    assert (await anna("DELETE", f"/{made['id']}/members/{ANNA.id}"))[0] == 204
    [passed] = await bela.list()
    assert (passed["id"], passed["owner_id"]) == (made["id"], BELA.id)
    assert (await bela("DELETE", f"/{made['id']}/members/{BELA.id}"))[0] == 204
    assert await bela.list() == []


CHANGES: tuple[tuple[str, str, Any], ...] = (
    ("PATCH", "", {"name": "Mine"}),
    ("DELETE", "", None),
    ("POST", "/members", {"id": BELA.id}),
    ("DELETE", f"/members/{ANNA.id}", None),
)


@pytest.mark.parametrize(("method", "rest", "json"), CHANGES)
async def test_a_member_is_told_that_only_the_owner_may(
    anna: Phone, bela: Phone, method: str, rest: str, json: Any
) -> None:
    one = f"/{(await anna.create(BELA))['id']}"
    status, body = await bela(method, one + rest, json)
    assert (status, body["code"]) == (403, "not_allowed")


@pytest.mark.parametrize(("method", "rest", "json"), CHANGES)
async def test_the_group_of_a_family_is_left_alone(anna: Phone, method: str, rest: str, json: Any) -> None:
    status, body = await anna(method, f"/{FAMILY}{rest}", json)
    assert (status, body["code"]) == (403, "not_allowed")


@pytest.mark.parametrize(("method", "rest", "json"), CHANGES)
async def test_not_ours_and_not_there_are_one_answer(
    anna: Phone, bela: Phone, method: str, rest: str, json: Any
) -> None:
    made = await anna.create(BEAR)
    answers = [await bela(method, f"/{one}{rest}", json) for one in (made["id"], FAMILY, "g_none", "c_none")]
    assert answers[0][0] == 404
    assert answers[1:] == answers[:1] * 3


async def test_unknown_and_unbound_and_strange_are_one_answer(house: House, anna: Phone) -> None:
    made = await anna.create()
    for path, json in (("", {"name": "Sunday", "members": ["{}"]}), (f"/{made['id']}/members", {"id": "{}"})):
        answers = []
        for other in (BELA.id, LOST.id, "p_none", "g_none"):
            given = {
                name: [other] if name == "members" else other if name == "id" else value for name, value in json.items()
            }
            answers.append(await anna("POST", path, given))
        assert (answers[0][0], answers[0][1]["code"]) == (404, "unknown_recipient")
        assert answers[1:] == answers[:1] * 3


async def test_everybody_must_be_able_to_talk_with_everybody(house: House, anna: Phone) -> None:
    await add_contact(house.database, ANNA, BELA)
    made = await anna.create(BEAR)
    for status, body in (
        await anna("POST", json={"name": "Sunday", "members": [BEAR.id, BELA.id]}),
        await anna("POST", f"/{made['id']}/members", {"id": BELA.id}),
    ):
        assert (status, body["code"]) == (403, "not_allowed")


async def test_one_too_many(open_house: OpenHouse) -> None:
    house = await open_house(Settings(families=Families(groups=1, members=2)))
    anna = await phone(house, ANNA)
    for one in (ANNA, BEAR):
        await add_contact(house.database, one, BELA)
    made = await anna.create(BEAR)
    for status, body in (
        await anna("POST", json={"name": "Monday"}),
        await anna("POST", f"/{made['id']}/members", {"id": BELA.id}),
    ):
        assert (status, body["code"]) == (409, "too_many")


@pytest.mark.parametrize(
    ("method", "path", "json"),
    [
        ("POST", "", {}),
        ("POST", "", {"name": ""}),
        ("POST", "", {"name": " \t"}),
        ("POST", "", {"name": "n" * 65}),
        ("POST", "", {"name": "a\x00b"}),
        ("POST", "", {"name": "n", "members": BELA.id}),
        ("POST", "", {"name": "n", "members": ["nobody"]}),
        ("POST", "", {"name": "n", "members": ["p_1"] * 401}),
        ("PATCH", "/g_1", {}),
        ("POST", "/g_1/members", {"id": "nobody"}),
    ],
)
async def test_what_cannot_be_meant(anna: Phone, method: str, path: str, json: Any) -> None:
    status, body = await anna(method, path, json)
    assert (status, body["code"]) == (400, "missing_field")


@pytest.mark.parametrize(
    ("method", "path"), [("POST", ""), ("PATCH", "/g_1"), ("DELETE", "/g_1"), ("DELETE", "/g_1/members/p_1")]
)
async def test_only_people_change_groups(house: House, method: str, path: str) -> None:
    toy = await phone(house, BEAR)
    assert (await toy(method, path, {}))[0] == 403
    reply = await house.client.request(method, GROUPS + path, json={})
    assert reply.status == 401
