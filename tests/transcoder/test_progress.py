from __future__ import annotations

import asyncio
import functools
from pathlib import Path

import pytest

from tests.transcoder.sounds import until
from toybackend.transcoder import progress
from toybackend.transcoder.progress import growing, share


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LOOK_SECONDS", 0.001)


async def test_a_file_that_grows_is_told_of(tmp_path: Path) -> None:
    told: list[float] = []
    file = tmp_path / "sound.pcm"
    async with growing(file, 1000, told.append):
        await until(lambda: 0.0 in told)  # not there yet
        with file.open("ab", buffering=0) as growing_file:
            for size in (250, 500):
                growing_file.write(bytes(250))
                await until(functools.partial(told.__contains__, size / 1000))
    assert told == sorted(told)
    assert told[-1] == 1.0


async def test_more_than_was_expected_is_all_of_it(tmp_path: Path) -> None:
    told: list[float] = []
    (tmp_path / "sound.pcm").write_bytes(bytes(3000))
    async with growing(tmp_path / "sound.pcm", 1000, told.append):
        await until(lambda: told)
    assert set(told) == {1.0}


async def test_where_the_length_is_unknown_only_the_end_is_told(tmp_path: Path) -> None:
    told: list[float] = []
    (tmp_path / "sound.pcm").write_bytes(bytes(3000))
    async with growing(tmp_path / "sound.pcm", 0, told.append):
        await asyncio.sleep(0.05)
        assert told == []
    assert told == [1.0]


async def test_a_child_that_fails_is_not_done(tmp_path: Path) -> None:
    told: list[float] = []
    with pytest.raises(RuntimeError):
        async with growing(tmp_path / "sound.pcm", 1000, told.append):
            raise RuntimeError
    assert 1.0 not in told
    assert len(asyncio.all_tasks()) == 1, "nobody looks any more"


def test_a_part_is_told_as_a_share_of_the_whole() -> None:
    told: list[float] = []
    half = share(told.append, 0.5, 1.0)
    for part in (0.0, 0.5, 1.0):
        half(part)
    assert told == [0.5, 0.75, 1.0]
