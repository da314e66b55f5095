"""Hostile files: refused, or clean sound within bounds, and nothing is left behind. Here each with one ffmpeg, the
cheapest there is; `python -m trials.bombs` takes all files to all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.transcoder import hostile
from toybackend.transcoder import ConversionLimits, FoundFfmpeg, run_child
from toybackend.transcoder.ffmpeg import Ffmpeg, examine
from trials import bombs
from trials.bombs import judge

EXPENSIVE = (*hostile.BOMBS, *hostile.TABLES, *hostile.SQUEEZED, *hostile.COVERS)
WITH_SOUND = (*hostile.ELSEWHERE, *(name for name in hostile.EVERY if name.endswith("with tags")))
EXAMINED: dict[Path, Ffmpeg] = {}


async def examined(binary: Path, folder: Path) -> Ffmpeg:
    """Asked about itself once."""
    if binary not in EXAMINED:
        EXAMINED[binary] = await examine(FoundFfmpeg(binary, "setting"), run_child, folder, ConversionLimits())
    return EXAMINED[binary]


@pytest.mark.parametrize("name", EXPENSIVE)
async def test_a_bomb_costs_little(name: str, any_binary: Path, tmp_path: Path, folder: Path) -> None:
    judged = await judge(name, await examined(any_binary, tmp_path), folder)
    assert judged.faults == []


@pytest.mark.parametrize("name", WITH_SOUND)
async def test_nothing_but_the_files_own_sound_comes_out(name: str, binary: Path, tmp_path: Path, folder: Path) -> None:
    judged = await judge(name, await examined(binary, tmp_path), folder)
    assert judged.faults == []


@pytest.mark.parametrize("name", hostile.LISTS)
async def test_a_list_plays_nobody_elses_clip(name: str, any_binary: Path, tmp_path: Path, folder: Path) -> None:
    judged = await judge(name, await examined(any_binary, tmp_path), folder)
    assert judged.faults == []
    # One that opens with the magic of AMR is AMR, and nothing else; the others are refused before a process starts.
    assert not judged.children or name.endswith(("AMR magic", "WB's"))


def test_what_is_expected_is_expected_of_something() -> None:
    named = [bombs.TOO_LONG, set(bombs.HEARD), bombs.EITHER]
    assert set().union(*named) <= hostile.EVERY.keys()
    assert sum(map(len, named)) == len(set().union(*named))
