"""`toybackend toy` against a small server that speaks the contract."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from tests.client.fake_server import (
    LICENCE,
    MP3,
    FakeServer,
    problem,
    ready,
    settings,
    text,
    unbound,
    unlicensed,
    voice,
)
from toybackend.commands.reporting import Report
from toybackend.commands.toy import PLAYERS, Habits, StrangeId, _run, find_player, loud, save_voice, toy
from toybackend.protocol import encode_server_frame

pytestmark = pytest.mark.timeout(20)


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    async with FakeServer() as fake:
        fake.boots.append(ready())
        yield fake


def habits(
    count: int,
    folder: Path | None = None,
    player: tuple[str, ...] | None = None,
    *,
    must_play: bool = False,
    reply: Path | None = None,
) -> Habits:
    return Habits(folder, player, must_play, reply, count)


async def run(server: FakeServer, how: Habits) -> bool:
    return await _run(server.url, LICENCE, how, Report(as_json=True))


def events(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def kinds(frames: list[dict[str, Any]]) -> list[str]:
    return [frame["type"] for frame in frames]


async def test_it_receives_saves_hears_and_answers(
    server: FakeServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = tmp_path / "thanks.amr"
    answer.write_bytes(b"#!AMR\nthanks")
    server.mailbox = {"m_1": voice("m_1"), "m_2": text("m_2", "sleep well")}
    assert await run(server, habits(2, tmp_path / "kept", reply=answer))
    assert (tmp_path / "kept" / "m_1.mp3").read_bytes() == MP3
    assert os.listdir(tmp_path / "kept") == ["m_1.mp3"]
    assert kinds(server.frames) == ["ack", "heard", "ack", "heard"]
    assert server.uploads[0][0]["to_user"] == "p_ben"
    told = events(capsys)
    assert [one["event"] for one in told] == ["state", "voice", "heard", "replied", "text"]
    assert told[0]["state"] == "ready" and told[0]["name"] == "Bear"
    assert told[1]["file"] == str(tmp_path / "kept" / "m_1.mp3") and told[1]["from_name"] == "Ben"
    assert told[4]["msg"] == "sleep well"


async def test_nothing_is_acknowledged_that_could_not_be_saved(server: FakeServer, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    server.mailbox = {"m_1": voice("m_1")}
    with pytest.raises(OSError, match="file"):
        await run(server, habits(1, tmp_path / "file"))
    assert server.frames == []


async def test_it_waits_for_an_owner(server: FakeServer, capsys: pytest.CaptureFixture[str]) -> None:
    server.boots.clear()
    server.boots.append(unbound())
    server.mailbox = {"m_1": voice("m_1")}
    living = asyncio.create_task(run(server, habits(1)))
    await server.until(lambda: server.sockets)
    await server.push(type="notice", event="bound", id="t_1", name="Bear", settings=settings())
    assert await living
    told = events(capsys)
    assert [one.get("state") for one in told] == ["unbound", "ready", None, None]
    assert told[0]["claim"] == "ABCD2345" and told[2]["file"] is None


async def test_without_a_licence(server: FakeServer, capsys: pytest.CaptureFixture[str]) -> None:
    server.boots.clear()
    server.boots.append(unlicensed())
    assert not await run(server, habits(1))
    told = events(capsys)
    assert [one["event"] for one in told] == ["state", "failed"]
    assert told[1]["code"] == "unlicensed"


async def test_people_see_words(server: FakeServer, capsys: pytest.CaptureFixture[str]) -> None:
    server.boots.clear()
    server.boots.append(unbound())
    server.mailbox = {"m_1": voice("m_1", from_name="B\x1ben")}
    living = asyncio.create_task(_run(server.url, LICENCE, habits(1), Report(as_json=False)))
    await server.until(lambda: server.sockets)
    await server.push(type="notice", event="bound", id="t_1", name="Bear", settings=settings())
    assert await living
    out = capsys.readouterr().out
    assert "unbound: Find me\n  code ABCD2345, good until" in out
    assert "♪ B\N{REPLACEMENT CHARACTER}en: 1.0 s, 502 bytes" in out
    assert LICENCE not in out and "token" not in out and "sig=" not in out


def player_that(does: str, folder: Path) -> tuple[str, ...]:
    script = folder / "player"
    script.write_text(f"#!/bin/sh\n{does}\n")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return (str(script), "--quiet")


async def test_heard_is_said_after_playing(server: FakeServer, tmp_path: Path) -> None:
    player = player_that(f'cp "$2" {tmp_path}/played', tmp_path)
    server.mailbox = {"m_1": voice("m_1")}
    assert await run(server, habits(1, player=player, must_play=True))
    assert (tmp_path / "played").read_bytes() == MP3
    assert kinds(server.frames) == ["ack", "heard"]


@pytest.mark.parametrize("has_player", [True, False])
async def test_heard_is_not_said_when_it_was_not(
    server: FakeServer, tmp_path: Path, has_player: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    player = player_that("exit 3", tmp_path) if has_player else None
    server.mailbox = {"m_1": voice("m_1")}
    assert await run(server, habits(1, player=player, must_play=True))
    assert kinds(server.frames) == ["ack"]
    assert ("no_player" in [one["event"] for one in events(capsys)]) is not has_player


async def test_leaving_stops_the_player(server: FakeServer, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pid")
    player = player_that(f"echo $$ > {tmp_path}/pid\nexec sleep 60", tmp_path)
    server.mailbox = {"m_1": voice("m_1")}
    living = asyncio.create_task(run(server, habits(1, player=player, must_play=True)))
    pid = int(await asyncio.to_thread((tmp_path / "pid").read_text))
    living.cancel()
    await asyncio.wait([living])
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_voice_that_is_gone_is_not_waited_for(server: FakeServer, capsys: pytest.CaptureFixture[str]) -> None:
    living = asyncio.create_task(run(server, habits(1)))
    await server.until(lambda: server.sockets)
    server.http_trouble.append(problem(410, "gone", "deleted"))
    await server.sockets[-1].send(encode_server_frame(voice("m_1")))
    assert await living
    assert [one["event"] for one in events(capsys)] == ["state", "gone"]
    assert kinds(server.frames) == ["ack"]


async def test_an_answer_that_is_refused(
    server: FakeServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = tmp_path / "thanks.amr"
    answer.write_bytes(b"#!AMR\nthanks")
    server.refusals = {"p_ben": {"code": "not_allowed", "message": "you may not do this"}}
    server.mailbox = {"m_1": voice("m_1")}
    assert await run(server, habits(1, reply=answer))
    assert events(capsys)[-1]["code"] == "not_allowed"


# ── songs, and what guardians set ──

SONG = {"item_id": "i_1", "title": "Moon", "url": "/audio/i_1.mp3", "duration_ms": 50}


async def told(server: FakeServer, capsys: pytest.CaptureFixture[str], *wanted: str) -> list[dict[str, Any]]:
    """What it says until it has said all of these."""
    seen: list[dict[str, Any]] = []
    while not set(wanted) <= {one["event"] for one in seen}:
        await asyncio.sleep(0.01)
        seen += events(capsys)
    return seen


async def test_a_song_is_saved_played_and_reported(
    server: FakeServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    living = asyncio.create_task(run(server, habits(1, tmp_path / "kept")))
    await server.until(lambda: server.sockets)
    await server.push(type="play", id="y_1", **SONG)
    await server.until(lambda: server.frames)
    seen = await told(server, capsys, "heard")
    assert [one["event"] for one in seen] == ["state", "play", "heard"]
    assert (seen[1]["title"], seen[1]["item"], seen[1]["bytes"]) == ("Moon", "i_1", len(MP3))
    assert (tmp_path / "kept" / "y_1.mp3").read_bytes() == MP3
    assert server.frames == [{"type": "heard", "id": "y_1"}]
    await server.push(type="text", id="m_1", from_user="p", from_name="P", msg="x", sent_at="now")
    assert await living


@pytest.mark.parametrize("how", ["stop", "another", "rest"])
async def test_a_song_ends_when_something_else_is_wanted(
    server: FakeServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], how: str
) -> None:
    os.mkfifo(tmp_path / "pid")
    player = player_that(f"echo $$ > {tmp_path}/pid\nexec sleep 60", tmp_path)
    living = asyncio.create_task(run(server, habits(1, player=player, must_play=True)))
    await server.until(lambda: server.sockets)
    await server.push(type="play", id="y_1", **SONG)
    pid = int(await asyncio.to_thread((tmp_path / "pid").read_text))
    if how == "another":
        await server.push(type="play", id="y_2", **SONG)
        await asyncio.to_thread((tmp_path / "pid").read_text)
    elif how == "rest":
        await server.push(type="notice", event="settings", settings=settings(80, "2026-11-21T07:00:00.000Z"))
        await told(server, capsys, "stopped")
    else:
        await server.push(type="stop")
        await told(server, capsys, "stopped")
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    living.cancel()
    await asyncio.wait([living])
    assert server.frames == [], "it was not heard to its end"


async def test_a_song_that_is_gone_is_said(server: FakeServer, capsys: pytest.CaptureFixture[str]) -> None:
    living = asyncio.create_task(run(server, habits(1)))
    await server.until(lambda: server.sockets)
    server.http_trouble.append(problem(410, "gone", "deleted"))
    await server.push(type="play", id="y_1", **SONG)
    assert (await told(server, capsys, "gone"))[-1]["title"] == "Moon"
    living.cancel()
    await asyncio.wait([living])


async def test_what_guardians_set_is_said_and_obeyed(
    server: FakeServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    player = (*player_that(f'echo "$2" > {tmp_path}/volume', tmp_path)[:1], "--volume", "{percent}")
    living = asyncio.create_task(run(server, habits(1, player=player, must_play=True)))
    await server.until(lambda: server.sockets)
    await server.push(type="notice", event="settings", settings=settings(35, "2026-11-21T07:00:00.000Z"))
    seen = await told(server, capsys, "settings")
    assert (seen[-1]["volume_cap"], seen[-1]["quiet_until"]) == (35, "2026-11-21T07:00:00.000Z")
    await server.sockets[-1].send(encode_server_frame(voice("m_1")))
    assert await living
    assert (tmp_path / "volume").read_text() == "35\n"


@pytest.mark.parametrize("player", PLAYERS, ids=lambda player: player[0])
def test_every_player_is_told_how_loud(player: tuple[str, ...]) -> None:
    quiet, full = loud(player, 50), loud(player, 100)
    assert quiet != full and len(quiet) == len(player)
    assert not any("{" in part for part in full)


@pytest.mark.parametrize("name", ["../m_1", "", "a/b", "m_1\n", "x" * 65])
def test_an_id_is_no_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(StrangeId):
        save_voice(tmp_path, name, MP3)
    assert list(tmp_path.iterdir()) == []


def test_players_are_looked_for_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_player() is None
    for name in ("mpg123", "ffplay"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
        found = find_player()
        assert found is not None and found[0] == str(tmp_path / name)


@pytest.mark.parametrize("arguments", [["--license", "short"], [], ["--license", LICENCE, "--count", "0"]])
def test_wrong_usage(arguments: list[str]) -> None:
    app = typer.Typer()
    app.command()(toy)
    result = CliRunner().invoke(app, ["--server", "http://127.0.0.1:9", *arguments], env={"TOYBACKEND_LICENSE": ""})
    assert result.exit_code == 2
    assert "short" not in result.output


async def start(server_url: str) -> Process:
    environment = {**os.environ, "TOYBACKEND_LICENSE": LICENCE}
    command = ("-m", "toybackend", "toy", "--server", server_url, "--json")
    return await asyncio.create_subprocess_exec(
        sys.executable, *command, env=environment, stdin=DEVNULL, stdout=PIPE, stderr=PIPE
    )


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
async def test_it_leaves_cleanly_when_told_to(server: FakeServer, how: signal.Signals) -> None:
    server.mailbox = {"m_1": text("m_1")}
    process = await start(server.url)
    assert process.stdout is not None
    told = [json.loads(await process.stdout.readline())["event"] for _ in range(2)]
    process.send_signal(how)
    _, err = await process.communicate()
    assert (process.returncode, told, err) == (0, ["state", "text"], b"")
    await server.until(lambda: server.goodbyes)
    assert server.goodbyes == [1000], "it closed the socket, rather than just vanish"


async def test_no_server_is_a_failure() -> None:
    process = await start("http://127.0.0.1:9")
    out, err = await process.communicate()
    assert process.returncode == 1
    assert json.loads(out)["code"] == "server_away" and err.startswith(b"server_away: no answer from")
