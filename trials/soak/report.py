"""What is planned, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trials.figures import Trend, trend
from trials.soak.findings import Findings
from trials.soak.pace import Pace

LEAST_MINUTES = 8
"""Of steady time, for its memory to be judged."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How long, and how much."""

    shaken_seconds: float
    steady_seconds: float
    households: int = 6
    narrators: int = 21
    """One in a hurry, the others tell stories."""
    story_seconds: int = 119
    """How long those are; the limit is 120."""
    life_seconds: float = 60.0
    """Between two ends of the server, on average."""
    breath_seconds: float = 150.0
    """Between two breaths."""
    rounds: int = 3
    """Of either kind in one breath."""
    warm_seconds: float = 330.0
    """Of steady time, before memory is looked at: after the second breath. What twenty long voices at once take of a
    server that was started just before, it has by then."""
    leave_seconds: float = 5.0
    """After the last socket, before it is looked at what the server still holds."""
    haste: float = 1.0
    report_seconds: float = 60.0

    @classmethod
    def of(cls, minutes: float) -> Plan:
        """A third of the time is shaken."""
        return cls(shaken_seconds=20 * minutes, steady_seconds=40 * minutes)


@dataclass(frozen=True, slots=True)
class Report:
    """What came of it."""

    findings: Findings
    pace: Pace
    memory: Sequence[float]
    """Median MB of each steady minute."""
    counts: Mapping[str, int]

    @property
    def growth(self) -> Trend:
        return trend(self.memory)

    @property
    def is_flat(self) -> bool:
        return len(self.memory) < LEAST_MINUTES or self.growth.is_within_noise

    @property
    def is_good(self) -> bool:
        return self.findings.is_empty and self.counts["received"] > 0 and self.is_flat and self.pace.is_good

    def __str__(self) -> str:
        counts = [f"{name:26}{count:8}" for name, count in self.counts.items()]
        return "\n".join([*counts, str(self.findings), self._memory(), str(self.pace)])

    def _memory(self) -> str:
        if len(self.memory) < LEAST_MINUTES:
            return f"{'memory':26}{len(self.memory):8}  steady minutes: too few to judge"
        growth = self.growth
        figures = f"{1024 * growth.slope:+8.1f}  KB a minute, with 95 % certainty {1024 * growth.low:+.1f} to"
        return (
            f"{'memory grows by':26}{figures} {1024 * growth.high:+.1f}; must not be above 0 with certainty\n"
            f"{'memory at first, at last':26}{self.memory[0]:8.1f}  {self.memory[-1]:.1f} MB"
        )
