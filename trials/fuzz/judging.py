"""One execution after another, each held to its oracle and to what it may cost; what is wrong is a finding."""

from __future__ import annotations

import time
import traceback
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from trials.fuzz.mutation import ShapeOf, mutated

REPOSITORY = Path(__file__).resolve().parents[2]
BASE_SECONDS = 0.1
SECONDS_PER_BYTE = 10e-6
"""CPU time that one input may take, with all that coverage costs. A walk that is not linear is over it soon."""
TRIES = 3
BASE_MEMORY = 4 << 20
MEMORY_PER_BYTE = 200
"""What may be in memory at once, in bytes: Python objects for one byte of text are some dozens."""
STRETCH_EVERY = 5000
"""Executions after which one input is repeated until it is large, and its memory is measured too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Something that reads strangers' bytes."""

    name: str
    check: Callable[[bytes], bool]
    """Reads the bytes: True where they were understood, False where they were refused. Raises AssertionError where
    the oracle is not content; anything else that it raises is a finding as well."""
    reads: Sequence[str]
    """The modules that do the reading: in these coverage is looked at."""
    seeds: Callable[[], Sequence[bytes]]
    shape_of: ShapeOf
    share: int
    """Of all executions, in hundredths."""
    most_bytes: int = 4096
    stretched_bytes: int = 256 << 10
    """How large an input gets when it is stretched."""
    seconds: float = BASE_SECONDS


@dataclass(slots=True)
class Finding:
    """The first input of its kind, later a smaller one."""

    what: str
    data: bytes
    count: int = 1


@dataclass(slots=True)
class Tally:
    """What came out of one target."""

    target: Target
    executions: int = 0
    understood: int = 0
    slowest: float = 0.0
    """Seconds of CPU."""
    findings: dict[str, Finding] = field(default_factory=dict)

    def execute(self, data: bytes) -> None:
        """One input."""
        self.executions += 1
        self.slowest = max(self.slowest, self._timed(data))
        if self.executions % STRETCH_EVERY == 0 and data:
            self.stretch(data)

    def _timed(self, data: bytes) -> float:
        """Seconds of CPU. What takes too long is asked again: a machine hiccups, a slow parser is slow each time."""
        most = self.target.seconds + len(data) * SECONDS_PER_BYTE
        for _ in range(TRIES):
            started = time.thread_time()
            self._judged(data)
            seconds = time.thread_time() - started
            if seconds <= most:
                return seconds
        self._found("it takes too long", f"{seconds:.2f} s of CPU for {len(data)} bytes", data)
        return seconds

    def _judged(self, data: bytes) -> None:
        try:
            self.understood += self.target.check(data)
        except Exception as error:
            self._found(_place(error), f"{type(error).__name__}: {error}", data)

    def stretch(self, data: bytes) -> None:
        """The same input again and again, for what grows faster than it."""
        size = self.target.stretched_bytes
        data = (data * (size // len(data) + 1))[:size]
        self._timed(data)
        tracemalloc.start()
        try:
            self._judged(data)
            most = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        if most > BASE_MEMORY + len(data) * MEMORY_PER_BYTE:
            self._found("it takes too much memory", f"{most} bytes for {len(data)}", data)

    def _found(self, place: str, what: str, data: bytes) -> None:
        known = self.findings.get(place)
        if known is None:
            self.findings[place] = Finding(f"{place}: {what[:300]}", data)
            return
        known.count += 1
        if len(data) < len(known.data):
            known.what, known.data = f"{place}: {what[:300]}", data


def _place(error: Exception) -> str:
    """Where it was raised: the innermost line of ours."""
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(str(REPOSITORY))
    ]
    ours = [frame for frame in frames if ".venv" not in frame.filename][1:]
    return f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else "outside"


def run_blindly(target: Target, executions: int, seed: int) -> Tally:
    """So many executions without a look at coverage: every input is a seed with something wrong in it. Quick to start,
    the same for the same seed, and all there is where atheris is not."""
    dice, seeds, tally = Random(f"{target.name}-{seed}"), target.seeds(), Tally(target)
    for data in seeds[:executions]:
        tally.execute(data)
    while tally.executions < executions:
        tally.execute(mutated(dice.choice(seeds), dice, target.shape_of, seeds, target.most_bytes))
    return tally
