"""`toybackend demo`: exit 0 only if the toy has the voice."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from pytest import MonkeyPatch

from tests.commands.running import call, run
from toybackend.client import Toy
from toybackend.client.inbox import Received
from toybackend.commands import demo as demo_module

pytestmark = pytest.mark.timeout(60)

STEPS = [
    "the server starts",
    "ffmpeg is well",
    "a licence is issued",
    "a family registers",
    "the toy boots",
    "the phone logs in",
    "the family binds it",
    "the phone sends a voice",
    "the toy is told",
    "the toy fetches it",
    "it decodes",
    "the phone sees both ticks",
    "the phone logs out",
]


def test_the_main_job_in_one_go(tmp_path: Path) -> None:
    mp3 = tmp_path / "voice.mp3"
    done = run("demo", "--save", mp3, DATA_DIR=str(tmp_path / "not touched"))
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    for line, step in zip(lines, STEPS, strict=False):
        assert line.startswith(f"✓ {step}") and " ms" in line
    assert lines[len(STEPS)] == ""
    assert "".join(lines[len(STEPS) + 1 :]) == f"The toy has the voice: {mp3}."  # a long path has a line of its own
    assert mp3.read_bytes()[0] == 0xFF and mp3.stat().st_size > 10_000
    assert [file.name for file in tmp_path.iterdir()] == ["voice.mp3"]


def test_a_sick_ffmpeg_is_said_at_once(tmp_path: Path) -> None:
    done = call("demo", FFMPEG=str(tmp_path / "nothing"))
    assert done.code == 1
    assert done.out.splitlines()[-1].startswith("✗ ffmpeg is well")
    assert done.err.splitlines()[-1].startswith("toybackend: internal: the FFMPEG setting names")
    assert "Traceback" not in done.err


@pytest.mark.usefixtures("cheap_passwords")
def test_a_voice_that_lost_a_part_fails(monkeypatch: MonkeyPatch) -> None:
    fetch = Toy.fetch

    async def half(toy: Toy, message: Received) -> bytes:
        whole = await fetch(toy, message)
        return whole[: len(whole) // 2]

    monkeypatch.setattr(Toy, "fetch", half)
    done = call("demo")
    assert done.code == 1
    assert done.out.splitlines()[-1].startswith("✗ it decodes")
    assert "toybackend: demo_failed: 4.90 s were sent and 2." in done.err


@pytest.mark.usefixtures("cheap_passwords")
def test_a_voice_that_does_not_come_fails(monkeypatch: MonkeyPatch) -> None:
    async def never(toy: Toy) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(Toy, "wait_until_ready", never)
    monkeypatch.setattr(demo_module, "PATIENCE_SECONDS", 2.0)
    done = call("demo")
    assert (done.code, done.err) == (1, "toybackend: demo_failed: nothing came within 2 seconds\n")
