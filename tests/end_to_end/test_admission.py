"""Too much at once: who is to come again, and when; and that nobody else has to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.family import Family, add_family, add_somebody, count_rows, database_of, files
from tests.end_to_end.line import Frame, Line
from tests.world import add_contact
from toybackend.app import serving
from toybackend.house import House
from toybackend.models import MessageId, Sound
from toybackend.ports import Progress
from toybackend.settings import Conversion, Families, Settings, Sockets
from toybackend.transcoder import FfmpegTranscoder

pytestmark = [pytest.mark.usefixtures("calm_log", "cheap_passwords")]


@asynccontextmanager
async def at_home(settings: Settings, **groups: Any) -> AsyncIterator[tuple[House, Family, Line, Line]]:
    async with serving(replace(settings, **groups)) as house:
        family = await add_family(house)
        async with family.mum.line() as mum, family.bear.line() as bear:
            yield house, family, mum, bear


async def refused(line: Line, code: str, **header: Any) -> Frame:
    """Header by header: nothing of the recording has to be sent for that."""
    await line.say(**header, ref="refused")
    error = await line.next()
    assert (error["type"], error["code"], error.get("ref")) == ("error", code, "refused")
    return error


# ── a minute ──


async def test_so_many_messages_a_minute_over_all_sockets(settings: Settings, clip: bytes) -> None:
    async with at_home(settings, sockets=Sockets(messages_per_minute=4)) as (_, family, mum, bear):
        async with family.mum.line() as tablet:
            first = await mum.voice(family.bear.id, clip, ref="first")
            for line in (mum, tablet, tablet):
                await line.text(family.bear.id, "hi")
            for line in (mum, tablet):
                for frame in ({}, {"msg": "hi"}):
                    error = await refused(line, "rate_limited", to_user=family.bear.id, **frame)
                    assert 0 < error["retry_after"] <= 61
            await mum.write(clip)  # still comes, and is thrown away without a word
            assert await mum.voice(family.bear.id, clip, ref="first") == first  # as after a socket that broke
            await mum.hear("delivered", id=await confirmed(bear))
        await mum.hear("text", id=await bear.text(family.mum.id, "the bear may"))


async def confirmed(bear: Line) -> str:
    """What the toy got first, which it acknowledges."""
    voice = await bear.hear("voice")
    await bear.ack(voice["id"])
    return str(voice["id"])


# ── the line ──


@pytest.fixture
def go(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Until it is set, no conversion ends."""
    go, real = asyncio.Event(), FfmpegTranscoder.convert

    async def convert(self: FfmpegTranscoder, original: Path, folder: Path, progress: Progress | None = None) -> Sound:
        await go.wait()
        return await real(self, original, folder, progress)

    monkeypatch.setattr(FfmpegTranscoder, "convert", convert)
    return go


async def test_when_too_many_wait_voices_are_to_come_later_and_texts_go_through(
    settings: Settings, go: asyncio.Event, clip: bytes
) -> None:
    conversion = Conversion(max_waiting=4, waiting_per_family=3)
    async with at_home(settings, conversion=conversion) as (house, family, mum, bear):
        other = await add_family(house)
        friend = await add_somebody(house, "Friend")
        await add_contact(database_of(house), family.mum.party, friend.party)
        waiting = [await mum.voice(family.bear.id, clip, ref=f"{n}") for n in range(3)]
        assert (await refused(mum, "overloaded", to_user=family.bear.id))["retry_after"] == 1
        assert (await refused(bear, "overloaded", to_user=family.mum.id))["retry_after"] == 1
        async with other.mum.line() as neighbour, friend.line() as phone:
            waiting.append(await neighbour.voice(other.bear.id, clip))
            await refused(neighbour, "overloaded", to_user=other.bear.id)
            await phone.hear("text", id=await mum.text(friend.id, "texts need no conversion"))
        assert await mum.voice(family.bear.id, clip, ref="0") == waiting[0]
        assert await count_rows(house, "messages") == 5
        assert {name.partition(".")[0] for name in files(house)["kept"]} == set(waiting)
        go.set()
        for message_id in waiting[:3]:
            await bear.hear("voice", id=message_id)
            await bear.ack(message_id)
        await bear.hear("voice", id=await mum.voice(family.bear.id, clip))


async def test_many_headers_let_in_at_once_are_asked_again(settings: Settings, go: asyncio.Event, clip: bytes) -> None:
    conversion = Conversion(waiting_per_family=1)
    async with at_home(settings, conversion=conversion) as (house, family, mum, bear):
        await mum.say(to_user=family.bear.id)
        await bear.say(to_user=family.mum.id, ref="refused")
        await asyncio.sleep(0.2)
        await mum.write(clip)
        accepted = await mum.hear("accepted")
        await bear.write(clip)
        error = await bear.next()
        assert (error["code"], error["ref"]) == ("overloaded", "refused")
        assert await count_rows(house, "messages") == 1
        assert files(house)["kept"] == {f"{accepted['id']}.original"}
        go.set()


# ── what a family keeps ──


async def test_a_family_keeps_so_much_and_what_is_deleted_makes_room(settings: Settings, clip: bytes) -> None:
    mp3_bytes = 16_000
    families = Families(kept_bytes=len(clip) + mp3_bytes)
    async with at_home(settings, families=families) as (house, family, mum, bear):
        await refused(mum, "too_many", to_user=family.bear.id, bytes=families.kept_bytes + 1)
        said = await mum.voice(family.bear.id, clip)
        await bear.hear("voice", id=said)
        await refused(mum, "too_many", to_user=family.bear.id, bytes=len(clip))
        await refused(bear, "too_many", to_user=family.mum.id, bytes=len(clip))
        await mum.say(to_user=family.bear.id, ref="unsaid size")
        await mum.write(clip)
        assert (await mum.next())["code"] == "too_many"
        assert {name.partition(".")[0] for name in files(house)["kept"]} == {said}
        await bear.hear("text", id=await mum.text(family.bear.id, "texts take no room"))
        await house.erasing.erase_message(MessageId(said))
        await bear.hear("voice", id=await mum.voice(family.bear.id, clip))
