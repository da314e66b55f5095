from __future__ import annotations

import functools
import itertools
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import argon2
import pytest
from blockbuster import BlockBuster, blockbuster_ctx

from tests.web import fakes
from tests.web.fakes import House
from toybackend.settings import Settings
from toybackend.web.rooms import Addresses, Check

CLIP = Path(__file__).parent.parent / "clips" / "hello.mp3"
HERE = Addresses("http://toys.test", "ws://toys.test:9528")

OpenHouse = Callable[..., Awaitable[House]]


@pytest.fixture(scope="session")
def sound() -> bytes:
    return CLIP.read_bytes()


@pytest.fixture
def not_blocking() -> Iterator[BlockBuster]:
    """Fails the request, and so the test, when our code blocks the event loop."""
    with blockbuster_ctx("toybackend.web") as watched:
        yield watched


@pytest.fixture
async def open_house(
    tmp_path: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch, not_blocking: BlockBuster
) -> AsyncIterator[OpenHouse]:
    """Opens houses with other settings, addresses or checks, and closes them."""
    cheap = functools.partial(argon2.PasswordHasher, time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(argon2, "PasswordHasher", cheap)
    async with AsyncExitStack() as stack:
        folders = (tmp_path / f"house {number}" for number in itertools.count(1))

        async def opened(
            settings: Settings | None = None, addresses: Addresses | None = HERE, checks: dict[str, Check] | None = None
        ) -> House:
            folder = next(folders)
            folder.mkdir(mode=0o700)
            shutil.copyfile(empty_database, folder / "toybackend.sqlite3")
            house = fakes.opened(folder, settings or Settings(), addresses, checks or {})
            return await stack.enter_async_context(house)

        yield opened


@pytest.fixture
async def house(open_house: OpenHouse) -> House:
    return await open_house()
