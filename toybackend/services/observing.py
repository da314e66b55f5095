"""What an operator watches: how much goes on, sampled at a steady pace, and how much there is.

Numbers only, and no word about anybody. The samples are kept in memory: they begin anew with every start, as the
numbers for Prometheus do, which are there for whoever wants to look further back.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from toybackend.ports import Clock, Counting, Counts

log = logging.getLogger(__name__)

MOST_SAMPLES = 360
"""An hour, at ten seconds each."""
MOST_DURATIONS = 10_000
"""Conversions between two samples whose time is remembered; of more than that, the last ones."""
COUNTS_MS = 60_000
"""How long a count is good for: it reads whole tables."""


@dataclass(frozen=True, slots=True)
class Gauges:
    """What there is to see at a moment."""

    toys_online: int
    people_online: int
    accepted: int
    """Messages since the start."""
    waiting_voices: int
    """For their conversion."""
    waiting_shelf: int
    """Songs and stories."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One point of every chart. What happened is counted from the sample before."""

    at: int
    toys_online: int
    people_online: int
    accepted: int
    """Messages."""
    waiting_voices: int
    waiting_shelf: int
    conversion_ms_median: int | None
    """Of the voices that were converted; None when there were none."""
    conversion_ms_p95: int | None
    """19 of 20 took no longer."""


class Observing:
    """Looks every few seconds, and remembers. `look` must not block."""

    def __init__(self, database: Counting, look: Callable[[], Gauges], *, seconds: float, clock: Clock) -> None:
        self._database = database
        self._look = look
        self.seconds = seconds
        self._clock = clock
        self.started_at = clock()
        self._samples: deque[Sample] = deque(maxlen=MOST_SAMPLES)
        self._durations: deque[float] = deque(maxlen=MOST_DURATIONS)
        self._accepted_before = 0
        self._counting = asyncio.Lock()
        self._counts: tuple[int, Counts] | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """While the context is open, samples are taken."""
        task = asyncio.create_task(self._run(), name="observing")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def note_conversion(self, seconds: float) -> None:
        """A voice was converted, and took so long."""
        self._durations.append(seconds)

    def samples(self) -> Sequence[Sample]:
        """Those that are kept, oldest first."""
        return tuple(self._samples)

    def now(self) -> Sample:
        """What a sample would say that is taken at this moment."""
        gauges, durations = self._look(), sorted(self._durations)
        return Sample(
            at=self._clock(),
            toys_online=gauges.toys_online,
            people_online=gauges.people_online,
            accepted=gauges.accepted - self._accepted_before,
            waiting_voices=gauges.waiting_voices,
            waiting_shelf=gauges.waiting_shelf,
            conversion_ms_median=_percentile(durations, 50),
            conversion_ms_p95=_percentile(durations, 95),
        )

    def sample(self) -> None:
        """Take one, and count what happens from now on for the next."""
        taken = self.now()
        self._samples.append(taken)
        self._accepted_before += taken.accepted
        self._durations.clear()

    async def counts(self) -> Counts:
        """How much there is, or was within the last minute. Raises Overloaded."""
        async with self._counting:  # of many who ask at once, the first has it counted
            counted = self._counts
            if counted is None or not 0 <= self._clock() - counted[0] < COUNTS_MS:
                counted = self._counts = (self._clock(), await self._database.counts())
            return counted[1]

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self.seconds)
            try:
                self.sample()
            except Exception:  # a mistake of ours must not end the charts for good
                log.exception("no sample could be taken")


def _percentile(ordered: Sequence[float], percent: int) -> int | None:
    """The nearest rank, in milliseconds; of times in seconds, the shortest first."""
    if not ordered:
        return None
    return round(ordered[math.ceil(len(ordered) * percent / 100) - 1] * 1000)
