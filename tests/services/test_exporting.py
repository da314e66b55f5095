"""The export: everything of a family is in it, and nothing of another."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from tests.contracts.test_erasing import add_consent, add_guardian, add_item, add_play
from tests.services.conftest import Home
from tests.services.test_erasing import voice
from tests.world import NOW, accept, add_contact, add_group, add_person, add_toy, message
from toybackend.errors import Gone, Overloaded, RateLimited
from toybackend.models import ContactState, Party
from toybackend.protocol import rfc3339
from toybackend.services.exporting import Exporting


@pytest.fixture
def exporting(home: Home) -> Exporting:
    return Exporting(home.database, home.audio, clock=home.clock)


@pytest.fixture
async def aunt(home: Home) -> AsyncIterator[Party]:
    """Of another family, with a toy and secrets of its own."""
    aunt = await add_person(home.database, "Aunt Agatha")
    owl = await add_toy(home.database, "Owl", aunt)
    await voice(home, aunt, owl)
    await accept(home.database, message(aunt, owl, text="nobody else's business"))
    yield aunt


class Opened:
    """What is in an export."""

    def __init__(self, file: Path) -> None:
        with ZipFile(file) as archive:
            assert archive.testzip() is None
            self.files = {name: archive.read(name) for name in archive.namelist()}
        self.index: dict[str, Any] = json.loads(self.files["index.json"])
        self.page = self.files["index.html"].decode()

    @property
    def said(self) -> list[dict[str, Any]]:
        return [one for conversation in self.index["conversations"] for one in conversation["messages"]]

    @property
    def sounds(self) -> set[str]:
        return {name.removeprefix("audio/").removesuffix(".mp3") for name in self.files if name.startswith("audio/")}


async def export(exporting: Exporting, person: Party) -> Opened:
    async with exporting.export(person.id) as file:
        return await asyncio.to_thread(Opened, file)


async def test_everything_of_a_family_is_in_it(home: Home, exporting: Exporting) -> None:
    mum, dad, bear = home.mum, home.dad, home.bear
    await add_guardian(home.database, bear, dad, NOW)
    await add_consent(home.database, bear, mum)
    await home.tokens.give(mum.id, mum.kind, label="a phone")
    spoken = [await voice(home, *both) for both in ((mum, bear), (bear, mum), (dad, bear), (mum, dad))]
    await accept(home.database, message(mum, bear, text="good night"))
    song = await add_item(home.database, mum)
    home.audio.path(song, ".mp3").write_bytes(b"la la la")
    await add_play(home.database, bear, song)
    found = await export(exporting, mum)
    assert set(found.index) == {
        "exported_at", "account", "sessions", "toys", "contacts", "groups", "conversations", "library", "missing"
    }  # fmt: skip
    assert found.index["account"] == {
        "id": mum.id, "name": "Mum", "created_at": rfc3339(NOW), "is_operator": False
    }  # fmt: skip
    assert [one["label"] for one in found.index["sessions"]] == ["a phone"]
    (toy,) = found.index["toys"]
    assert (toy["id"], toy["name"], toy["child_name"]) == (bear.id, "Bear", "Mia")
    assert (toy["volume_cap"], toy["autoplay"]) == (80, True)
    assert [(one["id"], one["role"]) for one in toy["guardians"]] == [(mum.id, "owner"), (dad.id, "co_guardian")]
    assert [(one["given_by"], one["version"]) for one in toy["consents"]] == [(mum.id, "1")]
    assert [one["title"] for one in toy["played"]] == ["Song"]
    assert [{one["id"] for one in group["members"]} for group in found.index["groups"]] == [{bear.id, mum.id, dad.id}]
    assert {one["id"] for one in found.said} >= set(spoken)
    assert [one["text"] for one in found.said if one["text"]] == ["good night"]
    assert found.sounds == {*spoken, song}
    assert found.files[f"audio/{song}.mp3"] == b"la la la"
    assert found.index["missing"] == []


async def test_messages_stand_in_the_order_they_were_said(home: Home, exporting: Exporting) -> None:
    said = [message(home.mum, home.bear, text=f"number {number}") for number in range(5)]
    for one in said:
        await accept(home.database, one)
    found = await export(exporting, home.mum)
    assert [one["id"] for one in found.said] == [one.id for one in said]
    assert found.page.index("number 1") < found.page.index("number 2")


async def test_nothing_of_another_family_is_in_it(home: Home, exporting: Exporting, aunt: Party) -> None:
    await voice(home, home.mum, home.bear)
    found = await export(exporting, home.mum)
    everything = b"".join(found.files.values()).decode()
    assert [one for one in ("Aunt Agatha", "Owl", "nobody else's business", aunt.id) if one in everything] == []
    assert len(found.sounds) == 1


async def test_of_others_only_what_they_said_to_us(home: Home, exporting: Exporting, aunt: Party) -> None:
    await add_contact(home.database, home.mum, aunt)
    to_us = await voice(home, aunt, home.mum)
    found = await export(exporting, home.mum)
    assert found.sounds == {to_us}
    assert [one["name"] for one in found.index["contacts"]] == ["Aunt Agatha"]
    assert "nobody else's business" not in found.page


async def test_who_blocks_us_and_whom_we_only_asked_stays_untold(home: Home, exporting: Exporting, aunt: Party) -> None:
    await add_contact(home.database, home.mum, aunt, ContactState.ASKED, blocks=True)
    await add_contact(home.database, home.bear, aunt, ContactState.ASKED)
    await add_contact(home.database, home.dad, home.mum, ContactState.ASKED)
    found = (await export(exporting, home.mum)).index["contacts"]
    assert {(one["side"], one["other"], one["name"]) for one in found} == {
        (home.bear.id, aunt.id, ""),
        (home.mum.id, home.dad.id, "Dad"),
    }


async def test_a_group_we_left_is_there_as_far_as_we_heard(home: Home, exporting: Exporting) -> None:
    await add_guardian(home.database, home.bear, home.dad, NOW)
    group_id = await add_group(home.database, home.mum, home.dad)
    await accept(home.database, message(home.dad, group_id, text="to the group"))
    others = await add_group(home.database, home.dad, home.bear)
    await accept(home.database, message(home.dad, others, text="for the toy's ears"))
    mums, dads = await export(exporting, home.mum), await export(exporting, home.dad)
    assert [one["text"] for one in mums.said] == ["to the group", "for the toy's ears"]  # the toy is hers too
    assert [one["text"] for one in dads.said] == ["to the group", "for the toy's ears"]


async def test_what_the_toy_said_and_heard_is_there_since_one_guards_it(home: Home, exporting: Exporting) -> None:
    await voice(home, home.mum, home.bear)
    await voice(home, home.bear, home.mum)
    await add_contact(home.database, home.dad, home.bear)
    to_dad = await voice(home, home.bear, home.dad)  # his anyway
    await add_guardian(home.database, home.bear, home.dad, NOW + 1)
    later = [message(*both, text=".", at=NOW + 1) for both in ((home.mum, home.bear), (home.bear, home.mum))]
    for one in later:
        await accept(home.database, one)
    dads, mums = await export(exporting, home.dad), await export(exporting, home.mum)
    assert ([one["id"] for one in dads.said], dads.sounds) == ([to_dad, *(one.id for one in later)], {to_dad})
    assert len(mums.said) == 5


async def test_no_secret_is_in_it(home: Home, exporting: Exporting) -> None:
    token = await home.tokens.give(home.mum.id, home.mum.kind)
    found = await export(exporting, home.mum)
    everything = b"".join(found.files.values()).decode()
    assert [one for one in (token, "argon2", "digest", "password") if one in everything] == []


async def test_what_was_deleted_meanwhile_is_named_as_missing(home: Home, exporting: Exporting) -> None:
    gone, there = await voice(home, home.mum, home.bear), await voice(home, home.mum, home.bear)
    await home.audio.delete(gone)
    found = await export(exporting, home.mum)
    assert (found.index["missing"], found.sounds) == ([gone], {there})


async def test_the_page_runs_nothing_that_anybody_wrote(home: Home, exporting: Exporting) -> None:
    attack = "<script>alert('mine')</script>"
    await accept(home.database, message(home.mum, home.bear, text=attack))
    page = (await export(exporting, home.mum)).page
    assert "<script" not in page
    assert "&lt;script&gt;" in page


async def test_it_is_gone_afterwards(home: Home, exporting: Exporting) -> None:
    async with exporting.export(home.mum.id) as file:
        assert await asyncio.to_thread(file.exists)
    assert not await asyncio.to_thread(file.parent.exists)


async def test_one_at_a_time_for_each_person(home: Home, exporting: Exporting) -> None:
    async with exporting.export(home.mum.id):
        with pytest.raises(RateLimited) as refused:
            async with exporting.export(home.mum.id):
                pytest.fail("there is one under way")
        assert refused.value.retry_after
        assert (await export(exporting, home.dad)).index["account"]["id"] == home.dad.id
    assert (await export(exporting, home.mum)).index["account"]["id"] == home.mum.id


async def test_a_full_disk_is_overloaded_and_leaves_nothing(
    home: Home, exporting: Exporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("toybackend.services.exporting._pack", is_full)
    with pytest.raises(Overloaded):
        await export(exporting, home.mum)
    monkeypatch.undo()
    assert (await export(exporting, home.mum)).sounds == set()


async def test_packing_ends_soon_when_nobody_waits_for_it_any_more(
    home: Home, exporting: Exporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that stops would wait for it: a family may have gigabytes."""
    packed: list[str] = []

    def slowly(archive: ZipFile, path: Path, name: str, *_: object) -> None:
        packed.append(name)
        time.sleep(0.05)

    monkeypatch.setattr(ZipFile, "write", slowly)
    for _ in range(40):
        await voice(home, home.mum, home.bear)
    exporting_now = asyncio.create_task(export(exporting, home.mum))
    while not packed:
        await asyncio.sleep(0.01)
    exporting_now.cancel()
    await asyncio.wait([exporting_now])
    assert len(packed) < 20


async def test_whoever_goes_while_it_is_packed_leaves_nothing(home: Home, exporting: Exporting, tmp_path: Path) -> None:
    exporting_now = asyncio.create_task(export(exporting, home.mum))
    await asyncio.sleep(0.02)
    exporting_now.cancel()
    await asyncio.wait([exporting_now])
    assert await asyncio.to_thread(lambda: list((tmp_path / "audio" / "work").iterdir())) == []
    with pytest.raises(Gone):
        await home.audio.workshop("m_none").__aenter__()
