"""Songs and stories on toys, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.fakes import ANNA, BEAR, BELA, LOST, House
from tests.world import NOW, sound
from toybackend.models import Item, ItemId, ItemState, Party, QuietWindow, Weekday
from toybackend.ports import Tell, ToyChange
from toybackend.protocol import Play, Stop, parse_server_frame

SONG = ItemId("i_song")
PLAYBACK = "/api/v1/playback"


@pytest.fixture(autouse=True)
async def _a_song(house: House) -> None:
    await house.database.add_item(Item(SONG, ANNA.id, "Song", "", ItemState.CONVERTING, NOW), None, most=9)
    await house.database.settle_item(SONG, sound=sound())


@pytest.fixture
def online(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every toy is there."""
    monkeypatch.setattr(house.whole.hub, "is_online", lambda party_id: True)


async def post(house: House, path: str, body: Any, party: Party = ANNA) -> tuple[int, Any]:
    async with house.client.post(path, json=body, headers=await house.bearer(party)) as response:
        return response.status, await response.json()


async def play(house: House, *toy_ids: str, item_id: str = SONG, party: Party = ANNA) -> tuple[int, Any]:
    return await post(house, PLAYBACK, {"toy_ids": toy_ids, "item_id": item_id}, party)


async def test_a_toy_that_is_not_there_is_offline(house: House) -> None:
    assert await play(house, BEAR.id) == (200, {"results": [{"toy_id": BEAR.id, "result": "offline"}]})


@pytest.mark.usefixtures("online")
async def test_it_plays_and_stops(house: House) -> None:
    told: list[object] = []

    def listen(event: object) -> None:
        if isinstance(event, Tell):
            told.append(parse_server_frame(event.frame))

    async with house.whole.bus.subscribe(listen):
        assert await play(house, BEAR.id, BEAR.id, LOST.id) == (
            200,
            {"results": [{"toy_id": BEAR.id, "result": "playing"}, {"toy_id": LOST.id, "result": "not_found"}]},
        )
        assert await post(house, f"{PLAYBACK}/stop", {"toy_ids": [LOST.id, BEAR.id]}) == (
            200,
            {"results": [{"toy_id": LOST.id, "result": "not_found"}, {"toy_id": BEAR.id, "result": "stopped"}]},
        )
    assert [type(one) for one in told] == [Play, Stop]


@pytest.mark.usefixtures("online")
async def test_a_toy_at_rest_says_until_when(house: House) -> None:
    nine = QuietWindow(frozenset(Weekday), 0, 9 * 60)
    await house.database.change_toy(BEAR.id, ToyChange(quiet_windows=(nine,)))
    result = {"toy_id": BEAR.id, "result": "quiet_hours", "until": "2026-11-21T09:00:00.000Z"}
    assert await play(house, BEAR.id) == (200, {"results": [result]})


async def test_an_item_that_is_not_ours_is_not_found(house: House) -> None:
    unknown = await play(house, BEAR.id, item_id="i_unknown", party=BELA)
    assert unknown[0] == 404
    assert await play(house, BEAR.id, party=BELA) == unknown
    assert await play(house, BEAR.id, item_id="m_0123456789abcdef", party=BELA) == unknown


@pytest.mark.usefixtures("online")
async def test_somebody_elses_toy_is_as_unknown_as_one_that_is_not(house: House) -> None:
    await house.database.add_item(Item(ItemId("i_bela"), BELA.id, "Song", "", ItemState.CONVERTING, NOW), None, most=9)
    await house.database.settle_item(ItemId("i_bela"), sound=sound())
    _, body = await play(house, BEAR.id, "t_unknown", item_id="i_bela", party=BELA)
    assert [one["result"] for one in body["results"]] == ["not_found", "not_found"]


async def test_what_is_not_converted_is_not_ready(house: House) -> None:
    new = Item(ItemId("i_new"), ANNA.id, "Song", "", ItemState.CONVERTING, NOW)
    await house.database.add_item(new, None, most=9)
    status, problem = await play(house, BEAR.id, item_id="i_new")
    assert (status, problem["code"]) == (409, "not_ready")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"toy_ids": [], "item_id": SONG},
        {"toy_ids": [BEAR.id] * 101, "item_id": SONG},
        {"toy_ids": BEAR.id, "item_id": SONG},
        {"toy_ids": ["t_\0"], "item_id": SONG},
        {"toy_ids": [BEAR.id], "item_id": 1},
    ],
)
async def test_a_wrong_body_is_refused(house: House, body: Any) -> None:
    for path in (PLAYBACK, f"{PLAYBACK}/stop"):
        if path == PLAYBACK or body.get("toy_ids") != [BEAR.id]:
            status, problem = await post(house, path, body)
            assert (status, problem["code"]) == (400, "missing_field")


async def test_a_hundred_toys_are_asked_about_at_once(house: House) -> None:
    status, body = await play(house, *(f"t_{number}" for number in range(100)))
    assert (status, len(body["results"])) == (200, 100)


async def test_toys_play_nothing_by_themselves(house: House) -> None:
    assert (await play(house, BEAR.id, party=BEAR))[0] == 403
    assert (await post(house, f"{PLAYBACK}/stop", {"toy_ids": [BEAR.id]}, BEAR))[0] == 403
