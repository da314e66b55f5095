"""How long a short message takes, from its last byte to the toy's `voice`: while nothing else happens, and while
twenty other families tell stories of two minutes each. Both take turns, so that a noisy machine is noisy to both."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from trials.figures import percentile
from trials.soak.line import Line, Street
from trials.soak.sayings import Words
from trials.soak.talking import Inbox, Speaker
from trials.soak.town import Household

GOAL = 3.0
"""Times the quiet p99."""
LEAST = 200
"""Samples of each kind, or the ratio of their p99 says nothing."""
ARRIVAL_SECONDS = 120.0
BREATH_SECONDS = 0.05
"""Between two short messages."""


@dataclass(slots=True)
class Pace:
    """Seconds that short messages took."""

    quiet: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        return percentile(self.busy, 0.99) / percentile(self.quiet, 0.99)

    @property
    def is_enough(self) -> bool:
        return min(len(self.quiet), len(self.busy)) >= LEAST

    @property
    def is_good(self) -> bool:
        return not self.is_enough or self.ratio <= GOAL

    def __str__(self) -> str:
        lines = [f"{'short messages':26}{'count':>8}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}"]
        for name, series in (("while all is quiet", self.quiet), ("while long ones convert", self.busy)):
            figures = "".join(f"{1000 * percentile(series, part):9.1f}" for part in (0.5, 0.95, 0.99))
            lines.append(f"{name:26}{len(series):8}{figures}")
        judged = f"goal: at most {GOAL:g}" if self.is_enough else f"not judged: fewer than {LEAST} of each"
        return "\n".join([*lines, f"{'ratio of their p99':26}{self.ratio:35.2f}  {judged}"])


class Narrators:
    """The first household is in a hurry, the others tell stories."""

    def __init__(self, street: Street, households: Sequence[Household], short: Words, long: Words) -> None:
        self._street = street
        self._short, self._long = short, long
        self._households = households
        self._phones: list[Line] = []
        self._speakers: list[Speaker] = []
        self.pace = Pace()

    async def begin(self) -> None:
        """Open their lines, which hold."""
        for household in self._households:
            phone = self._line(household.mum.id, "/app", household.mum.token)
            self._line(household.toys[0].id, "/toy", household.toys[0].token)
            self._phones.append(phone)
            self._speakers.append(Speaker(self._street, household.mum.id, phone))

    def _line(self, party: str, path: str, token: str) -> Line:
        inbox = Inbox(self._street, lambda line, frame: asyncio.sleep(0), is_quick=True)
        line = Line(self._street, party, path, token, inbox.take)
        line.holds = True
        self._street.spawn(line.run())
        self._street.spawn(inbox.run())
        return line

    async def measure(self) -> None:
        """One round of each kind, of the same number of messages."""
        stories = asyncio.gather(*(self._tell(number) for number in range(1, len(self._speakers))))
        taken = []
        while not stories.done():
            taken.append(await self._hurry())
        await stories
        self.pace.busy += taken
        self.pace.quiet += [await self._hurry() for _ in taken]

    async def _tell(self, number: int) -> None:
        await self._say(number, self._long)

    async def _hurry(self) -> float:
        await asyncio.sleep(BREATH_SECONDS)
        arrived_at = await self._say(0, self._short)
        return arrived_at - self._phones[0].sent_at

    async def _say(self, number: int, words: Words) -> float:
        """When it was at the toy."""
        toy = self._households[number].toys[0].id
        saying = await self._speakers[number].say(toy, words)
        assert saying is not None, "nobody forbids them to talk"
        copy = saying.copies[toy]
        await self._street.until(lambda: copy.arrived_at is not None, ARRIVAL_SECONDS)
        return copy.arrived_at if copy.arrived_at is not None else float("inf")
