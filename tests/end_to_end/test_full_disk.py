"""What people see when the disk of the server is full. A real file system of a few megabytes, and really full.

                                 the mother's phone                           the toy
  at upload, reserve touched     «overloaded» with retry_after for a voice;   the texts, and voices accepted before;
                                 texts still go through; the socket stays     the refused one once it was sent again
  at upload, not a byte left     «overloaded» with retry_after for both       everything sent again after that
  while converting               «delayed»; never «failed», never a voice     the whole voice, once there is room
                                 that lacks words
  while a message is committed   «overloaded» with retry_after; the same      each message once
                                 `ref` goes through once there is room
  no room to empty the log of    «overloaded» with retry_after; what was      what was «accepted», once, before and
  the database                   «accepted» is there after a restart          after a restart
  no room to start               no server, which says why                    everything, once there is room

No file of a refused voice is left behind.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from tests.end_to_end.breakable import BreakableFfmpeg, no_file_grows
from tests.end_to_end.family import Family, add_family, files
from tests.end_to_end.faults import is_refused
from tests.end_to_end.line import Line, until
from tests.end_to_end.observing import everything, ids, sound_of, until_not_well
from toybackend.app import serving
from toybackend.errors import BadSettings
from toybackend.house import House
from toybackend.settings import Conversion, Settings, Storage
from trials.small_disk import SmallDisk

pytestmark = [pytest.mark.timeout(60), pytest.mark.usefixtures("cheap_hashes")]

RESERVE = 512 << 10


@pytest.fixture
def on_disk(settings: Settings, disk: SmallDisk, tool: BreakableFfmpeg) -> Settings:
    """On the small disk, and without a reserve."""
    return replace(
        settings,
        storage=Storage(data_dir=disk.folder / "data", min_free_bytes=0),
        conversion=Conversion(ffmpeg=str(tool.file), retry_seconds=1),
    )


@asynccontextmanager
async def at_home(settings: Settings) -> AsyncIterator[tuple[House, Family, Line, Line]]:
    """A server, a family, and the sockets of phone and toy."""
    async with serving(settings) as house:
        family = await add_family(house)
        async with family.mum.line() as mum, family.bear.line() as bear:
            yield house, family, mum, bear


async def test_the_reserve_is_touched(on_disk: Settings, disk: SmallDisk, clip: bytes) -> None:
    storage = replace(on_disk.storage, min_free_bytes=RESERVE)
    async with at_home(replace(on_disk, storage=storage)) as (house, family, mum, bear):
        before = await mum.voice(family.bear.id, clip)
        await bear.hear("voice", id=before)
        disk.fill(leave_bytes=RESERVE // 2)
        await is_refused(mum, family, "voice", clip)
        await until_not_well(house, "audio_store")
        await bear.hear("text", id=await mum.text(family.bear.id, "are you there?"))
        assert files(house)["kept"] == {f"{before}.original", f"{before}.mp3"}
        assert files(house)["incoming"] == set()

        disk.free()
        await bear.hear("voice", id=await mum.voice(family.bear.id, clip, ref="voice"))


async def test_no_file_grows(settings: Settings, clip: bytes) -> None:
    """The same without a disk of our own, on any machine."""
    async with at_home(settings) as (house, family, mum, bear):
        with no_file_grows():
            await is_refused(mum, family, "voice", clip)
            await is_refused(mum, family, "text")
        assert files(house) == {"incoming": set(), "work": set(), "kept": set()}
        voice = await mum.voice(family.bear.id, clip, ref="voice")
        text = await mum.text(family.bear.id, "hello", ref="text")
        assert [(await bear.next())["id"] for _ in range(2)] == [voice, text]


@pytest.mark.parametrize("copies", [1, 60], ids=["kept in memory", "spooled as it comes"])
async def test_not_a_byte_is_left(copies: int, on_disk: Settings, disk: SmallDisk, clip: bytes) -> None:
    """60 times six kilobytes are more than the server takes in before it writes."""
    large = clip + clip[6:] * (copies - 1)
    async with at_home(on_disk) as (house, family, mum, bear):
        disk.fill()
        await is_refused(mum, family, "voice", large)
        await is_refused(mum, family, "text")
        assert files(house) == {"incoming": set(), "work": set(), "kept": set()}

        disk.free()
        voice = await mum.voice(family.bear.id, clip, ref="voice")
        text = await mum.text(family.bear.id, "hello", ref="text")
        assert [(await bear.next())["id"] for _ in range(2)] == [voice, text]


async def test_it_fills_up_while_a_message_is_committed(on_disk: Settings, disk: SmallDisk, clip: bytes) -> None:
    """Room enough for the recording, and none for its row."""
    async with at_home(on_disk) as (house, family, mum, bear):
        disk.fill(leave_bytes=len(clip) + 4096 - len(clip) % 4096)
        await is_refused(mum, family, "voice", clip)
        assert files(house) == {"incoming": set(), "work": set(), "kept": set()}
        disk.free()
        await bear.hear("voice", id=await mum.voice(family.bear.id, clip, ref="voice"))
        assert await everything(bear, 0.2) == []


async def test_it_fills_up_while_converting(
    on_disk: Settings, disk: SmallDisk, tool: BreakableFfmpeg, long_clip: bytes
) -> None:
    """ffmpeg runs, and runs out of room in the middle of what it writes."""
    async with at_home(on_disk) as (house, family, mum, bear):
        tool.slow_down(0.5)
        sent = await mum.voice(family.bear.id, long_clip)
        await until(lambda: tool.has_started)
        disk.fill(leave_bytes=200 << 10)
        tool.repair()
        await mum.hear("notice", event="delayed", id=sent)
        assert ids(await everything(mum, 1.5), "failed") == []  # long enough for another try
        assert files(house)["work"] == set() and files(house)["kept"] == {f"{sent}.original"}

        disk.free()
        voice = await bear.hear("voice", id=sent)
        assert voice["duration_ms"] == pytest.approx(11_120, abs=50)
        assert len(await sound_of(voice)) > 40_000
        assert "failed" not in json.dumps(await everything(mum, 0.1))


async def test_the_log_cannot_be_emptied_into_the_database(on_disk: Settings, disk: SmallDisk) -> None:
    """Neither while the server runs nor when it stops or starts; whatever was «accepted» comes all the same, once."""
    async with at_home(on_disk) as (_, family, mum, _):
        disk.fill(leave_bytes=1 << 20)
        accepted = await _texts_until_refused(mum, family)
    async with serving(on_disk) as house, family.at(house).bear.line() as bear:
        await bear.hear("text", id=accepted[0])
    disk.free()
    async with serving(on_disk) as house, family.at(house).bear.line() as bear:
        arrived = []
        for _ in accepted:
            arrived.append((await bear.next())["id"])
            await bear.ack(arrived[-1])
        assert arrived == accepted
        assert await everything(bear, 0.1) == []


async def _texts_until_refused(mum: Line, family: Family) -> list[str]:
    """The ids of those that were accepted."""
    accepted: list[str] = []
    while True:
        await mum.say(to_user=family.bear.id, msg="x" * 2000, ref=f"{len(accepted)}")
        answer = await mum.next()
        if answer["type"] == "error":
            assert answer["code"] == "overloaded" and len(accepted) > 10
            return accepted
        accepted.append(answer["id"])


async def test_there_is_no_room_to_start(on_disk: Settings, disk: SmallDisk) -> None:
    async with at_home(on_disk) as (_, family, mum, _):
        said = await mum.text(family.bear.id, "good night")
    disk.fill()
    with pytest.raises(BadSettings, match="cannot be opened"):
        async with serving(on_disk):
            pytest.fail("it is serving")
    disk.free()
    async with serving(on_disk) as house, family.at(house).bear.line() as bear:
        await bear.hear("text", id=said)
