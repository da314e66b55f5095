"""What grown-ups and toys do alike: they say things until they are accepted, and answer for what they get."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from trials.soak.line import CONNECTION_LOST, Line, Street
from trials.soak.sayings import Frame, Saying, Words

SOON = 0.3
"""Seconds, at most, until a message is acknowledged, and until it is heard."""
NEVER_ACKNOWLEDGED = 0.1
"""Part of the messages that are heard without having been acknowledged before."""
AGAIN_SECONDS = 0.05
"""Until something is said again that was lost on its way."""
REMEMBERED = 30
LONGEST_TEXT = 400


class Speaker:
    """One party's voice. It says one thing at a time, under the same `ref` until it is accepted or refused."""

    def __init__(self, street: Street, party: str, line: Line) -> None:
        self.party = party
        self.said: deque[Saying] = deque(maxlen=REMEMBERED)
        """Accepted, the latest last."""
        self._street = street
        self._line = line
        self._lock = asyncio.Lock()
        self._number = 0

    async def say(self, to: str, words: Words | None = None, *, is_urgent: bool = False) -> Saying | None:
        """Returns it once it is accepted; None when it was refused, or nobody is there to hear it."""
        street = self._street
        async with self._lock:
            self._number += 1
            ref = f"{self.party}/{self._number}"
            words = words or some_words(street.dice, street.voices, ref)
            if not street.town.can_reach(self.party, to):
                return None
            saying = street.town.saying(self.party, to, ref, words, street.now(), is_urgent=is_urgent)
            street.book.offer(saying)
            while saying.accepted_at is None and saying.refused is None:
                await self._line.is_up()
                try:
                    await self._line.say(saying)
                except CONNECTION_LOST:
                    await asyncio.sleep(AGAIN_SECONDS)  # a line that reads slowly hears of its end later than we do
        if saying.refused is None:
            self.said.append(saying)
            return saying
        return None

    async def repeat(self) -> None:
        """Say the last one again, as a client does that did not hear the answer."""
        async with self._lock:
            if self.said and self.said[-1].erased_at is None:
                with contextlib.suppress(*CONNECTION_LOST):
                    await self._line.say(self.said[-1])


def some_words(dice: random.Random, voices: Sequence[Words], ref: str) -> Words:
    """Mostly a recording, else a text; a text can be told from every other."""
    if dice.random() < 0.6:
        return dice.choice(voices)
    filling = "".join(dice.choices("abc äöü 你好 🧸\n", k=dice.randrange(LONGEST_TEXT)))
    return Words(text=f"{ref} {filling}")


class Inbox:
    """What came on any line of a party, taken care of one after another."""

    def __init__(
        self, street: Street, then: Callable[[Line, Frame], Awaitable[None]], *, is_quick: bool = False
    ) -> None:
        """`then` follows when a message was acknowledged; who is quick does so at once."""
        self._street = street
        self._then = then
        self._idle_seconds = 0.0 if is_quick else SOON / street.haste
        self._frames: asyncio.Queue[tuple[Line, Frame]] = asyncio.Queue()

    def take(self, line: Line, frame: Frame) -> None:
        if frame["type"] in ("voice", "text", "play"):
            self._frames.put_nowait((line, frame))

    async def run(self) -> None:
        while True:
            line, frame = await self._frames.get()
            # A line may break at any moment: what was not acknowledged comes again.
            with contextlib.suppress(*CONNECTION_LOST):
                if frame["type"] != "play":
                    await self._acknowledge(line, frame["id"])
            with contextlib.suppress(*CONNECTION_LOST):
                await self._then(line, frame)

    async def _acknowledge(self, line: Line, message_id: str) -> None:
        dice = self._street.dice
        await asyncio.sleep(dice.uniform(0, self._idle_seconds))
        if dice.random() >= NEVER_ACKNOWLEDGED:
            await line.acknowledge(message_id)
        await asyncio.sleep(dice.uniform(0, self._idle_seconds))
        await line.acknowledge(message_id, heard=True)
