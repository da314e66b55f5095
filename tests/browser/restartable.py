"""The server with its pages, which a test may stop and start again where it was."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Self

from toybackend.app import serving
from toybackend.house import House, now
from toybackend.ports import Clock
from toybackend.settings import Settings


class Restartable:
    """One server after the other on the same folder and the same ports; the first takes any free ones."""

    def __init__(self, settings: Settings, clock: Clock = now) -> None:
        self._settings = settings
        self._clock = clock
        self._running = AsyncExitStack()
        self._house: House | None = None

    @property
    def house(self) -> House:
        assert self._house is not None, "the server is stopped"
        return self._house

    @property
    def url(self) -> str:
        """Of the pages, without a slash at the end. It stays the same, also while the server is stopped."""
        return f"http://127.0.0.1:{self._settings.network.http_port}"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.stop()

    async def start(self) -> None:
        self._house = house = await self._running.enter_async_context(serving(self._settings, clock=self._clock))
        network = replace(self._settings.network, http_port=house.listeners.http_port, ws_port=house.listeners.ws_port)
        self._settings = replace(self._settings, network=network)

    async def stop(self) -> None:
        self._house = None
        await self._running.aclose()
