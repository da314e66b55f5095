from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from yarl import URL

from tests.web.fakes import ANNA, BEAR, BELA, LOST, MESSAGE, House
from tests.world import NOW, accept, add_contact, message
from tests.world import sound as converted
from toybackend.audio_stores.local_files import MP3, LocalFiles
from toybackend.models import MessageId, Party, SoundId
from toybackend.services.tokens import COOKIE

ROUTE = f"/api/v1/audio/{MESSAGE}.mp3"
OTHER = MessageId("m_otherotherother")


@pytest.fixture
async def home(house: House, sound: bytes) -> House:
    house.store.keep(MESSAGE, sound)
    return house


@pytest.mark.parametrize("listener", [ANNA, BEAR])
async def test_sender_and_recipient_may_hear_it_by_token(home: House, listener: Party, sound: bytes) -> None:
    reply = await home.client.get(ROUTE, headers=await home.bearer(listener))
    assert (reply.status, await reply.read()) == (200, sound)


async def test_what_comes_with_the_sound(home: House, sound: bytes) -> None:
    reply = await home.client.get(home.link())
    assert (reply.status, await reply.read()) == (200, sound)
    assert reply.headers["Content-Type"] == "audio/mpeg"
    assert reply.headers["Content-Length"] == str(len(sound))
    assert reply.headers["Cache-Control"] == "private, max-age=300"
    assert reply.headers["Vary"] == "Authorization, Cookie"
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert reply.headers["Referrer-Policy"] == "no-referrer"
    assert reply.headers["Accept-Ranges"] == "bytes"
    assert reply.headers["ETag"] and reply.headers["Last-Modified"]


async def test_the_cookie_of_a_page_does_as_well(home: House) -> None:
    cookie = {"Cookie": f"{COOKIE}={await home.token(ANNA)}"}
    assert (await home.client.get(ROUTE, headers=cookie)).status == 200


async def test_without_anything_it_is_401(home: House) -> None:
    assert (await home.client.get(ROUTE)).status == 401


async def test_not_yours_and_unknown_are_the_same(home: House) -> None:
    bela = await home.bearer(BELA)
    not_yours = await home.client.get(ROUTE, headers=bela)
    unknown = await home.client.get(f"/api/v1/audio/{OTHER}.mp3", headers=bela)
    nowhere = await home.client.get("/api/v1/nowhere", headers=bela)
    assert not_yours.status == unknown.status == nowhere.status == 404
    assert await not_yours.read() == await unknown.read() == await nowhere.read()
    assert {k: v for k, v in not_yours.headers.items() if k != "Date"} == {
        k: v for k, v in unknown.headers.items() if k != "Date"
    }
    assert not_yours.headers["Cache-Control"] == "no-store"


async def test_gone_is_410_by_token_and_by_link(house: House) -> None:
    for reply in (
        await house.client.get(ROUTE, headers=await house.bearer(ANNA)),
        await house.client.get(house.link()),
    ):
        assert (reply.status, (await reply.json(content_type=None))["code"]) == (410, "gone")
        assert reply.headers["Cache-Control"] == "no-store"


async def test_a_file_that_vanishes_under_us_is_404_and_not_kept(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def there_a_moment_ago(store: LocalFiles, sound_id: SoundId) -> Path:
        file = store.path(sound_id, MP3)
        await asyncio.to_thread(file.unlink)
        return file

    monkeypatch.setattr(LocalFiles, "mp3", there_a_moment_ago)
    reply = await home.client.get(home.link())
    assert (reply.status, reply.headers["Cache-Control"]) == (404, "no-store")


async def test_what_was_deleted_is_410_by_link_and_404_by_token(home: House) -> None:
    link = home.link()
    await home.whole.erasing.erase_message(MESSAGE)
    assert (await home.client.get(link)).status == 410
    assert (await home.client.get(ROUTE, headers=await home.bearer(ANNA))).status == 404


async def test_a_copy_that_was_taken_back_is_404_by_link_and_by_token(home: House, sound: bytes) -> None:
    contact_id = await add_contact(home.database, ANNA, BELA)
    said = message(ANNA, BELA)
    await accept(home.database, said)
    await home.database.settle(said.id, NOW, sound=converted())
    home.store.keep(said.id, sound)
    link, headers = home.link(BELA, said.id), await home.bearer(BELA)
    route = f"/api/v1/audio/{said.id}.mp3"
    assert [(await home.client.get(link)).status, (await home.client.get(route, headers=headers)).status] == [200, 200]
    await home.database.end_contact(contact_id, [ANNA.id])
    assert [(await home.client.get(link)).status, (await home.client.get(route, headers=headers)).status] == [404, 404]


async def test_a_link_is_bound_to_its_file_its_listener_and_its_time(home: House, sound: bytes) -> None:
    home.store.keep(OTHER, sound)
    good = URL(home.link())
    for bad in (
        good.with_path(f"/api/v1/audio/{OTHER}.mp3", keep_query=True),
        good.update_query({"for": BELA.id}),
        good.update_query({"until": str(int(good.query["until"]) + 1)}),
        good.update_query({"until": "soon"}),
        good.update_query({"until": ""}),
        good.update_query({"sig": "0" * 64}),
        good.update_query({"sig": "你好"}),
        good.update_query({"for": "你好"}),
        URL(str(good).replace("for=", "for=%ff%ed%a0%80"), encoded=True),
        good.with_query({"sig": good.query["sig"]}),
    ):
        reply = await home.client.get(bad)
        assert (reply.status, (await reply.json(content_type=None))["code"]) == (404, "not_found"), bad
    assert (await home.client.get(good)).status == 200


async def test_a_link_is_good_for_nothing_once_its_listener_is_logged_out(home: House) -> None:
    link, token = home.link(), await home.token(BEAR)
    assert (await home.client.get(link)).status == 200
    await home.tokens.end(token)
    assert (await home.client.get(link)).status == 404


async def test_a_link_ends_but_a_token_beside_it_goes_on(home: House) -> None:
    link = home.link()
    await home.token(BEAR)
    home.clock.now += home.whole.settings.audio.link_seconds * 1000 - 1
    assert (await home.client.get(link)).status == 200
    home.clock.now += 1
    assert (await home.client.get(link)).status == 404
    assert (await home.client.get(link, headers=await home.bearer(BEAR))).status == 200
    assert (await home.client.get(link, headers=await home.bearer(BELA))).status == 404
    assert (await home.client.get(link, headers=await home.bearer(LOST))).status == 401


async def test_every_range_needs_authority(home: House) -> None:
    ranged = {"Range": "bytes=0-9"}
    assert (await home.client.get(ROUTE, headers=ranged)).status == 401
    assert (await home.client.get(ROUTE, headers=ranged | await home.bearer(BELA))).status == 404
    assert (await home.client.head(ROUTE, headers=await home.bearer(BELA))).status == 404


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/audio/..%2F..%2Fetc%2Fpasswd.mp3",
        "/api/v1/audio/m_a%2F..%2Fm_b.mp3",
        "/api/v1/audio/m_a%00.mp3",
        "/api/v1/audio/m_A.mp3",
        "/api/v1/audio/t_bear.mp3",
        "/api/v1/audio/m_.mp3",
        "/api/v1/audio/m_a",
        "/api/v1/audio/m_a.amr",
        "/api/v1/audio/m_a.mp3/",
        "/api/v1/audio/",
    ],
)
async def test_what_is_no_id_is_nowhere(home: House, path: str) -> None:
    reply = await home.client.get(URL(path, encoded=True), headers=await home.bearer(ANNA))
    assert reply.status == 404
