"""The whole story on a server that logs as much as it can, and nothing of it in the log.

The server is a process of its own, so that its log is what an operator would get.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from tests.end_to_end.line import PATIENCE, Line, bare, line
from toybackend.house import open_house
from toybackend.models import PartyId
from toybackend.services.tokens import COOKIE, digest
from toybackend.settings import Settings

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("cheap_hashes")]

NAME = "Theodora-Wilhelmine"
PASSWORD = "correct horse battery staple"
TEXT = "a secret between us two"
READY = re.compile(rb"http=(\S+) ws=(\S+)")


@dataclass(slots=True)
class Server:
    """A running process, and what it was told."""

    http: str
    ws: str
    secrets: dict[str, str] = field(default_factory=dict)
    """What must not be in the log, by what it is."""

    async def post(self, path: str, body: dict[str, str], token: str = "") -> dict[str, object]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with aiohttp.ClientSession() as http, http.post(self.http + path, json=body, headers=headers) as answer:
            assert answer.status < 500
            found = await answer.json()
            assert isinstance(found, dict)
            return found


@asynccontextmanager
async def talkative(settings: Settings, log: Path) -> AsyncIterator[Server]:
    """`toybackend serve` at DEBUG, its log in a file; stopped with SIGTERM at the end."""
    environment = {
        **os.environ,
        "TOYBACKEND_DATA_DIR": str(settings.storage.data_dir),
        "TOYBACKEND_HTTP_PORT": "0",
        "TOYBACKEND_WS_PORT": "0",
        "TOYBACKEND_LOG_LEVEL": "DEBUG",
        "TOYBACKEND_BAD_FRAMES": "5",
        "TOYBACKEND_MESSAGES_PER_MINUTE": "100000",  # a family's whole life is told in seconds
        "PYTHONASYNCIODEBUG": "1",
    }
    with log.open("wb") as errors:
        command = (sys.executable, "-m", "toybackend", "serve")
        process = await asyncio.create_subprocess_exec(
            *command, env=environment, stdout=asyncio.subprocess.PIPE, stderr=errors
        )
    try:
        yield await ready(process)
    finally:
        process.terminate()
        await process.wait()


async def ready(process: Process) -> Server:
    assert process.stdout is not None
    async with asyncio.timeout(3 * PATIENCE):
        first = await process.stdout.readline()
    addresses = READY.search(first)
    assert addresses, first
    return Server(addresses[1].decode(), addresses[2].decode())


# ── the story ──


async def test_nothing_private_is_in_the_log(settings: Settings, tmp_path: Path, clip: bytes) -> None:
    log = tmp_path / "log"
    async with open_house(settings) as house:  # what the commands do
        mum = await house.accounts.add(NAME, PASSWORD)
        [(device_id, licence)] = [one async for batch in house.devices.issue(1) for one in batch]
    async with talkative(settings, log) as server:
        server.secrets |= {
            "licence": licence,
            "password": PASSWORD,
            "mum's id": mum.id,
            "device's id": device_id,
            "name": NAME,
        }
        toy_token, toy_id = await bind(server, settings, mum.id, licence)
        mum_token = await log_in(server)
        async with line(f"{server.ws}/app", mum_token) as phone, line(f"{server.ws}/toy", toy_token) as toy:
            await talk(server, phone, toy, toy_id, clip)
            await misbehave(server, phone, toy_id, clip)
        await knock(server, mum_token)
    written = log.read_bytes()
    assert written.count(b"DEBUG") > 0, "it was not talkative"
    assert written.count(b"socket of person opened") >= 1
    assert leaks(written, server.secrets) == []
    assert clip[100:132] not in written
    assert repr(clip[100:116]).encode()[2:-1] not in written


def leaks(written: bytes, secrets: dict[str, str]) -> list[str]:
    text = written.decode(errors="replace").casefold()
    return [what for what, secret in secrets.items() if secret.casefold() in text]


async def bind(server: Server, settings: Settings, mum_id: PartyId, licence: str) -> tuple[str, str]:
    """Switch the toy on, bind it while it waits, switch it on again; its token and its id."""
    waiting = await server.post("/api/v1/devices/authorize", {"license": licence})
    claim, token = waiting["claim"], str(waiting["token"])
    assert isinstance(claim, dict)
    server.secrets |= {"claim": claim["code"], "waiting token": token, "its digest": digest(token)}
    async with line(f"{server.ws}/toy", token) as toy:
        async with open_house(settings) as house:
            await house.toys.bind(mum_id, claim["code"], "Bear")
        await toy.hear("notice", event="bound")
    booted = await server.post("/api/v1/devices/authorize", {"license": licence})
    server.secrets["toy's token"] = str(booted["token"])
    await server.post("/api/v1/devices/authorize", {"license": licence[::-1]})
    server.secrets["wrong licence"] = licence[::-1]
    assert isinstance(booted["toy"], dict)
    toy_id = str(booted["toy"]["id"])
    server.secrets["toy's id"] = toy_id
    return str(booted["token"]), toy_id


async def log_in(server: Server) -> str:
    await server.post("/api/v1/sessions", {"name": NAME, "password": PASSWORD[::-1]})
    session = await server.post("/api/v1/sessions", {"name": NAME, "password": PASSWORD})
    server.secrets |= {"wrong password": PASSWORD[::-1], "mum's token": str(session["token"])}
    return str(session["token"])


async def talk(server: Server, phone: Line, toy: Line, toy_id: str, clip: bytes) -> None:
    message_id = await phone.voice(toy_id, clip, ref="the-ref-of-this-voice")
    voice = await toy.hear("voice", id=message_id)
    query = parse_qs(urlsplit(voice["url"]).query)
    server.secrets |= {"message id": message_id, "ref": "the-ref-of-this-voice", "signature": query["sig"][0]}
    async with aiohttp.ClientSession() as http:
        for url in (voice["url"], voice["url"].replace("sig=", "sig=0")):
            async with http.get(url) as answer:
                assert answer.status in (200, 401, 404)
    for kind in ("ack", "heard"):
        await toy.say(type=kind, id=message_id)
    await phone.hear("heard", id=message_id)
    server.secrets |= {"text": TEXT, "id of the text": await phone.text(toy_id, TEXT)}
    await toy.hear("text")


async def misbehave(server: Server, phone: Line, toy_id: str, clip: bytes) -> None:
    """Everything that may tempt a server to write down what it was sent."""
    server.secrets |= {"unreadable": "this is no JSON", "unknown id": "p_unknownunknownunknow"}
    failed = await phone.voice(toy_id, clip[3:])
    await phone.hear("failed", id=failed)
    server.secrets["id of what failed"] = failed
    await phone.write(server.secrets["unreadable"])
    await phone.hear("error", code="bad_json")
    await phone.say(to_user=server.secrets["unknown id"])
    await phone.hear("error", code="unknown_recipient")
    await phone.write(clip)
    await phone.write(clip)
    await phone.hear("error", code="audio_without_header")
    await phone.socket.send(b"\xff" + TEXT.encode(), text=True)
    assert await phone.end() == 1007


async def knock(server: Server, token: str) -> None:
    """Handshakes that come to nothing."""
    server.secrets["guessed token"] = "guess" + token[5:]
    async with line(f"{server.ws}/app", token) as phone:
        for _ in range(5):
            await phone.write(TEXT)
        assert await phone.end() == 4400
    async with bare(f"{server.ws}/app") as first, bare(f"{server.ws}/app") as second:
        await first.say(type="hello", token=server.secrets["guessed token"])
        assert await first.end() == 4401
        await second.write(TEXT)
        assert await second.end() == 4401
    cookie = {"Cookie": f"{COOKIE}={token}"}
    async with bare(f"{server.ws}/app", additional_headers=cookie, origin=server.http) as page:
        await page.say(type="hello")
        await page.hear("welcome")
    async with line(f"{server.ws}/app", token) as phone:
        phone.socket.transport.abort()
