"""`toybackend doctor`, well and sick."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.commands.running import Done, call
from toybackend import descriptors
from toybackend.commands import doctor as doctor_module
from toybackend.commands.doctor import RECORDINGS
from toybackend.house import open_house
from toybackend.settings import Settings, Storage
from toybackend.transcoder import find_ffmpeg
from toybackend.transcoder.sandbox import strongest

WHAT = [
    "clock",
    "descriptors",
    "keeping",
    "ffmpeg",
    "converter",
    *(kind for _, kind, _ in RECORDINGS),
    "database",
    "audio store",
    "HTTP port",
    "WebSocket port",
]
FREE_PORTS = {"HTTP_PORT": "0", "WS_PORT": "0"}


@pytest.fixture
def taken_port() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield str(listener.getsockname()[1])


def sick(done: Done) -> dict[str, dict[str, Any]]:
    """What is not well, by its name."""
    findings = json.loads(done.out)
    assert all(bool(one["do"]) is not one["is_well"] for one in findings)  # advice where it is needed, and only there
    return {one["what"]: one for one in findings if not one["is_well"]}


def test_well(tmp_path: Path) -> None:
    done = call("doctor", "--data", tmp_path, "--json", **FREE_PORTS)
    assert (done.code, done.err) == (0, "")
    assert sick(done) == {}
    assert [one["what"] for one in json.loads(done.out)] == WHAT


def test_well_in_words(tmp_path: Path) -> None:
    done = call("doctor", "--data", tmp_path, **FREE_PORTS)
    lines = done.out.splitlines()
    assert done.code == 0
    assert sum(line.startswith("well") for line in lines) == len(WHAT)
    assert "sick" not in done.out and "→" not in done.out
    assert "converts a known-good clip" in " ".join(done.out.split())


def test_a_sick_ffmpeg(tmp_path: Path) -> None:
    tool = tmp_path / "[red]ffmpeg"  # brackets are no markup
    tool.write_text("#!/bin/sh\nexit 1\n")
    tool.chmod(0o755)
    done = call("doctor", "--data", tmp_path / "data", "--json", FFMPEG=str(tool), **FREE_PORTS)
    assert done.code == 1
    assert list(sick(done)) == ["ffmpeg"]
    assert "TOYBACKEND_FFMPEG" in sick(done)["ffmpeg"]["do"]
    words = call("doctor", "--data", tmp_path / "data", FFMPEG=str(tool), **FREE_PORTS)
    assert words.code == 1
    assert "[red]ffmpeg" in words.out.replace("\n", "").replace(" ", "") and "→ make ffmpeg" in words.out


def test_what_the_converter_can_reach(tmp_path: Path) -> None:
    """It is said, and wrong only where the operator asked for more than there is."""
    script = tmp_path / "ffmpeg"
    script.write_text(f'#!/bin/sh\nexec {find_ffmpeg(None).path} "$@"\n')
    script.chmod(0o755)

    def examined(**settings: str) -> Done:
        return call("doctor", "--data", tmp_path / "data", "--json", **settings, **FREE_PORTS)

    def says(done: Done) -> str:
        return str(next(one["says"] for one in json.loads(done.out) if one["what"] == "converter"))

    assert says(examined()) == str(strongest())
    as_it_is = examined(FFMPEG=str(script))
    assert (as_it_is.code, sick(as_it_is)) == (0, {})
    assert says(as_it_is).startswith("within its reach: network, files outside its folder")
    too_much = examined(FFMPEG=str(script), CONVERT_SANDBOX="required")
    assert too_much.code == 1
    assert "CONVERT_SANDBOX=auto" in sick(too_much)["converter"]["do"]
    assert says(examined(CONVERT_SANDBOX="off")).endswith("(switched off)")


def test_a_port_that_is_taken(taken_port: str, tmp_path: Path) -> None:
    done = call("doctor", "--data", tmp_path, "--json", HTTP_PORT=taken_port, WS_PORT="0")
    assert done.code == 1
    assert list(sick(done)) == ["HTTP port"]
    assert f":{taken_port}" in sick(done)["HTTP port"]["says"]


def test_a_full_disk(tmp_path: Path) -> None:
    done = call("doctor", "--data", tmp_path, "--json", MIN_FREE_BYTES=str(1 << 60), **FREE_PORTS)
    assert done.code == 1
    assert list(sick(done)) == ["audio store"]


def test_a_data_folder_that_cannot_be_opened(tmp_path: Path) -> None:
    """The other checks are made all the same."""
    (tmp_path / "file").touch()
    done = call("doctor", "--data", tmp_path / "file", "--json", **FREE_PORTS)
    assert (done.code, done.err) == (1, "")
    assert list(sick(done)) == ["data folder"]
    assert str(tmp_path / "file") in sick(done)["data folder"]["says"]


def test_a_clock_that_was_never_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_module, "EARLIEST_SANE_CLOCK", 1 << 40)
    done = call("doctor", "--data", tmp_path, "--json", **FREE_PORTS)
    assert done.code == 1
    assert list(sick(done)) == ["clock"]


def test_a_clock_that_jumped_is_believed_when_somebody_says_so(tmp_path: Path) -> None:
    asyncio.run(_look_long_ago(tmp_path))
    done = call("doctor", "--data", tmp_path, "--json", **FREE_PORTS)
    assert done.code == 1
    assert list(sick(done)) == ["keeping"]
    assert "--trust-clock" in sick(done)["keeping"]["do"]
    assert call("doctor", "--data", tmp_path, "--json", "--trust-clock", **FREE_PORTS).code == 0
    assert call("doctor", "--data", tmp_path, "--json", **FREE_PORTS).code == 0


async def _look_long_ago(folder: Path) -> None:
    settings = Settings(storage=Storage(data_dir=folder))
    async with open_house(settings, clock=lambda: 1_600_000_000_000) as house:
        await house.retention.look()


def test_a_database_that_is_missing_or_damaged(tmp_path: Path) -> None:
    """It is left as it is."""
    asyncio.run(_look_long_ago(tmp_path))
    database = tmp_path / "toybackend.sqlite3"
    database.rename(tmp_path / "away")
    done = call("doctor", "--data", tmp_path, "--json", **FREE_PORTS)
    assert (done.code, list(sick(done))) == (1, ["data folder"])
    assert "put it back" in sick(done)["data folder"]["says"]
    assert not database.exists()


def test_too_few_file_descriptors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(descriptors, "most", lambda: 1024)
    done = call("doctor", "--data", tmp_path, "--json", **FREE_PORTS)
    assert done.code == 1
    assert list(sick(done)) == ["descriptors"]
    assert "1024" in sick(done)["descriptors"]["says"] and "LimitNOFILE=" in sick(done)["descriptors"]["do"]
    few = call(
        "doctor",
        "--data",
        tmp_path,
        "--json",
        MAX_SOCKETS="100",
        MAX_HTTP_CONNECTIONS="10",
        MAX_HANDSHAKES="10",
        **FREE_PORTS,
    )
    assert few.code == 0
