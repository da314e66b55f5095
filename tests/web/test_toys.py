from __future__ import annotations

from typing import Any

import pytest

from tests.web.conftest import OpenHouse
from tests.web.fakes import ANNA, BEAR, BELA, LOST, House
from tests.world import NOW, add_guardian, add_person, new_id
from toybackend.models import Consent, Party
from toybackend.settings import Access, Settings

TOYS = "/api/v1/toys"
BEARS = f"{TOYS}/{BEAR.id}"
NIGHT = {"days": ["mon", "sun"], "start": "20:00", "end": "07:00"}


async def ask(house: House, party: Party, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    reply = await house.client.request(method, path, json=body, headers=await house.bearer(party))
    return reply.status, await reply.json(content_type=None) if reply.status != 204 else None


async def change(house: House, **fields: Any) -> tuple[int, Any]:
    return await ask(house, ANNA, "PATCH", BEARS, fields)


async def agree(house: House) -> None:
    await house.database.give_consent(Consent(BEAR.id, ANNA.id, "1", NOW))


BEAR_VIEW = {
    "id": BEAR.id,
    "name": "Bear",
    "child_name": "Mia",
    "picture": "",
    "colour": "",
    "paused": False,
    "settings": {
        "volume_cap": 70,
        "daily_limit_minutes": None,
        "time_zone": "UTC",
        "quiet_hours": [],
        "quiet_until": None,
        "autoplay": True,
    },
    "guardians": [{"id": ANNA.id, "name": "Anna", "role": "owner", "since": "2026-11-21T08:00:00.000Z"}],
    "consent": None,
    "online": False,
    "heard_at": None,
}


async def test_a_guardian_sees_the_toys_that_they_guard(house: House) -> None:
    assert await ask(house, ANNA, "GET", BEARS) == (200, BEAR_VIEW)
    assert await ask(house, ANNA, "GET", TOYS) == (200, {"toys": [BEAR_VIEW]})
    assert await ask(house, BELA, "GET", TOYS) == (200, {"toys": []})


async def test_consent_and_when_it_was_heard_are_part_of_the_view(house: House) -> None:
    await agree(house)
    await house.database.heard_from({BEAR.id: NOW - 1000})
    _, view = await ask(house, ANNA, "GET", BEARS)
    assert view["consent"] == {"version": "1", "given_by": ANNA.id, "given_at": "2026-11-21T08:00:00.000Z"}
    assert (view["heard_at"], view["online"]) == ("2026-11-21T07:59:59.000Z", False)


async def test_a_toy_that_is_not_yours_is_like_one_that_does_not_exist(house: House) -> None:
    answers = [
        await ask(house, BELA, method, f"{TOYS}/{toy_id}{rest}", body)
        for toy_id in (BEAR.id, LOST.id, "t_none")
        for method, rest, body in (
            ("GET", "", None),
            ("PATCH", "", {"name": "Mine"}),
            ("PATCH", "", {}),
            ("DELETE", f"/guardians/{ANNA.id}", None),
            ("DELETE", f"/guardians/{BELA.id}", None),
        )
    ]
    assert answers == [answers[0]] * len(answers)
    assert (answers[0][0], answers[0][1]["code"]) == (404, "not_found")


async def test_everything_that_can_be_set(house: House) -> None:
    await agree(house)
    given = {
        "name": "Teddy",
        "child_name": "Mia Sophie",
        "picture": "bear",
        "colour": "#ffcc00",
        "volume_cap": 0,
        "daily_limit_minutes": 45,
        "time_zone": "Europe/Berlin",
        "quiet_hours": [NIGHT],
        "autoplay": False,
    }
    status, view = await change(house, **given)
    assert status == 200
    assert {name: view[name] for name in ("name", "child_name", "picture", "colour")} == {
        name: given[name] for name in ("name", "child_name", "picture", "colour")
    }
    assert view["settings"] == {
        "volume_cap": 0,
        "daily_limit_minutes": 45,
        "time_zone": "Europe/Berlin",
        "quiet_hours": [NIGHT],
        "quiet_until": None,
        "autoplay": False,
    }
    assert await ask(house, ANNA, "GET", BEARS) == (200, view)


async def test_what_is_not_named_stays_and_what_was_shown_can_be_sent_back(house: House) -> None:
    await change(house, quiet_hours=[NIGHT], daily_limit_minutes=45, autoplay=False)
    _, view = await change(house, volume_cap=10)
    shown = view["settings"]
    assert (shown["volume_cap"], shown["daily_limit_minutes"], shown["quiet_hours"]) == (10, 45, [NIGHT])
    assert shown["autoplay"] is False
    for nothing in (0, None):
        _, view = await change(house, daily_limit_minutes=nothing)
        assert view["settings"]["daily_limit_minutes"] is None
    again = {name: value for name, value in view["settings"].items() if name != "quiet_until"}
    assert await change(house, **again) == (200, view)
    _, view = await change(house, quiet_hours=[])
    assert view["settings"]["quiet_hours"] == []


async def test_a_toy_that_shall_sleep_now_says_until_when(house: House) -> None:
    morning = {"days": ["sat"], "start": "07:30", "end": "09:00"}
    _, view = await change(house, quiet_hours=[morning])  # it is Saturday, 08:00
    assert view["settings"]["quiet_until"] == "2026-11-21T09:00:00.000Z"


@pytest.mark.parametrize(
    "fields",
    [
        {"name": ""},
        {"name": "   "},
        {"name": "a\x00b"},
        {"name": "x" * 65},
        {"name": None},
        {"child_name": "x" * 65},
        {"child_name": "\x00"},
        {"picture": "a picture"},
        {"colour": "x" * 33},
        {"volume_cap": -1},
        {"volume_cap": 101},
        {"volume_cap": 1.5},
        {"volume_cap": "80"},
        {"daily_limit_minutes": -1},
        {"daily_limit_minutes": 1441},
        {"time_zone": ""},
        {"time_zone": "../../etc/passwd"},
        {"quiet_hours": [NIGHT] * 15},
        {"quiet_hours": [NIGHT | {"days": []}]},
        {"quiet_hours": [NIGHT | {"days": ["mon"] * 8}]},
        {"quiet_hours": [NIGHT | {"days": ["monday"]}]},
        {"quiet_hours": [NIGHT | {"start": "24:00"}]},
        {"quiet_hours": [NIGHT | {"end": "7:00"}]},
        {"quiet_hours": [{"days": ["mon"], "start": "20:00"}]},
        {"quiet_hours": None},
        {"autoplay": None},
        {"autoplay": 1},
        {"autoplay": "no"},
    ],
)
async def test_what_cannot_be_set(house: House, fields: dict[str, Any]) -> None:
    status, problem = await change(house, **fields)
    assert (status, problem["code"]) == (400, "missing_field")
    assert await ask(house, ANNA, "GET", BEARS) == (200, BEAR_VIEW)


async def test_a_time_zone_that_there_is_not(house: House) -> None:
    status, problem = await change(house, time_zone="Europe/Atlantis")
    assert (status, problem["code"]) == (422, "invalid_value")
    assert await ask(house, ANNA, "GET", BEARS) == (200, BEAR_VIEW)


async def test_the_name_of_a_child_needs_consent_first(house: House) -> None:
    status, problem = await change(house, child_name="Mia Sophie", volume_cap=1)
    assert (status, problem["code"]) == (403, "consent_needed")
    assert "/consent" in problem["detail"]
    assert await ask(house, ANNA, "GET", BEARS) == (200, BEAR_VIEW)
    assert (await change(house, child_name=""))[0] == 200


# ── guardians ──


async def test_guardians_come_and_go(house: House) -> None:
    gran = await add_person(house.database, new_id("Gran"))
    for person in (BELA, gran):
        await add_guardian(house.database, BEAR, ANNA, person)
    guardians = f"{BEARS}/guardians"
    status, problem = await ask(house, BELA, "DELETE", f"{guardians}/{gran.id}")
    assert (status, problem["code"]) == (403, "not_allowed")
    assert await ask(house, ANNA, "DELETE", f"{guardians}/{gran.id}") == (204, None)
    assert await ask(house, ANNA, "DELETE", f"{guardians}/{ANNA.id}") == (204, None)
    _, view = await ask(house, BELA, "GET", BEARS)
    assert [(one["id"], one["role"]) for one in view["guardians"]] == [(BELA.id, "owner")]
    status, problem = await ask(house, BELA, "DELETE", f"{guardians}/{BELA.id}")
    assert (status, problem["code"]) == (403, "not_allowed")
    assert "unbind" in problem["detail"]
    for person in (ANNA, gran):
        assert (await ask(house, person, "GET", BEARS))[0] == 404


@pytest.mark.parametrize("path", [f"{BEARS}/guardians/t_toy", f"{TOYS}/p_person", f"{BEARS}/guardians/p_none"])
async def test_ids_of_other_things_are_nothing(house: House, path: str) -> None:
    method = "DELETE" if "guardians" in path else "GET"
    assert (await ask(house, ANNA, method, path))[0] == 404


async def test_toys_do_not_look_at_themselves_this_way(open_house: OpenHouse) -> None:
    house = await open_house(Settings(access=Access(claim_tries=1)))
    for party in (BEAR, LOST):
        status, problem = await ask(house, party, "GET", BEARS)
        assert (status, problem["code"]) == (403, "not_allowed")
