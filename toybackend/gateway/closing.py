"""How sockets end: which close code an error becomes, decided here only, and a goodbye that nobody can hold up."""

from __future__ import annotations

import asyncio
import contextlib

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConcurrencyError, ConnectionClosed

from toybackend.errors import NotAuthenticated, Overloaded, ToybackendError
from toybackend.protocol import CloseCode

CLOSE_SECONDS = 3.0
"""How long a peer may take to answer our goodbye before it is cut off."""


class Closing(Exception):
    """Close this socket with this code and reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def closing(error: ToybackendError) -> Closing:
    """How a socket ends that meets this error before it could be used."""
    if isinstance(error, NotAuthenticated):
        return Closing(CloseCode.NOT_AUTHENTICATED, "not authenticated")
    if isinstance(error, Overloaded):
        return Closing(CloseCode.TRY_AGAIN_LATER, "try again later")
    return Closing(CloseCode.TRY_AGAIN_LATER, "internal")


async def say_goodbye(socket: ServerConnection, code: int, reason: str) -> None:
    """Close a socket. `socket.close` alone waits without end for a peer that does not read."""
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await socket.close(code, reason)
    except TimeoutError:
        socket.transport.abort()


async def hang_up(socket: ServerConnection, end: Closing) -> None:
    """Close a socket that nobody reads any more: what still comes is thrown away, or the answer to our goodbye would
    wait behind it."""
    reading = asyncio.ensure_future(_read_on(socket))
    try:
        await say_goodbye(socket, end.code, end.reason)
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def _read_on(socket: ServerConnection) -> None:
    with contextlib.suppress(ConnectionClosed, ConcurrencyError):
        while True:
            await socket.recv(decode=False)
