"""Waiting: for something to become true, and before the next try."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

_MOST_DOUBLINGS = 32


class Pulse:
    """Wakes everyone who waits at this moment.

    Simpler than `asyncio.Condition` where everything happens on one event loop: no lock, nothing to release.
    """

    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def fire(self) -> None:
        event, self._event = self._event, asyncio.Event()
        event.set()

    async def until(self, look: Callable[[], T | None]) -> T:
        """The first true value of `look`, called now and after every pulse; what it raises is raised."""
        while not (seen := look()):
            await self._event.wait()
        return seen


class Backoff:
    """Exponential back-off with full jitter: between nothing and a ceiling that doubles with every try.

    Without the jitter a thousand toys that lost the same server would all come back in the same instant.

    `first` and `most` are the ceilings of the first wait and of every wait, in seconds; `chance` gives numbers
    of [0, 1).
    """

    __slots__ = ("_chance", "_first", "_most", "_sleep", "_tries")

    def __init__(
        self,
        first: float = 0.25,
        most: float = 15.0,
        *,
        chance: Callable[[], float] = random.random,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._first = first
        self._most = most
        self._chance = chance
        self._sleep = sleep
        self._tries = 0

    async def wait(self, at_least: float = 0.0) -> None:
        """Sleep, longer from call to call. `at_least` is what the server asked for, in seconds."""
        ceiling = min(self._most, self._first * 2.0**self._tries)
        self._tries = min(self._tries + 1, _MOST_DOUBLINGS)
        await self._sleep(at_least + self._chance() * ceiling)

    def reset(self) -> None:
        """It went well: start again from the first wait."""
        self._tries = 0
