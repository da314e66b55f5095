"""What a socket is sent: one bounded queue of frames, one mailbox read in order, one writer for both.

The writer is a task that lives while there is something to write: five thousand toys that wait cost no task each.
A reader that is too slow is dropped, never the message: what it did not acknowledge waits in its mailbox.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Protocol

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from toybackend.errors import Overloaded
from toybackend.gateway.closing import say_goodbye
from toybackend.models import Delivery
from toybackend.protocol import CloseCode

log = logging.getLogger(__name__)

FINISH_SECONDS = 3.0
"""How long a peer may take to read what it is told before its socket ends."""

Spawn = Callable[[Coroutine[None, None, None]], "asyncio.Task[None]"]


class Source(Protocol):
    """Where messages come from, for one socket."""

    async def next(self) -> tuple[Sequence[Delivery], bool]:
        """The next messages that may be under way now, and whether there may be more behind them."""

    def encode(self, delivery: Delivery) -> str: ...

    async def written(self, delivery: Delivery) -> None:
        """This one was handed to the network."""


class Outbox:
    """Frames for one socket, written one after another."""

    __slots__ = ("_closing", "_frames", "_look", "_most", "_socket", "_source", "_spawn", "_timeout", "_writer")

    def __init__(self, socket: ServerConnection, source: Source, spawn: Spawn, *, most: int, timeout: float) -> None:
        self._socket = socket
        self._source = source
        self._spawn = spawn
        self._most = most
        self._timeout = timeout
        self._frames: deque[str] | None = None
        self._look = False
        self._closing = False
        self._writer: asyncio.Task[None] | None = None

    def put(self, frame: str) -> None:
        """Queue a frame; one too many means that nobody reads: the socket is closed with 1013."""
        if self._frames is None:
            self._frames = deque()
        if len(self._frames) >= self._most:
            self.close(CloseCode.TRY_AGAIN_LATER, "too slow")
        elif not self._closing:
            self._frames.append(frame)
            self._write()

    def look(self) -> None:
        """There may be something new in the mailbox."""
        self._look = True
        self._write()

    def close(self, code: int, reason: str) -> None:
        """Stop writing and close the socket."""
        if not self._closing:
            self._closing = True
            self._spawn(self._close(code, reason))

    def finish(self, code: int, reason: str) -> None:
        """Write what is queued, but nothing more of the mailbox; then close the socket."""
        if not self._closing:
            self._closing = True
            self._spawn(self._finish(code, reason))

    async def _finish(self, code: int, reason: str) -> None:
        if self._writer is not None:
            await asyncio.wait([self._writer], timeout=FINISH_SECONDS)
        await self._close(code, reason)

    async def _close(self, code: int, reason: str) -> None:
        if self._writer is not None:
            self._writer.cancel()
        await say_goodbye(self._socket, code, reason)

    def _write(self) -> None:
        if self._writer is None and not self._closing:
            self._writer = self._spawn(self._run())

    async def _run(self) -> None:
        try:
            while await self._step():
                pass
        except ConnectionClosed:
            pass
        except TimeoutError:
            self.close(CloseCode.TRY_AGAIN_LATER, "too slow")
        except Overloaded:
            # The mailbox cannot be read now. What was not acknowledged is sent again to the next socket.
            self.close(CloseCode.TRY_AGAIN_LATER, "try again later")
        except Exception:
            log.exception("a socket could not be written to")
            self.close(CloseCode.TRY_AGAIN_LATER, "internal")
        finally:
            self._writer = None

    async def _step(self) -> bool:
        """Write what is queued, then what the mailbox has; False when there is nothing left to do."""
        if self._frames:
            await self._send(self._frames.popleft())
            return True
        self._frames = None
        if not self._look or self._closing:
            return False
        self._look = False
        found, may_be_more = await self._source.next()
        self._look = self._look or may_be_more
        for delivery in found:
            if self._closing:
                break
            await self._send(self._source.encode(delivery))
            await self._source.written(delivery)
        return True

    async def _send(self, frame: str) -> None:
        async with asyncio.timeout(self._timeout):
            await self._socket.send(frame)
