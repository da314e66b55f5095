"""The WebSocket connection of the library, with what we remember of its peer."""

from __future__ import annotations

import asyncio

from websockets.asyncio.server import ServerConnection

from toybackend.models import Party


class Socket(ServerConnection):
    """A connection that remembers when its peer was last heard, and who it is if the handshake said so.

    Every byte counts as a sign of life, not only a pong: a phone on a slow line cannot answer a ping before the
    voice that it is sending has gone out.
    """

    heard_at: float
    """On the clock of the event loop."""
    pinged_at: float
    bearer: Party | None = None
    token_digest: str = ""
    """Of the token that it showed: what it is good for is looked up again when something changed."""
    noticed: int = 0
    """How many changes had been noticed when its token was looked up, see `changes.py`."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.heard_at = self.pinged_at = self.loop.time()

    def data_received(self, data: bytes) -> None:
        self.heard_at = self.loop.time()
        super().data_received(data)
