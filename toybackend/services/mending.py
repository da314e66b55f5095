"""What somebody is about to hear is whole, or it is made again.

An MP3 gets its name only when it is on the disk as a whole; still, a disk may lie, or lose what it had. A part of a
message must not pass for all of it. So the size of an MP3 is compared with what was written down when it was made. One
that is not as it was is made again from the recording, as long as that is kept; after that it is gone.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from pathlib import Path

from toybackend.errors import Gone, Overloaded
from toybackend.models import MessageId, SoundId
from toybackend.ports import AudioStore, Database, Unconverted
from toybackend.services.conversion import FairQueue

log = logging.getLogger(__name__)

RETRY_SECONDS = 5
TRIES = 2
"""What did not become whole by these does not: the recording is damaged, too."""


class Mending:
    """Hands out MP3s that are whole."""

    def __init__(self, database: Database, audio: AudioStore, queue: FairQueue) -> None:
        self._database = database
        self._audio = audio
        self._queue = queue
        self._tries: Counter[SoundId] = Counter()

    async def mp3(self, sound_id: SoundId) -> Path:
        """Raises Gone, or Overloaded while it is made again."""
        file, size = await self._audio.mp3(sound_id), await self._database.mp3_bytes(sound_id)
        found = await asyncio.to_thread(_size, file) if file is not None else 0
        if file is not None and found == (size or found):  # of old ones nobody knows the size
            self._tries.pop(sound_id, None)
            return file
        if sound_id not in self._queue:
            await self._make_again(sound_id, found, size)
        raise Overloaded("this is being made again", retry_after=RETRY_SECONDS)

    async def _make_again(self, sound_id: SoundId, found: int, size: int) -> None:
        """Raises Gone."""
        outcome = await self._database.outcome(MessageId(sound_id))  # of songs no recording is kept
        if outcome is None or not await self._audio.has_original(sound_id) or self._tries[sound_id] >= TRIES:
            raise Gone
        self._tries[sound_id] += 1
        if size:
            log.error("an MP3 has %d bytes and had %d", found, size)
        message = outcome[0]
        self._queue.put(Unconverted(message.id, message.sender_id, message.sender_id, message.size))


def _size(file: Path) -> int:
    """In bytes; 0 for one that went meanwhile."""
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0
