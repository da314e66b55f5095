"""Devices as their makers and buyers see them."""

from __future__ import annotations

import logging
import re
from typing import Any

import pytest
from sqlalchemy import update

from tests.web.conftest import OpenHouse
from tests.web.fakes import ANNA, BEARS_LICENCE, BELA, LOST_LICENCE, WRONG_LICENCE, House
from toybackend.databases.tables import accounts
from toybackend.models import Party
from toybackend.services.devices import fingerprint
from toybackend.services.tokens import digest
from toybackend.settings import Access, Settings

DEVICES = "/api/v1/devices"
IMPORT = f"{DEVICES}/import"
FIND = f"{DEVICES}/find"
NOW_TEXT = "2026-11-21T08:00:00.000Z"
BEARS_DEVICE, LOST_DEVICE, NO_DEVICE = (
    fingerprint(digest(one)) for one in (BEARS_LICENCE, LOST_LICENCE, WRONG_LICENCE)
)


@pytest.fixture
async def operator(house: House) -> Party:
    """Bela runs this server."""
    statement = update(accounts).where(accounts.c.id == BELA.id).values(is_operator=True)
    await house.database._engine.write(lambda connection: connection.execute(statement))
    return BELA


async def ask(house: House, party: Party, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    reply = await house.client.request(method, path, json=body, headers=await house.bearer(party))
    return reply.status, await reply.json(content_type=None)


# ── makers ──


async def test_licences_are_made_and_work(house: House, operator: Party) -> None:
    status, body = await ask(house, operator, "POST", DEVICES, {"count": 3})
    made = body["devices"]
    assert (status, len(made)) == (201, 3)
    for one in made:
        assert re.fullmatch("[0-9a-f]{32}", one["license"])
        assert fingerprint(digest(one["license"])) == one["device_id"]
        assert (await house.database.device(one["device_id"])) is not None


async def test_as_many_as_go_into_one_transaction(house: House, operator: Party) -> None:
    _, body = await ask(house, operator, "POST", DEVICES, {"count": 1000})
    assert len(body["devices"]) == 1000


@pytest.mark.parametrize("body", [{}, {"count": 0}, {"count": 1001}, {"count": "3"}, {"count": 1.5}, {"count": None}])
async def test_how_many_must_make_sense(house: House, operator: Party, body: Any) -> None:
    status, problem = await ask(house, operator, "POST", DEVICES, body)
    assert (status, problem["code"]) == (400, "missing_field")


async def test_old_licences_are_imported(house: House, operator: Party) -> None:
    await house.whole.devices.revoke(LOST_DEVICE)
    old = [BEARS_LICENCE, LOST_LICENCE.upper(), WRONG_LICENCE, "ab" * 16, "AB" * 16]
    assert await ask(house, operator, "POST", IMPORT, {"licenses": old}) == (200, {"new": 2, "known": 3})
    found = [await house.database.digest_of(one) for one in (BEARS_DEVICE, LOST_DEVICE, NO_DEVICE)]
    assert found == [digest(BEARS_LICENCE), None, digest(WRONG_LICENCE)]


async def test_a_thousand_at_once_and_not_one_more(house: House, operator: Party) -> None:
    many = [f"{number:032x}" for number in range(1, 1002)]
    status, problem = await ask(house, operator, "POST", IMPORT, {"licenses": many})
    assert (status, problem["code"]) == (400, "missing_field")
    assert await ask(house, operator, "POST", IMPORT, {"licenses": many[:1000]}) == (200, {"new": 1000, "known": 0})


@pytest.mark.parametrize("bad", ["", "1" * 31, "g" * 32, "1" * 33, 1, None])
async def test_a_bad_licence_spoils_the_list_and_is_not_echoed(house: House, operator: Party, bad: Any) -> None:
    status, problem = await ask(house, operator, "POST", IMPORT, {"licenses": ["ab" * 16, bad]})
    assert (status, problem["code"]) == (400, "missing_field")
    assert not bad or str(bad) * 3 not in str(problem)
    assert await house.database.device(fingerprint(digest("ab" * 16))) is None


async def test_devices_are_listed_a_page_at_a_time(house: House, operator: Party) -> None:
    await house.whole.devices.revoke(LOST_DEVICE)
    status, body = await ask(house, operator, "GET", DEVICES)
    assert status == 200
    bear: Any = {"device_id": BEARS_DEVICE, "issued_at": NOW_TEXT, "revoked_at": None, "is_bound": True}
    lost: Any = {"device_id": LOST_DEVICE, "issued_at": NOW_TEXT, "revoked_at": NOW_TEXT, "is_bound": False}
    first, second = sorted((bear, lost), key=lambda one: one["device_id"])
    assert body == {"devices": [first, second]}
    assert await ask(house, operator, "GET", f"{DEVICES}?limit=1") == (200, {"devices": [first]})
    page = f"{DEVICES}?after={first['device_id']}"
    assert await ask(house, operator, "GET", page) == (200, {"devices": [second]})
    page = f"{DEVICES}?begins={second['device_id'][:8]}"
    assert await ask(house, operator, "GET", page) == (200, {"devices": [second]})


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "limit=x", "begins=%00", "after=%25", "begins=D_", "after=ü"]
)
async def test_a_page_that_cannot_be(house: House, operator: Party, query: str) -> None:
    status, problem = await ask(house, operator, "GET", f"{DEVICES}?{query}")
    assert (status, problem["code"]) == (400, "missing_field")


async def test_a_device_is_found_by_its_licence(house: House, operator: Party) -> None:
    bear: Any = {"device_id": BEARS_DEVICE, "issued_at": NOW_TEXT, "revoked_at": None, "is_bound": True}
    assert await ask(house, operator, "POST", FIND, {"license": BEARS_LICENCE}) == (200, bear)
    assert await ask(house, operator, "POST", FIND, {"license": BEARS_LICENCE.upper()}) == (200, bear)
    await house.whole.devices.revoke(LOST_DEVICE)
    status, lost = await ask(house, operator, "POST", FIND, {"license": LOST_LICENCE})
    assert (status, lost["device_id"], lost["revoked_at"]) == (200, LOST_DEVICE, NOW_TEXT)
    status, problem = await ask(house, operator, "POST", FIND, {"license": WRONG_LICENCE})
    assert (status, problem["code"]) == (404, "not_found")
    assert WRONG_LICENCE not in str(problem)


@pytest.mark.parametrize("bad", ["", "1" * 31, "g" * 32, "1" * 33, 1, None, BEARS_DEVICE])
async def test_what_is_no_licence_is_not_looked_for_and_not_echoed(house: House, operator: Party, bad: Any) -> None:
    status, problem = await ask(house, operator, "POST", FIND, {"license": bad})
    assert (status, problem["code"]) == (400, "missing_field")
    assert not bad or str(bad) * 3 not in str(problem)


async def test_what_an_operator_looks_for_is_not_in_the_log(
    house: House, operator: Party, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        for licence in (BEARS_LICENCE, WRONG_LICENCE):
            await ask(house, operator, "POST", FIND, {"license": licence})
    assert FIND in caplog.text
    assert BEARS_LICENCE not in caplog.text
    assert WRONG_LICENCE not in caplog.text


async def test_revoking(house: House, operator: Party) -> None:
    path = f"{DEVICES}/{BEARS_DEVICE}/revoke"
    revoked = {"device_id": BEARS_DEVICE, "issued_at": NOW_TEXT, "revoked_at": NOW_TEXT, "is_bound": True}
    assert await ask(house, operator, "POST", path) == (200, revoked)
    house.clock.pass_seconds(1)
    assert await ask(house, operator, "POST", path) == (200, revoked)
    for nothing in (NO_DEVICE, "t_bearbearbear"):
        status, problem = await ask(house, operator, "POST", f"{DEVICES}/{nothing}/revoke")
        assert (status, problem["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", DEVICES, {"count": 1}),
        ("POST", IMPORT, {"licenses": ["ab" * 16]}),
        ("GET", DEVICES, None),
        ("POST", FIND, {"license": BEARS_LICENCE}),
        ("POST", f"{DEVICES}/{BEARS_DEVICE}/revoke", None),
    ],
)
async def test_only_operators_are_makers(house: House, method: str, path: str, body: Any) -> None:
    status, problem = await ask(house, ANNA, method, path, body)
    assert (status, problem["code"]) == (403, "not_allowed")
    assert (await house.client.request(method, path, json=body)).status == 401
    assert len(await house.database.devices("", "", 10)) == 2
    assert await house.database.digest_of(BEARS_DEVICE) is not None


# ── buyers ──


async def test_is_this_toy_free(house: House) -> None:
    async def state(device_id: str) -> Any:
        return await ask(house, BELA, "GET", f"{DEVICES}/{device_id}")

    assert await state(BEARS_DEVICE) == (200, {"state": "bound"})
    assert await state(LOST_DEVICE) == (200, {"state": "free"})
    assert await state(NO_DEVICE) == (200, {"state": "unlicensed"})
    await house.whole.devices.revoke(BEARS_DEVICE)
    assert await state(BEARS_DEVICE) == await state(NO_DEVICE)
    assert (await state("t_bearbearbear"))[0] == 404
    assert (await house.client.get(f"{DEVICES}/{LOST_DEVICE}")).status == 401


async def test_nobody_asks_about_every_toy_there_is(open_house: OpenHouse) -> None:
    house = await open_house(Settings(access=Access(device_lookups=2)))
    path = f"{DEVICES}/{LOST_DEVICE}"
    assert [(await ask(house, BELA, "GET", path))[0] for _ in range(3)] == [200, 200, 429]
    assert (await ask(house, ANNA, "GET", path))[0] == 200
