from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import ClientResponse
from yarl import URL

from tests.web.fakes import ANNA, BEAR, BELA, LOST, MESSAGE, House
from tests.world import NOW, accept, add_contact, message, sound
from toybackend.models import DeliveryState, Message, MessageId, Party

CONVERSATIONS = "/api/v1/conversations"
FAMILY = "g_bearbearbear"


def history_of(other_id: str) -> str:
    return f"{CONVERSATIONS}/{other_id}/messages"


def message_route(message_id: str = MESSAGE) -> str:
    return f"/api/v1/messages/{message_id}"


async def get(house: House, reader: Party, path: str, **query: Any) -> Any:
    reply = await house.client.get(path, headers=await house.bearer(reader), params=query)
    assert reply.status == 200, await reply.text()
    return await reply.json()


async def write(house: House, sender: Party, to: Party, text: str, message_id: str) -> Message:
    said = replace(message(sender, to, text=text), id=MessageId(message_id))
    await accept(house.database, said)
    return said


async def problem(reply: ClientResponse) -> tuple[int, str]:
    return reply.status, (await reply.json(content_type=None))["code"]


# ── the list ──


async def test_the_list_of_a_person(house: House) -> None:
    found = await get(house, ANNA, CONVERSATIONS)
    bear, family = found["conversations"]
    assert {key: value for key, value in bear.items() if key != "last"} == {
        "id": BEAR.id,
        "name": "Bear",
        "kind": "toy",
        "unread": 0,
        "may_send": True,
        "online": False,
        "heard_at": None,
    }
    assert bear["last"]["id"] == MESSAGE
    assert family == {
        "id": FAMILY,
        "name": "Bear",
        "kind": "family",
        "unread": 0,
        "last": None,
        "may_send": True,
        "online": None,
        "heard_at": None,
    }


async def test_the_list_of_a_toy(house: House) -> None:
    await house.database.heard_from({BEAR.id: NOW})
    found = await get(house, BEAR, CONVERSATIONS)
    assert [(one["name"], one["kind"], one["unread"]) for one in found["conversations"]] == [
        ("Anna", "person", 1),
        ("Bear", "family", 0),
    ]
    assert [(one["online"], one["heard_at"]) for one in found["conversations"]] == [(None, None)] * 2


async def test_when_a_toy_was_heard_from_is_a_time(house: House) -> None:
    await house.database.heard_from({BEAR.id: NOW})
    [bear, _] = (await get(house, ANNA, CONVERSATIONS))["conversations"]
    assert bear["heard_at"] == "2026-11-21T08:00:00.000Z"


async def test_whoever_knows_nobody_has_an_empty_list(house: House) -> None:
    assert await get(house, BELA, CONVERSATIONS) == {"conversations": []}


# ── history ──


async def test_what_was_sent_shows_its_receipts(house: House) -> None:
    await house.database.advance(MESSAGE, BEAR.id, DeliveryState.HEARD, NOW + 1000)
    found = await get(house, ANNA, history_of(BEAR.id))
    [entry] = found["messages"]
    url = entry["voice"].pop("url")
    assert found["before"] is None
    assert entry == {
        "id": MESSAGE,
        "from_user": ANNA.id,
        "from_name": "Anna",
        "voice": {"duration_ms": sound().duration_ms, "waveform": list(sound().waveform)},
        "sent_at": "2026-11-21T08:00:00.000Z",
        "state": "accepted",
        "receipts": [
            {
                "to_user": BEAR.id,
                "name": "Bear",
                "state": "heard",
                "delivered_at": "2026-11-21T08:00:01.000Z",
                "heard_at": "2026-11-21T08:00:01.000Z",
            }
        ],
    }
    assert URL(url).query["for"] == ANNA.id


async def test_what_was_got_shows_how_far_it_is_and_a_link_that_works(house: House) -> None:
    clip = b"ID3 is not looked at"
    house.store.keep(MESSAGE, clip)
    [entry] = (await get(house, BEAR, history_of(ANNA.id)))["messages"]
    assert (entry["state"], "receipts" in entry, "msg" in entry) == ("waiting", False, False)
    reply = await house.client.get(URL(entry["voice"]["url"]).relative())
    assert (reply.status, await reply.read()) == (200, clip)


async def test_a_text_is_shown(house: House) -> None:
    await write(house, BEAR, ANNA, "good night 🧸", "m_text")
    [entry, _] = (await get(house, ANNA, history_of(BEAR.id)))["messages"]
    assert entry == {
        "id": "m_text",
        "from_user": BEAR.id,
        "from_name": "Bear",
        "msg": "good night 🧸",
        "sent_at": "2026-11-21T08:00:00.000Z",
        "state": "waiting",
    }


async def test_a_voice_that_is_not_converted_yet_or_failed_has_no_link(house: House) -> None:
    for message_id in ("m_coming", "m_bad"):
        await accept(house.database, replace(message(ANNA, BEAR), id=MessageId(message_id)))
    await house.database.settle(MessageId("m_bad"), NOW, failure="bad_audio")
    [bad, coming, _] = (await get(house, ANNA, history_of(BEAR.id)))["messages"]
    silence: dict[str, Any] = {"url": None, "duration_ms": None, "waveform": []}
    assert (bad["voice"], bad["state"], bad["code"], "receipts" in bad) == (silence, "failed", "bad_audio", False)
    assert (coming["voice"], coming["state"], len(coming["receipts"])) == (silence, "accepted", 1)


async def test_pages_follow_each_other(house: House) -> None:
    for number in range(4):
        await write(house, ANNA, BEAR, str(number), f"m_{number}")
    first = await get(house, ANNA, history_of(BEAR.id), limit=3)
    assert ([one["id"] for one in first["messages"]], first["before"]) == (["m_3", "m_2", "m_1"], "m_1")
    second = await get(house, ANNA, history_of(BEAR.id), limit=3, before=first["before"])
    assert ([one["id"] for one in second["messages"]], second["before"]) == (["m_0", MESSAGE], None)


async def test_an_empty_conversation_is_empty(house: House) -> None:
    assert await get(house, ANNA, history_of(FAMILY)) == {"messages": [], "before": None}


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "101"},
        {"limit": "many"},
        {"limit": ""},
        {"before": ""},
        {"before": "m_\x00"},
        {"before": "m" * 99},
    ],
)
async def test_a_query_that_means_nothing_is_refused(house: House, query: dict[str, str]) -> None:
    reply = await house.client.get(history_of(BEAR.id), headers=await house.bearer(ANNA), params=query)
    assert await problem(reply) == (400, "missing_field")


async def test_not_yours_and_unknown_are_the_same(house: House) -> None:
    bela = await house.bearer(BELA)
    replies = [
        await house.client.get(history_of(BEAR.id), headers=bela),
        await house.client.get(history_of("t_none"), headers=bela),
        await house.client.get(history_of(FAMILY), headers=bela),
        await house.client.get(history_of("g_none"), headers=bela),
        await house.client.get(history_of("x_none"), headers=bela),
        await house.client.get(history_of(BEAR.id), headers=bela, params={"before": MESSAGE}),
        await house.client.get(history_of(BEAR.id), headers=bela, params={"before": "m_none"}),
        await house.client.get(history_of(BEAR.id), headers=await house.bearer(ANNA), params={"before": "m_none"}),
        await house.client.delete(message_route(), headers=bela),
        await house.client.delete(message_route("m_none"), headers=bela),
        await house.client.delete(message_route("t_none"), headers=bela),
        await house.client.delete(message_route(), headers=await house.bearer(BEAR)),  # got it, and may not delete it
    ]
    assert {reply.status for reply in replies} == {404}
    assert len({await reply.read() for reply in replies}) == 1


# ── deleting ──


async def test_what_is_deleted_is_gone_for_everybody(house: House, sound: bytes) -> None:
    file = house.store.keep(MESSAGE, sound)
    link = house.link()
    assert (await house.client.get(link)).status == 200
    reply = await house.client.delete(message_route(), headers=await house.bearer(ANNA))
    assert reply.status == 200
    assert await reply.json() == {"rows": {"messages": 1, "deliveries": 1}, "files": 1}
    assert not await asyncio.to_thread(file.exists)
    assert (await house.client.get(link)).status == 410
    assert await get(house, BEAR, history_of(ANNA.id)) == {"messages": [], "before": None}
    again = await house.client.delete(message_route(), headers=await house.bearer(ANNA))
    assert await problem(again) == (404, "not_found")


async def test_a_toy_deletes_what_it_said_and_its_guardian_does_it_for_the_toy(house: House) -> None:
    await add_contact(house.database, BEAR, BELA)
    for actor, message_id in ((BEAR, "m_one"), (ANNA, "m_two")):
        await write(house, BEAR, BELA, "hi", message_id)
        reply = await house.client.delete(message_route(message_id), headers=await house.bearer(actor))
        assert (reply.status, (await reply.json())["files"]) == (200, 0)


# ── who ──


async def test_whoever_has_no_token_is_told_so(house: House) -> None:
    for method, path in (("GET", CONVERSATIONS), ("GET", history_of(BEAR.id)), ("DELETE", message_route())):
        assert await problem(await house.client.request(method, path)) == (401, "not_authenticated")
        waiting = await house.client.request(method, path, headers=await house.bearer(LOST))
        assert await problem(waiting) == (403, "not_allowed")
