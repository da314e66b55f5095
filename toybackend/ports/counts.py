"""How much there is, as numbers that say nothing about anybody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Counts:
    """Rows, at one moment."""

    accounts: int
    toys: int
    """In a family, or switched on and waiting for one."""
    bound_toys: int
    """In a family."""
    licences: int
    """Ever issued or imported."""
    revoked_licences: int


class Counting(Protocol):
    """Looking at the house as a whole."""

    async def counts(self) -> Counts:
        """Reads whole tables: some tenths of a second for a million licences. Nobody waits behind it but exports."""
