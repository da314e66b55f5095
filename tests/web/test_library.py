"""Songs and stories over HTTP: how they come in, and what is shown of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from sqlalchemy import update

from tests.test_covers import picture
from tests.web.conftest import OpenHouse
from tests.web.fakes import ANNA, BEAR, BELA, House
from tests.world import sound
from toybackend.databases.tables import accounts
from toybackend.models import ItemId, Party
from toybackend.settings import Settings, Shelf
from toybackend.web import library

LIBRARY = "/api/v1/library"
SONG = b"ID3 a song"
HEAD = 'Content-Disposition: form-data; name="{}"'


def form(*, song: bytes | None = SONG, cover: bytes | None = None, **fields: str) -> aiohttp.FormData:
    made = aiohttp.FormData({"title": "Song", **fields}, quote_fields=False)
    if song is not None:
        made.add_field("audio", song, filename="song.mp3", content_type="audio/mpeg")
    if cover is not None:
        made.add_field("cover", cover, filename="cover", content_type="image/png")
    return made


async def call(house: House, party: Party, method: str, path: str, **options: Any) -> tuple[int, Any]:
    options["headers"] = {**await house.bearer(party), **options.get("headers", {})}
    async with house.client.request(method, path, **options) as response:
        is_json = response.content_type.endswith("json")
        return response.status, await response.json() if is_json else await response.read()


async def send(house: House, party: Party = ANNA, **fields: Any) -> tuple[int, Any]:
    return await call(house, party, "POST", LIBRARY, data=form(**fields))


async def add(house: House, party: Party = ANNA, **fields: Any) -> Any:
    """The view of an item that is not converted."""
    status, view = await send(house, party, **fields)
    assert status == 202, view
    return view


async def settle(house: House, item_id: str) -> None:
    await house.database.settle_item(ItemId(item_id), sound=sound(90_000))


async def make_operator(house: House, party: Party) -> None:
    row = update(accounts).where(accounts.c.id == party.id).values(is_operator=True)
    await house.database._engine.write(lambda connection: connection.execute(row))


async def kept(house: House) -> list[str]:
    return [one for batch in [b async for b in house.whole.audio.sound_ids()] for one in batch]


# ── in ──


async def test_what_is_sent_is_there_at_once_and_converted_later(house: House) -> None:
    status, view = await send(house, category=" songs ", title=" 小熊 ")
    assert status == 202
    assert view == {
        "id": view["id"],
        "title": "小熊",
        "category": "songs",
        "shelf": "own",
        "is_mine": True,
        "state": "converting",
        "progress": 0,
        "failure": None,
        "duration_ms": None,
        "added_at": "2026-11-21T08:00:00.000Z",
        "has_cover": False,
        "url": None,
    }
    assert await call(house, ANNA, "GET", f"{LIBRARY}/{view['id']}") == (200, view)
    assert await kept(house) == [view["id"]]


async def test_once_it_is_ready_the_reader_can_hear_it(house: House) -> None:
    item = await add(house)
    await settle(house, item["id"])
    _, view = await call(house, ANNA, "GET", f"{LIBRARY}/{item['id']}")
    assert (view["state"], view["progress"], view["duration_ms"]) == ("ready", 100, 90_000)
    assert f"/{item['id']}.mp3?for={ANNA.id}&" in view["url"]


async def test_fields_may_come_in_any_order(house: House) -> None:
    made = aiohttp.FormData()
    made.add_field("audio", SONG, filename="song.mp3")
    made.add_field("title", "After the song")
    status, view = await call(house, ANNA, "POST", LIBRARY, data=made)
    assert (status, view["title"]) == (202, "After the song")


async def test_the_shared_shelf_is_for_operators(house: House) -> None:
    assert (await send(house, shelf="shared"))[1]["code"] == "not_allowed"
    assert await kept(house) == []
    await make_operator(house, ANNA)
    view = await add(house, shelf="shared")
    assert (view["shelf"], view["is_mine"]) == ("shared", False)
    assert (await call(house, BELA, "GET", f"{LIBRARY}/{view['id']}"))[0] == 200
    assert (await call(house, BELA, "DELETE", f"{LIBRARY}/{view['id']}"))[1]["code"] == "not_allowed"


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"title": ""}, 400, "missing_field"),
        ({"title": " \u3000 "}, 400, "missing_field"),
        ({"title": "a\nb"}, 400, "missing_field"),
        ({"title": "nul\0"}, 400, "missing_field"),
        ({"title": "x" * 121}, 400, "missing_field"),
        ({"title": "x" * 481}, 400, "too_long"),
        ({"category": "x" * 41}, 400, "missing_field"),
        ({"shelf": "neighbour's"}, 400, "missing_field"),
        ({"owner_id": BELA.id}, 400, "missing_field"),
        ({"song": None}, 400, "missing_field"),
        ({"song": b""}, 400, "empty_audio"),
        ({"song": bytes(1001)}, 413, "audio_too_large"),
        ({"cover": b"no picture"}, 415, "bad_image"),
        ({"cover": bytes(2001)}, 400, "too_long"),
    ],
)
async def test_what_is_wrong_is_named_and_nothing_is_kept(
    open_house: OpenHouse, fields: dict[str, Any], status: int, code: str
) -> None:
    house = await open_house(replace(Settings(), shelf=Shelf(max_bytes=1000, max_cover_bytes=2000)))
    found, problem = await send(house, **fields)
    assert (found, problem["code"]) == (status, code)
    assert await kept(house) == []
    assert (await call(house, ANNA, "GET", LIBRARY))[1] == {"items": []}


async def test_exactly_as_much_as_is_allowed_is_taken(open_house: OpenHouse) -> None:
    house = await open_house(replace(Settings(), shelf=Shelf(max_bytes=300_000, items=1)))
    await add(house, song=bytes(300_000), title="x" * 120, category="y" * 40)
    status, problem = await send(house)
    assert (status, problem["code"]) == (409, "too_many")


async def test_a_form_without_a_picture_sends_one_without_bytes(house: House) -> None:
    assert not (await add(house, cover=b""))["has_cover"]


async def test_a_third_upload_at_once_waits(house: House) -> None:
    async with house.whole.library.receive(ANNA), house.whole.library.receive(ANNA):
        response = await house.client.post(LIBRARY, data=form(), headers=await house.bearer(ANNA))
        assert (response.status, (await response.json())["code"]) == (429, "rate_limited")
        assert int(response.headers["Retry-After"]) > 0
    await add(house)


def parts(*fields: tuple[str, bytes], end: bytes = b"--b--\r\n") -> bytes:
    return b"".join(b"--b\r\n%s\r\n\r\n%s\r\n" % (head.encode(), value) for head, value in fields) + end


TITLE = (HEAD.format("title"), b"Song")
AUDIO = (HEAD.format("audio") + '; filename="x"', SONG)
BROKEN = {
    "nothing": b"",
    "no boundary": b"title=Song",
    "no end": parts(TITLE, AUDIO, end=b""),
    "no name": parts(("Content-Type: text/plain", b"Song"), AUDIO),
    "no head": parts(TITLE, ("Nonsense", b"x")),
    "twice": parts(TITLE, TITLE, AUDIO),
    "not utf-8": parts((HEAD.format("title"), b"\xff\xfe"), AUDIO),
    "parts in parts": parts(TITLE, (HEAD.format("audio") + "\r\nContent-Type: multipart/mixed; boundary=c", b"--c--")),
    "a charset": parts((HEAD.format("_charset_"), b"x" * 99), TITLE, AUDIO),
    "a long head": parts((HEAD.format("title") + "\r\nX: " + "x" * 100_000, b"Song"), AUDIO),
    "many heads": parts((HEAD.format("title") + "\r\nX: y" * 1000, b"Song"), AUDIO),
}


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
async def test_a_broken_form_is_refused_and_nothing_is_kept(house: House, body: bytes) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    status, problem = await call(house, ANNA, "POST", LIBRARY, data=body, headers=headers)
    assert (status, problem["code"]) == (400, "missing_field")
    assert await kept(house) == []


@pytest.mark.parametrize(
    "kind",
    [
        *("application/json", "text/plain", "multipart/mixed; boundary=b", "multipart/form-data", "nonsense"),
        "multipart/form-data; boundary=b; x*=utf-7''%2Bx",
    ],
)
async def test_only_a_form_is_taken(house: House, kind: str) -> None:
    body = parts(TITLE, AUDIO)
    status, problem = await call(house, ANNA, "POST", LIBRARY, data=body, headers={"Content-Type": kind})
    assert (status, problem["code"]) == (400, "missing_field")


async def test_a_form_as_it_should_be_is_taken(house: House) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    assert (await call(house, ANNA, "POST", LIBRARY, data=parts(TITLE, AUDIO), headers=headers))[0] == 202


@pytest.mark.parametrize("limit", ["IDLE_SECONDS", "UPLOAD_SECONDS"])
async def test_a_client_that_is_too_slow_is_let_go(house: House, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setattr(library, limit, 0.2)
    stop = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield parts(TITLE, AUDIO, end=b"")[:-8]
        for _ in range(200):
            if stop.is_set():
                return
            await asyncio.sleep(0.05 if limit == "UPLOAD_SECONDS" else 10)
            yield b"x" * 200

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    async with asyncio.timeout(5):
        status, problem = await call(house, ANNA, "POST", LIBRARY, data=slowly(), headers=headers)
    stop.set()
    assert (status, problem["code"]) == (408, "request_timeout")
    assert await kept(house) == []


# ── looking ──


async def test_the_list_can_be_searched(house: House) -> None:
    for title, category in (("Bear song", "songs"), ("Bear story", "stories"), ("Fox song", "songs")):
        await add(house, title=title, category=category)
    await add(house, BELA, title="Bela's bear")

    async def titles(**query: str) -> list[str]:
        status, found = await call(house, ANNA, "GET", LIBRARY, params=query)
        assert status == 200
        return [item["title"] for item in found["items"]]

    assert await titles() == ["Bear song", "Bear story", "Fox song"]
    assert await titles(search="BEAR") == ["Bear song", "Bear story"]
    assert await titles(search="bear", category="songs") == ["Bear song"]
    assert await titles(shelf="shared") == []
    assert await titles(shelf="own", limit="1") == ["Bear song"]


async def test_the_list_goes_on_after_an_item(house: House) -> None:
    items = [await add(house, title=title) for title in ("A", "B", "C")]
    _, rest = await call(house, ANNA, "GET", LIBRARY, params={"after": items[0]["id"], "limit": "2"})
    assert [item["title"] for item in rest["items"]] == ["B", "C"]


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": "201"}, {"limit": "x"}, {"shelf": "x"}, {"after": "%"}, {"category": "\0"}]
)
async def test_a_wrong_query_is_refused(house: House, query: dict[str, str]) -> None:
    status, problem = await call(house, ANNA, "GET", LIBRARY, params=query)
    assert (status, problem["code"]) == (400, "missing_field")


async def test_a_stranger_and_an_unknown_id_get_the_same_answer(house: House) -> None:
    item = await add(house, cover=picture(10, 10))
    for method, end in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("GET", "/cover")):
        options: Any = {"json": {"title": "mine"}} if method == "PATCH" else {}
        answers = [
            await call(house, BELA, method, f"{LIBRARY}/{one}{end}", **options)
            for one in (item["id"], "i_unknown", "m_0123456789abcdef")
        ]
        assert answers[0][0] == 404
        assert answers[0] == answers[1] == answers[2]


async def test_a_toy_has_no_library_of_its_own(house: House) -> None:
    for method, path in (("GET", LIBRARY), ("GET", f"{LIBRARY}/i_1"), ("DELETE", f"{LIBRARY}/i_1")):
        assert (await call(house, BEAR, method, path))[0] == 403
    assert (await send(house, BEAR))[0] == 403


# ── covers ──


async def test_a_cover_is_kept_by_its_reader_alone_and_for_a_while(house: House) -> None:
    item = await add(house, cover=picture(900, 600))
    url, headers = f"{LIBRARY}/{item['id']}/cover", await house.bearer(ANNA)
    async with house.client.get(url, headers=headers) as response:
        assert (response.status, response.content_type) == (200, "image/jpeg")
        assert response.headers["Cache-Control"] == "private, max-age=300"
        assert response.headers["Vary"] == "Authorization, Cookie"
        tag, cover = response.headers["ETag"], await response.read()
    assert cover.startswith(b"\xff\xd8\xff")
    for known, status in ((tag, 304), (f'W/"x", {tag}', 304), ("*", 304), ('"other"', 200)):
        async with house.client.get(url, headers={**headers, "If-None-Match": known}) as response:
            assert response.status == status
            assert response.headers["ETag"] == tag
            assert len(await response.read()) == (len(cover) if status == 200 else 0)


async def test_without_a_cover_there_is_none(house: House) -> None:
    item = await add(house)
    assert (await call(house, ANNA, "GET", f"{LIBRARY}/{item['id']}/cover"))[0] == 404


# ── changing ──


async def test_title_and_category_are_changed(house: House) -> None:
    item = await add(house, category="songs")
    path = f"{LIBRARY}/{item['id']}"
    status, changed = await call(house, ANNA, "PATCH", path, json={"title": " New "})
    assert (status, changed) == (200, item | {"title": "New"})
    _, changed = await call(house, ANNA, "PATCH", path, json={"category": ""})
    assert changed == item | {"title": "New", "category": ""}
    for wrong in ({"title": ""}, {"title": 1}, {"category": "x" * 41}):
        assert (await call(house, ANNA, "PATCH", path, json=wrong))[1]["code"] == "missing_field"
    assert await call(house, ANNA, "PATCH", path, json={}) == (200, changed)


async def test_what_is_removed_is_gone(house: House) -> None:
    item = await add(house)
    path = f"{LIBRARY}/{item['id']}"
    assert (await call(house, ANNA, "DELETE", path))[0] == 204
    assert (await call(house, ANNA, "DELETE", path))[0] == 404
    assert await kept(house) == []
