"""Clips in the middle of whose conversion the server died.

Most of them are innocent: the power was cut, or somebody killed the process. So the first time nothing follows. From
then on such a clip waits, each time twice as long, and is converted while no other suspect is, so that those who were
under way together part. Before its last try the known-good clip has to come through: on a machine on which everything
dies nobody loses a clip. After that try it is given up, and its sender told: it would go on killing the server, and
holding up its conversation, for ever.

A clip that the tool fails on is no suspect, however often it does: see `transcoder/convert.py`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from toybackend.ports import Unconverted
from toybackend.services.conversion import MOST_RETRY_SECONDS, NotNow

log = logging.getLogger(__name__)

Step = Callable[[Unconverted], Awaitable[None]]


class Suspects:
    """Around a `convert`. `make_sure` raises ConverterUnavailable where a clip known to be good does not come through;
    `most` is how many ends of the server a clip may have seen; `alone` is held while a suspect is converted, be it a
    voice or a song."""

    def __init__(
        self,
        convert: Step,
        give_up: Step,
        make_sure: Callable[[], Awaitable[object]],
        *,
        alone: asyncio.Lock,
        most: int,
        retry_seconds: float,
    ) -> None:
        self._convert = convert
        self._give_up = give_up
        self._make_sure = make_sure
        self._most = most
        self._retry_seconds = retry_seconds
        self._waited: set[str] = set()
        self._alone = alone

    async def convert(self, job: Unconverted) -> None:
        """Raises NotNow for a suspect whose turn has not come, and whatever `convert` and `make_sure` raise."""
        if job.crashes < 2:
            await self._convert(job)
        elif job.crashes > self._most:
            log.error("the server died %d times over one clip, which is given up", job.crashes)
            await self._give_up(job)
        else:
            await self._try_again(job)

    async def _try_again(self, job: Unconverted) -> None:
        if job.id not in self._waited:
            self._waited.add(job.id)
            log.warning("the server died %d times over one clip, which waits for a while", job.crashes)
            raise NotNow(min(self._retry_seconds * 2 ** (job.crashes - 2), MOST_RETRY_SECONDS))
        if self._alone.locked():
            raise NotNow(self._retry_seconds)
        async with self._alone:
            if job.crashes == self._most:
                await self._make_sure()
            await self._convert(job)
        self._waited.discard(job.id)
