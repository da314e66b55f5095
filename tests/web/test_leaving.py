"""Giving a toy away, leaving and taking everything along, over HTTP."""

from __future__ import annotations

import asyncio
import io
import json
from zipfile import ZipFile

import pytest

from tests.contracts.test_erasing import add_guardian
from tests.scarcity import no_descriptors
from tests.web.fakes import ANNA, BEAR, BELA, MESSAGE, House
from toybackend.services.tokens import COOKIE

TOY = f"/api/v1/toys/{BEAR.id}"
ME = "/api/v1/me"
EXPORT = "/api/v1/me/export"


# ── unbinding ──


async def test_the_owner_gives_a_toy_away(house: House, sound: bytes) -> None:
    house.store.keep(MESSAGE, sound)
    answer = await house.client.delete(TOY, headers=await house.bearer(ANNA))
    assert answer.status == 200
    went = await answer.json()
    assert went["files"] == 1
    assert {"parties": 1, "toys": 1, "guardians": 1, "messages": 1, "deliveries": 1, "groups": 1}.items() <= went[
        "rows"
    ].items()
    assert await house.database.toys_of(ANNA.id) == []


async def test_the_same_again_is_not_found(house: House) -> None:
    bearer = await house.bearer(ANNA)
    assert (await house.client.delete(TOY, headers=bearer)).status == 200
    assert (await house.client.delete(TOY, headers=bearer)).status == 404


async def test_not_yours_is_answered_as_unknown(house: House) -> None:
    bearer = await house.bearer(BELA)
    not_yours = await house.client.delete(TOY, headers=bearer)
    unknown = await house.client.delete("/api/v1/toys/t_nobody", headers=bearer)
    no_toy = await house.client.delete(f"/api/v1/toys/{ANNA.id}", headers=bearer)
    answers = {(one.status, await one.text()) for one in (not_yours, unknown, no_toy)}
    assert len(answers) == 1
    assert not_yours.status == 404


async def test_a_co_guardian_is_told_that_they_may_not(house: House) -> None:
    await add_guardian(house.database, BEAR, BELA)
    answer = await house.client.delete(TOY, headers=await house.bearer(BELA))
    assert (answer.status, (await answer.json())["code"]) == (403, "not_allowed")


@pytest.mark.parametrize("path", [TOY, ME])
async def test_a_toy_erases_nothing(house: House, path: str) -> None:
    assert (await house.client.delete(path, headers=await house.bearer(BEAR))).status == 403


@pytest.mark.parametrize(("method", "path"), [("DELETE", TOY), ("DELETE", ME), ("GET", EXPORT)])
async def test_nobody_gets_in_without_a_token(house: House, method: str, path: str) -> None:
    assert (await house.client.request(method, path)).status == 401


# ── leaving ──


async def test_whoever_leaves_is_told_what_went_and_is_logged_out(house: House) -> None:
    bearer = await house.bearer(ANNA)
    answer = await house.client.delete(ME, headers=bearer)
    assert answer.status == 200
    went = await answer.json()
    assert went["rows"]["accounts"] == 1
    assert went["rows"]["parties"] == 2  # the toy, which nobody else guards, goes along
    assert answer.cookies[COOKIE].value == ""
    assert (await house.client.delete(ME, headers=bearer)).status == 401


async def test_others_are_still_there(house: House) -> None:
    await house.client.delete(ME, headers=await house.bearer(ANNA))
    answer = await house.client.get(EXPORT, headers=await house.bearer(BELA))
    assert answer.status == 200
    await answer.read()


# ── the export ──


async def test_everything_comes_in_one_zip(house: House, sound: bytes) -> None:
    house.store.keep(MESSAGE, sound)
    answer = await house.client.get(EXPORT, headers=await house.bearer(ANNA))
    assert (answer.status, answer.content_type) == (200, "application/zip")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="toybackend.zip"'
    assert answer.headers["Cache-Control"] == "no-store"
    body = await answer.read()
    assert answer.content_length == len(body)
    with ZipFile(io.BytesIO(body)) as archive:
        assert set(archive.namelist()) == {"index.json", "index.html", f"audio/{MESSAGE}.mp3"}
        assert archive.read(f"audio/{MESSAGE}.mp3") == sound
        assert json.loads(archive.read("index.json"))["account"]["name"] == "Anna"


async def test_a_stranger_gets_nothing_of_it(house: House, sound: bytes) -> None:
    house.store.keep(MESSAGE, sound)
    answer = await house.client.get(EXPORT, headers=await house.bearer(BELA))
    with ZipFile(io.BytesIO(await answer.read())) as archive:
        assert set(archive.namelist()) == {"index.json", "index.html"}
        assert b"Anna" not in archive.read("index.json") + archive.read("index.html")


async def test_a_range_of_an_export_means_nothing(house: House) -> None:
    """The next one is another file: joined parts of two would be no ZIP."""
    bearer = await house.bearer(ANNA)
    answer = await house.client.get(EXPORT, headers={**bearer, "Range": "bytes=10-"})
    assert answer.status == 200
    assert (await answer.read()).startswith(b"PK")


async def test_its_size_can_be_asked_for(house: House) -> None:
    answer = await house.client.head(EXPORT, headers=await house.bearer(ANNA))
    assert answer.status == 200
    assert int(answer.headers["Content-Length"]) > 0
    assert await answer.read() == b""


@pytest.mark.parametrize("but", [0, 1, 2, 4, 8, 16])
async def test_without_descriptors_it_is_for_later(house: House, sound: bytes, but: int) -> None:
    house.store.keep(MESSAGE, sound)
    bearer = await house.bearer(ANNA)
    assert (await house.client.get("/healthz")).status == 200  # so that the connection is open
    with no_descriptors(but=but):
        answer = await house.client.get(EXPORT, headers=bearer)
        body = await answer.read()
    if answer.status == 200:
        with ZipFile(io.BytesIO(body)) as archive:
            assert archive.read(f"audio/{MESSAGE}.mp3") == sound
    else:
        assert (answer.status, json.loads(body)["code"]) == (503, "overloaded")
    assert answer.status == {0: 503, 16: 200}.get(but, answer.status)


async def test_nothing_is_left_on_disk_afterwards(house: House) -> None:
    answer = await house.client.get(EXPORT, headers=await house.bearer(ANNA))
    await answer.read()
    async with house.whole.audio.desk() as desk, asyncio.timeout(5):
        while [one.name for one in desk.parent.iterdir()] != [desk.name]:
            await asyncio.sleep(0.01)
