"""The bus of a single process: a list of listeners."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from toybackend.ports import Event


class InProcessBus:
    """Satisfies `ports.Bus`. Events arrive before `publish` returns."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[Event], None]] = []

    async def publish(self, event: Event) -> None:
        for receive in tuple(self._listeners):
            receive(event)

    @asynccontextmanager
    async def subscribe(self, receive: Callable[[Event], None]) -> AsyncIterator[None]:
        self._listeners.append(receive)
        try:
            yield
        finally:
            self._listeners.remove(receive)

    async def ping(self) -> None:
        """It is here."""
