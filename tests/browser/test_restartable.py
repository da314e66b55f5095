"""A server that was stopped comes back where it was."""

from __future__ import annotations

import aiohttp
import pytest

from tests.browser.restartable import Restartable
from toybackend.settings import Settings

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def status(url: str) -> int:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status


async def test_it_comes_back_on_the_same_ports_and_the_same_folder(settings: Settings, cheap_hashes: None) -> None:
    key = settings.storage.data_dir / "secret.key"
    async with Restartable(settings) as server:
        first = (server.url, server.house.listeners.ws_port, key.read_bytes())
        assert await status(f"{server.url}/healthz") == 200
        await server.stop()
        with pytest.raises(aiohttp.ClientConnectorError):
            await status(f"{server.url}/healthz")
        await server.start()
        assert await status(f"{server.url}/healthz") == 200
        assert (server.url, server.house.listeners.ws_port, key.read_bytes()) == first
