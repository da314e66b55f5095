"""Counting tries within a sliding window: what may be tried often by mistake, and not often enough to guess."""

from __future__ import annotations

from collections import OrderedDict, deque

from toybackend.errors import RateLimited

MOST_KEYS = 10_000
"""Names, addresses or people watched at a time; the one not seen for longest is forgotten first."""


class Tries:
    """At most `most` tries per key in `seconds`."""

    def __init__(self, most: int, seconds: float) -> None:
        self._most = most
        self._window_ms = int(seconds * 1000)
        self._times: OrderedDict[str, deque[int]] = OrderedDict()

    def count(self, key: str, now: int) -> None:
        """One more, counted before its outcome is known: many at once are many. `now` in milliseconds.
        Raises RateLimited."""
        times = self._times.setdefault(key, deque())
        self._times.move_to_end(key)
        if len(self._times) > MOST_KEYS:
            self._times.popitem(last=False)
        while times and not now - self._window_ms < times[0] <= now:
            times.popleft()  # over; or not yet, for the clock went back, and nobody waits until it is there again
        if len(times) >= self._most:
            raise RateLimited(retry_after=(times[0] + self._window_ms - now) // 1000 + 1)
        times.append(now)

    def forget(self, key: str) -> None:
        """It was right, and so whoever tried knew it all along."""
        self._times.pop(key, None)

    def take_back(self, key: str) -> None:
        """The last one was right, which says nothing about those before it."""
        times = self._times.get(key)
        if times:
            times.pop()
