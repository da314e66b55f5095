"""A server on free ports, and people on it. Everything of one test file shares one event loop and one server."""

from __future__ import annotations

import logging
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from tests.end_to_end.breakable import BreakableFfmpeg
from tests.end_to_end.family import Family, add_family
from tests.end_to_end.line import Line
from toybackend.app import serving
from toybackend.house import House
from toybackend.settings import Conversion, Network, Settings, Storage
from trials.small_disk import SmallDisk, small_disk


@pytest.fixture
def calm_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever clients do, we log no error and no traceback. A test that expects one looks at it and clears it."""
    yield
    loud = [one for one in caplog.get_records("call") if one.levelno >= logging.ERROR or one.exc_info]
    assert [one.getMessage() for one in loud] == []


def settings_in(folder: Path) -> Settings:
    return Settings(network=Network(http_port=0, ws_port=0), storage=Storage(data_dir=folder / "data"))


@pytest.fixture(scope="module")
def server_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Of the server that a test file shares; a file may have its own."""
    return settings_in(tmp_path_factory.mktemp("server"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(server_settings: Settings, cheap_hashes: None) -> AsyncIterator[House]:
    async with serving(server_settings) as house:
        yield house


@pytest_asyncio.fixture(loop_scope="module")
async def family(server: House) -> Family:
    """A family that no other test knows."""
    return await add_family(server)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def others(server: House) -> AsyncIterator[tuple[Line, Line]]:
    """A phone and a toy that talk all the while, and never lose their sockets."""
    family = await add_family(server)
    async with family.mum.line() as mum, family.bear.line() as bear:
        yield mum, bear


@pytest_asyncio.fixture(loop_scope="module")
async def nobody_else_notices(others: tuple[Line, Line]) -> AsyncIterator[None]:
    """Whatever a test does to the server: afterwards these two still talk, on the sockets that they have."""
    yield
    mum, bear = others
    said = await mum.text(bear.welcome["id"], "still here?")
    await bear.hear("text", id=said)
    await bear.ack(said)


@pytest.fixture(scope="session")
def clip() -> bytes:
    """3.46 s of AMR-NB, as a toy records it."""
    return (Path(__file__).parents[1] / "clips" / "hello_nb.amr").read_bytes()


@pytest.fixture(scope="session")
def long_clip() -> bytes:
    """11.12 s."""
    return (Path(__file__).parents[1] / "clips" / "story_nb.amr").read_bytes()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A file system of six megabytes."""
    with ExitStack() as stack:
        try:
            mounted = stack.enter_context(small_disk(tmp_path / "disk", megabytes=6))
        except subprocess.CalledProcessError as error:
            pytest.skip(f"this user may not mount a disk, see `test_no_file_grows`: {error.stderr.decode().strip()}")
        yield mounted


@pytest.fixture
def tool(tmp_path: Path) -> BreakableFfmpeg:
    """An ffmpeg that can be broken."""
    return BreakableFfmpeg(tmp_path)


@pytest.fixture
def breakable(settings: Settings, tool: BreakableFfmpeg) -> Settings:
    """A server with that ffmpeg, and short deadlines."""
    return replace(settings, conversion=Conversion(ffmpeg=str(tool.file), deadline_seconds=1.0, retry_seconds=1))
