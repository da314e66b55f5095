"""Songs and stories that a toy is told to play. No I/O."""

from __future__ import annotations

from collections.abc import AsyncIterator

from toybackend.client.failures import ClientClosed
from toybackend.client.waiting import Pulse
from toybackend.protocol import Play


class Playback(AsyncIterator[Play | None]):
    """What shall play from now on, and None for silence; whoever looks late sees only the latest.

    Only what a toy is told while it listens counts: nothing of this is kept for it.
    """

    def __init__(self) -> None:
        self._wanted: Play | None = None
        self._is_new = False
        self._changed = Pulse()
        self._end: BaseException | None = None

    def take(self, wanted: Play | None) -> None:
        """The server says what to play, or to stop."""
        self._wanted, self._is_new = wanted, True
        self._changed.fire()

    def stop(self) -> None:
        """Be silent, if it is not so already."""
        if self._wanted is not None:
            self.take(None)

    def end(self, reason: BaseException) -> None:
        self._end = reason
        self._changed.fire()

    async def __anext__(self) -> Play | None:
        try:
            await self._changed.until(self._look)
        except ClientClosed:
            raise StopAsyncIteration from None
        self._is_new = False
        return self._wanted

    def _look(self) -> bool:
        if self._end is not None:
            raise self._end
        return self._is_new
