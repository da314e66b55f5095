from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import argon2
import pytest
from blockbuster import BlockBuster, blockbuster_ctx

from tests.web.fakes import House, build
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
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, not_blocking: BlockBuster
) -> AsyncIterator[OpenHouse]:
    """Opens houses with other settings, addresses or checks, and closes them."""
    cheap = functools.partial(argon2.PasswordHasher, time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(argon2, "PasswordHasher", cheap)
    houses: list[House] = []

    async def opened(
        settings: Settings | None = None, addresses: Addresses = HERE, checks: dict[str, Check] | None = None
    ) -> House:
        houses.append(await build(tmp_path, settings or Settings(), addresses, checks or {}))
        return houses[-1]

    yield opened
    for house in houses:
        await house.client.close()


@pytest.fixture
async def house(open_house: OpenHouse) -> House:
    return await open_house()
