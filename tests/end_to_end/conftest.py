"""A server on free ports, and people on it. Everything of one test file shares one event loop and one server."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.end_to_end.family import Family, add_family
from toybackend.app import House, serving
from toybackend.settings import Network, Settings, Storage


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


@pytest.fixture(scope="session")
def clip() -> bytes:
    """3.46 s of AMR-NB, as a toy records it."""
    return (Path(__file__).parents[1] / "clips" / "hello_nb.amr").read_bytes()


@pytest.fixture(scope="session")
def long_clip() -> bytes:
    """11.12 s."""
    return (Path(__file__).parents[1] / "clips" / "story_nb.amr").read_bytes()
