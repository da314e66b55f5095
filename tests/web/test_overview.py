"""Numbers for the operator's page."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from sqlalchemy import update

from tests.web.conftest import OpenHouse
from tests.web.fakes import ANNA, BEAR, BEARS_LICENCE, BELA, House
from toybackend import __version__
from toybackend.databases.tables import accounts
from toybackend.models import Party
from toybackend.services.devices import fingerprint
from toybackend.services.tokens import digest
from toybackend.settings import Service, Settings

OVERVIEW = "/api/v1/overview"
START = "2026-11-21T08:00:00.000Z"
QUIET = {
    "at": START,
    "toys_online": 0,
    "people_online": 0,
    "accepted": 0,
    "waiting_voices": 0,
    "waiting_shelf": 0,
    "conversion_ms_median": None,
    "conversion_ms_p95": None,
}


async def make_operator(house: House, party: Party) -> None:
    statement = update(accounts).where(accounts.c.id == party.id).values(is_operator=True)
    await house.database._engine.write(lambda connection: connection.execute(statement))


@pytest.fixture
async def operator(house: House) -> Party:
    await make_operator(house, BELA)
    return BELA


async def overview(house: House, party: Party, query: str = "") -> tuple[int, Any]:
    reply: aiohttp.ClientResponse = await house.client.get(OVERVIEW + query, headers=await house.bearer(party))
    return reply.status, await reply.json(content_type=None)


async def test_a_house_at_rest(house: House, operator: Party) -> None:
    assert await overview(house, operator) == (
        200,
        {
            "version": __version__,
            "started_at": START,
            "interval_seconds": 10.0,
            "now": QUIET,
            "samples": [],
            "accounts": 2,
            "toys": 2,
            "licences": {"all": 2, "bound": 1, "revoked": 0},
        },
    )


async def test_what_goes_on_is_in_the_next_sample(house: House, operator: Party) -> None:
    house.whole.metrics.accepted.labels("voice").inc(3)
    house.whole.metrics.accepted.labels("text").inc()
    house.whole.observing.note_conversion(0.125)
    house.whole.observing.sample()
    house.clock.pass_seconds(10)
    _, found = await overview(house, operator)
    busy = QUIET | {"accepted": 4, "conversion_ms_median": 125, "conversion_ms_p95": 125}
    assert found["samples"] == [busy]
    assert found["now"] == QUIET | {"at": "2026-11-21T08:00:10.000Z"}


async def test_only_what_is_newer_is_sent_again(house: House, operator: Party) -> None:
    for _ in range(4):
        house.whole.observing.sample()
        house.clock.pass_seconds(10)
    _, found = await overview(house, operator)
    times = [one["at"] for one in found["samples"]]
    assert times == [f"2026-11-21T08:00:{second}0.000Z" for second in range(4)]
    for known, at in enumerate(times, 1):
        _, found = await overview(house, operator, f"?since={quote(at)}")
        assert [one["at"] for one in found["samples"]] == times[known:]
    _, found = await overview(house, operator, "?since=")
    assert len(found["samples"]) == 4


@pytest.mark.parametrize("since", ["yesterday", "0", "1795248000000", "2026-11-21", "2026-11-21T08:00:00Z", "%00"])
async def test_since_is_a_moment_as_it_was_given(house: House, operator: Party, since: str) -> None:
    status, problem = await overview(house, operator, f"?since={since}")
    assert (status, problem["code"]) == (400, "missing_field")


async def test_licences_are_counted_once_a_minute(house: House, operator: Party) -> None:
    await overview(house, operator)
    await house.whole.devices.revoke(fingerprint(digest(BEARS_LICENCE)))
    assert (await overview(house, operator))[1]["licences"]["revoked"] == 0
    house.clock.pass_seconds(60)
    assert (await overview(house, operator))[1]["licences"] == {"all": 2, "bound": 1, "revoked": 1}


async def test_there_is_no_word_about_anybody_in_it(house: House, operator: Party) -> None:
    house.whole.observing.sample()
    _, found = await overview(house, operator)
    said = json.dumps(found)
    assert [word for word in (ANNA.id, BEAR.id, "Anna", "Bear", "Mia", "p_", "t_") if f'"{word}' in said] == []


async def test_the_pace_is_that_of_the_settings(open_house: OpenHouse) -> None:
    house = await open_house(Settings(service=Service(observe_seconds=2.5)))
    await make_operator(house, BELA)
    assert (await overview(house, BELA))[1]["interval_seconds"] == 2.5


async def test_only_operators_see_it(house: House) -> None:
    status, problem = await overview(house, ANNA)
    assert (status, problem["code"]) == (403, "not_allowed")
    assert (await overview(house, BEAR))[0] == 403
    assert (await house.client.get(OVERVIEW)).status == 401
