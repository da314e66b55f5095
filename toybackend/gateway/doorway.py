"""Where those wait for a moment who say only after their handshake who they are."""

from __future__ import annotations

import asyncio
from collections import deque


class Doorway:
    """Lets one through after the other, with a pause in between: a thousand who come at the same moment are let in
    within some seconds, and those who are here already hardly notice. Alone nobody waits."""

    def __init__(self, pause_seconds: float) -> None:
        self._pause_seconds = pause_seconds
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._pause: asyncio.TimerHandle | None = None

    async def turn(self) -> None:
        """Wait for one's turn; who does not wait any more is passed over."""
        if self._pause is None:
            self._close()
            return
        place = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        await place

    def _close(self) -> None:
        self._pause = asyncio.get_running_loop().call_later(self._pause_seconds, self._open)

    def _open(self) -> None:
        self._pause = None
        while self._waiting and self._pause is None:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                self._close()
