"""Songs and stories, from the phone that sends them to the toys that play them."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.end_to_end.conftest import settings_in
from tests.end_to_end.family import Family, Somebody, add_somebody, database_of, files, introduce
from tests.end_to_end.line import PATIENCE, Line, until
from tests.end_to_end.sound import fetch
from tests.world import add_guardian, add_toy
from toybackend.app import serving
from toybackend.house import House, open_house
from toybackend.models import ItemId, QuietWindow, Weekday
from toybackend.ports import ToyChange
from toybackend.services.library import Offered

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("calm_log")]

CLIPS = Path(__file__).parents[1] / "clips"
SONG = CLIPS / "hello.m4a"
SONG_SECONDS = 3.45


@asynccontextmanager
async def calling(somebody: Somebody) -> AsyncIterator[aiohttp.ClientSession]:
    """HTTP in their name."""
    base = somebody.house.listeners.bound().http_url
    headers = {"Authorization": f"Bearer {somebody.token}"}
    async with aiohttp.ClientSession(base, headers=headers, cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session


async def call(somebody: Somebody, method: str, path: str, **options: Any) -> tuple[int, Any]:
    """Status and body."""
    async with calling(somebody) as http, http.request(method, f"/api/v1{path}", **options) as response:
        is_json = response.content_type.endswith("json")
        return response.status, await response.json() if is_json else await response.read()


async def upload(somebody: Somebody, song: bytes, **fields: str) -> tuple[int, Any]:
    form = aiohttp.FormData({"title": "A song", **fields})
    form.add_field("audio", song, filename="../../song.m4a", content_type="text/html")
    return await call(somebody, "POST", "/library", data=form)


async def settled(somebody: Somebody, item_id: str) -> Any:
    """The item once it is ready, or failed."""
    async with asyncio.timeout(PATIENCE):
        while True:
            status, item = await call(somebody, "GET", f"/library/{item_id}")
            assert status == 200
            assert 0 <= item["progress"] <= 100
            if item["state"] != "converting":
                return item
            await asyncio.sleep(0.02)


async def a_song(somebody: Somebody) -> Any:
    """One of theirs that is ready."""
    song = await asyncio.to_thread(SONG.read_bytes)
    status, item = await upload(somebody, song)
    assert (status, item["state"]) == (202, "converting")
    return await settled(somebody, item["id"])


async def play(somebody: Somebody, item_id: str, *toys: Somebody) -> list[Any]:
    status, body = await call(
        somebody, "POST", "/playback", json={"toy_ids": [toy.id for toy in toys], "item_id": item_id}
    )
    assert status == 200, body
    return list(body["results"])


async def add_bear(family: Family, name: str) -> Somebody:
    """One more toy of mum's."""
    return await introduce(family.house, await add_toy(database_of(family.house), name, family.mum.party))


def seconds_of(mp3: bytes) -> float:
    """Counted by decoding it, with another ffmpeg than the one that made it."""
    import imageio_ffmpeg  # type: ignore[import-untyped]

    command = [
        imageio_ffmpeg.get_ffmpeg_exe(),
        "-v",
        "error",
        "-f",
        "mp3",
        "-i",
        "-",
        "-f",
        "s16le",
        "-ar",
        "16000",
        "-",
    ]
    pcm = subprocess.run(command, input=mp3, capture_output=True, check=True).stdout
    return len(pcm) / 32_000


async def nothing_more(line: Line) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await line.next()


async def test_a_song_goes_to_the_toys_that_are_there_and_to_no_other_later(family: Family) -> None:
    mum, bear = family.mum, family.bear
    fox, owl = await add_bear(family, "Fox"), await add_bear(family, "Owl")
    song = await a_song(mum)
    assert song["duration_ms"] / 1000 == pytest.approx(SONG_SECONDS, abs=0.1)

    async with bear.line() as on_bear, fox.line() as on_fox:
        assert await play(mum, song["id"], fox, owl, bear) == [
            {"toy_id": fox.id, "result": "playing"},
            {"toy_id": owl.id, "result": "offline"},
            {"toy_id": bear.id, "result": "playing"},
        ]
        plays = [await one.hear("play") for one in (on_bear, on_fox)]
        for frame in plays:
            assert (frame["item_id"], frame["title"]) == (song["id"], "A song")
            assert frame["id"].startswith("y_")
            mp3 = await fetch(frame["url"])
            assert await asyncio.to_thread(seconds_of, mp3) == pytest.approx(SONG_SECONDS, abs=0.15)
            assert frame["duration_ms"] == song["duration_ms"]
        assert plays[0]["url"] != plays[1]["url"], "a link is good for one toy"
        await on_fox.say(type="heard", id=plays[1]["id"])

        status, stopped = await call(mum, "POST", "/playback/stop", json={"toy_ids": [bear.id, owl.id]})
        assert (status, stopped["results"]) == (
            200,
            [{"toy_id": bear.id, "result": "stopped"}, {"toy_id": owl.id, "result": "offline"}],
        )
        assert await on_bear.hear("stop") == {"type": "stop"}

    async with owl.line() as on_owl:
        await nothing_more(on_owl)


async def test_the_original_goes_once_there_is_an_mp3(family: Family) -> None:
    song = await a_song(family.mum)
    await until(lambda: {one for one in files(family.house)["kept"] if song["id"] in one} == {song["id"] + ".mp3"})
    left = files(family.house)
    assert (left["incoming"], left["work"]) == (set(), set())


async def test_what_is_no_sound_fails_and_says_why(family: Family) -> None:
    status, item = await upload(family.mum, b"<html>not a song</html>")
    assert status == 202
    failed = await settled(family.mum, item["id"])
    assert (failed["state"], failed["failure"], failed["url"]) == ("failed", "bad_audio", None)
    status, problem = await call(
        family.mum, "POST", "/playback", json={"toy_ids": [family.bear.id], "item_id": item["id"]}
    )
    assert (status, problem["code"]) == (409, "not_ready")
    assert not any(item["id"] in one for one in files(family.house)["kept"])


async def test_a_cover_comes_out_small(family: Family) -> None:
    from tests.test_covers import picture

    form = aiohttp.FormData({"title": "With a cover"})
    form.add_field("cover", await asyncio.to_thread(picture, 900, 600), filename="cover.png")
    form.add_field("audio", await asyncio.to_thread(SONG.read_bytes), filename="song.m4a")
    _, item = await call(family.mum, "POST", "/library", data=form)
    assert item["has_cover"]
    status, cover = await call(family.mum, "GET", f"/library/{item['id']}/cover")
    assert (status, cover[:3]) == (200, b"\xff\xd8\xff")


async def test_a_stranger_learns_nothing_of_it(family: Family) -> None:
    song, stranger = await a_song(family.mum), await add_somebody(family.house, "Stranger")
    unknown = await call(stranger, "GET", "/library/i_unknown")
    for method, path in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("GET", "/cover")):
        options: Any = {"json": {"title": "mine"}} if method == "PATCH" else {}
        assert await call(stranger, method, f"/library/{song['id']}{path}", **options) == unknown
    assert await call(stranger, "GET", f"/audio/{song['id']}.mp3") == unknown
    assert song["id"] not in str(await call(stranger, "GET", "/library"))
    wanted = {"toy_ids": [family.bear.id], "item_id": song["id"]}
    assert await call(stranger, "POST", "/playback", json=wanted) == unknown


async def test_the_same_answer_for_a_toy_that_is_not_ours_and_one_that_is_not(family: Family) -> None:
    dad = await add_somebody(family.house, "Dad")
    song = await a_song(dad)
    async with family.bear.line() as on_bear:
        wanted = {"toy_ids": [family.bear.id, "t_unknown", family.bear.id], "item_id": song["id"]}
        _, body = await call(dad, "POST", "/playback", json=wanted)
        assert body["results"] == [
            {"toy_id": family.bear.id, "result": "not_found"},
            {"toy_id": "t_unknown", "result": "not_found"},
        ]
        await call(dad, "POST", "/playback/stop", json={"toy_ids": [family.bear.id]})
        await nothing_more(on_bear)


async def test_a_toy_hears_a_recording_only_where_somebody_plays_it(family: Family) -> None:
    song = await a_song(family.mum)
    assert (await call(family.bear, "GET", f"/audio/{song['id']}.mp3"))[0] == 404
    async with family.bear.line() as on_bear:
        await play(family.mum, song["id"], family.bear)
        url = (await on_bear.hear("play"))["url"]
    status, mp3 = await call(family.bear, "GET", f"/audio/{song['id']}.mp3")
    assert (status, mp3) == (200, await fetch(url))


async def test_the_family_hears_it_and_only_its_owner_changes_it(family: Family) -> None:
    dad = await add_somebody(family.house, "Dad")
    await add_guardian(database_of(family.house), family.bear.party, family.mum.party, dad.party)
    song = await a_song(family.mum)
    _, seen = await call(dad, "GET", f"/library/{song['id']}")
    assert (seen["is_mine"], seen["shelf"]) == (False, "own")
    assert await fetch(seen["url"])
    for method, options in (("PATCH", {"json": {"title": "dad's"}}), ("DELETE", {})):
        status, problem = await call(dad, method, f"/library/{song['id']}", **options)
        assert (status, problem["code"]) == (403, "not_allowed")
    async with family.bear.line() as on_bear:
        assert (await play(dad, song["id"], family.bear))[0]["result"] == "playing"
        await on_bear.hear("play", item_id=song["id"])


async def test_what_is_removed_is_gone(family: Family) -> None:
    song = await a_song(family.mum)
    async with family.bear.line() as on_bear:
        await play(family.mum, song["id"], family.bear)
        url = (await on_bear.hear("play"))["url"]
        assert (await call(family.mum, "DELETE", f"/library/{song['id']}"))[0] == 204
        async with aiohttp.ClientSession() as http, http.get(url) as response:
            assert (response.status, (await response.json())["code"]) == (410, "gone")
    assert not any(song["id"] in one for one in files(family.house)["kept"])
    assert (await call(family.mum, "GET", f"/library/{song['id']}"))[0] == 404


async def test_a_toy_at_rest_plays_nothing(family: Family, server: House) -> None:
    song = await a_song(family.mum)
    bear = family.bear
    everyday = QuietWindow(frozenset(Weekday), 0, 0)
    async with bear.line() as on_bear:
        await server.database.change_toy(bear.party.id, ToyChange(quiet_windows=(everyday,)))
        [result] = await play(family.mum, song["id"], bear)
        assert (result["result"], result["until"][-1]) == ("quiet_hours", "Z")
        # The settings are told, and nothing else.
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await on_bear.hear("play")


async def test_half_an_upload_leaves_nothing(family: Family, server: House) -> None:
    before = files(server)
    bound = server.listeners
    reader, writer = await asyncio.open_connection("127.0.0.1", bound.http_port)
    head = (
        f"POST /api/v1/library HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {family.mum.token}\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 10000000\r\n\r\n"
        '--b\r\nContent-Disposition: form-data; name="title"\r\n\r\nHalf\r\n'
        '--b\r\nContent-Disposition: form-data; name="audio"; filename="x"\r\n\r\n'
    )
    writer.write(head.encode() + bytes(1_000_000))
    await writer.drain()
    await until(lambda: files(server)["incoming"] != before["incoming"])
    writer.transport.abort()
    await until(lambda: files(server)["incoming"] == before["incoming"])
    assert files(server) == before
    assert reader is not None
    _, listed = await call(family.mum, "GET", "/library")
    assert listed == {"items": []}


async def test_what_the_server_had_not_converted_it_converts_after_a_restart(
    tmp_path: Path, cheap_hashes: None
) -> None:
    settings = settings_in(tmp_path)
    async with open_house(settings) as house:
        mum = await add_somebody(house, "Mum")
        async with house.library.receive(mum.party) as blob:
            await house.library.take(blob, await asyncio.to_thread(SONG.read_bytes))
            item = await house.library.add(mum.party, Offered("A song"), blob)
    async with serving(settings) as house:
        assert (await settled(mum.at(house), item.id))["state"] == "ready"


async def test_a_song_removed_while_it_is_converted_leaves_nothing(family: Family, server: House) -> None:
    song = await asyncio.to_thread(SONG.read_bytes)
    items = [(await upload(family.mum, song))[1] for _ in range(4)]
    for item in reversed(items):
        assert (await call(family.mum, "DELETE", f"/library/{item['id']}"))[0] == 204
    ids = [ItemId(item["id"]) for item in items]
    last = await a_song(family.mum)  # whose turn comes when they are done with
    assert last["state"] == "ready"
    kept = files(server)["kept"]
    assert not [one for one in kept if one.partition(".")[0] in ids]
