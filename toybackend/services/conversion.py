"""A bounded number of conversions at a time, shared out fairly between families.

Families take turns, one clip each: whoever sends fifty long clips makes the fifty-first of their own wait, and
another family's clip for at most the one that is running. Within a family the order of acceptance is kept. What is
short does not even wait for that one: a worker of its own takes nothing else, so that "come to dinner" is not late
because twenty families tell bedtime stories.

Nothing is stored here. What waits in memory also waits in the database as `accepted`, and is found there again
at the next start; so the queue needs no bound of its own beyond what was accepted.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from toybackend.errors import ConverterUnavailable, Overloaded
from toybackend.ports import Unconverted

log = logging.getLogger(__name__)

MOST_RETRY_SECONDS = 60.0
MOST_DOUBLINGS = 16


class FairQueue:
    """First in, first out for each family; round robin between families."""

    def __init__(self) -> None:
        self._families: OrderedDict[str, deque[Unconverted]] = OrderedDict()
        self._under_way: Counter[str] = Counter()
        self._known: set[str] = set()
        self._unsettled: Counter[str] = Counter()
        """How many of those each family has."""
        self._filled = asyncio.Event()

    def __len__(self) -> int:
        return sum(len(waiting) for waiting in self._families.values())

    def __contains__(self, sound_id: object) -> bool:
        """Is it queued, under way, or put off?"""
        return sound_id in self._known

    def waiting(self, family: str | None = None) -> int:
        """Clips that are queued, under way, or put off; of everybody or of one family."""
        return len(self._known) if family is None else self._unsettled[family]

    def put(self, job: Unconverted) -> None:
        """Queue a clip; one that is queued or under way already is left as it is."""
        if job.id not in self._known:
            self._known.add(job.id)
            self._unsettled[job.family] += 1
            self.put_back(job)

    def put_back(self, job: Unconverted) -> None:
        """Queue a clip again that `get` gave."""
        self._families.setdefault(job.family, deque()).append(job)
        self._filled.set()

    async def get(self, most_bytes: float = math.inf) -> Unconverted:
        """The next clip, of at most so many bytes; `release` it when its turn is over."""
        while (family := self._next(most_bytes)) is None:
            self._filled.clear()
            await self._filled.wait()
        waiting = self._families.pop(family)
        job = waiting.popleft()
        if waiting:
            self._families[family] = waiting
            self._filled.set()  # what comes next of this family may be what somebody waits for
        self._under_way[family] += 1
        return job

    def _next(self, most_bytes: float) -> str | None:
        """The family that waits longest; but one whose clip is being converted comes after one that has none."""
        fitting = (family for family, waiting in self._families.items() if waiting[0].size <= most_bytes)
        return min(fitting, key=self._under_way.__getitem__, default=None)

    def release(self, job: Unconverted, *, done: bool) -> None:
        """The turn of a clip that `get` gave is over; unless it is done, it will be put back."""
        self._under_way[job.family] -= 1
        if not self._under_way[job.family]:
            del self._under_way[job.family]
        if job.family in self._families:
            self._families.move_to_end(job.family)  # behind whoever came while its clip was converted
        if done:
            self._known.discard(job.id)
            self._unsettled -= Counter({job.family: 1})


class NotNow(Exception):
    """Nothing is wrong with this clip as far as we know, but it shall wait."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"in {seconds:g} seconds")
        self.seconds = seconds


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
        express_bytes: int = 0,
        retry_seconds: float,
    ) -> None:
        self._convert = convert
        self._delayed = delayed
        self._lanes = [math.inf] * workers + [express_bytes] * bool(express_bytes)
        """Of each worker, the size in bytes of the largest clip that it takes."""
        self._retry_seconds = retry_seconds
        self._queue = queue
        self._tries: dict[str, int] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._stopping = asyncio.Event()

    @asynccontextmanager
    async def running(self, *, stop_seconds: float) -> AsyncIterator[None]:
        """While the context is open, clips are converted. On leaving, those under way get `stop_seconds`."""
        workers = [asyncio.create_task(self._work(most), name=f"conversion-{n}") for n, most in enumerate(self._lanes)]
        try:
            yield
        finally:
            self._stopping.set()
            await _finish(workers, stop_seconds)
            for timer in self._timers.values():
                timer.cancel()

    async def _work(self, most_bytes: float) -> None:
        while not self._stopping.is_set():
            job = await self._next(most_bytes)
            if job is not None:
                await self._do(job)

    async def _next(self, most_bytes: float) -> Unconverted | None:
        """The next clip, or None when it is time to stop."""
        getting = asyncio.ensure_future(self._queue.get(most_bytes))
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({getting, stopping}, return_when=asyncio.FIRST_COMPLETED)
            return getting.result() if getting.done() else None
        finally:
            getting.cancel()
            stopping.cancel()

    async def _do(self, job: Unconverted) -> None:
        seconds = None
        try:
            await self._convert(job)
        except NotNow as later:
            seconds = later.seconds
        except ConverterUnavailable as sick:
            log.error("ffmpeg is unavailable, a clip waits: %s", sick)
        except Overloaded as full:
            log.error("a converted clip cannot be kept now, it waits: %s", full)
        except Exception:
            log.exception("a conversion failed on our side, the clip waits")
        else:
            self._tries.pop(job.id, None)
            self._queue.release(job, done=True)
            return
        self._queue.release(job, done=False)
        await self._put_off(job, seconds)

    async def _put_off(self, job: Unconverted, seconds: float | None) -> None:
        tries = self._tries[job.id] = self._tries.get(job.id, 0) + 1
        if seconds is None:
            seconds = min(
                self._retry_seconds * 2.0 ** min(tries - 1, MOST_DOUBLINGS),
                max(self._retry_seconds, MOST_RETRY_SECONDS),
            )
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
