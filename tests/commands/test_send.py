"""`toybackend send` against a small server that speaks the contract."""

from __future__ import annotations

import asyncio
import getpass
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from tests.client.fake_server import PASSWORD, FakeServer
from toybackend.commands import send as module
from toybackend.commands.send import read_password, send

pytestmark = pytest.mark.timeout(20)

CLIP = b"#!AMR\n" + bytes(32)

app = typer.Typer(pretty_exceptions_enable=False)
app.command()(send)


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    async with FakeServer() as fake:
        yield fake


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    file = tmp_path / "good-night.amr"
    file.write_bytes(CLIP)
    return file


async def run(
    server: FakeServer, *arguments: object, password: str = PASSWORD, to: str = "t_1"
) -> tuple[int, str, str]:
    """(exit code, standard output, standard error)"""
    options = ["--server", server.url, "--user", "anna", "--to", to, *map(str, arguments)]
    environment = {"TOYBACKEND_PASSWORD": password}
    result = await asyncio.to_thread(CliRunner().invoke, app, options, env=environment)
    return result.exit_code, result.stdout, result.stderr


def events(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


async def test_a_file_is_sent_as_it_is(server: FakeServer, clip: Path) -> None:
    code, out, _ = await run(server, clip)
    assert code == 0
    assert "good-night.amr accepted" in out and "m_1" in out
    header, blob = server.uploads[0]
    assert (header["to_user"], blob) == ("t_1", CLIP)
    assert server.log_outs == 1


async def test_json_is_one_object_per_event(server: FakeServer, clip: Path) -> None:
    server.receipts = ("delivered", "heard")
    code, out, _ = await run(server, clip, "--text", "晚安", "--repeat", 2, "--wait", "heard", "--json")
    assert code == 0
    told = events(out)
    assert [(one["event"], one["item"]) for one in told[:6]] == [
        ("accepted", "good-night.amr"),
        ("delivered", "good-night.amr"),
        ("heard", "good-night.amr"),
        ("accepted", "text"),
        ("delivered", "text"),
        ("heard", "text"),
    ]
    assert len(told) == 12 and all(one["to"] == "t_1" and one["seconds"] >= 0 for one in told)
    assert {one["id"] for one in told} == {"m_1", "m_2", "m_3", "m_4"}
    assert server.uploads[1][0]["msg"] == "晚安"


async def test_wait_delivered_does_not_wait_for_heard(server: FakeServer, clip: Path) -> None:
    server.receipts = ("delivered",)
    code, out, _ = await run(server, clip, "--wait", "delivered", "--json")
    assert (code, [one["event"] for one in events(out)]) == (0, ["accepted", "delivered"])


async def test_now(server: FakeServer, clip: Path) -> None:
    code, _, _ = await run(server, clip, "--text", "wake up", "--now")
    assert (code, [header["now"] for header, _ in server.uploads]) == (0, [True, True])


async def test_what_is_held_is_said(server: FakeServer, clip: Path) -> None:
    server.receipts = ("delivered",)
    server.held_until = "2026-11-22T06:00:00.000Z"
    code, out, _ = await run(server, clip, "--wait", "delivered", "--json")
    assert code == 0
    (held,) = [one for one in events(out) if one["event"] == "held"]
    assert (held["id"], held["to"], held["until"]) == ("m_1", "t_1", "2026-11-22T06:00:00.000Z")


async def test_a_group(server: FakeServer, clip: Path) -> None:
    code, _, _ = await run(server, clip, "--group", to="g_1")
    assert code == 0
    assert "to_user" not in server.uploads[0][0] and server.uploads[0][0]["to_group"] == "g_1"


async def test_what_is_refused_fails_and_the_rest_is_sent(server: FakeServer, clip: Path, tmp_path: Path) -> None:
    large = tmp_path / "large.amr"
    large.write_bytes(bytes(2000))
    code, out, _ = await run(server, large, clip, "--json")
    assert code == 1
    assert [(one["event"], one.get("code")) for one in events(out)] == [
        ("failed", "audio_too_large"),
        ("accepted", None),
    ]


async def test_a_refusal_in_words(server: FakeServer, clip: Path) -> None:
    server.refusals = {"t_1": {"code": "unknown_recipient", "message": "there is nobody of this id for you"}}
    code, out, _ = await run(server, clip)
    assert code == 1 and "✗ good-night.amr: there is nobody of this id for you" in out


class Once(dict[str, Any]):
    """Forgets what it was asked for."""

    def __getitem__(self, key: str) -> Any:
        return self.pop(key)


@pytest.mark.parametrize("code", ["rate_limited", "overloaded"])
async def test_whoever_is_to_come_later_comes_later(server: FakeServer, clip: Path, code: str) -> None:
    server.refusals = Once(t_1={"code": code, "message": "not now", "retry_after": 1})
    exit_code, out, _ = await run(server, clip, "--json", "--timeout", 5)
    assert exit_code == 0
    told = [(one["event"], one.get("code"), one["seconds"] >= 0.9) for one in events(out)]
    assert told == [("waiting", code, True), ("accepted", None, False)]


async def test_but_not_for_ever(server: FakeServer, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 4)
    server.refusals = {"t_1": {"code": "overloaded", "message": "not now", "retry_after": 5}}
    code, out, _ = await run(server, clip, "--json")
    assert (code, [one["code"] for one in events(out)]) == (1, ["overloaded"])


async def test_patience_ends(server: FakeServer, clip: Path) -> None:
    code, out, _ = await run(server, clip, "--wait", "heard", "--timeout", 0.05, "--json")
    assert code == 1
    assert events(out)[-1]["code"] == "timeout"


async def test_a_wrong_password(server: FakeServer, clip: Path) -> None:
    code, out, err = await run(server, clip, password="guess-guess")
    assert (code, out) == (1, "")
    assert err == "not_authenticated: name or password is wrong\n"
    code, out, _ = await run(server, clip, "--json", password="guess-guess")
    assert code == 1 and events(out)[0]["code"] == "not_authenticated"


@pytest.mark.parametrize("arguments", [[], ["no-such-file.amr"], ["--text", "x", "--repeat", "0"], ["--wait", "soon"]])
async def test_wrong_usage(server: FakeServer, arguments: list[str]) -> None:
    code, out, err = await run(server, *arguments)
    assert (code, out) == (2, "") and err
    assert server.log_ins == 0


async def test_escape_sequences_do_not_reach_the_terminal(server: FakeServer, clip: Path) -> None:
    server.refusals = {"t_1": {"code": "internal", "message": "\x1b[2Jgone"}}
    _, out, _ = await run(server, clip)
    assert "\x1b" not in out and "\N{REPLACEMENT CHARACTER}[2Jgone" in out


def test_the_password_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOYBACKEND_PASSWORD", raising=False)
    monkeypatch.setattr(sys, "stdin", _Lines(is_terminal=False))
    assert read_password() == "from a pipe"
    monkeypatch.setattr(sys, "stdin", _Lines(is_terminal=True))
    monkeypatch.setattr(getpass, "getpass", lambda prompt: f"typed after {prompt}")
    assert read_password() == "typed after Password: "
    monkeypatch.setenv("TOYBACKEND_PASSWORD", "from the environment")
    assert read_password() == "from the environment"


class _Lines:
    def __init__(self, *, is_terminal: bool) -> None:
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal

    def readline(self) -> str:
        return "from a pipe\r\n"
