"""A bounded number of conversions at a time, shared out fairly between families.

Families take turns, one clip each: whoever sends fifty long clips makes the fifty-first of their own wait, and
another family's clip for at most the one that is running. Within a family the order of acceptance is kept.

Nothing is stored here. What waits in memory also waits in the database as `accepted`, and is found there again
at the next start; so the queue needs no bound of its own beyond what was accepted.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from toybackend.errors import ConverterUnavailable
from toybackend.ports import Unconverted

log = logging.getLogger(__name__)

MOST_RETRY_SECONDS = 60.0


class FairQueue:
    """First in, first out for each family; round robin between families."""

    def __init__(self) -> None:
        self._families: OrderedDict[str, deque[Unconverted]] = OrderedDict()
        self._under_way: Counter[str] = Counter()
        self._known: set[str] = set()
        self._filled = asyncio.Event()

    def __len__(self) -> int:
        return sum(len(waiting) for waiting in self._families.values())

    def put(self, job: Unconverted) -> None:
        """Queue a clip; one that is queued or under way already is left as it is."""
        if job.id not in self._known:
            self._known.add(job.id)
            self.put_back(job)

    def put_back(self, job: Unconverted) -> None:
        """Queue a clip again that `get` gave."""
        self._families.setdefault(job.family, deque()).append(job)
        self._filled.set()

    async def get(self) -> Unconverted:
        """The next clip; `release` it when its turn is over."""
        while not self._families:
            self._filled.clear()
            await self._filled.wait()
        # The family that waits longest, but one whose clip is being converted already comes after one that has none.
        family = min(self._families, key=self._under_way.__getitem__)
        waiting = self._families.pop(family)
        job = waiting.popleft()
        if waiting:
            self._families[family] = waiting
        self._under_way[family] += 1
        return job

    def release(self, job: Unconverted, *, done: bool) -> None:
        """The turn of a clip that `get` gave is over; unless it is done, it will be put back."""
        self._under_way[job.family] -= 1
        if not self._under_way[job.family]:
            del self._under_way[job.family]
        if job.family in self._families:
            self._families.move_to_end(job.family)  # behind whoever came while its clip was converted
        if done:
            self._known.discard(job.id)


class Conversion:
    """The workers.

    `convert` does one job. When it raises, the tool is sick or we are: the clip is kept, tried again after a while,
    longer each time, and `delayed` is told the first time.
    """

    def __init__(
        self,
        queue: FairQueue,
        convert: Callable[[Unconverted], Awaitable[None]],
        delayed: Callable[[Unconverted], Awaitable[None]],
        *,
        workers: int,
        retry_seconds: float,
    ) -> None:
        self._convert = convert
        self._delayed = delayed
        self._workers = workers
        self._retry_seconds = retry_seconds
        self._queue = queue
        self._tries: dict[str, int] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._stopping = asyncio.Event()

    @asynccontextmanager
    async def running(self, *, stop_seconds: float) -> AsyncIterator[None]:
        """While the context is open, clips are converted. On leaving, those under way get `stop_seconds`."""
        workers = [asyncio.create_task(self._work(), name=f"conversion-{n}") for n in range(self._workers)]
        try:
            yield
        finally:
            self._stopping.set()
            await _finish(workers, stop_seconds)
            for timer in self._timers.values():
                timer.cancel()

    async def _work(self) -> None:
        while not self._stopping.is_set():
            job = await self._next()
            if job is not None:
                await self._do(job)

    async def _next(self) -> Unconverted | None:
        """The next clip, or None when it is time to stop."""
        getting = asyncio.ensure_future(self._queue.get())
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({getting, stopping}, return_when=asyncio.FIRST_COMPLETED)
            return getting.result() if getting.done() else None
        finally:
            getting.cancel()
            stopping.cancel()

    async def _do(self, job: Unconverted) -> None:
        try:
            await self._convert(job)
        except ConverterUnavailable as sick:
            log.error("ffmpeg is unavailable, a clip waits: %s", sick)
        except Exception:
            log.exception("a conversion failed on our side, the clip waits")
        else:
            self._tries.pop(job.id, None)
            self._queue.release(job, done=True)
            return
        self._queue.release(job, done=False)
        await self._put_off(job)

    async def _put_off(self, job: Unconverted) -> None:
        tries = self._tries[job.id] = self._tries.get(job.id, 0) + 1
        seconds = min(self._retry_seconds * 2 ** (tries - 1), max(self._retry_seconds, MOST_RETRY_SECONDS))
        self._timers[job.id] = asyncio.get_running_loop().call_later(seconds, self._again, job)
        if tries == 1:
            await self._say_delayed(job)

    async def _say_delayed(self, job: Unconverted) -> None:
        try:
            await self._delayed(job)
        except Exception:
            log.exception("a sender could not be told that its clip waits")

    def _again(self, job: Unconverted) -> None:
        del self._timers[job.id]
        self._queue.put_back(job)


async def _finish(tasks: list[asyncio.Task[None]], seconds: float) -> None:
    _, late = await asyncio.wait(tasks, timeout=seconds)
    for task in late:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
