"""Whether one more message is taken in now: how many in a minute, how long the line is, how much a family keeps.

    rate_limited   this sender has said enough for a minute                 comes back in time
    overloaded     too many clips wait for their conversion                 comes back when half of them are through
    too_many       the family keeps as much as it may                       something has to be deleted first

Asked when a header comes, so that nobody sends a recording for nothing, and of the last two once more when the
recording is there. Texts need no conversion and no room: for them there is only the first. Whatever was accepted stays
accepted, and is let in again when it is offered again under its `ref`, though not without end: its sender may only have
missed the answer (`delivery.py`). What is stored in one transaction finds the line equally long, so it may get longer
than it should by that much.
"""

from __future__ import annotations

import math
from typing import Protocol

from toybackend.errors import Overloaded, RateLimited, TooMany
from toybackend.models import PartyId
from toybackend.ports import Clock, Relation
from toybackend.services.tries import Tries

FIRST_GUESS_SECONDS = 0.1
"""What a conversion takes, before there was one."""
INERTIA = 16
"""Conversions after which the mean has followed most of the way."""
MOST_SECONDS = 60
"""Nobody is told to stay away for longer."""
MINUTE_SECONDS = 60
REPETITIONS = 4
"""Times as many as new ones: a line that breaks again and again has the last ones offered as often."""


class Line(Protocol):
    """Clips that were accepted here and are not converted."""

    def waiting(self, family: str | None = None) -> int:
        """Of everybody, or of one family."""


class Admission:
    """For one node. `workers` is how many conversions run at a time."""

    def __init__(
        self,
        line: Line,
        *,
        messages_per_minute: int,
        max_waiting: int,
        waiting_per_family: int,
        kept_bytes: int,
        workers: int,
        clock: Clock,
    ) -> None:
        self._line = line
        self._sent = Tries(messages_per_minute, MINUTE_SECONDS)
        self._repeated = Tries(REPETITIONS * messages_per_minute, MINUTE_SECONDS)
        self._max_waiting = max_waiting
        self._waiting_per_family = waiting_per_family
        self._kept_bytes = kept_bytes
        self._workers = workers
        self._clock = clock
        self._mean_seconds = FIRST_GUESS_SECONDS

    def count(self, sender_id: PartyId) -> None:
        """One message more. Raises RateLimited."""
        self._count(self._sent, sender_id)

    def count_repetition(self, sender_id: PartyId) -> None:
        """One that was refused and is let in all the same, because it was accepted before. Raises RateLimited."""
        self._count(self._repeated, sender_id)

    def _count(self, tries: Tries, sender_id: PartyId) -> None:
        try:
            tries.count(sender_id, self._clock())
        except RateLimited as refused:
            raise RateLimited("too many messages in a minute", retry_after=refused.retry_after) from None

    def check_room(self, relation: Relation, size: int) -> None:
        """For a recording of at least so many bytes. Only looks at numbers, so any thread may ask.
        Raises TooMany or Overloaded."""
        if relation.kept_bytes + size > self._kept_bytes:
            raise TooMany("your family keeps as much sound as it may; delete something first")
        waiting = self._line.waiting()
        if waiting >= self._max_waiting:
            raise Overloaded("too many recordings wait for their conversion", retry_after=self._patience(waiting))
        if self._line.waiting(relation.family) >= self._waiting_per_family:
            raise Overloaded("too many recordings of your family wait", retry_after=self._patience(waiting))

    def note_conversion(self, seconds: float) -> None:
        """One was converted, and took so long."""
        self._mean_seconds += (seconds - self._mean_seconds) / INERTIA

    def _patience(self, waiting: int) -> int:
        """Seconds until half of what waits should be through."""
        seconds = waiting / 2 * self._mean_seconds / self._workers
        return min(max(math.ceil(seconds), 1), MOST_SECONDS)
