"""Copies of everything, made while others go on writing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from toybackend.models import SoundId


@dataclass(frozen=True, slots=True)
class Inventory:
    """What is in a copy of the database."""

    revision: str
    """Of its schema."""
    sounds: Sequence[tuple[SoundId, bool]]
    """Those without which it would not be whole, and whether each is converted: then it is the MP3 that has to be
    there, and else the original."""


class Copies(Protocol):
    """The whole database as one file."""

    async def copy_to(self, folder: Path) -> Path:
        """One moment of everything, durably, as a new file in this folder; what was deleted is not in it."""

    async def inventory(self, copy: Path) -> Inventory:
        """Look a copy through. Raises BadBackup where it is damaged or contradicts itself."""
