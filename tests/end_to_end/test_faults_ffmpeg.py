"""What people see when ffmpeg breaks. Real processes that misbehave.

                                 the mother's phone                           the toy
  missing, hanging, mad, mute,   «accepted», then «delayed» once a voice;     nothing yet; the voice after the repair,
  killed, at start or later      texts go through; never «failed» for a       in order, once
                                 good clip
  spews, forks, deaf to signals, the same; the server does not grow, and      the same
  stops itself, closes its files nothing that it started stays
  a bad clip meanwhile           «failed» after the repair                    nothing

Which of the two is at fault, the clip or the tool, is in `transcoder/test_blame.py`.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from tests.end_to_end.breakable import FAULTS, MISSING, RARE_FAULTS, BreakableFfmpeg
from tests.end_to_end.family import files
from tests.end_to_end.faults import at_home
from tests.end_to_end.observing import everything, ids, parts_not_well, sound_of, until_not_well
from toybackend.app import serving
from toybackend.house import House
from toybackend.settings import Settings

pytestmark = [pytest.mark.timeout(60), pytest.mark.usefixtures("cheap_hashes")]

BAD_CLIP = b"#!AMR\n"
"""The magic of AMR, and not one frame of sound."""


@pytest.mark.parametrize("how", [MISSING, *FAULTS])
async def test_it_is_sick_at_start(how: str, breakable: Settings, tool: BreakableFfmpeg, clip: bytes) -> None:
    tool.fall_ill(how)
    async with serving(breakable) as house:
        await _voices_wait_for_the_repair(house, tool, clip)


@pytest.mark.parametrize("how", [MISSING, *FAULTS])
async def test_it_falls_ill(how: str, breakable: Settings, tool: BreakableFfmpeg, clip: bytes) -> None:
    async with serving(breakable) as house:
        assert await parts_not_well(house) == []
        tool.fall_ill(how, only_when_converting=True)
        await _voices_wait_for_the_repair(house, tool, clip)


@pytest.mark.parametrize("how", RARE_FAULTS)
async def test_whatever_it_does_stays_in_its_bounds(
    how: str, breakable: Settings, tool: BreakableFfmpeg, clip: bytes
) -> None:
    async with serving(breakable) as house, at_home(house) as (family, mum, bear):
        tool.fall_ill(how, only_when_converting=True)
        before = _resident_bytes()
        sent = await mum.voice(family.bear.id, clip)
        await mum.hear("notice", event="delayed", id=sent)
        assert _resident_bytes() - before < 30 << 20
        assert _running_in(breakable.storage.data_dir) == []
        assert files(house)["work"] == set()
        tool.repair()
        await bear.hear("voice", id=sent)


async def _voices_wait_for_the_repair(house: House, tool: BreakableFfmpeg, clip: bytes) -> None:
    async with at_home(house) as (family, mum, bear):
        bad = await mum.voice(family.bear.id, BAD_CLIP)
        good = await mum.voice(family.bear.id, clip)
        await mum.hear("notice", event="delayed", id=good)
        await _others_are_served(house)
        text = await mum.text(family.bear.id, "are you there?")
        await until_not_well(house, "ffmpeg")

        tool.repair()
        first = await bear.next()  # not the text: it was accepted later
        assert (first["type"], first["id"]) == ("voice", good)
        assert len(await sound_of(first)) > 4000
        await bear.ack(good)
        await mum.hear("delivered", id=good)
        await bear.hear("text", id=text)
        assert ids(await everything(mum, 0.1), "failed") == [bad]
        assert await everything(bear, 0.1) == []


async def _others_are_served(house: House) -> None:
    """Another family comes, and talks by text, within what nobody would call a wait."""
    async with asyncio.timeout(3), at_home(house) as (family, dad, toy):
        await toy.hear("text", id=await dad.text(family.bear.id, "good night"))


def _resident_bytes() -> int:
    """Of this process, which is the server as well."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _running_in(folder: Path) -> list[str]:
    """Processes that work somewhere below it, whoever started them."""
    found = []
    for one in Path("/proc").glob("[0-9]*"):
        try:
            place = os.readlink(one / "cwd")
        except OSError:  # it ended, or is nobody's business
            continue
        if place.startswith(str(folder)):
            found.append(one.name)
    return found


async def test_delayed_is_said_once_a_voice(breakable: Settings, tool: BreakableFfmpeg, clip: bytes) -> None:
    tool.fall_ill(MISSING)
    async with serving(breakable) as house, at_home(house) as (family, mum, _):
        sent = {await mum.voice(family.bear.id, clip) for _ in range(3)}
        told = ids(await everything(mum, 2.5), "notice")  # long enough for more tries
        assert set(told) == sent and len(told) == len(sent)
