"""What a run is made of, and what is counted in it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from toybackend.settings import Keeping

MOST_VIOLATIONS = 20
"""So many of an era are told in words."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is made of."""

    seed: int
    families: int = 2
    deeds: int = 3
    """Of each person and toy, in each era."""
    eras: int = 2
    """Each begins with what a power cut left of the one before."""
    sweep_minutes: float = 0.02
    """Between two looks at what is over."""
    dice: int = 2
    """Disks whose fate is thrown, beside the four corners."""
    broken: str | None = None
    """How the server forgets to sync; see `processes.py`."""
    skips_moving_in: bool = False
    """Cut the power only once the families have moved in."""

    @property
    def keeping(self) -> Keeping:
        """Every other house throws recordings away as soon as there is an MP3."""
        return Keeping(original_days=7 * (self.seed % 2), sweep_minutes=self.sweep_minutes)


@dataclass(slots=True)
class Outcome:
    """What was counted in one run, or in several."""

    runs: int = 0
    operations: int = 0
    points: int = 0
    """Moments at which the power was cut."""
    accepted: int = 0
    states: int = 0
    """Different ones that were found."""
    recoveries: int = 0
    restarts: int = 0
    checks: int = 0
    """Promises held against what was found."""
    violations: Counter[str] = field(default_factory=Counter)
    told: list[str] = field(default_factory=list)

    def add(self, other: Outcome) -> None:
        for name in NUMBERS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.violations += other.violations
        self.told += other.told


NUMBERS = ("runs", "operations", "points", "accepted", "states", "recoveries", "restarts", "checks")
