"""What was accepted comes through, also where the server is stopped in between."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest

from tests.end_to_end.family import add_family, files
from tests.end_to_end.sound import CLIP_SECONDS, fetch, seconds_of
from toybackend.app import serving
from toybackend.settings import Conversion, Settings

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("calm_log", "cheap_hashes")]


async def test_sockets_are_told_when_the_server_goes_away(settings: Settings) -> None:
    async with contextlib.AsyncExitStack() as clients:
        async with serving(settings) as house:
            family = await add_family(house)
            lines = [await clients.enter_async_context(one.line()) for one in (family.mum, family.bear)]
        assert [await one.end() for one in lines] == [1001, 1001]


async def test_what_was_accepted_is_converted_after_a_restart(
    settings: Settings, clip: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    sick = replace(settings, conversion=Conversion(ffmpeg="/no/such/ffmpeg"))
    async with serving(sick) as house:
        family = await add_family(house)
        async with family.mum.line() as mum:
            message_id = await mum.voice(family.bear.id, clip, ref="r")
            assert await mum.next() == {"type": "notice", "event": "delayed", "id": message_id}
    assert "ffmpeg" in caplog.text
    caplog.clear()
    async with serving(settings) as house:
        family = family.at(house)
        async with family.mum.line() as mum, family.bear.line() as bear:
            voice = await bear.hear("voice", id=message_id)
            assert seconds_of(await fetch(voice["url"])) > CLIP_SECONDS - 0.02
            assert await mum.voice(family.bear.id, clip, ref="r") == message_id


async def test_what_was_converted_is_delivered_after_a_restart(settings: Settings, clip: bytes) -> None:
    async with serving(settings) as house:
        family = await add_family(house)
        async with family.mum.line() as mum, family.bear.line() as bear:
            message_id = await mum.voice(family.bear.id, clip)
            await bear.hear("voice", id=message_id)
    async with serving(settings) as house:
        async with family.at(house).bear.line() as bear:
            assert bear.welcome["unread"] == 1
            assert seconds_of(await fetch((await bear.hear("voice", id=message_id))["url"])) > CLIP_SECONDS - 0.02
        assert {room: len(names) for room, names in files(house).items()} == {"incoming": 0, "work": 0, "kept": 2}
