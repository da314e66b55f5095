"""A server that has no file descriptors left: who is there goes on, nothing is lost, and it gets well by itself."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest

from bench.server import Family, ServerProcess, running, settle
from tests.end_to_end.line import PATIENCE, Line, line
from tests.end_to_end.observing import sound_of

START = (
    "import os, resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]),) * 2);"
    " os.execv(sys.executable, [sys.executable, *sys.argv[2:]])"
)
FEW = 400
NONE_LEFT = "no file descriptors are left"


def limited_to(most: int) -> tuple[str, ...]:
    """A server that the system gives so many descriptors."""
    return (sys.executable, "-c", START, str(most), "-m", "toybackend", "serve")


@asynccontextmanager
async def talking(server: ServerProcess, family: Family) -> AsyncIterator[tuple[Line, Line]]:
    """Mum and her bear, who are there."""
    async with (
        line(f"{server.ws_url}/app", family.person_token) as mum,
        line(f"{server.ws_url}/toy", family.toy_token) as bear,
    ):
        yield mum, bear


def knock(url: str) -> socket.socket:
    """A connection that says nothing."""
    where = urlsplit(url)
    assert where.hostname is not None
    return socket.create_connection((where.hostname, where.port), timeout=PATIENCE)


async def is_alive(server: ServerProcess, *, seconds: float) -> bool:
    """Does somebody who comes now get an answer?"""
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(seconds)) as http,
            http.get(f"{server.http_url}/healthz") as answer,
        ):
            return answer.status == 200
    except (TimeoutError, aiohttp.ClientError):
        return False


async def until_alive(server: ServerProcess) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await is_alive(server, seconds=1.0):
            await asyncio.sleep(0.1)


# ── too few for the settings ──


async def test_with_few_of_them_fewer_are_served_and_those_well(tmp_path: Path, clip: bytes) -> None:
    [family] = await settle(tmp_path / "data", 1)
    server = ServerProcess(tmp_path / "data", command=limited_to(FEW))
    async with running(server):
        with ExitStack() as stack:
            async with talking(server, family) as (mum, bear):
                for url in (server.http_url, server.ws_url):
                    for _ in range(FEW):
                        stack.enter_context(knock(url))
                for _ in range(3):
                    voice = await bear.hear("voice", id=await mum.voice(family.toy_id, clip))
                    assert len(await sound_of(voice)) > 4000
                    await bear.ack(voice["id"])
                assert await is_alive(server, seconds=PATIENCE)
    log = server.log.read_text()
    assert f"the system allows {FEW} file descriptors" in log
    assert "ERROR" not in log and "Traceback" not in log


# ── none left ──


def leave(server: ServerProcess, most: int) -> None:
    """Let the server open so many more, and no others."""
    used = {int(number) for number in os.listdir(f"/proc/{server.pid}/fd")}
    free = (number for number in range(len(used) + most + 1) if number not in used)
    limit = [number for number, _ in zip(free, range(most + 1), strict=False)][-1]
    _, hard = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (limit, hard))


@pytest.fixture
def patient() -> dict[str, str]:
    """Settings of a server that does not hang up on who says nothing."""
    return {"HTTP_HEADER_SECONDS": "60", "HELLO_SECONDS": "60", "CONVERT_RETRY_SECONDS": "1"}


@pytest.fixture
def crowd() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


async def test_without_any_who_is_there_talks_on_and_the_rest_waits(
    tmp_path: Path, clip: bytes, patient: dict[str, str], crowd: ExitStack
) -> None:
    family, others = await settle(tmp_path / "data", 2)
    server = ServerProcess(tmp_path / "data", patient)
    async with (
        running(server),
        talking(server, family) as (mum, bear),
        talking(server, others) as (dad, rabbit),
    ):
        await bear.hear("voice", id=await mum.voice(family.toy_id, clip))

        # Enough are left to take a voice, and not to convert it.
        leave(server, 11)
        for url in (server.http_url, server.ws_url) * 5:
            crowd.enter_context(knock(url))
        await asyncio.sleep(0.5)
        waiting = await mum.voice(family.toy_id, clip)
        await mum.hear("notice", event="delayed", id=waiting)

        # None is left, in the middle of a voice.
        async def pieces() -> AsyncIterator[bytes]:
            yield clip[:1000]
            for url in (server.http_url, server.ws_url) * 20:
                crowd.enter_context(knock(url))
            await asyncio.sleep(0.5)
            yield clip[1000:]

        await mum.say(to_user=family.toy_id, ref="halfway")
        await mum.socket.send(pieces())
        refused = await mum.hear("error", code="overloaded", ref="halfway")
        assert refused["retry_after"] > 0
        before = server.cpu()
        assert not await is_alive(server, seconds=2.5)
        assert server.cpu().since(before).own < 1.0
        await rabbit.hear("text", id=await dad.text(others.toy_id, "are you there?"))
        await dad.hear("text", id=await rabbit.text(others.person_id, "yes"))

        # They are let go.
        crowd.close()
        await until_alive(server)
        late = await bear.hear("voice", id=waiting)
        assert len(await sound_of(late)) > 4000
        await bear.hear("voice", id=await mum.voice(family.toy_id, clip, ref="halfway"))
    log = server.log.read_text()
    assert log.count(NONE_LEFT) == 1
    assert "socket.accept" not in log and "Traceback" not in log
    errors = [one for one in log.splitlines() if " ERROR " in one]
    assert all("a clip waits" in one or "it waits" in one for one in errors), errors
