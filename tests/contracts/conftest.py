"""The adapters. To hold another one to a suite, add a line to its table."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from tests.world import add_person, add_toy
from toybackend.audio_stores.local_files import LocalFiles
from toybackend.buses.in_process import InProcessBus
from toybackend.databases.sql import SqlDatabase, open_database
from toybackend.models import Party
from toybackend.ports import AudioStore, Bus, Transcoder
from toybackend.transcoder import ConversionLimits, FfmpegTranscoder

OpenDatabase = Callable[[], AbstractAsyncContextManager[SqlDatabase]]
"""Each call connects anew, as another process would."""
OpenStore = Callable[[], AbstractAsyncContextManager[AudioStore]]

DATABASES: dict[str, Callable[[Path], OpenDatabase]] = {
    "sqlite": lambda folder: lambda: open_database("", folder),
}
STORES: dict[str, Callable[[Path], OpenStore]] = {
    "local files": lambda folder: LocalFiles(folder / "audio", min_free_bytes=0).opened,
}
BUSES: dict[str, Callable[[], Bus]] = {
    "in process": InProcessBus,
}
TRANSCODERS: dict[str, Callable[[], Transcoder]] = {
    "ffmpeg": lambda: FfmpegTranscoder(None, ConversionLimits(max_seconds=10)),
}


@pytest.fixture(params=DATABASES)
def connect(request: pytest.FixtureRequest, migrated_folder: Path) -> OpenDatabase:
    return DATABASES[request.param](migrated_folder)


@pytest.fixture
async def database(connect: OpenDatabase) -> AsyncIterator[SqlDatabase]:
    async with connect() as opened:
        yield opened


@pytest.fixture(params=STORES)
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> OpenStore:
    return STORES[request.param](tmp_path)


@pytest.fixture
async def store(open_store: OpenStore) -> AsyncIterator[AudioStore]:
    async with open_store() as opened:
        yield opened


@pytest.fixture(params=BUSES)
def bus(request: pytest.FixtureRequest) -> Bus:
    return BUSES[request.param]()


@pytest.fixture(params=TRANSCODERS)
def transcoder(request: pytest.FixtureRequest) -> Transcoder:
    return TRANSCODERS[request.param]()


@pytest.fixture
async def mum(database: SqlDatabase) -> Party:
    return await add_person(database, "Mum")


@pytest.fixture
async def dad(database: SqlDatabase) -> Party:
    return await add_person(database, "Dad")


@pytest.fixture
async def bear(database: SqlDatabase, mum: Party) -> Party:
    """Mum's toy."""
    return await add_toy(database, "Bear", mum)
