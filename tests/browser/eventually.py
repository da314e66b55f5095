"""Waiting for what comes in its own time, instead of sleeping for a guess."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

Seen = TypeVar("Seen")

PATIENCE = 20.0
"""Seconds; a machine on which others work as well is slow."""
_PAUSE = 0.05


async def eventually(
    look: Callable[[], Awaitable[Seen]], is_it: Callable[[Seen], bool] = bool, *, seconds: float = PATIENCE
) -> Seen:
    """What `look` sees as soon as that is it. Fails with what it saw last."""
    end = time.monotonic() + seconds
    while True:
        seen = await look()
        if is_it(seen):
            return seen
        assert time.monotonic() < end, f"after {seconds} s it is still {seen!r}"
        await asyncio.sleep(_PAUSE)
